"""The processes that a process has started, and those that they have started: found, signalled, ended."""

from __future__ import annotations

import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_END_LIMIT_S, _PAUSE_S = 10.0, 0.02


class StillThere(Exception):
    """Processes that do not end though they were killed; the message names them."""


def descendants(pid: int) -> list[int]:
    """All that live below a process, itself not among them; nearest first."""
    children = _children()
    found = list(children[pid])
    for each in found:
        found += children[each]
    return found


def signal_all(pid: int, number: signal.Signals) -> list[int]:
    """Send a signal to all below a process; to whom."""
    told = descendants(pid)
    for each in told:
        with suppress(ProcessLookupError):
            os.kill(each, number)
    return told


def end(pid: int, meanwhile: Callable[[], None] = lambda: None) -> None:
    """kill -9 of all below a process, again until none is left. Raises StillThere.

    ``meanwhile`` reaps where the process is our own.
    """
    until_s = time.monotonic() + _END_LIMIT_S
    while left := signal_all(pid, signal.SIGKILL):
        if time.monotonic() > until_s:
            raise StillThere(f"killed and still there: {left}")
        meanwhile()
        time.sleep(_PAUSE_S)


def _children() -> defaultdict[int, list[int]]:
    """Who has which children, zombies not counted."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for folder in Path("/proc").iterdir():
        parent = _parent_of(folder) if folder.name.isdecimal() else None
        if parent is not None:
            found[parent].append(int(folder.name))
    return found


def _parent_of(folder: Path) -> int | None:
    """Whose child a process of /proc is (proc(5), stat); None of a zombie, and of one that has ended meanwhile."""
    try:
        state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return None
    return None if state == "Z" else int(parent)
