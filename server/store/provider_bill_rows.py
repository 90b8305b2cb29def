"""Providers' bills as they came: by merchant and day, a changed one beside the one before it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.engine import stamp
from server.store.payment_tables import provider_bill
from server.store.upsert import insert

KEPT_DAYS = 35  # the bytes, as of uploads: goods' names may hold plates, and providers keep bills for months
NOTHING = hashlib.sha256(b"").hexdigest()  # a day without trade


async def keep(
    connection: AsyncConnection, key: Mapping[str, str], name: str, content: bytes, checked: str, now: datetime
) -> bool:
    """Whether it is new: the same bytes twice are one bill. ``key``: channel, merchant, day, kind."""
    row = {**key, "sha256": hashlib.sha256(content).hexdigest(), "name": name, "content": content}
    row |= {"checked": checked, "fetched_at": stamp(now)}
    return bool((await connection.execute(insert(provider_bill).values(**row).on_conflict_do_nothing())).rowcount)


async def known(connection: AsyncConnection, since: str) -> set[tuple[str, str, str, str]]:
    """channel, merchant, day and kind of what is here of the days since."""
    table = provider_bill
    query = select(table.c.channel, table.c.merchant, table.c.day, table.c.kind).where(table.c.day >= since)
    return {(row.channel, row.merchant, row.day, row.kind) for row in await connection.execute(query)}


async def of_day(connection: AsyncConnection, day: str) -> list[Mapping[str, Any]]:
    """The newest version of each bill of a day, with its bytes."""
    query = select(provider_bill).where(provider_bill.c.day == day).order_by(provider_bill.c.fetched_at)
    found: dict[tuple[str, ...], Mapping[str, Any]] = {}
    for row in (await connection.execute(query)).mappings():
        found[row["channel"], row["merchant"], row["kind"]] = {str(name): value for name, value in row.items()}
    return list(found.values())


class Refused(msgspec.Struct, frozen=True):
    """A bill that was fetched and is no file of its day, and why."""

    channel: str
    merchant: str
    day: str
    kind: str
    name: str
    refused: str


async def untaken(connection: AsyncConnection) -> list[Mapping[str, Any]]:
    """Bills that are no files of their days yet, with their bytes, in the order in which they came."""
    table = provider_bill
    query = select(table).where(table.c.taken_at.is_(None)).order_by(table.c.fetched_at, table.c.kind)
    return [{str(name): value for name, value in row.items()} for row in (await connection.execute(query)).mappings()]


async def taken(connection: AsyncConnection, row: Mapping[str, Any], now: datetime, refused: str = "") -> None:
    same = [provider_bill.c[name] == row[name] for name in ("channel", "merchant", "day", "kind", "sha256")]
    values = {"taken_at": stamp(now), "refused": refused or None}
    await connection.execute(update(provider_bill).where(*same).values(**values))


async def refused_of(connection: AsyncConnection, day: str) -> list[Refused]:
    table = provider_bill
    columns = [table.c[name] for name in Refused.__struct_fields__]
    query = select(*columns).where(table.c.day == day, table.c.refused.is_not(None)).order_by(table.c.fetched_at)
    return [
        msgspec.convert({str(name): value for name, value in row.items()}, Refused)
        for row in (await connection.execute(query)).mappings()
    ]


async def content_of(connection: AsyncConnection, day: str, sha256: str) -> bytes | None:
    """The bytes of a bill, while they are here."""
    table = provider_bill
    query = select(table.c.content).where(table.c.day == day, table.c.sha256 == sha256)
    return (await connection.execute(query)).scalar() or None


async def let_go(connection: AsyncConnection, now: datetime | None = None) -> int:
    """The bytes of what came so long ago; of everything where no time is given: somebody is erased."""
    table = provider_bill
    due = [table.c.content != b"", table.c.taken_at.is_not(None)]
    if now is not None:
        due.append(table.c.fetched_at < stamp(now - timedelta(days=KEPT_DAYS)))
    return (await connection.execute(update(table).where(*due).values(content=b""))).rowcount
