"""How much memory a process holds."""

from __future__ import annotations

import os
from pathlib import Path

_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


def resident_mb(process: int) -> float:
    """Resident, in MB. Raises OSError for a process that is gone."""
    return int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]) * _PAGE_MB
