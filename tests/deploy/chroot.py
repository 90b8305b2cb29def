"""A bare Debian 12 in a folder, made by debootstrap from the mirror that apt uses here."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path

SUITE = "bookworm"
_LIMIT_S = 600
_ROOM_BYTES = 2 * 1024**3
_INCLUDED = "python3,adduser,ca-certificates"  # what the package depends on, and a bare Debian lacks
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "HOME": "/",
}
# Written by dpkg, apt, passwd and ldconfig about what they did.
_BOOKS = (
    *("/run/", "/var/lib/dpkg/", "/var/log/", "/var/cache/", "/var/lib/apt/", "/etc/ld.so.cache"),
    *("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/subuid", "/etc/subgid", "/etc/.pwd.lock"),
)


class NoBareDebian(Exception):
    """None could be made here; the message says why."""


def bare_debian() -> Path:
    """The archive, in the cache of who runs the tests; made where it is not there. Raises NoBareDebian."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gatehouse"
    archive = cache / f"{SUITE}-{this_architecture()}-{_INCLUDED.replace(',', '-')}.tar"
    if not archive.is_file():
        if shutil.which("debootstrap") is None:
            raise NoBareDebian("debootstrap is not installed. On Debian: apt install debootstrap")
        cache.mkdir(parents=True, exist_ok=True)
        _make(archive)
    return archive


def _make(archive: Path) -> None:
    folder = archive.with_suffix(f".{os.getpid()}")
    command = ["debootstrap", "--variant=minbase", f"--include={_INCLUDED}", SUITE, str(folder), _mirror()]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S)
        if done.returncode:
            raise NoBareDebian(f"debootstrap cannot reach apt's mirror, or failed there: {done.stdout[-500:]}")
        shutil.rmtree(folder / "var/cache/apt/archives", ignore_errors=True)
        aside = archive.with_suffix(".part")
        subprocess.run(["tar", "-C", str(folder), "-cf", str(aside), "."], check=True, timeout=_LIMIT_S)
        aside.rename(archive)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _mirror() -> str:
    """Where apt gets this suite here."""
    asked = ["apt-get", "indextargets", "--format", "$(CODENAME) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=_LIMIT_S)
    for line in done.stdout.splitlines():
        codename, component, address = line.split()
        if (codename, component) == (SUITE, "main"):
            return address
    raise NoBareDebian(f"apt has no source of {SUITE} here")


def this_architecture() -> str:
    said = subprocess.run(
        ["dpkg", "--print-architecture"], check=True, capture_output=True, text=True, timeout=_LIMIT_S
    )
    return said.stdout.strip()


class Chroot:
    """One such Debian. Nothing is mounted in it, and no systemd runs."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def unpacked(cls, archive: Path, root: Path) -> Chroot:
        root.mkdir()
        subprocess.run(["tar", "-C", str(root), "-xf", str(archive)], check=True, timeout=_LIMIT_S)
        chroot = cls(root)
        chroot.boot()
        return chroot

    @staticmethod
    def room(otherwise: Path) -> Path:
        """Where to unpack: in memory if there is enough, for nothing here is about a disk."""
        memory = Path("/dev/shm")
        enough = memory.is_dir() and shutil.disk_usage(memory).free > _ROOM_BYTES
        return Path(tempfile.mkdtemp(prefix="gatehouse-box-", dir=memory)) if enough else otherwise

    def boot(self) -> None:
        """A new name for this boot, as the kernel gives one."""
        name = self.root / "proc/sys/kernel/random/boot_id"
        name.parent.mkdir(parents=True, exist_ok=True)
        name.write_text(f"{uuid.uuid4()}\n")

    def try_(self, *command: str, user: str = "root") -> subprocess.CompletedProcess[str]:
        """What a command in there gave, whether it went well or not."""
        inside = ["chroot", f"--userspec={user}:{user}", str(self.root), *command]
        return subprocess.run(inside, env=_ENVIRONMENT, capture_output=True, text=True, timeout=_LIMIT_S)

    def run(self, *command: str, user: str = "root") -> str:
        """What a command in there printed; it must go well."""
        done = self.try_(*command, user=user)
        assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def start(self, *command: str, user: str, out: Path) -> subprocess.Popen[bytes]:
        """A command that goes on in there; what it prints goes to ``out``."""
        inside = ["chroot", f"--userspec={user}:{user}", str(self.root), *command]
        with out.open("wb") as file:
            return subprocess.Popen(inside, env=_ENVIRONMENT, stdout=file, stderr=subprocess.STDOUT)

    def install(self, package: Path) -> str:
        shutil.copy(package, self.root / "package.deb")
        try:
            return self.run("dpkg", "--force-unsafe-io", "--install", "/package.deb")
        finally:
            (self.root / "package.deb").unlink()

    def script(self, path: str, body: str) -> None:
        """A program in there."""
        (self.root / path).write_text(body)
        (self.root / path).chmod(0o755)

    def files(self) -> set[str]:
        """Everything that is there, but for what the system's tools keep about themselves."""
        found: set[str] = set()
        for folder, folders, names in os.walk(self.root):
            inside = folder.removeprefix(str(self.root))
            found.update(f"{inside}/{name}" for name in (*folders, *names))
        return {path for path in found if not path.startswith(_BOOKS)}
