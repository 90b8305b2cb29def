"""What the parts of one process note of themselves as they work, for whoever looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


def _nothing() -> Sequence[str]:
    return ()


@dataclass
class Seen:
    """``waits``: how often each reader could not go on. ``held``: what this process works on now."""

    waits: Counter[str] = field(default_factory=Counter[str])
    held: Callable[[], Sequence[str]] = _nothing
