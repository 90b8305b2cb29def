"""Spans of time and sizes in words a person reads at a glance."""

from __future__ import annotations

import math
from datetime import timedelta

_STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"))
_SIZES = ("kB", "MB", "GB", "TB")


def span(age: timedelta) -> str:
    """``3.5 h``; a negative one, of a clock that was set back, as ``-3.5 h``."""
    seconds = age.total_seconds()
    for step_s, unit in _STEPS:
        if abs(seconds) >= step_s:
            return f"{seconds / step_s:.1f} {unit}"
    return f"{seconds:.0f} s"


def size(size_bytes: float) -> str:
    """``1.5 GB``, in thousands as disks are sold."""
    if size_bytes < 1_000:
        return f"{size_bytes:.0f} B"
    power = min(len(_SIZES), int(math.log10(size_bytes)) // 3)
    return f"{size_bytes / 1_000**power:.1f} {_SIZES[power - 1]}"
