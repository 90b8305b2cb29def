"""The fleet page with two thousand gateways of two thousand complexes in seventy areas, on both engines."""

from __future__ import annotations

import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from benchmarks.rows import Row, percentile, row
from server.bootstrap import close_house, open_house
from server.config import Config
from server.house import House
from server.store import schema
from server.store.engine import stamp
from tests.server import rows
from tests.server.engines import POSTGRES, SQLITE, Engine
from tests.server.people import make_app

_GATEWAYS, _PAGES, _REACH_MS = 2_000, 100, 300
_PATHS = ("/gateways", "/gateways?sort=noise&skip=1500", "/gateways?area=s3&rank=silent", "/gateways?q=19")


async def run(scale: float) -> list[Row]:
    """p99 of each way to look at it; the first page of all, which compiles the templates, apart."""
    return [one for engine in (SQLITE, POSTGRES) for one in await _of(engine, max(20, int(_PAGES * scale)))]


async def _of(engine: Engine, pages: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, engine.database() as url:
        house = await open_house(Path(folder), Config(database=url))
        try:
            await fill(house)
            transport = httpx.ASGITransport(make_app(house))
            async with httpx.AsyncClient(transport=transport, base_url="http://centre.example.invalid") as client:
                await client.post("/login", data={"username": "wang", "password": rows.PASSWORD})
                return [await times(client, engine.name, path, pages, _REACH_MS) for path in _PATHS]
        finally:
            await close_house(house)


async def times(client: httpx.AsyncClient, engine: str, path: str, pages: int, reach_ms: int) -> Row:
    """One way to look at it, so many times."""
    await client.get(path)
    times_ms: list[float] = []
    used_s = time.process_time()
    for _ in range(pages):
        began_s = time.perf_counter()
        response = await client.get(path)
        times_ms.append((time.perf_counter() - began_s) * 1_000)
        assert response.status_code == 200, response.status_code
    cpu_ms = round((time.process_time() - used_s) * 1_000 / pages, 1)
    p99_ms, p50_ms = (round(percentile(times_ms, share), 1) for share in (0.99, 0.5))
    return row(f"{engine}: {path}, p99", p99_ms, "ms", at_most=reach_ms, p50_ms=p50_ms, cpu_ms=cpu_ms)


async def fill(house: House) -> None:
    """Complexes, their areas, a gateway each."""
    await rows.add_people(house)
    now, chance = datetime.now(UTC), random.Random(1)
    async with house.db.write() as connection:
        await connection.execute(schema.area.insert(), _areas())
        await connection.execute(schema.area_within.insert(), _within())
        complexes = [_complex(number) for number in range(_GATEWAYS)]
        await connection.execute(schema.complex_.insert(), complexes)
        seen = {"public_key": {}, "enrolled_at": stamp(now), "status": {"devices": [{"id": "x:1"}] * 24}}
        late = (timedelta(seconds=100), timedelta(seconds=-900))
        boxes = [
            {"id": f"gw-{n}", "complex": f"x{n}", **seen, "last_seen_at": stamp(now + chance.choice(late))}
            for n in range(_GATEWAYS)
        ]
        await connection.execute(schema.gateway.insert(), boxes)
        well = {"at": stamp(now), "version": "0.1.0", "clock_ms": 3.0, "clock_ok": 1, "events_day": 2_500}
        health = [
            {"gateway": f"gw-{n}", **well, "lag": chance.randrange(9), "trouble": chance.choice((0, 0, 1, 2))}
            for n in range(_GATEWAYS)
        ]
        await connection.execute(schema.gateway_health.insert(), health)


def _complex(number: int) -> dict[str, str]:
    return {"id": f"x{number}", "name": f"小区 {number}", "timezone": "Asia/Shanghai", "area": f"c{number % 60}"}


def _parents() -> dict[str, str]:
    """Sixty communities in ten streets of a district; of each the area that it lies in."""
    streets = {f"s{number}": "d" for number in range(10)}
    return {"d": "", **streets, **{f"c{number}": f"s{number % 10}" for number in range(60)}}


def _areas() -> list[dict[str, str | None]]:
    kinds = {"d": "district", "s": "street", "c": "community"}
    return [{"id": id_, "kind": kinds[id_[0]], "name": id_, "parent": up or None} for id_, up in _parents().items()]


def _within() -> list[dict[str, str]]:
    parents, found = _parents(), list[dict[str, str]]()
    for id_ in parents:
        upper = id_
        while upper:
            found.append({"upper": upper, "area": id_})
            upper = parents[upper]
    return found
