"""A pass that is sold is owed in days, and becomes income a day after another, once."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from server.books import desk
from server.books.desk import NotDone
from server.books.pass_income import earn, sell
from server.store import ledger_rows
from server.store.schema import vehicle_pass
from tests.server import rows
from tests.server.engines import Engine
from tests.server.people import city

DAYS = (date(2026, 11, 1), date(2026, 11, 30))


async def test_a_pass_is_earned_by_day(tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    async with city(tmp_path, engine) as town:
        house, now = town.house, rows.now().replace(year=2026, month=11, day=11, hour=4)
        async with house.db.write("garden") as connection:
            await rows.add_household(connection, now)
            await desk.open_shift(connection, "garden", "sun", "", 0, now)
            shift = await desk.shift_of(connection, "garden", "sun")
            assert shift is not None
            with pytest.raises(NotDone, match="no_pass"):
                await sell(connection, shift, "京Z99999", 10_000, DAYS, "r1", now)
            plate = (await connection.execute(select(vehicle_pass.c.plate))).scalars().first() or ""
            for _ in range(2):
                await sell(connection, shift, plate, 10_000, DAYS, "r2", now)
        assert await earn(house.db, now) == 10
        with monkeypatch.context() as quiet:
            quiet.setattr(house.db, "write", None)  # each look is every twenty seconds, of every complex
            assert await earn(house.db, now) == 0
        async with house.db.read() as connection:
            found = await ledger_rows.balances(connection, "garden")
        assert (found["deferred:pass"], found["income:parking:pass"]) == (-6_667, -3_333)
        assert await earn(house.db, now + timedelta(days=60)) == 20
        async with house.db.read() as connection:
            found = await ledger_rows.balances(connection, "garden")
        assert (found["deferred:pass"], found["income:parking:pass"]) == (0, -10_000)
