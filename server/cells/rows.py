"""Rows that travel with a complex: read in parcels, written once, and summed up so that both ends can be compared."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, Select, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from eventlog.shards import shard_of
from server.cells import moves
from server.cells.catalogue import DERIVED, Traveller, exact, orphans, travellers
from server.store.engine import stamp
from server.store.schema import account, alert, batch
from server.store.upsert import insert

_PARCEL_ROWS = 500
_NOBODYS = "!"  # a password hash that no password has
_ROUND = 2**64
_OWNERS = ("alert", "gateway")  # by which others are found
Digest = tuple[int, str]  # of how many rows, and the sum of their hashes


class Parcel(msgspec.Struct, frozen=True):
    """Some rows of one table, each in order of the table's columns; an account is a name and a role."""

    table: str
    columns: list[str]
    rows: list[list[Any]]


class People:
    """Accounts by number as another cell names them: with where they are from, lest one be taken for a namesake."""

    def __init__(self, cell: str, rows: Sequence[Any]) -> None:
        self._by_id = {row.id: _named(row.username, cell) for row in rows}

    @classmethod
    async def load(cls, connection: AsyncConnection, cell: str) -> People:
        return cls(cell, (await connection.execute(select(account.c.id, account.c.username))).all())

    def name(self, number: int | None) -> str | None:
        return None if number is None else self._by_id[number]


def _named(username: str, cell: str) -> str:
    return username if "@" in username or not cell else f"{username}@{cell}"


async def in_pieces(connection: AsyncConnection, query: Select[Any]) -> AsyncIterator[Row[Any]]:
    """The rows, a few hundred at a time: each by itself would cost more than what is done with it."""
    async for piece in (await connection.stream(query)).partitions(_PARCEL_ROWS):
        for row in piece:
            yield row


async def parcels(connection: AsyncConnection, complex_id: str, cell: str) -> AsyncIterator[Parcel]:
    """All that travels as rows, always in the same order while nothing changes; marks are among the first of them, and
    the batches under them are there already."""
    people = await People.load(connection, cell)
    for traveller in travellers():
        rows: list[list[Any]] = []
        async for row in _rows(connection, traveller, complex_id, people):
            rows.append(row)
            if len(rows) == _PARCEL_ROWS:
                yield _parcel(traveller, rows)
                rows = []
        if rows:
            yield _parcel(traveller, rows)


def _parcel(traveller: Traveller, rows: list[list[Any]]) -> Parcel:
    return Parcel(traveller.name, traveller.names, rows)


async def _rows(
    connection: AsyncConnection, traveller: Traveller, complex_id: str, people: People, *, whole: bool = False
) -> AsyncIterator[list[Any]]:
    """``whole``: also what is not sent, because it is counted again from the batches."""
    is_counted = traveller.name == "batch_day" and not whole
    chosen = orphans(traveller, complex_id) if is_counted else traveller.of(complex_id)
    query = select(*traveller.columns).where(chosen).order_by(*traveller.table.primary_key.columns)
    async for found in in_pieces(connection, query):
        row = list(found)
        for index in traveller.people:
            row[index] = people.name(row[index])
        if is_counted:
            index = row_index(traveller, "position")
            row[index] = -abs(row[index])  # of no batch there, for ever
        yield row


def row_index(traveller: Traveller, name: str) -> int:
    return traveller.names.index(name)


async def write(connection: AsyncConnection, parcel: Parcel, now: datetime) -> None:
    """Put a parcel's rows where they belong; what was folded here from the batches gives way to what was there."""
    traveller = next(one for one in travellers() if one.name == parcel.table)
    table, names = exact(traveller.table), traveller.names
    if parcel.columns != names:
        raise ValueError(f"{parcel.table} has other columns there: upgrade both cells to the same version")
    for index in traveller.people:
        accounts = await _accounts(connection, {row[index] for row in parcel.rows if row[index]}, now)
        for row in parcel.rows:
            row[index] = accounts.get(row[index])
    values = [dict(zip(names, row, strict=True)) for row in parcel.rows]
    keys = [column.name for column in traveller.table.primary_key]
    into = insert(table)
    changed = {name: into.excluded[name] for name in names if name not in keys}
    if traveller.is_numbered or not changed:
        await connection.execute(into.on_conflict_do_nothing(), values)
    else:
        await connection.execute(into.on_conflict_do_update(index_elements=keys, set_=changed), values)


async def make_way(connection: AsyncConnection, complex_id: str) -> None:
    """Drop the alerts folded here from the batches before the complex's rules were known: all come as rows."""
    await connection.execute(delete(alert).where(alert.c.complex == complex_id))


async def erase(connection: AsyncConnection, complex_id: str, now: datetime, keep: Collection[str] = ()) -> None:
    """Remove all that travels of a complex, the tables in ``keep`` apart; what its gateways are known by goes last."""
    before = await moves.of(connection, complex_id)
    await moves.change(connection, complex_id, now, state="writing")
    await connection.execute(delete(batch).where(*_batches_of(complex_id)))
    leaves_first = travellers()[::-1]
    for traveller in sorted(leaves_first, key=lambda one: _OWNERS.index(one.name) if one.name in _OWNERS else -1):
        if traveller.name not in ("complex", *keep):
            await connection.execute(delete(traveller.table).where(traveller.of(complex_id)))
    if before is not None:
        await moves.change(connection, complex_id, now, state=before.state)


async def _accounts(connection: AsyncConnection, names: set[str], now: datetime) -> dict[str, int]:
    """The numbers here of people who acted there; who is new gets an account that nobody can sign in to or sees by."""
    for name in sorted(names):
        values = {"username": name, "password_hash": _NOBODYS, "role": "patrol"}
        new = insert(account).values(**values, created_at=stamp(now))
        await connection.execute(new.on_conflict_do_nothing(index_elements=["username"]))
    rows = await connection.execute(select(account.c.username, account.c.id).where(account.c.username.in_(names)))
    return {row.username: row.id for row in rows}


async def digests(connection: AsyncConnection, complex_id: str, cell: str = "") -> dict[str, Digest]:
    """By table, what of the complex is here; the same at both ends when all has travelled. ``cell`` is this cell's name
    where its own people must be named as they are elsewhere."""
    people, found = await People.load(connection, cell), {"batch": await _of_batches(connection, complex_id)}
    for traveller in travellers():
        count = total = 0
        async for row in _rows(connection, traveller, complex_id, people, whole=True):
            count, total = count + 1, total + _hash([row[index] for index in traveller.alike])
        found[traveller.name] = (count, f"{total % _ROUND:016x}")
    return found


def _batches_of(complex_id: str) -> tuple[ColumnElement[bool], ...]:
    """By the shard too: there is no index by complex."""
    return batch.c.shard == int(shard_of(complex_id)), batch.c.complex == complex_id


async def _of_batches(connection: AsyncConnection, complex_id: str) -> Digest:
    columns = [column for column in batch.columns if column.name not in ("position", "shard")]
    count = total = 0
    async for row in in_pieces(connection, select(*columns).where(*_batches_of(complex_id))):
        count, total = count + 1, total + _hash(list(row))
    return count, f"{total % _ROUND:016x}"


def _hash(row: list[Any]) -> int:
    written = msgspec.json.encode(row, order="deterministic")
    return int.from_bytes(hashlib.sha256(written).digest()[:8], "big")


def differences(here: dict[str, Digest], there: dict[str, Digest]) -> list[str]:
    """What is not the same, in words."""
    return [
        f"{table}: {here.get(table, (0, ''))[0]} here, {there.get(table, (0, ''))[0]} there"
        + (" (derived from the batches)" if table in DERIVED else "")
        for table in sorted(here.keys() | there.keys())
        if here.get(table) != there.get(table)
    ]
