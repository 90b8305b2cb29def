"""A month without an uplink: what the edge asked and took at its lanes is, to the fen, what the centre books later."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select

from domain.events import Event
from domain.ids import fact_id
from domain.lanes.decide import Known, decide
from domain.lanes.read import read_of
from domain.lanes.register import Register
from domain.lanes.settings import Lane
from domain.lanes.stays import Stays
from domain.passages import passage_of
from domain.tariff import LotTariff, Tariff, read_tariff
from server.books.debts import GRACE, sweep
from server.books.lane_money import LaneMoney
from server.books.ledger_check import verify
from server.store import ledger_rows
from server.store.engine import Database
from server.store.schema import charge, payment
from tests.server import money
from tests.server.engines import Engine, chosen, open_database
from tests.server.money import NOW, add_garden, batch, passage

OTHER = read_tariff(
    {
        "timezone": "Asia/Shanghai",
        "plans": {"small": {"charge": {"kind": "unit", "unit_min": 60, "fen": 400, "rounding": "ceil"}}},
    }
)
LANE = msgspec.convert(
    {"id": "east-out", "direction": "out", "readers": [{"device": "cam:out"}], "barrier": {"device": "cam:out"}}, Lane
)
STAYS, FIRST = 120, NOW - timedelta(days=30)


@pytest.fixture(params=chosen(), ids=lambda engine: engine.name)
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    engine: Engine = request.param
    async with open_database(tmp_path, engine) as opened:
        async with opened.write() as connection:
            await add_garden(connection)
        yield opened


class Month:
    """What a gateway saw, asked and took by its own copy of the tariff, while nobody could be asked."""

    def __init__(self, seed: int, tariff: Tariff) -> None:
        self._chance, self._lot = random.Random(seed), LotTariff(tariff, "small")
        self._stays, self.events, self.fees = Stays(), list[Event](), list[int]()
        self.taken_fen = self.unpaid = 0
        for number in range(STAYS):
            self._stay(number, FIRST + timedelta(hours=6 * number))

    def _stay(self, number: int, entered: datetime) -> None:
        plate, left = f"粤A{number % 7:05}", entered + timedelta(minutes=self._chance.randrange(5, 300))
        came = self._seen(passage(plate, "in", entered, 2 * number))
        exit_ = passage(plate, "out", left, 2 * number + 1)
        verdict = decide(LANE, read_of(exit_), Known(Register(), self._stays, self._lot))
        assert verdict.fee_fen is not None and verdict.due_fen is not None
        self.fees.append(verdict.fee_fen)
        if self._chance.random() < 0.8:
            self.taken_fen += verdict.due_fen
            self.events.append(paid_at_the_gate(came, verdict.due_fen, left, number))
        else:
            self.unpaid += 1
        exit_.result, exit_.reason, exit_.ext = "granted", "person", {"decided_by": "gateway", "by": "wang"}
        self._seen(exit_)

    def _seen(self, event: Event) -> Event:
        noted = passage_of(event, fact_id(event) or b"")
        assert noted is not None and self._stays.note(noted)
        self.events.append(event)
        return event


def paid_at_the_gate(came: Event, fen: int, at: datetime, number: int, by: str = "wang", receipt: str = "") -> Event:
    """That a guard took cash, as a gateway tells of it."""
    entry = (fact_id(came) or b"").hex()
    said: dict[str, Any] = {"decided_by": "gateway", "fen": fen, "by": by, "channel": "cash", "entry": entry}
    said |= {"receipt": receipt} if receipt else {}
    return Event(
        kind="barrier",
        device="cam:out",
        lane="east-out",
        label="payment",
        request_id=f"o{number}",
        ext=said,
        time=at,
        recorded_at=at,
    )


async def _told(db: Database, month: Month, seed: int) -> None:
    """The uplink is back: all of it arrives late, some twice, in any order."""
    events = [*month.events, *month.events[::9]]
    random.Random(seed).shuffle(events)
    for position, start in enumerate(range(0, len(events), 60), 1):
        async with db.write("garden") as connection:
            some = [batch(events[start : start + 60], position)]
            await LaneMoney(lambda: NOW).fold(connection, some)
            await money.book_of_charges().fold(connection, some)


async def test_the_offline_month_at_the_edge(db: Database) -> None:
    month = Month(1, money.TARIFF)
    await _told(db, month, 1)
    async with db.read() as connection:
        charges = (await connection.execute(_newest())).all()
        taken = (await connection.execute(select(func.sum(payment.c.amount_fen)))).scalar_one()
        receipts = sorted((await connection.execute(select(payment.c.receipt))).scalars())
    assert [row.amount_fen for row in charges] == month.fees, "fen by fen, stay by stay"
    assert taken == month.taken_fen
    assert receipts == list(range(1, len(receipts) + 1))
    assert await sweep(db, NOW + GRACE) == month.unpaid
    async with db.read() as connection:
        found = await ledger_rows.balances(connection, "garden")
        assert (await verify(connection, "garden")).faults == []
    assert found["receivable:sessions"] == 0
    assert found["debt:unpaid_exit"] == sum(month.fees) - month.taken_fen
    assert found["cash:lane:gate.east-out"] == month.taken_fen


async def test_control_another_tariff_at_the_edge_is_seen(db: Database) -> None:
    month = Month(1, OTHER)
    await _told(db, month, 1)
    async with db.read() as connection:
        charges = (await connection.execute(_newest())).all()
    assert [row.amount_fen for row in charges] != month.fees


def _newest() -> Any:
    last = select(charge.c.session, func.max(charge.c.revision).label("revision")).group_by(charge.c.session).subquery()
    same = (last.c.session == charge.c.session) & (last.c.revision == charge.c.revision)
    return select(charge.c.amount_fen).join(last, same).order_by(charge.c.entered_at)
