"""The disk: room, and how much of its life is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from domain.findings import Finding, Reporter
from edge.commands.ages import size
from edge.config import Capacity
from edge.store.disk import Disk
from edge.store.keeper import SET_ASIDE

_ROOM = Reporter("box", "room on the disk")
_STORE = Reporter("box", "store")
_LIFE = Reporter("box", "life of the disk")
_LOSING = 0.25  # of capacity.free_bytes: below it routine records go that are nowhere else
_NEAR = 0.9
_WARN_INODES = 0.05
_WORN = 8  # JEDEC eMMC: 0x01 is up to 10 % of its life used, 0x0A up to 100 %, 0x0B beyond
_USED_UP = 11
_MAKE_ROOM = "make room: remove what is not the agent's, or give it a larger disk"


def room(disk: Disk, bounds: Capacity) -> list[Finding]:
    """Bytes and file entries left, and whether the log is near its own bound."""
    free = f"free {size(disk.free_bytes)} of {size(disk.size_bytes)}; the log takes {size(disk.log_bytes)}"
    found = [_ROOM.ok(free)]
    if disk.free_bytes < _LOSING * bounds.free_bytes:
        found = [_ROOM.error(f"{free}: routine records are let go of", _MAKE_ROOM)]
    elif disk.free_bytes < bounds.free_bytes:
        found = [_ROOM.warn(f"{free}: pictures are let go of", _MAKE_ROOM)]
    if disk.log_bytes > _NEAR * bounds.log_bytes:
        step = "let the centre be reached, or raise capacity.log_bytes where the disk has room"
        found.append(_ROOM.warn(f"the log is near its bound of {size(bounds.log_bytes)}", step))
    if disk.inodes and disk.free_inodes < disk.inodes * _WARN_INODES:
        found.append(_ROOM.warn(f"{disk.free_inodes} of {disk.inodes} file entries are free", _MAKE_ROOM))
    return found


def store(told: Mapping[str, Any], folder: Path) -> Iterator[Finding]:
    """What the agent says of its store (state, detail, reserve), and what it once set aside."""
    state = told.get("state", "ok")
    if state not in ("ok", "set_aside"):
        cause = f"{state}: {told.get('detail', '')}; doors are decided, nothing is acknowledged"
        yield _STORE.error(cause, f"{_MAKE_ROOM}; if it is not full, replace the disk")
    if told.get("reserve") is False:
        yield _STORE.warn("the reserve is not held: the disk was full, or nearly", _MAKE_ROOM)
    for place in sorted(folder.glob(f"{SET_ASIDE}*")):
        step = "keep it until the centre has everything, then move it away; the disk may be failing"
        yield _STORE.warn(f"{place.name}: a damaged log was set aside", step)


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
