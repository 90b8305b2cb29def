"""A bill that was fetched counts as a file of its day in each complex of its merchant, as if somebody had given it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.reconciliation import BadBill
from domain.reconciliation.rows import TradeBill
from server.audit import Actor, Subject, record
from server.bill_files import Mappings, check_day, read_given, told_of
from server.payments.merchants import Merchant, chosen
from server.store import provider_bill_rows, upload_rows
from server.store.engine import Database
from server.store.schema import complex_

Row = Mapping[str, Any]
_ITSELF = Actor("gatehouse", "centre")


async def take_new(db: Database, merchants: list[Merchant], now: datetime) -> int:
    """Every fetched bill that is none of its day's files yet, once; how many. One that is refused is so whole."""
    async with db.read() as connection:
        rows = await provider_bill_rows.untaken(connection)
        places = list((await connection.execute(select(complex_.c.id).order_by(complex_.c.id))).scalars())
    for row in rows:
        refused = ""
        try:
            file = await asyncio.to_thread(_read, row) if row["content"] else None
            for place in places_of(merchants, row, places):
                await _take(db, place, row, file, now)
        except BadBill as error:
            refused = "; ".join(text for text in (error.reason, error.remedy) if text)
        async with db.write() as connection:
            await provider_bill_rows.taken(connection, row, now, refused)
    return len(rows)


def places_of(merchants: list[Merchant], row: Row, places: Sequence[str]) -> list[str]:
    """The complexes whose money goes to the merchant of a bill."""
    found = {place: chosen(merchants, row["channel"], place) for place in places}
    return [place for place, one in found.items() if one is not None and one.merchant == row["merchant"]]


async def refused_for(
    connection: AsyncConnection, merchants: list[Merchant], complex_id: str, day: str
) -> list[provider_bill_rows.Refused]:
    """The bills of a complex's day that were fetched and could not be taken."""
    rows = await provider_bill_rows.refused_of(connection, day)
    return [one for one in rows if places_of(merchants, msgspec.structs.asdict(one), [complex_id])]


def _read(row: Row) -> dict[str, Any]:
    """What ``upload_rows.give`` keeps. Raises BadBill."""
    found = read_given(row["name"], io.BytesIO(row["content"]), Mappings())
    check_day(found, date.fromisoformat(row["day"]))
    if isinstance(found, TradeBill) and found.merchants and not _is_of(row, found.merchants):
        reason = f"it is the bill of merchant {', '.join(found.merchants)}, and {row['merchant']} was asked for"
        raise BadBill(row["name"], reason, remedy="look at the merchant's keys in server.toml")
    told = msgspec.structs.replace(told_of(found), fetched=True)
    body = upload_rows.packed(io.BytesIO(row["content"]))
    said = {"sha256": found.digests.sha256, "name": row["name"], "told": told, "size_bytes": len(row["content"])}
    return {**said, "body": body}


def _is_of(row: Row, merchants: Sequence[str]) -> bool:
    return all(one in (row["merchant"], f"{row['merchant']}0156") for one in merchants)


async def _take(db: Database, complex_id: str, row: Row, file: Row | None, now: datetime) -> None:
    """What is known already stays as people left it: also one that they took back."""
    day = row["day"]
    async with db.write(complex_id) as connection:
        known = await upload_rows.of_day(connection, complex_id, day, removed=True)
        if file is None:
            await _say_none(connection, complex_id, row, known, now)
            return
        if any(one.sha256 == file["sha256"] for one in known):
            return
        for one in known:
            if one.removed_at is None and _is_replaced(one, file["told"]):
                await upload_rows.take_back(connection, complex_id, day, one.sha256, _ITSELF.who, now)
                _note(connection, complex_id, day, "bills.taken_back", {"sha256": one.sha256, "again": False}, now)
        await upload_rows.give(connection, complex_id, day, file, _ITSELF.who, now)
        told = {"sha256": file["sha256"], "kind": row["kind"], "channel": row["channel"], "new": True}
        _note(connection, complex_id, day, "bills.given", told, now)


async def _say_none(
    connection: AsyncConnection, complex_id: str, row: Row, known: Sequence[upload_rows.Upload], now: datetime
) -> None:
    """No trade at the merchant; an empty fund bill says nothing of its own."""
    if row["kind"] != "trade" or any(one.told.channel == row["channel"] for one in known if one.told.kind != "fund"):
        return
    await upload_rows.say_none(connection, complex_id, row["day"], row["channel"], _ITSELF.who, now, fetched=True)
    told = {"kind": "none", "channel": row["channel"]}
    _note(connection, complex_id, row["day"], "bills.given", told, now)


def _is_replaced(one: upload_rows.Upload, told: upload_rows.Told) -> bool:
    """An older version that was fetched, or the word that there was no trade: the provider says otherwise now."""
    if one.told.channel != told.channel:
        return False
    if one.told.kind == "none":
        return told.kind == "trade"
    return one.told.fetched and one.told.kind == told.kind


def _note(
    connection: AsyncConnection, complex_id: str, day: str, act: str, told: dict[str, Any], now: datetime
) -> None:
    record(connection, _ITSELF, act, now, on=Subject("bills", day), complex_id=complex_id, details=told)
