"""Statements on watch lists: entries as they are kept, what of them a gateway gets, and their end."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, delete, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.engine import stamp
from server.store.schema import complex_, desired_state
from server.store.scope import Scope, within
from server.store.upsert import insert
from server.store.watch_tables import watch_entry, watch_hit, watch_told

KIND = "watch_lists"
MOST_SHOWN = 500


class Sender(msgspec.Struct, frozen=True):
    """Whose order it is: an account's, or a platform's."""

    kind: str
    name: str


class Kept(msgspec.Struct, frozen=True):
    """An entry as it is kept; ``sealed`` None once it has ended."""

    complex: str
    id: str
    disposition: str
    sender_kind: str
    sender: str
    sealed: bytes | None
    begins_at: datetime
    ends_at: datetime
    made_at: datetime
    made_by: str
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    closed_at: datetime | None
    complex_name: str = ""
    timezone: str = ""

    def is_in_force(self, at: datetime) -> bool:
        """By the centre's own word: an end or a withdrawal counts from its moment on."""
        is_open = self.withdrawn_at is None and self.closed_at is None and self.sealed is not None
        return is_open and self.begins_at <= at < self.ends_at


async def add(connection: AsyncConnection, row: dict[str, Any]) -> bool:
    """Whether it is new."""
    done = await connection.execute(insert(watch_entry).values(**row).on_conflict_do_nothing())
    return done.rowcount == 1


def _query() -> Select[Any]:
    named = (complex_.c.name.label("complex_name"), complex_.c.timezone)
    return select(watch_entry, *named).join(complex_, complex_.c.id == watch_entry.c.complex)


async def page(connection: AsyncConnection, scope: Scope) -> list[Kept]:
    """Those that go on first, by their end; then what ended lately."""
    query = _query().where(within(watch_entry.c.complex, scope))
    order = (watch_entry.c.closed_at.is_not(None), watch_entry.c.closed_at.desc(), watch_entry.c.ends_at)
    rows = await connection.execute(query.order_by(*order, watch_entry.c.id).limit(MOST_SHOWN))
    return [msgspec.convert(row, Kept) for row in rows.mappings()]


async def one(connection: AsyncConnection, scope: Scope, complex_id: str, identity: str) -> Kept | None:
    same = (watch_entry.c.complex == complex_id, watch_entry.c.id == identity)
    row = (await connection.execute(_query().where(*same, within(watch_entry.c.complex, scope)))).mappings().first()
    return None if row is None else msgspec.convert(row, Kept)


async def some(connection: AsyncConnection, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Kept]:
    """Entries by complex and id."""
    named = tuple_(watch_entry.c.complex, watch_entry.c.id).in_(sorted(keys))
    rows = await connection.execute(select(watch_entry).where(named))
    found = [msgspec.convert(row, Kept) for row in rows.mappings()]
    return {(entry.complex, entry.id): entry for entry in found}


async def of_order(connection: AsyncConnection, sender: Sender, disposition: str) -> list[Kept]:
    """All entries of one order, in whatever complexes."""
    same = (watch_entry.c.sender_kind == sender.kind, watch_entry.c.sender == sender.name)
    rows = await connection.execute(select(watch_entry).where(*same, watch_entry.c.disposition == disposition))
    return [msgspec.convert(row, Kept) for row in rows.mappings()]


async def of_sender(connection: AsyncConnection, sender: Sender) -> list[Kept]:
    """One entry of each of its orders, an open one where there is any; the newest orders first."""
    mine = (watch_entry.c.sender_kind == sender.kind, watch_entry.c.sender == sender.name)
    order = (watch_entry.c.closed_at.is_not(None), watch_entry.c.complex)
    rank = func.row_number().over(partition_by=watch_entry.c.disposition, order_by=order).label("rank")
    ranked = select(watch_entry, rank).where(*mine).subquery()
    query = select(ranked).where(ranked.c.rank == 1).order_by(ranked.c.made_at.desc(), ranked.c.disposition)
    return [msgspec.convert(row, Kept) for row in (await connection.execute(query.limit(MOST_SHOWN))).mappings()]


async def open_ones(connection: AsyncConnection, complex_id: str) -> list[Kept]:
    """What a complex's gateways may have to know, in a steady order."""
    same = (watch_entry.c.complex == complex_id, watch_entry.c.closed_at.is_(None))
    rows = await connection.execute(select(watch_entry).where(*same).order_by(watch_entry.c.id))
    return [msgspec.convert(row, Kept) for row in rows.mappings()]


async def withdraw(connection: AsyncConnection, kept: Kept, by: str, now: datetime) -> bool:
    """Whether it still stood."""
    same = (watch_entry.c.complex == kept.complex, watch_entry.c.id == kept.id)
    still = (watch_entry.c.withdrawn_at.is_(None), watch_entry.c.closed_at.is_(None))
    values = {"withdrawn_at": stamp(now), "withdrawn_by": by, "closed_at": stamp(now), "sealed": None}
    done = await connection.execute(update(watch_entry).where(*same, *still).values(**values))
    return done.rowcount == 1


async def over(connection: AsyncConnection, now: datetime) -> list[Kept]:
    """Those whose end has gone by, and that nobody has closed yet."""
    ended = (watch_entry.c.closed_at.is_(None), watch_entry.c.ends_at <= stamp(now))
    rows = await connection.execute(select(watch_entry).where(*ended).order_by(watch_entry.c.complex).limit(MOST_SHOWN))
    return [msgspec.convert(row, Kept) for row in rows.mappings()]


async def close(connection: AsyncConnection, kept: Kept, now: datetime) -> bool:
    """Its words go."""
    same = (watch_entry.c.complex == kept.complex, watch_entry.c.id == kept.id, watch_entry.c.closed_at.is_(None))
    done = await connection.execute(update(watch_entry).where(*same).values(closed_at=stamp(now), sealed=None))
    return done.rowcount == 1


async def complexes(connection: AsyncConnection) -> list[str]:
    """Every complex that has open entries, or a list at its gateways."""
    opened = select(watch_entry.c.complex).where(watch_entry.c.closed_at.is_(None))
    listed = select(desired_state.c.complex).where(desired_state.c.kind == KIND)
    return sorted((await connection.execute(opened.union(listed))).scalars())


async def newest_list(connection: AsyncConnection, complex_id: str) -> bytes | None:
    """What gateways have."""
    same = (desired_state.c.complex == complex_id, desired_state.c.kind == KIND)
    query = select(desired_state.c.body).where(*same).order_by(desired_state.c.version.desc()).limit(1)
    return (await connection.execute(query)).scalar()


async def newest_name(connection: AsyncConnection, complex_id: str) -> str:
    """By what that is told from any other; "" where they have none."""
    same = (desired_state.c.complex == complex_id, desired_state.c.kind == KIND)
    query = select(desired_state.c.sha256).where(*same).order_by(desired_state.c.version.desc()).limit(1)
    return (await connection.execute(query)).scalar() or ""


async def forget_older(connection: AsyncConnection, complex_id: str, version: int) -> None:
    """Digests of who is looked for no more are kept no longer than that."""
    same = (desired_state.c.complex == complex_id, desired_state.c.kind == KIND)
    await connection.execute(delete(desired_state).where(*same, desired_state.c.version < version))


async def let_go(connection: AsyncConnection, before: datetime) -> int:
    """Entries that were closed before a moment go with their hits; how many."""
    old = select(watch_entry.c.complex, watch_entry.c.id).where(watch_entry.c.closed_at < stamp(before))
    keys = [(row.complex, row.id) for row in await connection.execute(old.limit(MOST_SHOWN))]
    if keys:
        hits = (await _hits_of(connection, keys)) or [("", "")]
        await connection.execute(delete(watch_told).where(tuple_(watch_told.c.complex, watch_told.c.hit).in_(hits)))
        await connection.execute(delete(watch_hit).where(tuple_(watch_hit.c.complex, watch_hit.c.entry).in_(keys)))
        await connection.execute(delete(watch_entry).where(tuple_(watch_entry.c.complex, watch_entry.c.id).in_(keys)))
    return len(keys)


async def _hits_of(connection: AsyncConnection, keys: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    query = select(watch_hit.c.complex, watch_hit.c.id).where(tuple_(watch_hit.c.complex, watch_hit.c.entry).in_(keys))
    return [(row.complex, row.id) for row in await connection.execute(query)]
