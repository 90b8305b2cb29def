"""Lays out the package's files as they will lie on the box, with modes and times that depend on nothing else."""

from __future__ import annotations

import gzip
import hashlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deb_wheels import Wheel

DEPLOY = Path("deploy")
PAYLOAD = Path("usr/lib/gatehouse-edge/payload")
DOC = Path("usr/share/doc/gatehouse-edge")
PROGRAMS = {"gatehouse-edge": "edge.program", "gatehouse-release": "edge.releases.tool"}
SCRIPTS = ("postinst", "prerm", "postrm")


@dataclass(frozen=True)
class Package:
    """What a package is made of. ``number`` is Python's way to write the version, ``version`` Debian's."""

    source: Path
    number: str
    version: str
    architecture: str
    wheels: Sequence[Wheel]
    epoch_s: int


def lay_out(package: Package, root: Path) -> None:
    """Fill ``root`` with everything that dpkg-deb packs."""
    _payload(package, root / PAYLOAD)
    _system(package, root)
    _documents(package, root / DOC)
    _control(package, root)
    _settle(root, package.epoch_s)


def _payload(package: Package, payload: Path) -> None:
    for wheel in package.wheels:
        for name, body in wheel.files.items():
            _write(payload / "lib" / name, body)
    template = (package.source / DEPLOY / "deb" / "launch.py.in").read_text(encoding="utf-8")
    for program, module in PROGRAMS.items():
        _write(payload / program, template.format(what=program, module=module).encode(), 0o755)
    _write(payload / "VERSION", f"{package.number}\n".encode())
    _write(payload / "MANIFEST", _sums(payload, "sha256").encode())


def _system(package: Package, root: Path) -> None:
    deploy = package.source / DEPLOY
    for unit in sorted((deploy / "systemd").iterdir()):
        _write(root / "lib/systemd/system" / unit.name, unit.read_bytes())
    _write(root / "usr/bin/gatehouse-edge", (deploy / "deb/gatehouse-edge").read_bytes(), 0o755)
    _write(root / "etc/gatehouse/edge.toml", (deploy / "deb/edge.toml").read_bytes())
    _write(root / "usr/share/lintian/overrides/gatehouse-edge", (deploy / "deb/lintian-overrides").read_bytes())
    (root / "usr/sbin").mkdir(parents=True)
    (root / "usr/sbin/gatehouse-release").symlink_to("../lib/gatehouse-edge/payload/gatehouse-release")


def _documents(package: Package, doc: Path) -> None:
    for name in ("edge.md", "install.md"):
        _write(doc / name, (package.source / "docs" / name).read_bytes())
    day = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(package.epoch_s))
    entry = f"gatehouse-edge ({package.version}) stable; urgency=medium\n\n  * See CHANGELOG.md.\n\n"
    _write(doc / "changelog.gz", gzip.compress(f"{entry} -- {_maintainer(package)}  {day}\n".encode(), mtime=0))
    _write(doc / "copyright", _copyright(package).encode())
    for wheel in package.wheels:
        for name, body in wheel.licence_files.items():
            _write(doc / "licences" / f"{wheel.name}-{wheel.version}" / name, body)


def _copyright(package: Package) -> str:
    """Our licence, and one line for each library that we carry."""
    head = (
        "Gatehouse: Copyright 2026 its contributors, under the Apache License, version 2.0; its text is in\n"
        "/usr/share/common-licenses/Apache-2.0\n\n"
        "The package carries these libraries, unchanged, under /usr/lib/gatehouse-edge. The text of each licence\n"
        "is in the folder licences beside this file.\n\n"
    )
    return head + "".join(f"  {wheel.name} {wheel.version}: {wheel.licence}\n" for wheel in package.wheels)


def _control(package: Package, root: Path) -> None:
    size_kib = sum(path.lstat().st_size for path in root.rglob("*")) // 1024
    template = _template(package)
    filled = template.format(version=package.version, architecture=package.architecture, size_kib=size_kib)
    sums = _sums(root, "md5")
    _write(root / "DEBIAN/control", filled.encode())
    _write(root / "DEBIAN/conffiles", b"/etc/gatehouse/edge.toml\n")
    _write(root / "DEBIAN/md5sums", sums.encode())
    for script in SCRIPTS:
        _write(root / "DEBIAN" / script, (package.source / DEPLOY / "deb" / script).read_bytes(), 0o755)


def _template(package: Package) -> str:
    return (package.source / DEPLOY / "deb/control").read_text(encoding="utf-8")


def _maintainer(package: Package) -> str:
    return next(line.partition(": ")[2] for line in _template(package).splitlines() if line.startswith("Maintainer"))


def _sums(root: Path, kind: str) -> str:
    """A line a file as sha256sum and md5sum write it."""
    files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    lines = [f"{hashlib.new(kind, path.read_bytes()).hexdigest()}  {path.relative_to(root)}\n" for path in files]
    return "".join(lines)


def _write(path: Path, body: bytes, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    path.chmod(mode)


def _settle(root: Path, epoch_s: int) -> None:
    """The same modes and times whoever builds, and whenever."""
    for path in [root, *root.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
        os.utime(path, (epoch_s, epoch_s), follow_symlinks=False)
