"""Prints where the tests may write: into memory where there is plenty, as they wait for the disk some of the time.

What is to outlive the power is tested by ``make faults``, on disks.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - the tests' own folder in it
_NEEDED_BYTES = 8 << 30  # of the memory file system, and of memory that is free: the tests take less than one


def main() -> None:
    print(_in_memory() or tempfile.gettempdir())


def _in_memory() -> Path | None:
    """A folder that we alone list and write; None where there is too little, or the place is taken."""
    if not os.access(_MEMORY, os.W_OK) or min(shutil.disk_usage(_MEMORY).free, _available()) < _NEEDED_BYTES:
        return None
    folder = _MEMORY / f"gatehouse-tests-{os.geteuid()}"
    folder.mkdir(mode=0o711, exist_ok=True)  # programs that run as another account pass through
    return folder if folder.stat().st_uid == os.geteuid() else None


def _available() -> int:
    """Bytes of memory, those counted that the system keeps files in meanwhile."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))


if __name__ == "__main__":
    main()
