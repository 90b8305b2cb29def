"""Our centre whole, over HTTP, with its readers and works running; above it a simulated platform that asks of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import uvicorn

from domain.events import Event, Subject
from domain.feeds.basis import Basis
from domain.feeds.classes import DataClass
from domain.viid.sources import Coded
from server.app import create_app
from server.behind import run_behind
from server.bootstrap import close_house, open_house
from server.config import Complex, Config
from server.feeds.gat1400.codes import DeviceCodes
from server.house import House
from server.store import platform_rows
from server.store.platform_rows import Platform
from server.store.schema import audit
from server.viid.settings import Peer, Settings
from simulators.upper.asking import Asking
from simulators.upper.faults import Faults
from simulators.upper.kept import Record
from simulators.upper.platform import CODE, PASSWORD_FILE, UpperPlatform
from tests.server.centre import Centre, Gateway
from tests.server.engines import Engine, migrated

OURS, ORG, PASSWORD = "33010600015030000001", "330106000000", "view-password-0001"
GATE = "33010600011210000001"
CITY = "city"
CAMERA_BELOW = "33010600011190000001"  # of a library below us


def camera(number: int) -> str:
    return f"3301060001119{number:07}"


class Side(Centre):
    """``platform`` is the simulated one; ``asks``: the same, as a client of ours."""

    def __init__(self, house: House, client: httpx.AsyncClient, platform: UpperPlatform, asks: Asking) -> None:
        super().__init__(house, client)
        self.platform, self.asks = platform, asks
        self.url = ""

    async def allow(self, *classes: DataClass, **more: Any) -> int:
        now = datetime.now(UTC)
        said: dict[str, Any] = {"since": now - timedelta(days=1), "until": now + timedelta(days=9)} | more
        basis = Basis(unit="市公安局", document="公函7", classes=frozenset(classes), **said)
        async with self.house.db.write() as connection:
            return await platform_rows.record_basis(connection, CITY, basis, "wang", now)

    async def end(self, basis: int) -> None:
        async with self.house.db.write() as connection:
            assert await platform_rows.end_basis(connection, CITY, basis, "wang", "期满", datetime.now(UTC))

    def told(self, kind: str) -> list[Record]:
        return self.platform.kept.of(kind)

    async def noted(self, action: str) -> list[dict[str, Any]]:
        return [msgspec.json.decode(row["details"] or "{}") for row in await self.rows(audit, action=action)]

    async def turn(self, *, is_on: bool) -> None:
        async with self.house.db.write() as connection:
            await platform_rows.turn(connection, CITY, is_on=is_on)


@asynccontextmanager
async def cascade(
    folder: Path,
    engine: Engine,
    profile: str = "strict",
    *,
    faults: Faults | None = None,
    settings: dict[str, Any] | None = None,
    complexes: tuple[str, ...] = ("garden",),
    below: Sequence[Peer] = (),
) -> AsyncIterator[Side]:
    platform = UpperPlatform(profile, faults=faults, hang_s=0.5)
    await platform.start()
    platform.write_password(folder)
    (folder / "viid.password").write_text(PASSWORD)
    told_at = f"{platform.receive_url}/VIID"
    peer = Peer(CODE, "upper", "viid.password", complexes=list(complexes), report_to=told_at, platform=CITY)
    places = [Complex("garden", "阳光花园"), Complex("river", "滨河里")]
    with migrated(folder, engine) as database:
        config = Config(database=database, complexes=places, viid=Settings(OURS, ORG, peers=[peer, *below]))
        house = await open_house(folder, config)
        await _record(house, platform, settings or {})
        server = uvicorn.Server(uvicorn.Config(create_app(house), "127.0.0.1", 0, log_level="error", lifespan="off"))
        works = [asyncio.create_task(server.serve()), asyncio.create_task(run_behind(house))]
        try:
            while not server.started:
                await asyncio.sleep(0.01)
            url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
            async with (
                httpx.AsyncClient(base_url=url, timeout=60) as client,
                Asking(url, CODE, PASSWORD, platform.receive_url) as asks,
            ):
                await asks.register()
                side = Side(house, client, platform, asks)
                side.url = url
                yield side
        finally:
            server.should_exit = True
            works[1].cancel()
            await asyncio.wait(works)
            await close_house(house)
            await platform.stop()


async def _record(house: House, platform: UpperPlatform, settings: dict[str, Any]) -> None:
    """As people do: the platform, on; the codes of its devices."""
    said: dict[str, Any] = {"settings": settings, "secret_file": PASSWORD_FILE, "made_at": "2026", "made_by": "wang"}
    one = Platform(id=CITY, name="市局", kind="cascade", address=platform.url, is_on=True, session_at="2026", **said)
    codes = [
        ((complex_id, f"x:{n}"), Coded(camera(n + shift), f"{n}号", tollgate=GATE, place="东门"))
        for shift, complex_id in enumerate(("garden", "river"))
        for n in (0, 2)
    ]
    if house.config.viid is not None and len(house.config.viid.peers) > 1:  # a library below us has cameras too
        codes.append((("garden", f"gat1400:{CAMERA_BELOW}"), Coded(CAMERA_BELOW, "下级东门")))
    await DeviceCodes(house.db, CITY).replace(codes)
    async with house.db.write() as connection:
        await platform_rows.add(connection, one)


def passage(number: int, device: str = "x:0", **rest: Any) -> Event:
    """A car; each number is another, later than the one before."""
    at = datetime.now(UTC) - timedelta(minutes=5) + timedelta(milliseconds=100 * number)
    subject = Subject(type="plate", id=f"浙A{number:05}", plate_color="blue", plate_status="read")
    return Event(kind="plate", device=device, time=at, source_event_id=str(number), subject=subject, **rest)


async def sent(gateway: Gateway, *events: Event) -> None:
    for start in range(0, len(events), 200):
        await gateway.send(*events[start : start + 200])
