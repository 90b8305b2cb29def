"""Which alerts only follow from another: doors that a fire alarm freed, devices behind a silent gateway."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from domain.alerts.rules import Inhibition
from domain.alerts.words import Alert, rank

Where = tuple[str, str]


def inhibited(alerts: Iterable[Alert], inhibitions: Sequence[Inhibition]) -> dict[str, str]:
    """Alert by alert that of which it follows. Told from the set of alerts: the consequence often comes first.

    Nothing mutes what is worse than itself, and nothing that came out of an outage mutes what is live.
    """
    known = list({alert.id: alert for alert in alerts}.values())
    found: dict[str, str] = {}
    for inhibition in inhibitions:
        causes = _causes(known, inhibition)
        for alert in known if causes else ():
            cause = _cause_of(alert, inhibition, causes)
            if cause is not None:
                found.setdefault(alert.id, cause.id)
    return found


def _causes(alerts: Iterable[Alert], inhibition: Inhibition) -> dict[Where, list[Alert]]:
    """What inhibits, by where, in the order in which it happened."""
    found: defaultdict[Where, list[Alert]] = defaultdict(list)
    for alert in alerts:
        where = _where(alert, inhibition)
        if alert.rule in inhibition.by and where is not None:
            found[where].append(alert)
    for there in found.values():
        there.sort(key=_when)
    return dict(found)


def _cause_of(alert: Alert, inhibition: Inhibition, causes: dict[Where, list[Alert]]) -> Alert | None:
    where = _where(alert, inhibition)
    if alert.rule not in inhibition.of or where is None or where not in causes:
        return None
    since = alert.occurred_at - timedelta(seconds=inhibition.after_s)
    until = alert.occurred_at + timedelta(seconds=inhibition.before_s)
    there = causes[where]
    for index in range(bisect_left(there, since, key=lambda one: one.occurred_at), len(there)):
        if there[index].occurred_at > until:
            break
        if _may_mute(there[index], alert):
            return there[index]
    return None


def _may_mute(cause: Alert, alert: Alert) -> bool:
    is_as_new = cause.lateness == "live" or alert.lateness != "live"
    return cause.id != alert.id and rank(cause.severity) >= rank(alert.severity) and is_as_new


def _where(alert: Alert, inhibition: Inhibition) -> Where | None:
    """None where the alert does not say."""
    said = {"complex": alert.complex, "gateway": alert.gateway, "place": alert.place}[inhibition.scope]
    return (alert.complex, said) if said else None


def _when(alert: Alert) -> tuple[datetime, str]:
    return alert.occurred_at, alert.id
