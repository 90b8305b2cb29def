"""Reconciliation at the centre: kept once and whole, items closed on a document, signed by another, plates nowhere."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from domain.reconciliation import Item, Result, read_books, read_file, reconcile
from server.books import reconciled
from server.books.reconciled import Kept, NotDone, keep, resolve, sign
from server.store import bill_rows
from server.store.engine import Database
from server.store.schema import account, bill_file, bill_item, bill_report, complex_
from tests.bills import DAY, Day, lost_callback, near_midnight, opened_by_hand, pay, plain, unknown_here
from tests.server.engines import Engine, chosen, open_database

NOW = datetime(2026, 3, 15, 3, tzinfo=UTC)
NEXT = DAY + timedelta(days=1)


@pytest.fixture(params=chosen(), ids=lambda engine: engine.name)
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    engine: Engine = request.param
    async with open_database(tmp_path, engine) as opened:
        async with opened.write() as connection:
            await connection.execute(complex_.insert().values(id="garden", name="花园", timezone="Asia/Shanghai"))
            for name in ("wang", "li"):  # nobody signs in here, so no password is hashed
                said = {"username": name, "password_hash": "-", "role": "clerk", "created_at": "2026-03-01"}
                await connection.execute(account.insert().values(**said))
        yield opened


def first_day(*more: Callable[[Day, int, Any], None]) -> Day:
    day = Day()
    for number, fault in enumerate((plain, lost_callback, unknown_here, near_midnight, opened_by_hand, *more), 1):
        fault(day, number, pay(day, number, "wechat", 500 * number, 40_000 + number))
    return day


def second_day(first: Day) -> Day:
    """The payment of midnight is on its bill."""
    day = Day(NEXT)
    plain(day, 21, pay(day, 21, "wechat", 700, 30_000))
    late = pay(first, 4, "wechat", 2_000, 0)
    late.at = day.at(2)
    day.billed.append(late)
    return day


async def kept(db: Database, day: Day) -> Kept:
    read = [read_file("trade.csv", io.BytesIO(day.wechat())), read_file("fund.csv", io.BytesIO(day.fund()))]
    books = read_books("local.json", day.local_bytes())

    def judged(before: list[Item]) -> Result:
        return reconcile(day.day, books, read, before=before)

    return await keep(db, "garden", day.day, judged, "wang", NOW)


async def rows(db: Database, table: Any = bill_item) -> list[Any]:
    async with db.read() as connection:
        found = (await connection.execute(select(table).order_by(*table.primary_key.columns))).mappings()
        return [dict(row) for row in found]


async def still_open(db: Database) -> dict[str, str]:
    async with db.read() as connection:
        return {item.key: item.kind for item in await bill_rows.open_now(connection, "garden")}


async def closed(db: Database, key: str, by: str = "wang", document: str = "J-17") -> None:
    async with db.write("garden") as connection:
        await resolve(connection, "garden", ("wechat", key), "已退款", document, by, NOW)


async def signed(db: Database, by: str, on: date = DAY) -> str:
    async with db.write("garden") as connection:
        return await sign(connection, "garden", on, by, NOW)


async def everything(db: Database) -> list[Any]:
    return [await rows(db, table) for table in (bill_file, bill_report, bill_item)]


async def test_a_month_of_work_in_two_days(db: Database) -> None:
    first = first_day()
    made = await kept(db, first)
    assert (made.version, made.new, made.open) == (1, True, 4)
    before = await everything(db)
    again = await kept(db, first)
    assert (again.version, again.new, again.hash) == (1, False, made.hash)
    assert await everything(db) == before, "twice is once"
    assert len(before[0]) == 2
    assert "京T99999" in repr(first.local)
    bodies = [bytes(row["body"]).decode() for row in before[1]]
    assert "京T99999" not in repr([before, bodies])

    second = second_day(first)
    made = await kept(db, second)
    assert await still_open(db) == {
        "PK0000002": "bill_paid_local_unpaid",
        "PK0000003": "missing_local",
        "X5": "exit_without_charge",
    }
    (late,) = [row for row in await rows(db) if row["key"] == "PK0000004"]
    assert (late["closed_by"], late["closing"], late["day"]) == (bill_rows.BILL, "matched_cross_day", f"{NEXT}")
    before = await everything(db)
    assert (await kept(db, second)).new is False
    assert await everything(db) == before, "twice is once, for a day that settled something of another"

    await closed(db, "PK0000003")
    with pytest.raises(NotDone, match="no open item"):
        await closed(db, "PK0000003")
    with pytest.raises(NotDone, match="document"):
        await closed(db, "PK0000002", document=" ")
    with pytest.raises(NotDone, match="no account"):
        await closed(db, "PK0000002", by="nobody")
    with pytest.raises(NotDone, match="made this report: somebody else signs"):
        await signed(db, "wang")
    said = await signed(db, "li")
    with pytest.raises(NotDone, match="signed by li"):
        await signed(db, "li")

    (frozen,) = [row for row in await rows(db, bill_report) if row["day"] == f"{DAY}"]
    assert (frozen["hash"], frozen["signed_by"]) == (said, "li")
    changed = await kept(db, first_day(unknown_here))
    assert (changed.version, changed.new) == (2, True)
    kept_rows = [row for row in await rows(db, bill_report) if row["day"] == f"{DAY}"]
    assert kept_rows[0] == frozen, "what was signed stays as it was signed"
    assert kept_rows[1]["signed_by"] is None
    now = await still_open(db)
    assert "PK0000003" not in now, "what a person closed stays closed"
    assert now["PK0000006"] == "missing_local"


async def test_what_a_later_day_tells_of_a_closed_item_is_open_again(db: Database) -> None:
    """A payment taken for lost, that the next bill has: its money came, and somebody must say what becomes of it."""
    first = first_day()
    await kept(db, first)
    for key in ("PK0000003", "PK0000004"):
        await closed(db, key)
    changed = await kept(db, first_day(unknown_here))
    assert changed.new and not {"PK0000003", "PK0000004"} & {*await still_open(db)}, "told as it was closed"
    second = second_day(first)
    await kept(db, second)
    (late,) = [row for row in await rows(db) if row["key"] == "PK0000004"]
    assert (late["bill_fen"], late["local_fen"], late["since"], late["closed_by"]) == (2_000, None, f"{NEXT}", None)
    before = await everything(db)
    assert (await kept(db, second)).new is False
    assert await everything(db) == before, "twice is once"
    await closed(db, "PK0000004")
    await kept(db, second)
    assert "PK0000004" not in await still_open(db)


async def test_what_a_version_no_longer_tells_and_the_next_tells_again_is_open(db: Database) -> None:
    whole, without = first_day(), first_day()
    without.billed = [paid for paid in without.billed if "PK0000003" not in repr(paid)]
    for day, is_open in ((whole, True), (without, False), (whole, True)):
        await kept(db, day)
        assert ("PK0000003" in await still_open(db)) is is_open


async def test_who_resolves_could_sign_if_nobody_counted(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: it is the count that keeps him from it."""

    async def none(*_: object) -> int:
        return 0

    await kept(db, first_day())
    await closed(db, "PK0000003", by="li")
    with pytest.raises(NotDone, match="li closed 1"):
        await signed(db, "li")
    monkeypatch.setattr(bill_rows, "closed_some", none)
    assert await signed(db, "li")


async def test_all_of_a_day_or_nothing(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    put = bill_rows.put_open

    async def dies(*arguments: Any) -> None:
        await put(*arguments)
        raise RuntimeError("the power went")

    monkeypatch.setattr(reconciled.bill_rows, "put_open", dies)
    with pytest.raises(RuntimeError):
        await kept(db, first_day())
    assert await everything(db) == [[], [], []]
    with pytest.raises(NotDone, match="no report"):
        await signed(db, "li")
