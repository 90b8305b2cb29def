"""Who left without paying owes: the sweep of debts, and how a session stands; I6 adds up after anything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from server.books import settling
from server.books.debts import GRACE, sweep
from server.books.settling import act_row
from server.store import debt_views, ledger_rows, settlement
from server.store.engine import Database
from server.store.schema import charge, cursor, payment, refund
from server.store.settlement import Settlement
from tests.server import money
from tests.server.engines import Engine, chosen, open_database
from tests.server.money import NOW, add_garden, batch, payment_row, refund_row, stay


@pytest.fixture(params=chosen(), ids=lambda engine: engine.name)
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    engine: Engine = request.param
    async with open_database(tmp_path, engine) as opened:
        async with opened.write() as connection:
            await add_garden(connection)
        yield opened


async def pay(db: Database, row: dict[str, object]) -> None:
    async with db.write("garden") as connection:
        await connection.execute(payment.insert().values(**row))
        await settling.paid(connection, row, NOW)


async def give_back(db: Database, row: dict[str, object], of: dict[str, object]) -> None:
    async with db.write("garden") as connection:
        await connection.execute(refund.insert().values(**row))
        await settling.refunded(connection, row, of, NOW)


async def test_from_an_exit_to_a_debt_that_is_settled(db: Database) -> None:
    """One car pays and one does not; the first payment is given back; what is paid late ends the debt."""
    later = NOW + GRACE + timedelta(minutes=1)
    async with db.write("garden") as connection:
        await money.book_of_charges().fold(connection, [batch([*stay("粤A11111", 1), *stay("粤A22222", 3, number=2)])])
    paying, leaving = await _sessions(db)
    assert await sweep(db, later) == 0, "nobody could have paid so far"
    first = payment_row("PK1", paying, 300, asked_at="2026-11-20T00:00:00.000Z")
    await pay(db, first)
    assert (await stands(db, leaving)).state == "priced"
    assert await again(db, NOW) == 0, "the money has its time to come"
    assert await again(db, later) == 1
    assert [one.state for one in (await stands(db, paying), await stands(db, leaving))] == ["paid", "debt"]
    await give_back(db, refund_row("R1", first, 300), first)
    assert await sweep(db, NOW) == 1
    assert (await stands(db, paying)).state == "debt"
    await pay(db, payment_row("PK2", leaving, 900, kind="debt"))
    assert (await stands(db, leaving)).state == "settled"
    await pay(db, payment_row("PK3", paying, 300))  # a late callback of what was asked before it was a debt
    assert await sweep(db, NOW) == 1, "the debt is taken back"
    assert await sweep(db, NOW) == 0
    found = await stands(db, paying)
    assert (found.state, found.debt_fen, found.receivable_fen) == ("paid", 0, 0)
    assert await owed(db) == {"receivable:sessions": 0, "debt:unpaid_exit": 0}


async def test_all_that_owe_are_listed_the_oldest_first(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than are asked for at once: none is missing in the list, nor in its sum."""
    monkeypatch.setattr(debt_views, "_AT_ONCE", 2)
    cars = [stay(f"粤A0000{hours}", hours, number=hours) for hours in (4, 1, 3, 5, 2)]
    async with db.write("garden") as connection:
        await money.book_of_charges().fold(connection, [batch([event for car in cars for event in car])])
    await pay(db, payment_row("PK1", (await _sessions(db))[0], 100))
    assert await sweep(db, NOW + GRACE + timedelta(hours=1)) == 5
    async with db.read() as connection:
        found = await debt_views.debts(connection, "garden")
    assert len(found) == 5
    assert [one.exited_at for one in found] == sorted(one.exited_at for one in found)
    assert debt_views.owed(found) == (await owed(db))["debt:unpaid_exit"] > 0


async def test_what_is_let_off(db: Database) -> None:
    async with db.write("garden") as connection:
        await money.book_of_charges().fold(connection, [batch(stay("粤A11111", 3))])
        (session,) = (await connection.execute(select(charge.c.session))).scalars()
        row = act_row("garden", "A1", session, 100, "wang", NOW, approved_by="li", reason="投诉")
        await settling.waived(connection, row, NOW)
        await settling.discounted(connection, {**row, "id": "A2", "amount_fen": 50}, "coupon", NOW)
        await settling.to_debt(connection, act_row("garden", "D1", session, 750, "gatehouse", NOW), NOW)
        await settling.written_off(connection, {**row, "id": "A3", "amount_fen": 750}, NOW)
    found = await stands(db, session)
    assert (found.waived_fen, found.discounted_fen, found.written_off_fen) == (100, 50, 750)
    assert (found.state, found.owed_fen, found.debt_fen) == ("written_off", 0, 0)
    async with db.read() as connection:
        sums = await settlement.sums(connection, "garden")
    assert (sums.charged_fen, sums.difference_fen) == (900, 0)


async def again(db: Database, now: datetime) -> int:
    """The sweep from the beginning."""
    async with db.write() as connection:
        await connection.execute(cursor.delete())
    return await sweep(db, now)


async def stands(db: Database, session: str) -> Settlement:
    async with db.read() as connection:
        return await settlement.of_session(connection, "garden", session)


async def owed(db: Database) -> dict[str, int]:
    async with db.read() as connection:
        found = await ledger_rows.balances(connection, "garden")
    return {name: found[name] for name in ("receivable:sessions", "debt:unpaid_exit")}


async def _sessions(db: Database) -> list[str]:
    async with db.read() as connection:
        return list((await connection.execute(select(charge.c.session).order_by(charge.c.plate))).scalars())
