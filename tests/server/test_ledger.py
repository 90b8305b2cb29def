"""The ledger: journals are booked once, in a chain, and what is locked is not touched."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from domain.ledger import START, Journal, Line, Unbalanced, UnknownAccount, hash_of, reversal
from server.books.ledger import Differs, post
from server.store import ledger_rows
from server.store.engine import Database, stamp
from server.store.schema import complex_, journal, journal_line, ledger_day
from tests.server.engines import Engine, chosen, open_database

NOW = datetime(2026, 11, 20, 4, tzinfo=UTC)
DAY = date(2026, 11, 20)


@pytest.fixture(params=chosen(), ids=lambda engine: engine.name)
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    engine: Engine = request.param
    async with open_database(tmp_path, engine) as opened:
        async with opened.write() as connection:
            await connection.execute(complex_.insert().values(id="garden", name="花园", timezone="Asia/Shanghai"))
        yield opened


def priced(session: str, fen: int, day: date = DAY) -> Journal:
    lines = (Line("receivable:sessions", fen), Line("income:parking:temporary", -fen))
    return Journal(
        source="charge",
        kind="priced",
        source_id=f"{session}/0",
        occurred_at=NOW,
        business_day=day,
        memo="停车费",
        lines=lines,
    )


async def test_a_journal_is_booked_once_and_chained(db: Database) -> None:
    async with db.write("garden") as connection:
        first, second = await post(connection, "garden", [priced("a", 500), priced("b", 300)], NOW)
    async with db.write("garden") as connection:
        again = await post(connection, "garden", [priced("b", 300), priced("a", 500)], NOW)
        assert [one.number for one in again] == [2, 1]
        assert await ledger_rows.head(connection, "garden") == (2, second.hash)
        kept = await ledger_rows.some(connection, "garden", 0, 10)
        assert kept == [first, second]
        assert first.prev_hash == START
        assert second.prev_hash == first.hash
        assert [hash_of(one.prev_hash, one.number, one.journal, one.booked_at, one.meant_day) for one in kept] == [
            one.hash for one in kept
        ]
        sums = await ledger_rows.balances(connection, "garden", DAY, DAY)
    assert sums == {"income:parking:temporary": -800, "receivable:sessions": 800}


async def test_other_money_under_a_known_name_is_refused_whole(db: Database) -> None:
    async with db.write("garden") as connection:
        await post(connection, "garden", [priced("a", 500)], NOW)
    with pytest.raises(Differs, match="charge priced a/0 is booked as journal 1"):
        async with db.write("garden") as connection:
            await post(connection, "garden", [priced("b", 300), priced("a", 501)], NOW)
    async with db.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(journal))).scalar_one() == 1
        assert (await connection.execute(select(func.sum(journal_line.c.fen)))).scalar_one() == 0


async def test_a_locked_day_is_left_alone(db: Database) -> None:
    row = {"complex": "garden", "day": DAY.isoformat(), "locked_at": stamp(NOW), "locked_by": "li"}
    async with db.write("garden") as connection:
        await connection.execute(ledger_day.insert().values(**row, number=0, hash=START))
        (late,) = await post(connection, "garden", [priced("a", 500)], NOW)
        (again,) = await post(connection, "garden", [priced("a", 500)], NOW)
        assert await ledger_rows.balances(connection, "garden", DAY, DAY) == {}
    assert late == again
    assert late.journal.business_day == date(2026, 11, 21)
    assert late.meant_day == DAY


async def test_a_correction_points_at_what_it_takes_back(db: Database) -> None:
    async with db.write("garden") as connection:
        (wrong,) = await post(connection, "garden", [priced("a", 500)], NOW)
        back = reversal(wrong, kind="voided", occurred_at=NOW, business_day=DAY, memo="误识别")
        (booked,) = await post(connection, "garden", [back], NOW)
        sums = await ledger_rows.balances(connection, "garden")
    assert booked.journal.corrects == wrong.number
    assert set(sums.values()) == {0}


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ((Line("bank", 5), Line("clearing:wechat", -4)), Unbalanced),
        ((), Unbalanced),
        ((Line("bank", 0), Line("clearing:wechat", 0)), Unbalanced),
        ((Line("bank", 5), Line("clearing", -5)), UnknownAccount),
        ((Line("bank", 5), Line("pocket", -5)), UnknownAccount),
        ((Line("bank", 5), Line("bank:other", -5)), UnknownAccount),
    ],
)
def test_what_is_no_journal(lines: tuple[Line, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        Journal(source="x", kind="y", source_id="z", occurred_at=NOW, business_day=DAY, memo="", lines=lines)
