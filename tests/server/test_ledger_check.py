"""The ledger after anything: I6 and I7 hold, the sums made anew are the same, and whoever touches a row is found."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.books import settling
from server.books.debts import look_at
from server.books.ledger_check import rebuild, verify
from server.books.ledger_days import DayNotOver, lock
from server.books.settling import act_row
from server.store import ledger_rows
from server.store.engine import Database, stamp
from server.store.schema import (
    charge,
    complex_,
    journal,
    journal_line,
    ledger_balance,
    ledger_day,
    ledger_head,
    payment,
    refund,
)
from tests.server import money
from tests.server.engines import Engine, chosen, open_database
from tests.server.money import NOW, add_garden, batch, payment_row, refund_row, stay

CARS = [f"粤A{number:05}" for number in range(6)]


@pytest.fixture(params=chosen(), ids=lambda engine: engine.name)
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    engine: Engine = request.param
    async with open_database(tmp_path, engine) as opened:
        async with opened.write() as connection:
            await add_garden(connection)
        yield opened


class Days:
    """Random days of a complex: cars, late passages, money that comes, goes back, is let off, and days that close."""

    def __init__(self, db: Database, seed: int) -> None:
        self._db, self._chance = db, random.Random(seed)
        self._book, self._number, self._payments = money.book_of_charges(), 0, list[dict[str, Any]]()
        self.now = NOW

    async def happen(self, times: int) -> None:
        acts = (self._stay, self._stay, self._late, self._pay, self._pay, self._give_back, self._debt, self._let_off)
        for _ in range(times):
            self._number += 1
            self.now += timedelta(minutes=self._chance.randrange(90))
            act = self._chance.choice((*acts, self._close))
            async with self._db.write("garden") as connection:
                await act(connection)

    async def _stay(self, connection: AsyncConnection) -> None:
        car = self._chance.choice(CARS)
        told = stay(car, self._chance.randrange(1, 30), self.now, self._number)
        await self._book.fold(connection, [batch(told, self._number)])

    async def _late(self, connection: AsyncConnection) -> None:
        """A passage that comes to be known late: stays are other ones, and charges are corrected or taken back."""
        at = self.now - timedelta(minutes=self._chance.randrange(1_000))
        told = money.passage(self._chance.choice(CARS), self._chance.choice(("in", "out")), at, -self._number)
        await self._book.fold(connection, [batch([told], self._number)])

    async def _session(self, connection: AsyncConnection) -> str:
        known = sorted(set((await connection.execute(select(charge.c.session))).scalars()))
        return self._chance.choice([*known, "prepaid"])

    async def _pay(self, connection: AsyncConnection) -> None:
        channel = self._chance.choice(("wechat", "alipay", "cash"))
        more = {"channel": channel, "shift": "S1" if channel == "cash" else None, "paid_at": stamp(self.now)}
        more |= {"kind": self._chance.choice(("session", "session", "debt"))}
        row = payment_row(f"P{self._number}", await self._session(connection), self._chance.randrange(1, 2_000), **more)
        await connection.execute(payment.insert().values(**row))
        await settling.paid(connection, row, self.now)
        self._payments.append(row)

    async def _give_back(self, connection: AsyncConnection) -> None:
        if self._payments:
            of = self._payments.pop(self._chance.randrange(len(self._payments)))
            row = refund_row(f"R{self._number}", of, self._chance.randint(1, of["amount_fen"]), done_at=stamp(self.now))
            await connection.execute(refund.insert().values(**row))
            await settling.refunded(connection, row, of, self.now)

    async def _debt(self, connection: AsyncConnection) -> None:
        await look_at(connection, "garden", await self._session(connection), self.now)

    async def _let_off(self, connection: AsyncConnection) -> None:
        session, fen = await self._session(connection), self._chance.randrange(1, 500)
        row = act_row("garden", f"A{self._number}", session, fen, "wang", self.now, approved_by="li", reason="x")
        of: settling.Owing = self._chance.choice((settling.RECEIVABLE, settling.DEBT))
        match self._chance.randrange(3):
            case 0:
                await settling.waived(connection, row, self.now, of)
            case 1:
                await settling.written_off(connection, row, self.now, of)
            case _:
                await settling.discounted(connection, row, "coupon", self.now, of)

    async def _close(self, connection: AsyncConnection) -> None:
        await lock(connection, "garden", self.now.date() - timedelta(days=1), "li", self.now)


@pytest.mark.parametrize("seed", range(2))
async def test_it_adds_up_after_anything(db: Database, seed: int) -> None:
    days = Days(db, seed)
    for _ in range(3):
        await days.happen(40)
        async with db.write("garden") as connection:
            found = await verify(connection, "garden")
            assert found.faults == []
            assert found.sums.difference_fen == 0
            assert found.journals > 20
            before = await ledger_rows.balances(connection, "garden")
            assert await rebuild(connection, "garden") == []
            assert await ledger_rows.balances(connection, "garden") == before
            assert sum(before.values()) == 0


async def _line(connection: AsyncConnection) -> None:
    await connection.execute(update(journal_line).where(journal_line.c.number == 2).values(fen=-journal_line.c.fen))


async def _account(connection: AsyncConnection) -> None:
    here = (journal_line.c.number == 2, journal_line.c.fen > 0)
    await connection.execute(update(journal_line).where(*here).values(account="bank"))


async def _removed(connection: AsyncConnection) -> None:
    for table in (journal_line, journal):
        await connection.execute(delete(table).where(table.c.number == 2))


async def _end_removed(connection: AsyncConnection) -> None:
    for table in (journal_line, journal):
        await connection.execute(delete(table).where(table.c.number == 4))


async def _swapped(connection: AsyncConnection) -> None:
    for table in (journal_line, journal):
        for old, new in ((2, 9), (3, 2), (9, 3)):
            await connection.execute(update(table).where(table.c.number == old).values(number=new))


async def _sum(connection: AsyncConnection) -> None:
    await connection.execute(update(ledger_balance).where(ledger_balance.c.account == "clearing:wechat").values(fen=1))


async def _payment(connection: AsyncConnection) -> None:
    await connection.execute(update(payment).where(payment.c.out_trade_no == "P1").values(amount_fen=1))


async def _memo(connection: AsyncConnection) -> None:
    await connection.execute(update(journal).where(journal.c.number == 3).values(occurred_at=stamp(NOW - timedelta(1))))


async def _cut_off(connection: AsyncConnection) -> None:
    """The last journal and whatever tells of it; only the day that was locked with it is forgotten."""
    await lock(connection, "garden", NOW.date() - timedelta(days=1), "li", NOW)
    last = (await connection.execute(select(journal).where(journal.c.number == 4))).mappings().one()
    for table in (journal_line, journal):
        await connection.execute(delete(table).where(table.c.number == 4))
    await connection.execute(update(ledger_head).values(number=3, hash=last["prev_hash"]))


async def _locks(connection: AsyncConnection) -> None:
    """Two days were locked at one journal, and one says another hash."""
    for days in (2, 1):
        await lock(connection, "garden", NOW.date() - timedelta(days=days), "li", NOW)
    await connection.execute(update(ledger_day).where(ledger_day.c.day == "2026-11-18").values(hash="1" * 64))


async def _before_the_first(connection: AsyncConnection) -> None:
    for table in (journal_line, journal):
        row = (await connection.execute(select(table).where(table.c.number == 1))).mappings().first()
        assert row is not None
        await connection.execute(table.insert().values({**row, "number": 0} | _OTHER.get(table.name, {})))


async def _line_of_none(connection: AsyncConnection) -> None:
    row = {"complex": "garden", "number": 77, "place": 0, "account": "bank", "fen": 5}
    await connection.execute(journal_line.insert().values(**row))


_OTHER = {"journal": {"source_id": "put in"}}


async def _rehashed(connection: AsyncConnection) -> None:
    """One who knows how the hash is made, and forgets the head."""
    await connection.execute(update(ledger_head).values(hash="0" * 64))


TAMPERED: dict[Any, str] = {
    _line: "journal 2 was changed: what it says is not what its hash was made of",
    _account: "journal 2 was changed",
    _removed: "journal 2 is missing",
    _end_removed: "the chain ends at journal 3, and 4 was the last that was booked",
    _swapped: "journal 2 does not follow the one before it",
    _sum: "sum clearing:wechat 2026-11-20: kept 1, lines 600 fen",
    _payment: "payment P1 of 1 fen moved 300 fen in the ledger",
    _memo: "journal 3 was changed",
    _cut_off: "2026-11-19 was locked at journal 4, and that is not there",
    _locks: "the chain is not as it was when 2026-11-18 was locked",
    _before_the_first: "journal 0 was put in",
    _line_of_none: "lines of journal 77, and no such journal",
    _rehashed: "the chain ends at journal 4",
}


async def test_whoever_touches_it_is_found(db: Database) -> None:
    """The positive controls of the walk."""
    async with db.write("garden") as connection:
        for number in range(4):
            channel = "wechat" if number % 2 else "alipay"
            row = payment_row(f"P{number}", f"s{number}", 300, channel=channel)
            await connection.execute(payment.insert().values(**row))
            await settling.paid(connection, row, NOW)
        assert (await verify(connection, "garden")).faults == []
        for tamper, said in TAMPERED.items():
            before = await connection.begin_nested()
            await tamper(connection)
            found = await verify(connection, "garden")
            assert any(said in fault for fault in found.faults), (said, found.faults)
            await before.rollback()
        await _every_column(connection)
        await _sum(connection)
        assert await rebuild(connection, "garden") == ["clearing:wechat 2026-11-20: kept 1, lines 600 fen"]
        assert (await verify(connection, "garden")).faults == []


async def _every_column(connection: AsyncConnection) -> None:
    """Whatever is written anew in a journal or in one of its lines is named."""
    await connection.execute(complex_.insert().values(id="other", name="别处", timezone="Asia/Shanghai"))
    new = {"complex": "other", "occurred_at": stamp(NOW - timedelta(1)), "booked_at": stamp(NOW + timedelta(1))}
    new |= {"business_day": "2026-11-21", "meant_day": "2026-11-19", "prev_hash": "1" * 64, "hash": "2" * 64}
    for table in (journal, journal_line):
        for column in table.columns:
            value = new.get(column.name, 9 if column.type.python_type is int else "changed")
            before = await connection.begin_nested()
            here = (table.c.complex == "garden", table.c.number == 2)
            if table is journal_line:
                here = (*here, journal_line.c.place == 0)
            await connection.execute(update(table).where(*here).values({column.name: value}))
            assert any("journal 2" in fault for fault in (await verify(connection, "garden")).faults), column
            await before.rollback()


async def test_a_day_is_locked_when_it_is_over(db: Database) -> None:
    async with db.write("garden") as connection:
        await settling.paid(connection, payment_row("P1", "s", 300), NOW)
        with pytest.raises(DayNotOver, match="2026-11-20 is not over at garden: there it is 2026-11-20"):
            await lock(connection, "garden", date(2026, 11, 20), "li", NOW)
        first = await lock(connection, "garden", date(2026, 11, 20), "li", NOW + timedelta(days=1))
        await settling.paid(connection, payment_row("P2", "s", 200), NOW + timedelta(days=1))
        assert first[0] == 1
        (_, late) = await ledger_rows.some(connection, "garden", 0, 9)
        assert (late.journal.business_day, late.meant_day) == (date(2026, 11, 21), date(2026, 11, 20))
