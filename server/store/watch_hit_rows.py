"""Statements on hits of watch lists: each for those alone whom it was told to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Select, and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.words import Lateness, lateness
from domain.passages import Passage
from server.store.engine import stamp
from server.store.people_tables import account
from server.store.place_tables import account_scope
from server.store.schema import complex_, parking_passage
from server.store.scope import Scope, complexes_in, scope_of, within
from server.store.upsert import insert
from server.store.watch_tables import watch_entry, watch_hit, watch_told

OFFICER = "security_officer"
MOST_SHOWN, MOST_ATTEMPTS, _AT_ONCE = 200, 5, 50


class HitView(msgspec.Struct, frozen=True):
    """A hit for one of those whom it is for. ``sealed``: what the entry says; None where it has ended since."""

    complex: str
    complex_name: str
    timezone: str
    id: str
    entry: str
    disposition: str
    how: str
    at: datetime
    received_at: datetime
    time_quality: str
    device: str
    begins_at: datetime
    ends_at: datetime
    lane: str | None = None
    place: str | None = None
    direction: str | None = None
    differs: str | None = None
    confidence: float | None = None
    sealed: bytes | None = None
    passage: bytes | None = None  # domain.passages.Passage as JSON: what was read
    picture: str | None = None  # that came with it, where a library below us saw it
    seen_at: datetime | None = None

    @property
    def shown(self) -> str | None:
        """What the camera saw, where the reading is a passage and not a question at a barrier."""
        if self.picture is not None or self.passage is None:
            return self.picture
        return msgspec.json.decode(self.passage, type=Passage).picture

    @property
    def lateness(self) -> Lateness:
        """How long after the car was there it was told of: whoever looks for it should know."""
        return lateness(self.at, self.received_at, unsure=self.time_quality == "unsynced")


class Unsent(msgspec.Struct, frozen=True):
    """Somebody who is still to be told of a hit."""

    complex: str
    hit: str
    account: str
    attempts: int
    happened_at: datetime
    received_at: datetime

    @property
    def is_late(self) -> bool:
        return lateness(self.happened_at, self.received_at) == "late"


async def add(connection: AsyncConnection, row: dict[str, Any], accounts: Sequence[str], now: datetime) -> bool:
    """Whether the hit is new; then it is for these accounts, and stays so."""
    done = await connection.execute(insert(watch_hit).values(**row).on_conflict_do_nothing())
    if done.rowcount != 1:
        return False
    told = {"complex": row["complex"], "hit": row["id"], "at": stamp(now), "attempts": 0}
    if accounts:
        await connection.execute(watch_told.insert(), [{**told, "account": name} for name in accounts])
    return True


async def is_told(connection: AsyncConnection, row: dict[str, Any], within_: timedelta) -> bool:
    """Whether it is known, or the same car at the same camera, as sure, about the same moment."""
    at = datetime.fromisoformat(row["at"])
    names = ("complex", "entry", "device", "how")
    about = watch_hit.c.at.between(stamp(at - within_), stamp(at + within_))
    query = select(watch_hit.c.id).where(*(watch_hit.c[name] == row[name] for name in names), about).limit(1)
    return (await connection.execute(query)).first() is not None


async def officers(connection: AsyncConnection, complex_id: str) -> list[str]:
    """Security officers who may sign in and see a complex, by name."""
    query = select(account.c.id, account.c.username).where(account.c.role == OFFICER, account.c.disabled_at.is_(None))
    found: list[str] = []
    for row in (await connection.execute(query.order_by(account.c.username))).all():
        scopes = await connection.execute(select(account_scope).where(account_scope.c.account == row.id))
        reached = await complexes_in(connection, scope_of((one.kind, one.place) for one in scopes))
        if reached is None or complex_id in reached:
            found.append(row.username)
    return found


def _views(name: str, scope: Scope) -> Select[Any]:
    """Only what was told to this very account, and still lies in its scope."""
    told = and_(watch_told.c.complex == watch_hit.c.complex, watch_told.c.hit == watch_hit.c.id)
    entry = and_(watch_entry.c.complex == watch_hit.c.complex, watch_entry.c.id == watch_hit.c.entry)
    read = and_(parking_passage.c.complex == watch_hit.c.complex, parking_passage.c.id == watch_hit.c.passage)
    hit = [watch_hit.c[column.name] for column in watch_hit.columns if column.name != "passage"]
    of_entry = (watch_entry.c.disposition, watch_entry.c.sealed, watch_entry.c.begins_at, watch_entry.c.ends_at)
    named = (complex_.c.name.label("complex_name"), complex_.c.timezone, watch_told.c.seen_at)
    query = select(*hit, *of_entry, *named, parking_passage.c.passage).join(watch_told, told).join(watch_entry, entry)
    query = query.join(complex_, complex_.c.id == watch_hit.c.complex).outerjoin(parking_passage, read)
    return query.where(watch_told.c.account == name, within(watch_hit.c.complex, scope))


async def page(connection: AsyncConnection, name: str, scope: Scope) -> list[HitView]:
    """The newest first."""
    query = _views(name, scope).order_by(watch_hit.c.at.desc(), watch_hit.c.id).limit(MOST_SHOWN)
    return [msgspec.convert(row, HitView) for row in (await connection.execute(query)).mappings()]


async def one(connection: AsyncConnection, name: str, scope: Scope, complex_id: str, identity: str) -> HitView | None:
    same = (watch_hit.c.complex == complex_id, watch_hit.c.id == identity)
    row = (await connection.execute(_views(name, scope).where(*same))).mappings().first()
    return None if row is None else msgspec.convert(row, HitView)


async def seen(connection: AsyncConnection, name: str, complex_id: str, identity: str, now: datetime) -> bool:
    """Whether it is the first time."""
    same = (watch_told.c.complex == complex_id, watch_told.c.hit == identity, watch_told.c.account == name)
    fresh = update(watch_told).where(*same, watch_told.c.seen_at.is_(None)).values(seen_at=stamp(now))
    return (await connection.execute(fresh)).rowcount == 1


async def unsent(connection: AsyncConnection) -> list[Unsent]:
    """Who is still to be told, the oldest hit first."""
    waits = (watch_told.c.sent_at.is_(None), watch_told.c.seen_at.is_(None), watch_told.c.attempts < MOST_ATTEMPTS)
    hit = and_(watch_hit.c.complex == watch_told.c.complex, watch_hit.c.id == watch_told.c.hit)
    whom = [watch_told.c[name] for name in ("complex", "hit", "account", "attempts")]
    query = select(*whom, watch_hit.c.at.label("happened_at"), watch_hit.c.received_at).join(watch_hit, hit)
    rows = await connection.execute(query.where(*waits).order_by(watch_told.c.at).limit(_AT_ONCE))
    return [msgspec.convert(row, Unsent) for row in rows.mappings()]


async def told(connection: AsyncConnection, one: Unsent, now: datetime | None) -> None:
    """Another attempt; ``now`` where somebody took it."""
    same = (watch_told.c.complex == one.complex, watch_told.c.hit == one.hit, watch_told.c.account == one.account)
    values = {"attempts": one.attempts + 1, "sent_at": stamp(now) if now else None}
    await connection.execute(update(watch_told).where(*same).values(**values))


async def of_sender(connection: AsyncConnection, kind: str, name: str, limit: int = MOST_SHOWN) -> list[dict[str, Any]]:
    """Hits of one sender's orders, the oldest first: what a platform's notifications are made of."""
    same = and_(watch_entry.c.complex == watch_hit.c.complex, watch_entry.c.id == watch_hit.c.entry)
    query = select(watch_hit, watch_entry.c.disposition).join(watch_entry, same)
    query = query.where(watch_entry.c.sender_kind == kind, watch_entry.c.sender == name)
    rows = await connection.execute(query.order_by(watch_hit.c.received_at, watch_hit.c.id).limit(limit))
    return [dict(row) for row in rows.mappings()]
