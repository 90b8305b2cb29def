"""A reader of the log that brings what may ring onto the duty ladder. It acts on people, so it is never rewound."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.rules import Fact as Known
from domain.alerts.rules import Rules
from domain.alerts.words import Alert, lateness
from domain.events import is_unsure
from server.batches import Batch
from server.duty.duties import Duties
from server.duty.spots import REACHES, Spots
from server.facts import Fact
from server.rule_book import RuleBook
from server.store import duty_alerts
from server.store.duty_rows import Moved
from server.store.engine import stamp
from server.store.live_rows import announce_all


class Ladder:
    """Each alert comes once, by the cursor and by its id. What is older than a day is no longer grouped, or told."""

    name = "ladder"

    def __init__(self, duties: Duties, now: Callable[[], datetime]) -> None:
        self._duties, self._now, self._book = duties, now, RuleBook()

    async def fold(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None:
        """Each fact by the rules in force when it was received; what mutes what, by those of now."""
        now = self._now()
        versions = await self._book.of(connection, {batch.complex for batch in batches})
        alerts = [
            alert for one in batches for alert in self._alerts(one, versions[one.complex].at(one.received_at), now)
        ]
        new = await duty_alerts.new_ones(connection, alerts) if alerts else []
        by_complex: defaultdict[str, list[Alert]] = defaultdict(list)
        for alert in new:
            by_complex[alert.complex].append(alert)
        shown: list[tuple[str, str]] = []
        for complex_id in sorted(by_complex):
            spots = Spots(connection, self._duties, versions[complex_id].at(now).known, now)
            shown += changed(await spots.look(complex_id, by_complex[complex_id]))
            shown += spots.judged
        await announce_all(connection, "alert", list(dict.fromkeys(shown)), stamp(now))

    async def concerns(self, connection: AsyncConnection, batches: Sequence[Batch]) -> bool:
        """Whether anything in it may fire; a version that is published later is not for these."""
        versions = await self._book.of(connection, {batch.complex for batch in batches})
        return any(one.facts_where(versions[one.complex].at(one.received_at).may_fire) for one in batches)

    def _alerts(self, batch: Batch, rules: Rules, now: datetime) -> list[Alert]:
        fresh = (fact for fact in batch.facts_where(rules.may_fire) if now - fact.event.occurred_at <= REACHES)
        return [alert for fact in fresh if (alert := self._alert(fact, rules))]

    def _alert(self, fact: Fact, rules: Rules) -> Alert | None:
        event, place = fact.event, self._duties.place(fact.complex)
        if rules.fired(event, place) is None:  # most of what may fire does not at this hour
            return None
        late = lateness(event.occurred_at, fact.received_at, unsure=is_unsure(event))
        known = Known(fact.id, fact.complex, late, fact.gateway)
        return rules.alert(event, place, known)


def changed(moved: Sequence[Moved]) -> list[tuple[str, str]]:
    """What screens are to show anew: a matter by the alert that it is named after. What is new they hear of anyway."""
    return [(one.matter.state.complex, one.matter.state.incident) for one in moved if not one.is_new]
