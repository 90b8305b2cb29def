"""A month without the centre: the gateway prices every stay by its own copy; the centre's book agrees to the fen."""

from __future__ import annotations

import copy
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.plates import canonical
from domain.tariff import LotTariff, read_tariff
from server import bootstrap, configured, readers
from server.store.engine import unstamp
from server.store.schema import charge
from simulators.month.seed import make_month
from simulators.month.words import Lane, Month, Visit
from tests.scenarios.month_site import Leaping, MonthSite, month_site
from tests.server.centre import CONFIG, centre
from tests.server.engines import SQLITE

TARIFF: dict[str, Any] = {
    "timezone": "Asia/Shanghai",
    "calendar": {"2026-10-01": "restday", "2026-10-10": "workday"},
    "plans": {
        "small": {
            "free": {"minutes": 15},
            "cycle": {"hours": 24},
            "cycle_cap_fen": [2_000],
            "charge": {
                "kind": "bands",
                "bands": [
                    {"from": "08:00", "to": "20:00", "charge": {"kind": "unit", "unit_min": 30, "fen": 155}},
                    {"from": "20:00", "to": "08:00", "charge": {"kind": "unit", "unit_min": 60, "fen": 95}},
                ],
            },
        },
        "nev": {"free": {"minutes": 30}, "charge": {"kind": "linear", "fen_per_hour": 133}},
    },
}
CARS_A_DAY = 200 if os.environ.get("FULL") else 60
Key = tuple[str, datetime]  # plate, entered


@asynccontextmanager
async def site(folder: Path, month: Month, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[MonthSite]:
    """A gateway and a centre with the same tariff, on the month's clock."""
    now = Leaping(month.visits[0].entered_at - timedelta(hours=1))
    for module in (bootstrap, configured, readers):
        monkeypatch.setattr(module, "utc_now", now)
    for name in ("edge", "centre"):
        (folder / name).mkdir()
    async with (
        centre(folder / "centre", SQLITE, CONFIG, TARIFF) as here,
        month_site(folder / "edge", here, now) as there,
    ):
        yield there


async def live(here: MonthSite, visits: tuple[Visit, ...]) -> dict[Key, int]:
    """Every car comes, pays at the lane what the gateway asks, and leaves; what was asked, by stay."""
    asked: dict[Key, int] = {}
    for at, visit, lane in timeline(visits):
        here.now.set(at)
        here.read(lane, visit.plate, visit.color)
        if lane != visit.exit:
            continue
        due = here.due(lane)
        if due:
            await here.order(lane, "lane.paid", plate=visit.plate, fen=due)
        if visit.way != "pass":
            asked[canonical(visit.plate), visit.entered_at] = due
    return asked


def timeline(visits: tuple[Visit, ...]) -> list[tuple[datetime, Visit, Lane]]:
    both = [(visit.entered_at, visit, visit.entrance) for visit in visits]
    both += [(visit.left_at, visit, visit.exit) for visit in visits]
    return sorted(both, key=lambda one: (one[0], one[1].number))


async def booked(here: MonthSite, passes: tuple[str, ...]) -> dict[Key, int]:
    """What the centre's book has, but for cars with a pass."""
    await here.sync()
    await here.centre.settled()
    with_pass = {canonical(plate) for plate in passes}
    rows = [row for row in await here.centre.rows(charge) if row["plate"] not in with_pass]
    return {(row["plate"], unstamp(row["entered_at"])): row["amount_fen"] for row in rows}


async def test_the_offline_month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    month = make_month(seed=7, cars_a_day=CARS_A_DAY)
    async with site(tmp_path, month, monkeypatch) as here:
        await here.wish(month, TARIFF)
        asked = await live(here, month.visits)
        assert sum(fen > 0 for fen in asked.values()) > 10 * CARS_A_DAY // 3
        assert await booked(here, month.passes) == asked
    lot = LotTariff(read_tariff(TARIFF), "small")
    stays = [visit for visit in month.visits if visit.way != "pass"]
    truth = {(canonical(v.plate), v.entered_at): lot.quote(v.color, v.entered_at, v.left_at).fee_fen for v in stays}
    assert asked == truth


async def test_another_tariff_at_the_gateway_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The positive control: one fen in one band."""
    month = make_month(seed=7, days=4, cars_a_day=CARS_A_DAY)
    other = copy.deepcopy(TARIFF)
    other["plans"]["small"]["charge"]["bands"][1]["charge"]["fen"] += 1
    async with site(tmp_path, month, monkeypatch) as here:
        await here.wish(month, other)
        asked = await live(here, month.visits)
        assert await booked(here, month.passes) != asked
