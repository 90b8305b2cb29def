"""Who must hear of an erasure: gateways, by the list in their desired state; receivers that were sent records."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import derive
from server.feeds.cloudevents import erased_event
from server.retention import erasures, handed
from server.store import desired_rows
from server.store.schema import delivery, gateway, order_result
from server.store.upsert import insert

KIND = "erasures"
_AT_ONCE = 400
_MOST_IDS = 10_000  # in one event; more are told by their number


async def put_list(connection: AsyncConnection, complex_id: str, now: datetime) -> None:
    """The list of a complex as its desired state."""
    lists = await erasures.lists(connection)
    of = lists.get(complex_id) or lists.get("")
    if of is not None:
        await desired_rows.put(connection, complex_id, KIND, msgspec.to_builtins(of), "erasure", now)


async def answers(connection: AsyncConnection, identity: str, complex_id: str) -> dict[str, str]:
    """What each gateway that is concerned has said of an erasure; "" for those that have not answered yet."""
    query = select(gateway.c.id).where(gateway.c.replaced_at.is_(None)).order_by(gateway.c.id)
    if complex_id:
        query = query.where(gateway.c.complex == complex_id)
    said = select(order_result.c.gateway, order_result.c.text).where(order_result.c.id == identity)
    found = {row.gateway: row.text or "" for row in await connection.execute(said)}
    return {name: found.get(name, "") for name in (await connection.execute(query)).scalars()}


async def sent_to(connection: AsyncConnection, facts: Sequence[bytes]) -> dict[str, list[str]]:
    """Which of the facts each feed's receiver has been sent."""
    found: dict[str, list[str]] = {}
    for start in range(0, len(facts), _AT_ONCE):
        some = (delivery.c.id.in_(facts[start : start + _AT_ONCE]), delivery.c.state == "sent")
        for row in await connection.execute(select(delivery.c.feed, delivery.c.id).where(*some)):
            found.setdefault(row.feed, []).append(row.id.hex())
    return found | await handed.sent_to(connection, facts)


async def tell_receivers(
    connection: AsyncConnection,
    identity: str,
    sent: dict[str, list[str]],
    feeds: Collection[tuple[str, Collection[str]]],
    now: datetime,
) -> None:
    """Queue an event for each receiver that takes such events: which of the events it was sent are erased."""
    takes = {name for name, kinds in feeds if not kinds or "erased" in kinds}
    for feed, ids in sent.items():
        if feed not in takes or not ids:
            continue
        newest = select(func.coalesce(func.max(delivery.c.number), 0)).where(delivery.c.feed == feed)
        number = 1 + (await connection.execute(newest)).scalar_one()
        for part, start in enumerate(range(0, len(ids), _MOST_IDS)):
            name = derive("erased", identity, feed, part)
            row = {"feed": feed, "id": name, "number": number + part, "state": "waiting", "attempts": 0}
            body = erased_event(identity, name, ids[start : start + _MOST_IDS], now)
            await connection.execute(insert(delivery).values(**row, body=body).on_conflict_do_nothing())
