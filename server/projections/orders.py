"""What became of orders, folded from gateways' answers: whatever order they arrive in, the same result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.orders import STATES, settled
from server.batches import Batch, facts_of
from server.facts import Fact
from server.store.engine import stamp
from server.store.schema import ORDER_TABLES, order_result
from server.store.upsert import insert

GATEWAY_DEVICE = "gateway"  # the agent itself: a device's own answer is evidence, not the result
_KINDS = frozenset({"command_result"})
Row = dict[str, Any]


class OrderResults:
    """One row an order: its settled state, since when, and what was said. Only its own gateway is believed."""

    name = "orders"
    tables: tuple[Table, ...] = ORDER_TABLES

    async def fold(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None:
        for fact in facts_of(batches, _KINDS):
            event = fact.event
            if event.device == GATEWAY_DEVICE and event.state in STATES:
                await _fold_one(connection, fact)


async def _fold_one(connection: AsyncConnection, fact: Fact) -> None:
    event = fact.event
    if not event.request_id:
        return
    said: Row = {
        "gateway": fact.gateway,
        "id": event.request_id,
        "state": event.state,
        "at": stamp(event.occurred_at),
        "text": event.text,
    }
    same = (order_result.c.gateway == fact.gateway, order_result.c.id == event.request_id)
    known = (await connection.execute(select(order_result).where(*same))).mappings().first()
    row = said if known is None else _better(dict(known), said)
    statement = insert(order_result).values(**row)
    fresh = {name: row[name] for name in ("state", "at", "text")}
    await connection.execute(statement.on_conflict_do_update(index_elements=["gateway", "id"], set_=fresh))


def _better(known: Row, said: Row) -> Row:
    """The one whose state stands; of two that say the same, the earlier."""
    if known["state"] == said["state"]:
        return min(known, said, key=lambda row: (row["at"], row["text"] or ""))
    return known if settled([known["state"], said["state"]]) == known["state"] else said
