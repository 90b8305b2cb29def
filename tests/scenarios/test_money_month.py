"""Months from seeds through gateway, centre, payment providers and bills: reconciliation finds exactly what went wrong,
and when that is worked off no fen is left unexplained."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from server import bootstrap, readers
from server import configured as settings
from server.books import keeping, ledger_check
from server.payments.watch import Watch
from server.store import bill_rows, doubt_views, ledger_rows, schema
from server.store.people import add_account
from server.store.scope import CITY
from simulators.memory import in_memory
from simulators.month.seed import make_month
from simulators.month.words import Month, Visit
from simulators.payments.books import Order
from simulators.payments.server import Payments
from tests.scenarios.month_clearing import booked, kept_stays, true_fee, true_stays
from tests.scenarios.month_money import GARDEN, MoneyMonth
from tests.scenarios.month_prices import true_lot
from tests.scenarios.month_site import Leaping, give_passes, month_site
from tests.scenarios.test_offline_month import TARIFF
from tests.server.centre import centre
from tests.server.engines import SQLITE
from tests.server.payments.site import FAST, KEYS, configured

pytestmark = pytest.mark.long
SEEDS = range(1, 101 if os.environ.get("FULL") else 11)
CARS_A_DAY = 200 if os.environ.get("FULL") else 6


async def _only_when_asked(_watch: Watch) -> None:
    """The watch looks when the month says so: its own seconds are not the month's."""
    await asyncio.Event().wait()


@asynccontextmanager
async def lived(folder: Path, month: Month, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[MoneyMonth]:
    """A month that was lived, each day reconciled on the next."""
    now = Leaping(month.visits[0].entered_at - timedelta(hours=3))
    for module in (bootstrap, settings, readers):
        monkeypatch.setattr(module, "utc_now", now)
    monkeypatch.setattr(Watch, "run", _only_when_asked)
    for name in ("edge", "centre"):
        (folder / name).mkdir()
    sim = Payments(retries_s=FAST, keys=KEYS, now=now)
    await sim.start()
    sim.write_keys(folder / "centre")
    async with (
        centre(folder / "centre", SQLITE, configured(sim), TARIFF) as here,
        month_site(folder / "edge", here, now) as site,
    ):
        for who in ("wang", "zhao", "sun"):
            await add_account(here.house.db, who, f"a password of {who}", "clerk", CITY, now())
        await give_passes(here.house, GARDEN, month)
        await site.wish(month, TARIFF)
        site.cuts = month.cuts
        money = MoneyMonth(site, sim, month)
        await money.live()
        yield money
    await sim.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory, where there is room: what outlives a power cut is for others to show."""
    with tempfile.TemporaryDirectory(dir=in_memory() or tmp_path) as made:
        yield Path(made)


def _loses(number: int, usual: Callable[[MoneyMonth, Visit, Order], Awaitable[None]]) -> Any:
    async def goes_wrong(money: MoneyMonth, visit: Visit, order: Order) -> None:
        await usual(money, visit, order)
        if visit.number == number:
            del money.sim.books.orders[order.channel, order.number]

    return goes_wrong


async def _stays_are_true(money: MoneyMonth) -> None:
    """Every visit is one stay and every stay a visit, in the view and in the book, and costs what it should."""
    centre, visits, lot = money.here.centre, true_stays(money.month), true_lot(money.month)
    for table in (schema.session, schema.charge_session):
        assert kept_stays(await centre.rows(table)) == Counter(visits.keys()), table.name
    assert await booked(centre.house) == {stay: true_fee(lot, visit) for stay, visit in visits.items()}
    async with centre.house.db.read() as connection:
        assert await doubt_views.next_one(connection, CITY, GARDEN) is None


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_month(seed: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    month = make_month(seed, cars_a_day=CARS_A_DAY)
    async with lived(folder, month, monkeypatch) as money:
        assert money.found == set(month.expected), "exactly what the seed put in, no more and no fewer"
        await _stays_are_true(money)
        db, now = money.here.centre.house.db, money.here.now
        await money.work_off()
        await keeping.Keeper(db, now).look()
        async with db.write(GARDEN) as connection:
            assert await bill_rows.open_now(connection, GARDEN) == []
            verified = await ledger_check.verify(connection, GARDEN)
            assert verified.faults == []
            assert verified.journals > 10 * CARS_A_DAY
            before = await ledger_rows.balances(connection, GARDEN)
            assert await ledger_check.rebuild(connection, GARDEN) == []
            assert await ledger_rows.balances(connection, GARDEN) == before
        for channel in ("wechat", "alipay"):
            assert before[f"clearing:{channel}"] == money.at_the_provider(channel)


async def test_a_fault_that_nobody_put_in_is_seen(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The positive control: one payment vanishes from a provider's books."""
    month = make_month(1, days=4, cars_a_day=12)
    visit = next(one for one in month.visits if one.way == "wechat" and one.fault is None)
    monkeypatch.setattr(MoneyMonth, "_goes_wrong", _loses(visit.number, MoneyMonth._goes_wrong))  # pyright: ignore[reportPrivateUsage]
    async with lived(folder, month, monkeypatch) as money:
        assert {one.about for one in money.found - set(month.expected)} == {f"visit {visit.number}"}
