"""What rules would have fired on events that were: for whoever edits them, before they count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from domain.alerts.incidents import Incident, incidents
from domain.alerts.rules import Fact, Rules
from domain.alerts.words import Alert
from domain.events import Event
from domain.places import Place

MOST_EVENTS = 200_000


class Rehearsal(msgspec.Struct, frozen=True):
    """The alerts in the order in which they happened, and the matters that they are."""

    alerts: tuple[Alert, ...]
    incidents: tuple[Incident, ...]

    @property
    def by_rule(self) -> dict[str, int]:
        """How often each rule fired, the most first."""
        return dict(Counter(alert.rule for alert in self.alerts).most_common())


def would_have_fired(rules: Rules, events: Iterable[tuple[Event, Fact]], place: Place) -> Rehearsal:
    """Yesterday under other rules. Events told twice count once; reads no more than MOST_EVENTS."""
    found: dict[str, Alert] = {}
    for (event, fact), _ in zip(events, range(MOST_EVENTS), strict=False):
        alert = rules.alert(event, place, fact)
        if alert is not None:
            found.setdefault(alert.id, alert)
    alerts = sorted(found.values(), key=lambda alert: (alert.occurred_at, alert.id))
    return Rehearsal(tuple(alerts), incidents(alerts))
