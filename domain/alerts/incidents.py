"""Alerts that are one matter: of one category at one spot, each within reach of those before it.

A matter is told from the *set* of its alerts, in the order in which they happened. So any order of arrival, told once
or often, in one piece or in many, gives the same matters under the same names.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from domain.alerts.words import Alert, Category, Severity, rank, worst

SAME_CAUSE_WITHIN = timedelta(minutes=5)
_NEVER = datetime.min.replace(tzinfo=UTC)


class Spot(NamedTuple):
    """Where matters are told apart: a complex, a category, and a place, or the device where no place is known."""

    complex: str
    category: Category
    place: str


class Cause(NamedTuple):
    """One thing that was told, however often: a row of the matter, with how often and since when."""

    rule: str
    device: str
    point: str | None
    object: str | None
    times: int
    first: Alert
    last: Alert


class Incident(msgspec.Struct, frozen=True):
    """A matter that a person handles as one; its alerts in the order in which they happened."""

    alerts: tuple[Alert, ...]

    @property
    def id(self) -> str:
        """That of its first alert."""
        return self.alerts[0].id

    @property
    def spot(self) -> Spot:
        return spot_of(self.alerts[0])

    @property
    def severity(self) -> Severity:
        return worst([alert.severity for alert in self.alerts])

    @property
    def causes(self) -> list[Cause]:
        """One row a cause, the worst first."""
        told: defaultdict[tuple[str, str, str | None, str | None], list[Alert]] = defaultdict(list)
        for alert in self.alerts:
            told[alert.rule, alert.device, alert.point, alert.object].append(alert)
        rows = [Cause(*key, len(alerts), alerts[0], alerts[-1]) for key, alerts in told.items()]
        return sorted(rows, key=lambda row: (-rank(row.first.severity), row.first.occurred_at, row.first.id))


class Change(NamedTuple):
    """A matter that is new or has more alerts; ``was``: the matters that it is made of, by their names until now."""

    incident: Incident
    was: tuple[str, ...]
    added: tuple[Alert, ...]


def joins(last_alert_at: datetime, occurred_at: datetime) -> bool:
    """Whether an alert is told again of the cause whose last alert, of the same rule, device and point, was then."""
    return abs(occurred_at - last_alert_at) <= SAME_CAUSE_WITHIN


def spot_of(alert: Alert) -> Spot:
    return Spot(alert.complex, alert.category, alert.place or alert.device)


def incidents(alerts: Iterable[Alert], closed: Mapping[Spot, Sequence[datetime]] | None = None) -> tuple[Incident, ...]:
    """The matters that alerts are, by when they began. ``closed``: when people closed one there; what happened after
    that is another matter, and is not swallowed by the old one."""
    at_spots: defaultdict[Spot, list[Alert]] = defaultdict(list)
    for alert in {alert.id: alert for alert in alerts}.values():
        at_spots[spot_of(alert)].append(alert)
    cuts = closed or {}
    found = [one for spot, here in at_spots.items() for one in _at_spot(here, sorted(cuts.get(spot, ())))]
    return tuple(sorted(found, key=lambda one: (one.alerts[0].occurred_at, one.id)))


def cut_of(incident: Incident, now: datetime) -> datetime:
    """When a matter ends that somebody closes now: never before the last that was known of it, by whatever clock."""
    return max(now, incident.alerts[-1].occurred_at)


def changes(before: Iterable[Incident], after: Iterable[Incident]) -> list[Change]:
    """What became of matters as alerts came: those that are new, grew, or turned out to be one."""
    names = {alert.id: one.id for one in before for alert in one.alerts}
    found: list[Change] = []
    for one in after:
        was = tuple(dict.fromkeys(names[alert.id] for alert in one.alerts if alert.id in names))
        added = tuple(alert for alert in one.alerts if alert.id not in names)
        if added or was != (one.id,):
            found.append(Change(one, was, added))
    return found


def _at_spot(alerts: list[Alert], cuts: Sequence[datetime]) -> Iterator[Incident]:
    some: list[Alert] = []
    until = _NEVER
    for alert in sorted(alerts, key=lambda one: (one.occurred_at, one.id)):
        if some and (alert.occurred_at > until or _is_cut(cuts, some[-1].occurred_at, alert.occurred_at)):
            yield Incident(tuple(some))
            some = []
        reach = alert.occurred_at + timedelta(seconds=alert.reach_s)
        until = max(until, reach) if some else reach
        some.append(alert)
    if some:
        yield Incident(tuple(some))


def _is_cut(cuts: Sequence[datetime], last: datetime, now: datetime) -> bool:
    """Whether somebody closed the matter between two alerts."""
    at = bisect_left(cuts, last)
    return at < len(cuts) and cuts[at] < now
