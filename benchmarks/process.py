"""What a process and its children have used so far, as Linux counts it (proc(5))."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """User and system seconds, those of children included, also of such as have ended."""
    return sum(_own_cpu_s(each) for each in _family(pid))


def rss_mb(pid: int) -> float:
    """Resident memory now."""
    return round(sum(_status_kb(each, "VmRSS") for each in _family(pid)) / 1024, 1)


def peak_rss_mb(pid: int) -> float:
    """The most that was resident at any moment."""
    return round(sum(_status_kb(each, "VmHWM") for each in _family(pid)) / 1024, 1)


def _family(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has ended since it was listed
            for child in (task / "children").read_text().split():
                found += _family(int(child))
    return found


def _own_cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / _TICKS


def _status_kb(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)
