"""Cash of the gate at the centre: into the guard's open shift, or waiting until the desk has it; however told, once."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from domain.guards import Guards
from domain.ids import derive, fact_id
from domain.parking import session_id
from server.books.catching_up import catch_up
from server.books.debts import GRACE, sweep
from server.books.lane_money import LaneMoney
from server.books.ledger_check import verify
from server.store import guard_rows, ledger_rows, schema, settlement
from server.store.engine import stamp
from tests.server import money, rows
from tests.server.engines import Engine
from tests.server.people import City, city
from tests.server.test_lane_money import paid_at_the_gate

GATE = "/parking/gate/garden"


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        yield made


async def told(town: City, plate: str, by: str, number: int, *, times: int = 2) -> str:
    """A car that paid a guard 9 yuan at the exit and left; its gateway says so, in any order, some twice. The stay."""
    came, left = money.stay(plate, 2.5, rows.now() - timedelta(minutes=5), number)
    left.result, left.reason, left.ext = "granted", "paid", {"decided_by": "gateway", "by": by}
    events = [came, left, paid_at_the_gate(came, 900, left.occurred_at, number, by, f"K7Q2M4-{number}")] * times
    random.Random(number).shuffle(events)
    for position, event in enumerate(events, 1):
        async with town.house.db.write("garden") as connection:
            some = [money.batch([event], number * 10 + position)]
            await LaneMoney(rows.now).fold(connection, some)
            await money.book_of_charges().fold(connection, some)
    return session_id(derive("garden", (fact_id(came) or b"").hex())).hex()


async def payments(town: City) -> list[Any]:
    async with town.house.db.read() as connection:
        query = select(schema.payment).where(schema.payment.c.gate_receipt.is_not(None))
        return list((await connection.execute(query.order_by(schema.payment.c.receipt))).mappings())


async def test_cash_of_the_gate_is_in_somebodys_shift_in_the_end(town: City) -> None:
    clerk, operator = await town.visitor("sun"), await town.visitor("wang")
    first = await told(town, "粤B00001", "sun", 1)
    await clerk.submit("/parking/desk/garden/open", float="200", lane="")
    async with town.house.db.write() as connection:  # it was open before the next car came
        await connection.execute(schema.cash_shift.update().values(opened_at=stamp(rows.ago(hours=1))))
    second = await told(town, "粤B00002", "sun", 2)
    await told(town, "粤B00003", "zhou", 3)
    found = await payments(town)
    shift = found[1]["shift"]
    assert [(one["gate_receipt"], one["receipt"], one["shift"], one["by"]) for one in found] == [
        ("K7Q2M4-1", 1, None, "sun"),
        ("K7Q2M4-2", 2, shift, "sun"),
        ("K7Q2M4-3", 3, None, "zhou"),
    ]
    assert shift and [one["session"] for one in found[:2]] == [first, second]
    page = await clerk.page("/parking/gate?complex=garden")
    assert "K7Q2M4-1" in page and "K7Q2M4-3" in page and "K7Q2M4-2" not in page
    number = found[0]["out_trade_no"]
    await clerk.submit(f"{GATE}/claim", payment=number, note="早班交来")
    assert (await clerk.submit(f"{GATE}/claim", payment=number)).headers["location"].endswith("claimed")
    assert (await operator.submit(f"{GATE}/claim", payment=number)).headers["location"].endswith("no_shift")
    assert "K7Q2M4-2" in await clerk.page("/parking/desk/garden/receipts/2")
    await catch_up(town.house.db, rows.now())
    await sweep(town.house.db, rows.now() + GRACE)
    async with town.house.db.read() as connection:
        balances = await ledger_rows.balances(connection, "garden")
        assert (await verify(connection, "garden")).faults == []
        stand = await settlement.of_sessions(connection, "garden", [first, second])
    assert [(one.charged_fen, one.owed_fen, one.debt_fen) for one in stand.values()] == [(900, 0, 0)] * 2
    assert (balances[f"cash:lane:{shift}"], balances["cash:lane:gate.east-out"]) == (1_800, 900)
    assert "218" in await clerk.page("/parking/desk?complex=garden"), "what should be in the till"


async def test_guards_are_put_down_to_gateways_without_their_pins(town: City) -> None:
    operator = await town.visitor("wang")
    await operator.submit(f"{GATE}/guards", guard="zhou", name="周", pin="271828")
    assert (await operator.submit(f"{GATE}/guards", guard="qian", pin="12")).headers["location"].endswith("bad_guard")
    assert "周" in await operator.page("/parking/gate?complex=garden")
    async with town.house.db.read() as connection:
        (guard,) = (await guard_rows.of_complex(connection, "garden")).guards
    assert guard.knows("271828") and not guard.knows("271829") and "271828" not in guard.pin
    await operator.submit(f"{GATE}/guards/zhou/remove")
    async with town.house.db.read() as connection:
        assert await guard_rows.of_complex(connection, "garden") == Guards()
    assert (await operator.submit(f"{GATE}/guards/zhou/remove")).headers["location"].endswith("no_guard")
