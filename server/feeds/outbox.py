"""A feed's outbox: facts become deliveries in one transaction with the feed's cursor, each fact once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.events import CONFIDENTIAL
from domain.tombstones import TOMBSTONE
from server.batches import Batch, facts_of
from server.facts import Fact
from server.feeds.cloudevents import cloud_event
from server.store.schema import delivery
from server.store.upsert import insert


class Outbox:
    """Queues the facts of some kinds for one feed; a fact that comes again, under another origin, is not sent again."""

    adopts = (
        True  # what came from another cell was sent, or is being sent, by that one: noted, so that no repeat is sent
    )

    def __init__(self, feed: str, kinds: frozenset[str]) -> None:
        self.name = f"feed:{feed}"
        self._feed, self._kinds = feed, kinds - CONFIDENTIAL
        self._is_all = not kinds

    @property
    def _wanted(self) -> frozenset[str] | None:
        """Whoever asked for nothing but what is confidential gets nothing, not all."""
        return None if self._is_all else self._kinds

    async def fold(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None:
        await self._note(connection, [batch for batch in batches if batch.is_adopted])
        own = [batch for batch in batches if not batch.is_adopted]
        wanted = [fact for fact in facts_of(own, self._wanted) if fact.event.kind != TOMBSTONE]
        if not wanted:
            return
        number = await _newest(connection, self._feed)
        rows = [_row(self._feed, fact, number + 1 + index) for index, fact in enumerate(wanted)]
        await connection.execute(insert(delivery).on_conflict_do_nothing(), rows)

    async def _note(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None:
        facts = facts_of(batches, self._wanted)
        if facts:
            number = await _newest(connection, self._feed)
            of_others = {"state": "elsewhere", "body": None, "number": number}
            rows = [{**_row(self._feed, fact, number), **of_others} for fact in facts]
            await connection.execute(insert(delivery).on_conflict_do_nothing(), rows)


async def _newest(connection: AsyncConnection, feed: str) -> int:
    query = select(func.coalesce(func.max(delivery.c.number), 0)).where(delivery.c.feed == feed)
    return (await connection.execute(query)).scalar_one()


def _row(feed: str, fact: Fact, number: int) -> dict[str, Any]:
    body = cloud_event(fact)
    return {"feed": feed, "id": fact.id, "number": number, "state": "waiting", "attempts": 0, "body": body}
