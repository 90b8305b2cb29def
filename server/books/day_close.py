"""The close of a day: what was given for it and what our tables say are reconciled, and two people close it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime
from functools import partial

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.reconciliation import BankColumns, Books, Item, Result, ShedColumns, reconcile
from domain.reconciliation.rows import AnyFile, FundBill, TradeBill
from server.audit import Actor
from server.bill_files import Mappings, read_all
from server.books import reconciled
from server.books.income import book_bills, book_income
from server.books.reconciled import Kept, NotDone
from server.store import bill_rows, lane_watermarks, payment_rows, upload_rows
from server.store.engine import Database
from server.store.our_side import Orders, our_side, zone_of


class Given(msgspec.Struct, frozen=True):
    """What was given for a day, read whole."""

    files: Sequence[AnyFile]
    without: Sequence[str]
    hashes: frozenset[str]


async def mappings_of(connection: AsyncConnection, complex_id: str) -> Mappings:
    """What its bank and its sheds call their columns, as somebody said on the page."""
    bank = await upload_rows.setting(connection, complex_id, "bank_columns")
    sheds = await upload_rows.setting(connection, complex_id, "shed_columns")
    return Mappings(msgspec.convert(bank or {}, BankColumns), msgspec.convert(sheds or {}, ShedColumns))


async def given(db: Database, complex_id: str, day: date) -> Given:
    """Raises BadBill, and NotDone where the bytes of a file were let go."""
    async with db.read() as connection:
        uploads = await upload_rows.of_day(connection, complex_id, day.isoformat())
        mappings = await mappings_of(connection, complex_id)
        files = [one for one in uploads if not one.is_none]
        bodies = [(one.name, await upload_rows.body_of(connection, one)) for one in files]
    if gone := [name for name, body in bodies if body is None]:
        raise NotDone(f"the bytes of {', '.join(gone)} were let go: give the files again")
    read = await asyncio.to_thread(read_all, [(name, body or b"") for name, body in bodies], mappings)
    async with db.read() as connection:
        read = await own(connection, complex_id, read)
    without = [one.name for one in uploads if one.is_none]
    return Given(read, without, frozenset(one.sha256 for one in files))


async def own(connection: AsyncConnection, complex_id: str, files: Sequence[AnyFile]) -> list[AnyFile]:
    """The files without what was asked for in another complex: a merchant may take the money of several."""
    named = {row.order for one in files if isinstance(one, TradeBill) for row in one.rows}
    others = await payment_rows.of_others(connection, complex_id, named)
    if not others:
        return list(files)
    theirs = [row for one in files if isinstance(one, TradeBill) for row in one.rows if row.order in others]
    moved = {number for row in theirs for number in (row.trade_id, row.refund_id) if number}
    return [_without(one, others, moved) for one in files]


def _without(file: AnyFile, orders: set[str], moved: set[str]) -> AnyFile:
    if isinstance(file, TradeBill):
        return msgspec.structs.replace(file, rows=[row for row in file.rows if row.order not in orders])
    if isinstance(file, FundBill):
        return msgspec.structs.replace(file, rows=[row for row in file.rows if row.business not in moved])
    return file


async def books_of(db: Database, complex_id: str, day: date, files: Sequence[AnyFile]) -> Books:
    """Our side of the day, with what the bills name. Raises our_side.NoComplex."""
    rows = [row for one in files if isinstance(one, TradeBill) for row in one.rows]
    orders = {row.order for row in rows if row.kind == "payment"}
    named = Orders(orders, {row.refund for row in rows if row.refund})
    async with db.read() as connection:
        return await our_side(connection, complex_id, day, named)


async def reconcile_day(db: Database, complex_id: str, day: date, by: str | Actor, now: datetime) -> Kept:
    """Reconcile what was given with what our tables say, keep it, and book what sheds and charging brought.

    Raises NotDone, BadBill.
    """
    judged = await _judge(db, complex_id, day)

    async def also(connection: AsyncConnection, result: Result) -> None:
        await book_income(connection, complex_id, result, now)

    return await reconciled.keep(db, complex_id, day, judged, by, now, also)


async def _judge(db: Database, complex_id: str, day: date) -> reconciled.Reconcile:
    what = await given(db, complex_id, day)
    books = await books_of(db, complex_id, day, what.files)
    return partial(_reconciled, day, books, what)


def _reconciled(day: date, books: Books, what: Given, before: list[Item]) -> Result:
    return reconcile(day, books, what.files, before=before, without=what.without)


class Hindrance(msgspec.Struct, frozen=True):
    """Why a day cannot be signed yet: a word, and what it is about."""

    word: str  # not_over | no_report | provisional | stale | not_judged | signed
    about: str = ""
    told_until: datetime | None = None  # of a gateway: it told of its lanes up to then


async def hindrances(connection: AsyncConnection, complex_id: str, day: date, now: datetime) -> list[Hindrance]:
    """Why a day cannot be signed, whoever would."""
    zone = await zone_of(connection, complex_id)
    found: list[Hindrance] = []
    if day >= now.astimezone(zone).date():
        found.append(Hindrance("not_over"))
    late = await lane_watermarks.provisional(connection, complex_id, day)
    found += [Hindrance("provisional", one.gateway, one.told_until) for one in late]
    newest = await bill_rows.newest(connection, complex_id, day.isoformat())
    if newest is None:
        return [*found, Hindrance("no_report")]
    if newest["signed_at"] is not None:
        return [Hindrance("signed", newest["signed_by"])]
    report = msgspec.json.decode(newest["body"], type=_Report)
    uploads = await upload_rows.of_day(connection, complex_id, day.isoformat())
    hashes = {one.sha256 for one in uploads if not one.is_none}
    if uploads and hashes != set(report.sources.values()):
        found.append(Hindrance("stale"))
    return found + [Hindrance("not_judged", one.channel) for one in report.not_judged]


class _Unjudged(msgspec.Struct):
    channel: str


class _Report(msgspec.Struct):
    sources: dict[str, str]
    not_judged: list[_Unjudged]


async def sign_day(db: Database, complex_id: str, day: date, by: Actor, now: datetime, why: str = "") -> str:
    """Sign a day, once it is reconciled again and nothing has changed; what it brought is booked, and it is locked.

    The bytes of its files are let go. ``why``: it is signed though gateways have not told all of it; that stands in the
    report, with which and how far they were. Raises NotDone, BadBill.
    """
    await _check(db, complex_id, day, now)
    judged = await _judge(db, complex_id, day)
    async with db.read() as connection:
        before = await bill_rows.open_before(connection, complex_id, day.isoformat())
    result = await asyncio.to_thread(judged, before)
    made = await asyncio.to_thread(reconciled.report_of, result)
    async with db.write(complex_id) as connection:
        newest = await bill_rows.newest(connection, complex_id, day.isoformat())
        if newest is None or newest["hash"] != made["hash"]:
            raise NotDone("something has changed since it was reconciled: reconcile it again, and look at it")
        await book_income(connection, complex_id, result, now)
        await book_bills(connection, complex_id, result, now)
        signed = await reconciled.sign(connection, complex_id, day, by, now, why)
        await upload_rows.let_go(connection, complex_id, day.isoformat())
    return signed


async def _check(db: Database, complex_id: str, day: date, now: datetime) -> None:
    async with db.read() as connection:
        found = await hindrances(connection, complex_id, day, now)
    if hard := [one for one in found if one.word != "provisional"]:
        raise NotDone("; ".join(f"{one.word} {one.about}".strip() for one in hard))
