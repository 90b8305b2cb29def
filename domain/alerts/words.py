"""The words of alerts: how bad, of which kind, how late; and an alert as grouping sees it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, get_args

import msgspec

from domain.ids import derive

Severity = Literal["critical", "high", "medium", "low"]
Category = Literal["security", "fire", "safety", "device", "care"]
Lateness = Literal["live", "recent", "late"]

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
CATEGORIES: tuple[Category, ...] = get_args(Category)
COOLDOWN_S = 600  # after people were told of a spot, unless a rule says otherwise
LIVE_WITHIN = timedelta(seconds=60)
RECENT_WITHIN = timedelta(minutes=30)
_RANKS = {severity: len(SEVERITIES) - index for index, severity in enumerate(SEVERITIES)}


class Fired(msgspec.Struct, frozen=True):
    """A rule that fired on an event."""

    rule: str
    severity: Severity
    category: Category


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rule that fired, with what grouping and ringing must know of its event.

    ``object``: the device's own number of the thing it follows. ``reach_s``: for how long what happens at the same
    spot is the same matter. ``looks``: how many alerts the matter needs before this one may ring. ``cooldown_s``: for
    how long it does not ring where people were told of something at least as bad at the spot.
    """

    id: str
    complex: str
    rule: str
    severity: Severity
    category: Category
    device: str
    occurred_at: datetime
    lateness: Lateness = "live"
    gateway: str = ""
    place: str | None = None
    point: str | None = None
    object: str | None = None
    fact: str = ""  # the id of the fact in hex: whichever rule fired, it is one cause
    reach_s: int
    looks: int = 1
    cooldown_s: int = COOLDOWN_S


def rank(severity: Severity) -> int:
    """The higher, the worse."""
    return _RANKS[severity]


def worst(severities: list[Severity]) -> Severity:
    """The worst of at least one."""
    return max(severities, key=rank)


def milder(severity: Severity) -> Severity:
    """One step down; the lowest stays."""
    return SEVERITIES[min(SEVERITIES.index(severity) + 1, len(SEVERITIES) - 1)]


def alert_id(rule: str, event_id: bytes) -> str:
    """One alert per cause: the same rule on the same event is the same alert, wherever it is derived."""
    return derive("alert", rule, event_id.hex()).hex()


def lateness(occurred_at: datetime, received_at: datetime, *, unsure: bool = False) -> Lateness:
    """How honest "now" would be: live rings, recent is shown, late goes to review.

    An unsure time is never reason enough to put an alarm away: at worst it is recent.
    """
    age = received_at - occurred_at
    if age <= LIVE_WITHIN:
        return "live"
    return "recent" if unsure or age <= RECENT_WITHIN else "late"
