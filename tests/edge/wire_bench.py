"""A gateway with its real log, its control and one transport on loopback: devices speak to it over real sockets."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.desired import Document
from domain.events import Event
from edge.clock import Clock
from edge.config import Config, Tcp, Uhppote
from edge.control.control import Control, Reach
from edge.devices.driver import Outgoing, discover
from edge.intake import parked
from edge.intake.device_list import DeviceList
from edge.intake.intake import Intake
from edge.store.file import OWN_TABLES
from edge.store.media import MediaStore
from edge.transports import links, tcp, udp
from edge.transports.links import Around, Links
from eventlog.group_commit import Bounds
from eventlog.log import LogBroken
from eventlog.sqlite import SqliteEventLog
from tests.edge.control_bench import order
from tests.rig import until


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def clock_from(at: datetime) -> Clock:
    """A clock that somebody vouches for and that goes on from ``at``: shortly after a recording."""
    began_s, floor = time.monotonic(), at - timedelta(days=1)
    return Clock(lambda: at.timestamp() + time.monotonic() - began_s, time.monotonic, lambda: True, floor)


async def _give_up(error: LogBroken) -> None:
    raise error


class WireBench:
    """``commits`` holds the log back while it is cleared: nothing becomes durable then."""

    def __init__(self, store: SqliteEventLog, config: Config, clock: Clock) -> None:
        self.store, self.config, self.clock = store, config, clock
        self.devices = DeviceList([], accept_unknown=False)
        media = MediaStore(Path(config.data) / "media", store)
        registry = discover()
        bounds = Bounds(wait_s=0.0)
        self.intake = Intake(store, media, registry, self.devices, config.site, clock, bounds)
        reach = Reach(lambda device, message: self.send(device, message), clock.now, _give_up)
        self.control = Control(config, store, registry, self.devices, self.intake, reach)
        say = self.control.recorder.put
        around = Around(
            config, registry, self.devices, self.intake, clock, lambda _: 0.05, say, self.control.card_lists
        )
        self.links = Links(around)
        self.commits = asyncio.Event()
        self.commits.set()

    def send(self, device: str, message: Outgoing) -> bool:
        return self.links.send(device, message)

    async def wish(self, version: int = 1, **bodies: dict[str, Any]) -> None:
        assert await self.control.desired.apply([Document(kind, version, body) for kind, body in bodies.items()])

    async def order(self, number: int, device: str, name: str, **args: Any) -> None:
        at = datetime.now(UTC)
        await self.control.orders.take([order(number, device=device, name=name, args=args, now=at)], at)

    async def events(self, kind: str = "", device: str = "") -> list[Event]:
        found = [record for stream in self.store.partitions for record in await self.store.read(stream, 0, 10_000)]
        events = [msgspec.json.decode(record.body, type=Event) for record in found]
        return [event for event in events if kind in ("", event.kind) and device in ("", event.device)]

    async def some(self, count: int, holds: Callable[[Event], bool], timeout_s: float = 8.0) -> list[Event]:
        """The events that hold, once there are so many; fails after a bound."""
        async with asyncio.timeout(timeout_s):
            while len(found := [event for event in await self.events() if holds(event)]) < count:
                await asyncio.sleep(0.02)
        return found

    async def parked(self, count: int) -> list[parked.Parked]:
        async with asyncio.timeout(15.0):
            while len(found := await parked.listed(self.store, 100)) < count:
                await asyncio.sleep(0.02)
        return found

    async def states_of(self, number: int) -> list[str | None]:
        """What was said of an order, so far."""
        name = f"order-{number:04}"
        own = await self.events("command_result", "gateway")
        return [event.state for event in own if event.request_id == name]


class _HeldLog:
    """A commit waits while the bench wants it to."""

    def __init__(self, here: WireBench) -> None:
        append = here.store.append

        async def held(*args: Any, **kwargs: Any) -> Any:
            await here.commits.wait()
            return await append(*args, **kwargs)

        here.store.append = held  # pyright: ignore


@asynccontextmanager
async def wire_bench(folder: Path, clock: Clock | None = None, **settings: Any) -> AsyncIterator[WireBench]:
    """``settings``: of [uhppote] and [tcp]."""
    uhppote = {"host": "127.0.0.1", "port": free_port(socket.SOCK_DGRAM), "poll_s": 0.1, "answer_s": 0.3}
    lines: dict[str, Any] = {"host": "127.0.0.1", "ports": {"gb26875": free_port()}}
    config = Config(
        data=str(folder),
        uhppote=Uhppote(**{**uhppote, **settings.get("uhppote", {})}),
        tcp=Tcp(**{**lines, **settings.get("tcp", {})}),
    )
    quick = pytest.MonkeyPatch()
    for module in (links, tcp, udp):
        quick.setattr(module, "_LOOK_S", 0.05)
    store = await SqliteEventLog.open(folder / "log.db", "e1", OWN_TABLES)
    here = WireBench(store, config, clock or Clock(kernel=lambda: True))
    _HeldLog(here)
    await here.control.load()
    works = (here.intake.run(), here.control.run(), here.links.run())
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield here
    finally:
        here.commits.set()
        for task in reversed(tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await store.close()
        quick.undo()


__all__ = ["WireBench", "clock_from", "free_port", "until", "wire_bench"]
