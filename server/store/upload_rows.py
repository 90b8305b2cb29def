"""Rows of files given for a day: their bytes until the day is signed, and never longer than for a month."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, BinaryIO

import msgspec
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store import provider_bill_rows
from server.store.bill_tables import bill_setting, bill_upload
from server.store.engine import stamp
from server.store.upsert import insert

KEPT_DAYS = 35  # of a day that nobody signs: providers keep bills for three months
_NONE = "none:"
_CHUNK = 1 << 18
_LISTED = tuple(column for column in bill_upload.columns if column.name != "body")


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a file is, for people: they look before anything is reconciled."""

    kind: str  # trade | fund | statement | income | none
    channel: str = ""
    merchant: str = ""
    day: str = ""
    rows: int = 0
    sums: dict[str, Any] = {}
    fetched: bool = False  # from its provider, by the centre itself


class Upload(msgspec.Struct, frozen=True):
    """A file given for a day; ``has_body`` False: its bytes were let go."""

    complex: str
    day: str
    sha256: str
    name: str
    told: Told
    size_bytes: int
    given_at: str
    given_by: str
    removed_at: str | None
    removed_by: str | None
    has_body: bool

    @property
    def is_none(self) -> bool:
        return self.sha256.startswith(_NONE)


def packed(stream: BinaryIO) -> bytes:
    """A file's bytes, compressed as they come."""
    packing, found = zlib.compressobj(6), bytearray()
    while chunk := stream.read(_CHUNK):
        found += packing.compress(chunk)
    return bytes(found + packing.flush())


async def give(
    connection: AsyncConnection, complex_id: str, day: str, row: Mapping[str, Any], by: str, now: datetime
) -> bool:
    """Keep a file: its ``sha256``, ``name``, ``told``, ``size_bytes``, ``body``. Whether it was not there already."""
    said = {**row, "told": msgspec.to_builtins(row["told"]), "given_at": stamp(now), "given_by": by}
    known = {upload.sha256: upload for upload in await of_day(connection, complex_id, day, removed=True)}
    before = known.get(row["sha256"])
    if before is not None and before.removed_at is None and before.has_body:
        return False
    statement = insert(bill_upload).values(complex=complex_id, day=day, **said)
    again = {**{name: statement.excluded[name] for name in said}, "removed_at": None, "removed_by": None}
    keys = [bill_upload.c.complex, bill_upload.c.day, bill_upload.c.sha256]
    await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=again))
    return True


async def say_none(
    connection: AsyncConnection,
    complex_id: str,
    day: str,
    channel: str,
    by: str,
    now: datetime,
    *,
    fetched: bool = False,
) -> bool:
    """A channel has no bill that day: its provider says so."""
    row: dict[str, Any] = {"sha256": f"{_NONE}{channel}", "name": channel, "size_bytes": 0, "body": b""}
    row["told"] = Told("none", channel, fetched=fetched)
    return await give(connection, complex_id, day, row, by, now)


async def of_day(connection: AsyncConnection, complex_id: str, day: str, *, removed: bool = False) -> list[Upload]:
    """What was given for a day, in order; with what was taken back, where that is asked."""
    table = bill_upload
    has_body = table.c.body.is_not(None).label("has_body")
    query = select(*_LISTED, has_body).where(table.c.complex == complex_id, table.c.day == day)
    if not removed:
        query = query.where(table.c.removed_at.is_(None))
    rows = await connection.execute(query.order_by(table.c.given_at, table.c.name))
    return [msgspec.convert({**plain(row), "has_body": bool(row["has_body"])}, Upload) for row in rows.mappings()]


def plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row by the names of its columns as they are: some come quoted, which is no text to everybody."""
    return {str(name): value for name, value in row.items()}


async def body_of(connection: AsyncConnection, upload: Upload) -> bytes | None:
    """The bytes of a file, unpacked; of one that was fetched as they came. None where they were let go."""
    table = bill_upload
    same = (table.c.complex == upload.complex, table.c.day == upload.day, table.c.sha256 == upload.sha256)
    found = (await connection.execute(select(table.c.body).where(*same))).scalar()
    if found is None and upload.told.fetched:
        return await provider_bill_rows.content_of(connection, upload.day, upload.sha256)
    return None if found is None else zlib.decompress(found)


async def take_back(
    connection: AsyncConnection, complex_id: str, day: str, sha256: str, by: str | None, now: datetime
) -> bool:
    """Take a file back, or (``by`` None) give it again; whether that changed something."""
    table = bill_upload
    is_there = table.c.removed_at.is_(None) if by else table.c.removed_at.is_not(None)
    values = {"removed_at": stamp(now) if by else None, "removed_by": by}
    same = (table.c.complex == complex_id, table.c.day == day, table.c.sha256 == sha256, is_there)
    return bool((await connection.execute(update(table).where(*same).values(**values))).rowcount)


async def let_go(connection: AsyncConnection, complex_id: str, day: str) -> int:
    """Let the bytes of a day go: it is signed. What they were stays listed, by hash."""
    table = bill_upload
    taken_back = (table.c.complex == complex_id, table.c.day == day, table.c.removed_at.is_not(None))
    await connection.execute(delete(table).where(*taken_back))
    same = (table.c.complex == complex_id, table.c.day == day, table.c.body.is_not(None))
    return (await connection.execute(update(table).where(*same).values(body=None))).rowcount


async def let_go_old(connection: AsyncConnection, now: datetime, most: int) -> int:
    """The bytes of days that nobody signed."""
    table = bill_upload
    due = select(table.c.complex, table.c.day, table.c.sha256).where(
        table.c.given_at < stamp(now - timedelta(days=KEPT_DAYS)), table.c.body.is_not(None)
    )
    rows = (await connection.execute(due.limit(most))).all()
    for row in rows:
        same = (table.c.complex == row.complex, table.c.day == row.day, table.c.sha256 == row.sha256)
        await connection.execute(update(table).where(*same).values(body=None))
    return len(rows)


async def let_go_all(connection: AsyncConnection, complexes: list[str]) -> int:
    """All bytes of these complexes, of every one where none is named: somebody is erased who may stand in them."""
    table = bill_upload
    query = update(table).where(table.c.body.is_not(None), table.c.size_bytes > 0)
    if complexes:
        query = query.where(table.c.complex.in_(complexes))
    return (await connection.execute(query.values(body=None))).rowcount


async def count(connection: AsyncConnection, complex_id: str, first: str, last: str) -> dict[str, int]:
    """How many files each day has."""
    table = bill_upload
    where = (table.c.complex == complex_id, table.c.day.between(first, last), table.c.removed_at.is_(None))
    rows = await connection.execute(select(table.c.day, func.count()).where(*where).group_by(table.c.day))
    return {row[0]: row[1] for row in rows}


async def setting(connection: AsyncConnection, complex_id: str, name: str) -> Any:
    """What was set for a complex; None for nothing."""
    table = bill_setting
    query = select(table.c.value).where(table.c.complex == complex_id, table.c.name == name)
    return (await connection.execute(query)).scalar()


async def put_setting(
    connection: AsyncConnection, complex_id: str, name: str, value: Any, by: str, now: datetime
) -> None:
    said = {"value": value, "set_at": stamp(now), "set_by": by}
    statement = insert(bill_setting).values(complex=complex_id, name=name, **said)
    keys = [bill_setting.c.complex, bill_setting.c.name]
    again = {key: statement.excluded[key] for key in said}
    await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=again))
