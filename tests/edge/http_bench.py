"""A gateway's HTTP transports on a real log: the listener on a port of its own, and clients for it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from domain.desired_bodies import Device
from domain.events import Event
from edge.clock import Clock
from edge.config import Config, Limits, Listen
from edge.devices.driver import Registry, discover
from edge.intake.device_list import DeviceList
from edge.intake.intake import Intake
from edge.intake.parked import Parked, listed
from edge.store.file import OWN_TABLES
from edge.store.media import MediaStore
from edge.transports.links import Around, Transport
from eventlog.group_commit import Bounds
from eventlog.sqlite import SqliteEventLog
from simulators.broker import free_port
from tests.rig import until

RETRY_S = 0.02


class HttpBench:
    """One gateway. ``wall`` sets its clock; ``committing`` false: the log takes nothing, as with a disk that hangs."""

    wall: datetime | None = None

    def __init__(self, store: SqliteEventLog, folder: Path, registry: Registry, limits: Limits, listen: Listen) -> None:
        self.store, self.folder = store, folder
        self.devices = DeviceList([], accept_unknown=True)
        self.clock = Clock(wall_s=lambda: (self.wall or datetime.now(UTC)).timestamp(), kernel=lambda: True)
        self.config = Config(data=str(folder), listen=listen, limits=limits)
        bounds = Bounds(wait_s=0.0, queue_items=limits.queue_messages)
        media = MediaStore(folder / "media", store)
        site, size_bytes = self.config.site, limits.message_bytes
        self.intake = Intake(store, media, registry, self.devices, site, self.clock, bounds, size_bytes)
        self.around = Around(self.config, registry, self.devices, self.intake, self.clock, lambda _: RETRY_S)
        self.url = f"http://127.0.0.1:{listen.port}"

    def list_devices(self, *devices: Device, accept_unknown: bool = False) -> None:
        """Only these may speak from now on."""
        self.devices.__init__(devices, accept_unknown=accept_unknown)

    async def events(self, kind: str = "") -> list[Event]:
        """What is in the log, in the order of each stream."""
        found = [record for stream in self.store.partitions for record in await self.store.read(stream, 0, 1000)]
        events = [msgspec.json.decode(record.body, type=Event) for record in found]
        return [event for event in events if kind in ("", event.kind)]

    async def recorded(self, count: int, kind: str = "") -> list[Event]:
        """The events, once there are so many; fails after a bound."""
        async with asyncio.timeout(10):
            while len(found := await self.events(kind)) < count:
                await asyncio.sleep(0.01)
        return found

    async def parked(self) -> list[Parked]:
        return await listed(self.store, 100)


@asynccontextmanager
async def http_bench(
    folder: Path,
    make: Callable[[Around], Transport],
    registry: Registry | None = None,
    *,
    limits: Limits | None = None,
    wall: datetime | None = None,
    committing: bool = True,
    **listen: Any,
) -> AsyncIterator[tuple[HttpBench, Any]]:
    """The gateway and its transport, which runs."""
    store = await SqliteEventLog.open(folder / "log.db", "e1", OWN_TABLES)
    settings = Listen(host="127.0.0.1", port=free_port(), **listen)
    bench = type("At", (HttpBench,), {"wall": wall}) if wall else HttpBench
    here: HttpBench = bench(store, folder, registry or discover(), limits or Limits(), settings)
    transport = make(here.around)
    works = [transport.run(), here.intake.run()] if committing else [transport.run()]
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield here, transport
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await store.close()


@asynccontextmanager
async def client(here: HttpBench, **kept: Any) -> AsyncIterator[aiohttp.ClientSession]:
    """A session at the listener, once that answers."""
    async with aiohttp.ClientSession(here.url, **kept) as session:
        await until(lambda: listens(here), every_s=0.01)
        yield session


def listens(here: HttpBench) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", here.config.listen.port)) == 0
