"""Money in the ledger: charges and what settles them are booked once, on the complex's own day, each by its journal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from server.books import settling
from server.books.catching_up import catch_up
from server.books.settling import ProviderBill, act_row
from server.store import ledger_rows
from server.store.engine import Database, stamp
from server.store.schema import charge, journal, session_act
from tests.server import money
from tests.server.engines import Engine, chosen, open_database
from tests.server.money import NOW, add_garden, batch, payment_row, refund_row, stay

DAY = date(2026, 11, 20)


@pytest.fixture(params=chosen(), ids=lambda engine: engine.name)
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    engine: Engine = request.param
    async with open_database(tmp_path, engine) as opened:
        async with opened.write() as connection:
            await add_garden(connection)
        yield opened


async def fold(db: Database, *told: Any) -> None:
    for position, events in enumerate(told, 1):
        async with db.write("garden") as connection:
            await money.book_of_charges().fold(connection, [batch(events, position)])


async def sums(db: Database) -> dict[str, int]:
    async with db.read() as connection:
        return {one: fen for one, fen in (await ledger_rows.balances(connection, "garden")).items() if fen}


def bill(gross: int, fee: int, net: int) -> ProviderBill:
    return ProviderBill(channel="wechat", day=DAY, gross_fen=gross, fee_fen=fee, net_fen=net, document="b1")


async def test_a_charge_is_owed_and_a_changed_one_is_corrected(db: Database) -> None:
    await fold(db, stay("粤B8K6Q2", 2), [money.passage("粤B8K6Q2", "out", NOW - timedelta(minutes=70), 7)])
    assert await sums(db) == {"receivable:sessions": 300, "income:parking:temporary": -300}
    async with db.read() as connection:
        first, second = await ledger_rows.some(connection, "garden", 0, 9)
        entries = (await connection.execute(select(charge).order_by(charge.c.number))).mappings().all()
    assert [entry["journal"] for entry in entries] == [1, 2]
    assert (first.journal.kind, first.journal.corrects) == ("priced", None)
    assert (second.journal.kind, second.journal.corrects, second.journal.lines[0].fen) == ("corrected", 1, -300)
    assert first.journal.source_id == f"{entries[0]['session']}/0"
    assert first.journal.business_day == DAY


async def test_the_business_day_is_the_complexs_own(db: Database) -> None:
    midnight = NOW.replace(hour=16)  # in Shanghai
    await fold(db, [*stay("粤A11111", 1, midnight - timedelta(seconds=1), 1), *stay("粤A22222", 2, midnight, 2)])
    async with db.read() as connection:
        assert (await ledger_rows.balances(connection, "garden", DAY, DAY))["receivable:sessions"] == 300
        next_day = DAY + timedelta(days=1)
        assert (await ledger_rows.balances(connection, "garden", next_day, next_day))["receivable:sessions"] == 600


async def test_charges_from_before_the_ledger_are_booked_once(db: Database) -> None:
    await fold(db, stay("粤A11111", 1), stay("粤A22222", 3, number=2))
    before = await sums(db)
    async with db.write() as connection:
        for table in (journal, ledger_rows.journal_line, ledger_rows.ledger_balance, ledger_rows.ledger_head):
            await connection.execute(table.delete())
        await connection.execute(update(charge).values(journal=None))
    await fold(db, [money.passage("粤A22222", "out", NOW - timedelta(minutes=70), 9)])  # one that is corrected since
    assert await catch_up(db, NOW) == 2
    assert await catch_up(db, NOW) == 0
    after = await sums(db)
    assert before["receivable:sessions"] == 1200
    assert after == {"receivable:sessions": 900, "income:parking:temporary": -900}


async def test_what_settles_is_booked_once(db: Database) -> None:
    paid = payment_row("PK1", "s1", 600)
    cash = payment_row("C1", "s1", 600, channel="cash", shift="S1")
    back = refund_row("R1", paid, 600)
    debt = act_row("garden", "debt/s2", "s2", 900, "gatehouse", NOW)
    off = act_row("garden", "A1", "s2", 200, "wang", NOW, approved_by="li", reason="京A12345 投诉")
    for _ in range(2):
        async with db.write("garden") as connection:
            await settling.paid(connection, paid, NOW)
            await settling.paid(connection, cash, NOW)
            await settling.refunded(connection, back, paid, NOW)
            await settling.to_debt(connection, debt, NOW)
            await settling.waived(connection, off, NOW, settling.DEBT)
            await settling.written_off(connection, {**off, "id": "A2", "amount_fen": 100}, NOW)
            await settling.paid(connection, payment_row("PK2", "s2", 600, kind="debt", channel="alipay"), NOW)
            await settling.paid(connection, payment_row("PK3", None, 36500, kind="pass"), NOW)
            await settling.paid(connection, payment_row("PK4", None, 1000, kind="ev"), NOW, energy_fen=700)
            await settling.deposited(
                connection,
                {"complex": "garden", "id": "D1", "shift": "S1", "amount_fen": 500, "at": stamp(NOW), "document": "17"},
                NOW,
            )
            shift = {"complex": "garden", "id": "S1", "closed_at": stamp(NOW), "note": None}
            await settling.counted(connection, shift, -20, NOW)
            await settling.settled(connection, "garden", bill(37500, 225, 37275), NOW, NOW)
    assert await sums(db) == {
        "receivable:sessions": -600 - 900,
        "cash:lane:S1": 600 - 500 - 20,
        "suspense:short": 20,
        "clearing:alipay": 600,
        "discount:waived": 200,
        "writeoff": 100,
        "deferred:pass": -36500,
        "income:ev:service": -300,
        "passthrough:ev:energy": -700,
        "fee:channel": 225,
        "bank": 37275 + 500,
    }
    async with db.read() as connection:
        acts = {row.id: row.reason for row in await connection.execute(select(session_act))}
    assert acts == {"debt/s2": None, "A1": "京A***45 投诉", "A2": "京A***45 投诉"}, "no plate is kept"


async def test_a_bill_whose_parts_are_not_its_whole_is_refused(db: Database) -> None:
    async with db.write("garden") as connection:
        with pytest.raises(ValueError, match="are not the 100 fen of the bill"):
            await settling.settled(connection, "garden", bill(100, 1, 98), NOW, NOW)
