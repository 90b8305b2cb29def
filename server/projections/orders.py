"""What became of orders, folded from gateways' answers: whatever order they arrive in, the same result."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.orders import STATES, State, settled
from server.batches import Batch, facts_of
from server.facts import Fact
from server.store.bulk import look_up, upsert
from server.store.engine import stamp
from server.store.schema import ORDER_TABLES, order_result

GATEWAY_DEVICE = "gateway"  # the agent itself: a device's own answer is evidence, not the result
_KINDS = frozenset({"command_result"})


class Result(msgspec.Struct, frozen=True, gc=False):
    """A row of the table, its fields in the order of the columns."""

    gateway: str
    id: str
    state: State
    at: str
    text: str | None


_COLUMNS = Result.__struct_fields__
_KEY = {"gateway": "varchar", "id": "varchar"}
_KNOWN = f"""SELECT {", ".join(f"order_result.{name}" for name in _COLUMNS)} FROM wanted CROSS JOIN order_result
WHERE order_result.gateway = wanted.gateway AND order_result.id = wanted.id"""  # noqa: S608 - names of ours


class OrderResults:
    """One row an order: its settled state, since when, and what was said. Only its own gateway is believed."""

    name = "orders"
    tables: tuple[Table, ...] = ORDER_TABLES

    async def fold(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None:
        said = [result for fact in facts_of(batches, _KINDS) if (result := result_of(fact))]
        keys = list({(result.gateway, result.id) for result in said})
        stand = {row[:2]: Result(*row) for row in await look_up(connection, _KEY, keys, _KNOWN)}
        for result in said:
            key = (result.gateway, result.id)
            stand[key] = _better(stand.get(key, result), result)
        await upsert(connection, order_result, _COLUMNS, [msgspec.structs.astuple(one) for one in stand.values()])

    async def concerns(self, connection: AsyncConnection, batches: Sequence[Batch]) -> bool:
        return any(result_of(fact) is not None for fact in facts_of(batches, _KINDS))


def result_of(fact: Fact) -> Result | None:
    """What an event says of an order; None for an event that says nothing of one."""
    event = fact.event
    if event.device != GATEWAY_DEVICE or event.state not in STATES or not event.request_id:
        return None
    return Result(fact.gateway, event.request_id, event.state, stamp(event.occurred_at), event.text)


def _better(known: Result, said: Result) -> Result:
    """The one whose state stands; of two that say the same, the earlier."""
    if known.state == said.state:
        return min(known, said, key=lambda result: (result.at, result.text or ""))
    return known if settled([known.state, said.state]) == known.state else said
