"""A running agent looks when it is told to, lets callers in meanwhile, and tells the centre what nobody listed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import msgspec
import pytest

from domain.desired import Document
from domain.events import Event
from domain.orders import Order
from edge.agent import Agent
from edge.clock import Clock
from edge.config import Config
from edge.devices.driver import discover
from edge.discovery import found_file, searching
from edge.discovery.searching import Searching
from edge.parts import Parts
from edge.status import status
from edge.store.keeper import open_fit
from edge.transports import links, tcp
from simulators.broker import free_port
from simulators.devices import uhppote as sim
from tests.edge.devices.samples import sample
from tests.edge.link_bench import link_bench
from tests.rig import until

SERIAL = 405419896
CONTROLLER, CAMERA, CHARGER = f"uhppote:{SERIAL}", "gat1400:44030000001210000001", "ocpp:CP-7"


class Box:
    """An agent in this process, its ports, and a controller on its network."""

    def __init__(self, parts: Parts, controller: sim.Controller) -> None:
        self.parts, self.controller, self.searching = parts, controller, parts.searching
        self.push, self.calls = parts.config.listen.port, parts.config.websocket.port

    def told(self) -> dict[str, dict[str, Any]]:
        """What the centre would be told now; empty where it is no news."""
        return {one["id"]: one for one in self.searching.news() or []}

    async def order(self, number: int) -> None:
        now = datetime.now(UTC)
        order = Order(f"order-{number:04}", "gateway", "devices.discover", now, now + timedelta(seconds=60), "wang")
        await self.parts.control.orders.take([order], now)

    async def list(self, *devices: str) -> None:
        body = {"devices": [{"id": device, "address": "127.0.0.1:9"} for device in devices]}
        assert await self.parts.control.desired.apply([Document("devices", 1, body)])

    def listens(self, port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0


@asynccontextmanager
async def box(folder: Path, monkeypatch: pytest.MonkeyPatch, **discovery: Any) -> AsyncGenerator[Box]:
    for module in (links, tcp):
        monkeypatch.setattr(module, "_LOOK_S", 0.05)
    monkeypatch.setattr(searching, "_OPEN_LOOK_S", 0.05)
    controller = sim.Controller(SERIAL, ZoneInfo("Asia/Shanghai"))
    port = await controller.start()
    here = {"host": "127.0.0.1"}
    settings = {
        "data": str(folder),
        "broker": {"port": 9},
        "metrics": {"port": 0},
        "listen": here | {"port": free_port()},
        "websocket": here | {"port": free_port()},
        "tcp": here | {"ports": {"gb26875": free_port()}},
        "uhppote": here | {"port": 0, "broadcast": f"127.0.0.1:{port}"},
        "discovery": {"every_s": 0, "seconds": 0.2, "interface": "127.0.0.1", "probe": "127.0.0.1:9", **discovery},
    }
    clock = Clock()
    store, happened = await open_fit(folder, clock.now)
    agent = Agent(msgspec.convert(settings, Config), store, clock, happened)
    running = asyncio.create_task(agent.run(lambda: None))
    try:
        await until(lambda: bool(status.read_file(folder)))  # it works
        yield Box(agent._parts, controller)  # pyright: ignore[reportPrivateUsage]
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await store.close()
        controller.stop()


async def test_an_order_looks_and_lets_callers_in_until_they_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with box(tmp_path, monkeypatch) as here, aiohttp.ClientSession() as session:
        assert not here.controller.asked, "told not to look by itself, it does not"
        assert not any(map(here.listens, (here.push, here.calls))), "nobody is let in while nobody looks"
        await here.order(1)
        assert here.searching.in_short()["searching"]
        await until(lambda: here.searching.searched_at is not None)
        assert CONTROLLER in here.told()
        await until(lambda: here.listens(here.push) and here.listens(here.calls))
        register = sample("gat1400", "register.json").payload
        async with session.post(f"http://127.0.0.1:{here.push}/VIID/System/Register", data=register) as answer:
            assert answer.status == 200
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"http://127.0.0.1:{here.calls}/ocpp/CP-7", protocols=["ocpp1.6"])
        await until(lambda: {CAMERA, CHARGER} <= here.told().keys())
        told = here.told()
        assert {one["host"] for one in told.values()} == {"127.0.0.1"}
        assert (told[CHARGER]["by"], told[CAMERA]["by"]) == (("called",), ("heard",))
        here.searching.told()
        assert here.searching.news() is None, "what it was told is no news"
        await here.list(CONTROLLER)
        assert here.told().keys() == {CAMERA, CHARGER}
        here.searching._open_until_s = 0.0  # pyright: ignore[reportPrivateUsage]
        await until(lambda: not here.listens(here.push) and not here.listens(here.calls))
        await until(lambda: len(found_file.read(tmp_path, datetime.now(UTC))) == 3)
    async with box(tmp_path, monkeypatch) as again:
        await until(lambda: {CAMERA, CHARGER} <= again.told().keys())


async def test_it_looks_by_itself_and_closed_means_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with box(tmp_path, monkeypatch, every_s=0.2, listen_s=0) as here:
        await until(lambda: len(here.controller.asked) >= 4)  # two searches
        assert CONTROLLER in here.told()
        before = here.searching.searched_at
        here.searching.told()
        await until(lambda: here.searching.searched_at != before)
        assert CONTROLLER in here.told(), "each search is told: the centre may have lost what it had"
        await here.order(1)
        assert not here.searching.is_open(), "with listen_s = 0 nobody unlisted is let in"


async def test_where_all_are_accepted_those_that_were_heard_are_offered(tmp_path: Path) -> None:

    async with link_bench(tmp_path) as here:
        here.intake.seen.note(Event(kind="availability", device="vzenith:1", state="online"), datetime.now(UTC))
        here.intake.seen.note(Event(kind="availability", device="frigate", state="online"), datetime.now(UTC))
        for word, expected in (("park", []), ("accept", ["vzenith:1"])):
            config = msgspec.structs.replace(here.around.config, unknown_devices=word)
            looking = Searching(config, discover(), here.devices, here.intake, Clock(), [])
            await looking._search()  # pyright: ignore[reportPrivateUsage]
            assert [one.id for one in looking.unlisted()] == expected
