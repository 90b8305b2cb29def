"""Alerts folded from the log: a rule that fired, its incident, and the picture of its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.rules import Rules
from domain.places import Place
from domain.sketch import Sketch
from server.batches import Batch
from server.projections.alert_chunk import Chunk, Firing
from server.rule_book import RuleBook
from server.store import swipes
from server.store.engine import stamp
from server.store.live_rows import announce_all
from server.store.schema import ALERT_TABLES, alert

_NOWHERE = Place()


class Alerts:
    """The alerts projection. ``announce`` is off while it is rebuilt: a rebuild rings nobody."""

    name = "alerts"
    tables: tuple[Table, ...] = ALERT_TABLES

    def __init__(self, places: Mapping[str, Place], now: Callable[[], datetime], *, announce: bool = True) -> None:
        self._places, self._now, self._announce = places, now, announce
        self._book = RuleBook()

    async def fold(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None:
        """Fact by fact in the log's order, each by the rules in force when it was received, so that neither a grouping
        of batches nor the hour of a rebuild changes the result."""
        versions = await self._book.of(connection, {batch.complex for batch in batches})
        chunk = Chunk(
            [firing for one in batches for firing in self._firings(one, versions[one.complex].at(one.received_at))]
        )
        if chunk.is_empty:
            return
        await chunk.load(connection)
        changed = chunk.walk()
        await chunk.save(connection)
        if self._announce:
            awaited = await swipes.close_awaited(connection, chunk.raised, self._now())
            old = {batch.complex for batch in batches if batch.is_adopted}  # told by the cell that they came from
            news = [one for one in changed if one[0] not in old and one[1] not in awaited]
            await announce_all(connection, "alert", news, stamp(self._now()))

    async def concerns(self, connection: AsyncConnection, batches: Sequence[Batch]) -> bool:
        """No version that is published later is of these: it begins after all that was received before it."""
        versions = await self._book.of(connection, {batch.complex for batch in batches})
        return any(one.facts_where(_wanted_by(versions[one.complex].at(one.received_at))) for one in batches)

    def _firings(self, batch: Batch, rules: Rules) -> list[Firing]:
        place = self._places.get(batch.complex, _NOWHERE)
        return [(fact, rules.fired(fact.event, place)) for fact in batch.facts_where(_wanted_by(rules))]


def _wanted_by(rules: Rules) -> Callable[[Sketch], bool]:
    return lambda sketch: rules.may_fire(sketch) or sketch.shows_a_place


async def picture_arrived(connection: AsyncConnection, complex_id: str, sha256: str, at: datetime) -> bool:
    """Let the screens show a picture that came after its alert; whether any alert has it."""
    query = select(alert.c.id).where(alert.c.complex == complex_id, alert.c.picture == sha256)
    found = (await connection.execute(query)).scalars().all()
    await announce_all(connection, "alert", [(complex_id, alert_id) for alert_id in found], stamp(at))
    return bool(found)
