"""What the centre still lacks, and what became no event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from domain.findings import Finding, Reporter
from edge.commands.ages import span

_UNSENT = Reporter("data", "backlog")
_PARKED = Reporter("data", "parked messages")
_PICTURES = Reporter("data", "pictures")
_WARN, _ERROR = timedelta(minutes=10), timedelta(days=7)
_LOST = ("picture_gone", "picture_unreadable", "picture_damaged", "picture_too_large")
_LINE = "look at what is said of the centre; everything is kept and sent when it answers"


def check(described: Mapping[str, Any], now: datetime) -> Iterator[Finding]:
    """``described`` as box_status has it."""
    yield _unsent(described, now)
    yield from _parked(described.get("parked_by_reason", {}))
    if lost := {key: count for key in _LOST if (count := described["counts"].get(key))}:
        yield _PICTURES.warn(f"lost since the agent started: {lost}", "look at the disk, and at the agent's log")


def _unsent(described: Mapping[str, Any], now: datetime) -> Finding:
    waiting = sum(row["backlog"] for row in described["streams"].values())
    oldest = min((datetime.fromisoformat(at) for at in described["oldest_unsent_at"].values()), default=now)
    age = now - oldest
    cause = f"{waiting} events, the oldest {span(age)} old" if waiting else "the centre has everything"
    if age > _ERROR:
        return _UNSENT.error(cause, _LINE)
    return _UNSENT.warn(cause, _LINE) if age > _WARN else _UNSENT.ok(cause)


def _parked(reasons: Mapping[str, int]) -> Iterator[Finding]:
    """Unlisted devices have a check of their own."""
    odd = {reason: count for reason, count in reasons.items() if reason != "unknown_device"}
    if not odd:
        yield _PARKED.ok("none that need a look")
        return
    cause = ", ".join(f"{reason} {count}" for reason, count in odd.items())
    yield _PARKED.warn(cause, "gatehouse-edge parked shows them; send us those that are sound: gatehouse-edge collect")
