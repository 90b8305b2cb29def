"""How a household stands that asked to be looked after: told from the latest movement, and from how far the centre has
heard. What was not heard is never taken for well."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from domain.places import BadHours, Hours, hours

State = Literal["off", "over", "fine", "due", "unknown"]
HEARD_WITHIN = timedelta(minutes=5)  # five heartbeats of a gateway and more
LEAST_HOURS, MOST_HOURS = 4, 72
_DAY_MIN, _MOST_QUIET_MIN = 24 * 60, 16 * 60


class BadTerms(ValueError):
    """Terms that cannot be; the field, and what to write."""


class Terms(msgspec.Struct, frozen=True):
    """``hours`` without a movement are too many. Quiet hours, from one time of day to another, do not count: nobody
    opens a door asleep. Both empty: every hour counts."""

    hours: Annotated[int, Meta(ge=LEAST_HOURS, le=MOST_HOURS)]
    quiet_from: str = ""
    quiet_to: str = ""

    @property
    def quiet(self) -> Hours | None:
        return hours(self.quiet_from, self.quiet_to) if self.quiet_from else None


def check(terms: Terms) -> Terms:
    """Raises BadTerms."""
    if not LEAST_HOURS <= terms.hours <= MOST_HOURS:
        raise BadTerms(f"hours: {LEAST_HOURS} to {MOST_HOURS}")
    try:
        quiet = terms.quiet
    except BadHours as error:
        raise BadTerms(f"quiet: {error}") from error
    if (quiet is None) != (not terms.quiet_to):
        raise BadTerms("quiet: write both times, or neither")
    if quiet is not None and not 0 < (quiet.end_min - quiet.start_min) % _DAY_MIN <= _MOST_QUIET_MIN:
        raise BadTerms("quiet: at most 16 hours, and not from a time to itself")
    return terms


class Movement(NamedTuple):
    """A door was opened, or the household's card opened one."""

    occurred_at: datetime
    received_at: datetime

    @property
    def at(self) -> datetime:
        """A device whose clock is ahead must not move a household's door tomorrow."""
        return min(self.occurred_at, self.received_at)


def latest(movements: Iterable[Movement], known: datetime | None = None) -> datetime | None:
    """The latest, whatever their order; nothing else of them is kept."""
    return max([one.at for one in movements] + ([known] if known else []), default=None)


class Watch(msgspec.Struct, frozen=True):
    """What is known of a household. ``counts_from``: since when its hours count at the earliest (it was begun, switched
    on, or somebody has been there); ``heard_at``: up to when the centre has everything that its gateways recorded."""

    terms: Terms
    counts_from: datetime
    until: datetime
    moved_at: datetime | None = None
    heard_at: datetime | None = None
    is_off: bool = False

    @property
    def since(self) -> datetime:
        return max(self.counts_from, self.moved_at) if self.moved_at else self.counts_from


def due_at(terms: Terms, since: datetime, zone: ZoneInfo) -> datetime:
    """When so many hours will have passed that count."""
    left, at, quiet = timedelta(hours=terms.hours), since, terms.quiet
    while quiet is not None:
        edge, is_quiet = _next_edge(at, quiet, zone), quiet.hold(at.astimezone(zone).time())
        if not is_quiet:
            if left <= edge - at:
                break
            left -= edge - at
        at = edge
    return at + left


def _next_edge(at: datetime, quiet: Hours, zone: ZoneInfo) -> datetime:
    """When quiet hours begin or end next, by the clocks of the place."""
    day = at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    edges = [
        (day + timedelta(days=ahead)).replace(hour=minute // 60 % 24, minute=minute % 60).astimezone(at.tzinfo)
        for ahead in (0, 1, 2)
        for minute in (quiet.start_min, quiet.end_min)
    ]
    return min(edge for edge in edges if edge > at)


def state(watch: Watch, zone: ZoneInfo, now: datetime) -> State:
    """How it stands at ``now``. Due only where the centre knows that nothing moved, and not because nothing was heard;
    unknown where it has not heard for longer than a gateway may be silent."""
    if now >= watch.until:
        return "over"
    if watch.is_off:
        return "off"
    if watch.heard_at is not None and watch.heard_at >= due_at(watch.terms, watch.since, zone):
        return "due"
    is_heard = watch.heard_at is not None and now - watch.heard_at <= HEARD_WITHIN
    return "fine" if is_heard else "unknown"
