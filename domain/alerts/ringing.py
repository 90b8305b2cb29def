"""Whether a matter may ring just now, and if not, why: late, follows from another, silenced, unsure, or just told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from domain.alerts.incidents import Incident, Spot
from domain.alerts.noise import Notice, Source, severity_of
from domain.alerts.silences import Silence
from domain.alerts.words import RECENT_WITHIN, Alert, Severity, rank, worst

Why = Literal["rings", "late", "inhibited", "silenced", "unsure", "cooldown", "mild", "handled"]
# For these a phone makes no sound. What came late, when a silence ends, what it just sounded for, it knows by itself.
UNHEARD: frozenset[Why] = frozenset({"inhibited", "unsure", "mild"})


class Sent(NamedTuple):
    """A notice that went out: only those count for the cooldown."""

    spot: Spot
    severity: Severity
    at: datetime


class Known(NamedTuple):
    """What is known beside the matter: what follows from what, silences, noisy sources, and what was sent."""

    inhibited: Mapping[str, str] = {}
    silences: Sequence[Silence] = ()
    noisy: Mapping[Source, Notice] = {}
    sent: Sequence[Sent] = ()


class Verdict(NamedTuple):
    """What comes of a matter now. ``alerts``: those that ring, the matter's picture is of one of them."""

    why: Why
    severity: Severity | None = None
    alerts: tuple[str, ...] = ()

    @property
    def rings(self) -> bool:
        return self.why == "rings"


def verdict(incident: Incident, known: Known, now: datetime) -> Verdict:
    """Alerts fall away one reason after another; the reason for which the last fell away is the matter's."""
    left: Sequence[Alert] = incident.alerts
    for why, keeps in _reasons(incident, known, now):
        left = [alert for alert in left if keeps(alert)]
        if not left:
            return Verdict(why)
    severity = worst([severity_of(alert, known.noisy) for alert in left])
    pause = timedelta(seconds=min(alert.cooldown_s for alert in left))
    why = "cooldown" if _is_muted(incident.spot, severity, known.sent, now, pause) else "rings"
    return Verdict(why, severity, tuple(alert.id for alert in left))


def _reasons(incident: Incident, known: Known, now: datetime) -> list[tuple[Why, Callable[[Alert], bool]]]:
    looks = sum(alert.id not in known.inhibited for alert in incident.alerts)
    return [
        ("late", lambda alert: alert.lateness == "live" and now - alert.occurred_at <= RECENT_WITHIN),
        ("inhibited", lambda alert: alert.id not in known.inhibited),
        ("silenced", lambda alert: not any(one.covers(alert, now) for one in known.silences)),
        ("unsure", lambda alert: alert.looks <= looks),
    ]


def _is_muted(spot: Spot, severity: Severity, sent: Sequence[Sent], now: datetime, pause: timedelta) -> bool:
    """Whether the same spot was told of something at least as bad a little while ago. An emergency always is news."""
    return severity != "critical" and any(
        one.spot == spot and rank(one.severity) >= rank(severity) and timedelta() <= now - one.at < pause
        for one in sent
    )
