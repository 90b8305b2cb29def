"""The disk: room, and how much of its life is used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edge.ages import size
from edge.disk import Disk
from edge.doctor.finding import Finding, Reporter

_ROOM = Reporter("box", "room on the disk")
_LIFE = Reporter("box", "life of the disk")
_WARN_BYTES, _ERROR_BYTES = 1_000_000_000, 100_000_000
_WARN_SHARE = 0.1
_WARN_INODES = 0.05
_WORN = 8  # JEDEC eMMC: 0x01 is up to 10 % of its life used, 0x0A up to 100 %, 0x0B beyond
_USED_UP = 11
_MAKE_ROOM = "make room: remove what is not the agent's, or give it a larger disk"


def room(disk: Disk) -> list[Finding]:
    """Bytes and file entries left."""
    free = f"free {size(disk.free_bytes)} of {size(disk.size_bytes)}; the log takes {size(disk.log_bytes)}"
    found = [_ROOM.ok(free)]
    if disk.free_bytes < _ERROR_BYTES:
        found = [_ROOM.error(free, _MAKE_ROOM)]
    elif disk.free_bytes < _WARN_BYTES or disk.free_share < _WARN_SHARE:
        found = [_ROOM.warn(free, _MAKE_ROOM)]
    if disk.inodes and disk.free_inodes < disk.inodes * _WARN_INODES:
        found.append(_ROOM.warn(f"{disk.free_inodes} of {disk.inodes} file entries are free", _MAKE_ROOM))
    return found


def life(sys_folder: Path = Path("/sys")) -> Iterator[Finding]:
    """What an eMMC says of its wear, where there is one (/sys/class/mmc_host/*/*/life_time)."""
    for path in sorted(sys_folder.glob("class/mmc_host/*/*/life_time")):
        try:
            steps = max(int(word, 16) for word in path.read_text().split())
        except (OSError, ValueError):
            continue
        yield _worn(path.parent.name, steps)


def _worn(card: str, steps: int) -> Finding:
    if steps >= _USED_UP:
        return _LIFE.error(f"{card} is past the life its maker states", "replace the box's storage now")
    if steps >= _WORN:
        return _LIFE.warn(f"{card}: up to {steps * 10} % of its life is used", "plan to replace the box's storage")
    return _LIFE.ok(f"{card}: up to {steps * 10} % of its life is used")
