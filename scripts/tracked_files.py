"""The files git tracks, and those it would: what the checks of the repository look at."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def tracked_files(root: Path = ROOT) -> list[Path]:
    """Every file that is committed or could be, sorted, relative to ``root``. Raises CalledProcessError without git."""
    # A checkout of another account, as in a container, is looked at all the same: nothing of it is run.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True).stdout.decode().split("\0")
    return sorted({Path(name) for name in listed if name and (root / name).is_file()})
