"""How often a source cried wolf, told by those who looked: and which are taken a step less serious for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.alerts.words import Alert, Category, Severity, milder

WITHIN = timedelta(days=14)
JUDGED_AT_LEAST = 5
FALSE_AT_LEAST = 0.8
_ABOUT_LIVES: frozenset[Category] = frozenset({"fire", "safety"})


class Source(NamedTuple):
    """What is judged: a rule at a device, for a camera that is wrong of people may be right of cars."""

    complex: str
    device: str
    rule: str


class Judged(NamedTuple):
    """A person looked at an alert (named, so that the last word on it counts) and said whether it was one."""

    source: Source
    alert: str
    at: datetime
    is_false: bool


class Rate(NamedTuple):
    """Of so many that were looked at within WITHIN, so many were none."""

    judged: int
    false: int

    @property
    def share(self) -> float:
        return self.false / self.judged if self.judged else 0.0

    @property
    def is_noisy(self) -> bool:
        return self.judged >= JUDGED_AT_LEAST and self.share >= FALSE_AT_LEAST


_UNJUDGED = Rate(0, 0)


class Notice(NamedTuple):
    """Told once to those who look after a source: since when it is taken a step less serious, and why."""

    source: Source
    since: datetime
    rate: Rate


def source_of(alert: Alert) -> Source:
    return Source(alert.complex, alert.device, alert.rule)


def rates(judged: Iterable[Judged], now: datetime) -> dict[Source, Rate]:
    """Each source's rate now; of an alert that was judged twice the last counts."""
    last: dict[tuple[Source, str], Judged] = {}
    for one in sorted(judged, key=lambda one: (one.at, one.is_false)):
        if now - WITHIN < one.at <= now:
            last[one.source, one.alert] = one
    counts: defaultdict[Source, list[bool]] = defaultdict(list)
    for one in last.values():
        counts[one.source].append(one.is_false)
    return {source: Rate(len(said), sum(said)) for source, said in counts.items()}


def noisy(judged: Iterable[Judged], now: datetime) -> dict[Source, Notice]:
    """The sources that are noisy now, each with the judgement since which it is so without a break."""
    of_source: defaultdict[Source, list[Judged]] = defaultdict(list)
    for one in judged:
        of_source[one.source].append(one)
    found: dict[Source, Notice] = {}
    for source, some in of_source.items():
        rate = rates(some, now).get(source, _UNJUDGED)
        if rate.is_noisy:
            found[source] = Notice(source, _since(source, some, now), rate)
    return found


def _since(source: Source, judged: list[Judged], now: datetime) -> datetime:
    """The first of the judgements after which it has been noisy up to now."""
    since = now
    for at in sorted({one.at for one in judged if one.at <= now}, reverse=True):
        if not rates(judged, at).get(source, _UNJUDGED).is_noisy:
            break
        since = at
    return since


def ends_at(source: Source, judged: Iterable[Judged], now: datetime) -> datetime:
    """When a noisy source is noisy no longer, if nobody judges it meanwhile: what was said counts for WITHIN."""
    its = [one for one in judged if one.source == source and one.at <= now]
    forgotten = sorted({one.at + WITHIN for one in its if one.at + WITHIN > now})
    return next((at for at in forgotten if not rates(its, at).get(source, _UNJUDGED).is_noisy), now)


def severity_of(alert: Alert, notices: Mapping[Source, Notice]) -> Severity:
    """How serious an alert is taken: of a noisy source a step less, but never what is critical about lives."""
    about_lives = alert.severity == "critical" and alert.category in _ABOUT_LIVES
    return alert.severity if about_lives or source_of(alert) not in notices else milder(alert.severity)
