"""A transport on a real log: what it hears goes through the intake of the agent, what it is told is the driver's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from domain.desired_bodies import Device
from domain.events import Event
from edge.clock import Clock
from edge.config import Config
from edge.devices.driver import Command, discover
from edge.intake.device_list import DeviceList
from edge.intake.intake import Intake
from edge.store.file import OWN_TABLES
from edge.store.media import MediaStore
from edge.transports.links import Around
from eventlog.group_commit import Bounds
from eventlog.sqlite import SqliteEventLog


class LinkBench:
    """An intake and what a transport is given; ``events`` reads the log."""

    def __init__(
        self, store: SqliteEventLog, folder: Path, devices: Sequence[Device], clock: Clock, settings: dict[str, Any]
    ) -> None:
        self.store, self.folder = store, folder
        config = msgspec.convert({"data": str(folder), **settings}, Config)
        self.devices = DeviceList(devices, accept_unknown=False)
        media = MediaStore(folder / "media", store)
        self.intake = Intake(store, media, discover(), self.devices, config.site, clock, Bounds(wait_s=0.0))
        self.around = Around(config, discover(), self.devices, self.intake, clock, lambda _: 0.01)

    def encode(self, device: str, name: str, request_id: str = "order-0001", **args: Any) -> Any:
        return discover().encode(Command(name, device, request_id, datetime.now(UTC), args), self.around.config.site)

    async def events(self, kind: str = "") -> list[Event]:
        found = [record for stream in self.store.partitions for record in await self.store.read(stream, 0, 1000)]
        events = [msgspec.json.decode(record.body, type=Event) for record in found]
        return [event for event in events if kind in ("", event.kind)]

    async def recorded(self, kind: str, count: int = 1) -> list[Event]:
        """The events of a kind, once there are so many; fails after a bound."""
        async with asyncio.timeout(40):
            while len(found := await self.events(kind)) < count:
                await asyncio.sleep(0.01)
        return found


@asynccontextmanager
async def link_bench(
    folder: Path, *devices: Device, committing: bool = True, clock: Clock | None = None, **settings: Any
) -> AsyncIterator[LinkBench]:
    """``committing`` false: the log takes nothing, as with a disk that hangs."""
    store = await SqliteEventLog.open(folder / "log.db", "e1", OWN_TABLES)
    here = LinkBench(store, folder, devices, clock or Clock(), settings)
    tasks = [asyncio.create_task(here.intake.run())] if committing else []
    try:
        yield here
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await store.close()


@asynccontextmanager
async def running(transport: Any) -> AsyncIterator[None]:
    """A transport that runs meanwhile; what it fails of fails the test."""
    task = asyncio.create_task(transport.run())
    try:
        yield
    finally:
        if not task.done():
            task.cancel()
        with suppress(asyncio.CancelledError):
            await task
