"""Silences: who wants to hear nothing of what, until when and why. What is silenced is still listed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

import msgspec

from domain.alerts.words import Alert, Category, Severity, rank

MOST_ON_A_PHONE = timedelta(hours=24)
MOST = timedelta(days=30)
MOST_REASON_SIGNS = 500
_ABOUT_LIVES: frozenset[Category] = frozenset({"fire", "safety"})


class BadSilence(Exception):
    """A silence that is not allowed; says what is wrong and what would be right."""


class Silence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of a complex, what fits all that is given: "" asks nothing. Nothing worse than ``up_to`` is silenced."""

    id: str
    complex: str
    by: str
    reason: str
    since: datetime
    until: datetime
    rule: str = ""
    category: Category | None = None
    device: str = ""
    place: str = ""
    up_to: Severity = "high"

    def covers(self, alert: Alert, now: datetime) -> bool:
        """Whether an alert does not ring now. A critical one about lives always does."""
        about_lives = alert.severity == "critical" and alert.category in _ABOUT_LIVES
        in_force = self.since <= now < self.until
        return in_force and not about_lives and rank(alert.severity) <= rank(self.up_to) and self._fits(alert)

    def _fits(self, alert: Alert) -> bool:
        asked = ((self.rule, alert.rule), (self.category, alert.category), (self.device, alert.device))
        fits = all(not wanted or wanted == said for wanted, said in (*asked, (self.place, alert.place)))
        return fits and alert.complex == self.complex


def all_silenced(alerts: Collection[Alert], silences: Collection[Silence], now: datetime) -> bool:
    """Whether nobody is to hear of a matter now: each of its alerts is covered. One that is not rings for all."""
    return bool(alerts and silences) and all(any(one.covers(alert, now) for one in silences) for alert in alerts)


def check(silence: Silence, *, on_a_phone: bool) -> None:
    """Raises BadSilence."""
    if not silence.reason.strip():
        raise BadSilence("reason: say why; whoever comes on duty next reads it")
    if len(silence.reason) > MOST_REASON_SIGNS:
        raise BadSilence(f"reason: at most {MOST_REASON_SIGNS} signs")
    _check_term(silence.until - silence.since, MOST_ON_A_PHONE if on_a_phone else MOST)
    if silence.up_to == "critical" and not silence.device:
        raise BadSilence("up_to: critical alerts are silenced for one device only; name it")


def _check_term(term: timedelta, most: timedelta) -> None:
    if term <= timedelta():
        raise BadSilence("until: a silence ends after it begins; give a later end")
    if term > most:
        raise BadSilence(f"until: at most {most.total_seconds() / 3_600:g} hours here; choose an earlier end")
