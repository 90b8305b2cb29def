"""Rows of our own view library: sessions, answers used up, subscriptions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.viid.subscriptions import State, Subscription
from server.store.engine import stamp, unstamp
from server.store.upsert import insert
from server.store.viid_tables import viid_nonce, viid_session, viid_subscription

Kept = Literal["new", "changed", "same"]


class Session(msgspec.Struct, frozen=True):
    """Of a registered peer."""

    heard_at: datetime
    address: str


class Held(msgspec.Struct, frozen=True):
    """A peer's subscription; ``reported_at``: when a report of it was last taken."""

    peer: str
    of: Subscription
    cancelled_at: datetime | None = None
    reported_at: datetime | None = None
    told: str | None = None  # a digest of the directory that it was last told

    def state(self, now: datetime) -> State:
        if self.cancelled_at is not None:
            return "cancelled"
        return "expired" if now >= self.of.ends_at else "active"


async def session(connection: AsyncConnection, peer: str) -> Session | None:
    query = select(viid_session.c.heard_at, viid_session.c.address).where(viid_session.c.peer == peer)
    row = (await connection.execute(query)).first()
    return None if row is None else Session(unstamp(row.heard_at), row.address)


async def open_session(connection: AsyncConnection, peer: str, address: str, now: datetime) -> None:
    values = {"since": stamp(now), "heard_at": stamp(now), "address": address}
    statement = insert(viid_session).values(peer=peer, **values)
    await connection.execute(statement.on_conflict_do_update(index_elements=["peer"], set_=values))


async def heard(connection: AsyncConnection, peer: str, now: datetime) -> None:
    await connection.execute(update(viid_session).where(viid_session.c.peer == peer).values(heard_at=stamp(now)))


async def close_session(connection: AsyncConnection, peer: str) -> None:
    await connection.execute(delete(viid_session).where(viid_session.c.peer == peer))


async def use_up(connection: AsyncConnection, nonce: str, until: datetime, now: datetime) -> bool:
    """Whether the nonce was not used before; those that are too old to be shown again are forgotten."""
    await connection.execute(delete(viid_nonce).where(viid_nonce.c.until < stamp(now)))
    statement = insert(viid_nonce).values(nonce=nonce, until=stamp(until)).on_conflict_do_nothing()
    return bool((await connection.execute(statement)).rowcount)


async def subscriptions(connection: AsyncConnection, peers: Sequence[str]) -> list[Held]:
    """Those of some peers, in the order in which they were made."""
    query = select(viid_subscription).where(viid_subscription.c.peer.in_(peers))
    rows = (await connection.execute(query.order_by(viid_subscription.c.made_at, viid_subscription.c.id))).all()
    return [
        Held(
            row.peer,
            msgspec.json.decode(row.body, type=Subscription),
            unstamp(row.cancelled_at) if row.cancelled_at else None,
            unstamp(row.reported_at) if row.reported_at else None,
            row.told,
        )
        for row in rows
    ]


async def subscribe(connection: AsyncConnection, peer: str, one: Subscription, now: datetime) -> Kept:
    """Keep it; the same number with other words is the newer wish of its peer."""
    body = msgspec.json.encode(one).decode()
    same = (viid_subscription.c.peer == peer, viid_subscription.c.id == one.id)
    before = (await connection.execute(select(viid_subscription).where(*same))).first()
    if before is not None and before.body == body and before.cancelled_at is None:
        return "same"
    values = {"begins_at": stamp(one.begins_at), "ends_at": stamp(one.ends_at), "interval_s": one.interval_s}
    values |= {"body": body, "made_at": stamp(now), "cancelled_at": None, "cancelled_why": None, "told": None}
    statement = insert(viid_subscription).values(peer=peer, id=one.id, **values)
    await connection.execute(statement.on_conflict_do_update(index_elements=["peer", "id"], set_=values))
    return "new" if before is None else "changed"


async def cancel(connection: AsyncConnection, peer: str, number: str, why: str, now: datetime) -> bool:
    """Whether there was one to cancel; cancelled twice is cancelled."""
    same = (viid_subscription.c.peer == peer, viid_subscription.c.id == number)
    there = (await connection.execute(select(viid_subscription.c.id).where(*same))).first()
    open_ = update(viid_subscription).where(*same, viid_subscription.c.cancelled_at.is_(None))
    await connection.execute(open_.values(cancelled_at=stamp(now), cancelled_why=why[:500]))
    return there is not None


async def reported(connection: AsyncConnection, peer: str, numbers: Sequence[str], now: datetime) -> None:
    """A report of each begins."""
    same = (viid_subscription.c.peer == peer, viid_subscription.c.id.in_(numbers))
    await connection.execute(update(viid_subscription).where(*same).values(reported_at=stamp(now)))


async def told(connection: AsyncConnection, peer: str, number: str, digest: str) -> None:
    """The directory that it has now."""
    same = (viid_subscription.c.peer == peer, viid_subscription.c.id == number)
    await connection.execute(update(viid_subscription).where(*same).values(told=digest))
