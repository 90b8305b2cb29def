"""The overview of two thousand complexes: a month of online time, 120,000 matters and 300,000 alerts."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Table, text

from benchmarks import fleet_page
from benchmarks.fleet_page import times
from benchmarks.rows import Row
from server.bootstrap import close_house, open_house
from server.config import Config
from server.house import House
from server.store import schema
from server.store.engine import stamp
from tests.server import rows
from tests.server.engines import POSTGRES, SQLITE, Engine
from tests.server.people import make_app

_COMPLEXES, _DAYS, _MATTERS, _ALERTS, _PAGES, _REACH_MS = 2_000, 32, 120_000, 300_000, 20, 1_500
_AT_ONCE = 5_000
_PATHS = ("/overview", "/overview?area=s3", "/overview?area=c3", "/alerts/noise", "/alerts/noise?complex=x7")
Filler = Iterator[dict[str, Any]]


async def run(scale: float) -> list[Row]:
    """Of the whole city, of a street, of a community; and the page of noise."""
    return [one for engine in (SQLITE, POSTGRES) for one in await _of(engine, max(5, int(_PAGES * scale)), scale)]


async def _of(engine: Engine, pages: int, scale: float) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, engine.database() as url:
        house = await open_house(Path(folder), Config(database=url))
        try:
            await fleet_page.fill(house)
            await _fill(house, min(1.0, scale))
            transport = httpx.ASGITransport(make_app(house))
            async with httpx.AsyncClient(transport=transport, base_url="http://centre.example.invalid") as client:
                await client.post("/login", data={"username": "wang", "password": rows.PASSWORD})
                return [await times(client, engine.name, path, pages, _REACH_MS) for path in _PATHS]
        finally:
            await close_house(house)


async def _fill(house: House, scale: float) -> None:
    now, chance = datetime.now(UTC), random.Random(2)
    fillers = (
        (schema.gateway_online, _online(now, chance)),
        (schema.duty_state, _matters(now, chance, int(_MATTERS * scale))),
        (schema.alert, _alerts(now, chance, int(_ALERTS * scale))),
        (schema.noise, _noise(now, chance, int(_ALERTS * scale / 4))),
    )
    for table, filler in fillers:
        await _pour(house, table, filler)
    async with house.db.write() as connection:
        await connection.execute(text("ANALYZE"))


async def _pour(house: House, table: Table, filler: Filler) -> None:
    while some := list(islice(filler, _AT_ONCE)):
        async with house.db.write() as connection:
            await connection.execute(table.insert(), some)


def _online(now: datetime, chance: random.Random) -> Filler:
    for number in range(_COMPLEXES):
        for back in range(_DAYS):
            day = (now - timedelta(days=back)).date()
            heard = 3_600 - chance.randrange(200)
            hours = {str(hour): [heard, heard * 24, heard * 23] for hour in range(24)}
            yield {"gateway": f"gw-{number}", "place": day.toordinal() % 400, "day": day.isoformat(), "hours": hours}


def _matters(now: datetime, chance: random.Random, count: int) -> Filler:
    for number in range(count):
        at, status = stamp(now - timedelta(days=chance.uniform(0, 30))), chance.choice(("ended",) * 40 + ("open",))
        row = {"incident": f"i{number}", "complex": f"x{chance.randrange(_COMPLEXES)}", "category": "security"}
        row |= {"place": "x", "state": b"{}", "revision": 1, "status": status, "level": "complex", "person": ""}
        row |= {"severity": "high", "at_top": 0, "opened_at": at, "updated_at": at, "due_at": None, "ended_at": None}
        climbed = chance.choice((None, "community"))
        yield row | {"climbed_to": climbed, "taken_s": chance.randrange(9_000), "ended_s": None, "ended_why": None}


def _alerts(now: datetime, chance: random.Random, count: int) -> Filler:
    for number in range(count):
        said = {"complex": f"x{chance.randrange(_COMPLEXES)}", "device": f"x:{chance.randrange(24)}"}
        said |= {"category": chance.choice(("device", "security")), "rule": chance.choice(("device_offline", "crowd"))}
        at = now - timedelta(days=chance.uniform(0, 30))
        yield rows.alert_row(f"a{number}", **said, occurred_at=at, severity="low")


def _noise(now: datetime, chance: random.Random, count: int) -> Filler:
    for number in range(count):
        said = {"alert": f"a{number * 4}", "complex": "x1", "device": "x:1", "rule": "crowd", "by": "li"}
        yield said | {"at": stamp(now - timedelta(days=chance.uniform(0, 30))), "is_false": chance.randrange(2)}
