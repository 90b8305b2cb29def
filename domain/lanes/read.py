"""A car at a lane as a decision needs it: made from an event of kind plate, or from what a person typed."""

from __future__ import annotations

from datetime import datetime

import msgspec

from domain.events import Event, Subject, is_replay
from domain.plates import COLORS, PlateColor, canonical

_NUMBERED = frozenset({"read", "suspect_fake"})


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """``plate`` is canonical, "" where it was not read. ``stale``: nobody stands there any more, or never did."""

    plate: str
    at: datetime
    color: PlateColor = "unknown"
    status: str = "read"
    confidence: float | None = None
    travel: str | None = None
    turned_back: bool = False
    stale: str = ""  # "" | replay | too_late


def read_of(event: Event, *, late: bool = False) -> Read:
    """What an event of kind plate says. ``late``: a broker may have kept it."""
    subject = event.subject or Subject(type="plate")
    status = subject.plate_status or ("read" if subject.id else "unreadable")
    color = subject.plate_color
    return Read(
        plate=canonical(subject.id) if subject.id and status in _NUMBERED else "",
        at=event.occurred_at,
        color=color if color in COLORS else "unknown",
        status=status,
        confidence=event.confidence,
        travel=event.travel,
        turned_back=event.trigger == "turned_back",
        stale="replay" if is_replay(event) else "too_late" if late else "",
    )
