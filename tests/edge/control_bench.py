"""A gateway's own decisions on a real log: the intake, Control, and what was sent to the devices' broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from domain.desired import Document
from domain.events import Event
from domain.orders import Order
from edge.clock import Clock
from edge.config import Config
from edge.control.control import Control, Reach
from edge.control.desired import DesiredState
from edge.devices.driver import Message, Outgoing, Publish, discover
from edge.intake.device_list import DeviceList
from edge.intake.intake import Intake
from edge.store.file import OWN_TABLES
from edge.store.media import MediaStore
from eventlog.group_commit import Bounds
from eventlog.log import LogBroken
from eventlog.sqlite import SqliteEventLog
from simulators.devices.message import DeviceMessage
from simulators.devices.uhppoted import Controller

ZONE = ZoneInfo("Asia/Shanghai")
SERIAL = 405419896
DEVICE = f"uhppoted:{SERIAL}"
CARD, OTHER_CARD = 8165538, 8165539
DEVICES = {"devices": [{"id": DEVICE, "place": "3 号楼", "doors": [{"point": "door/1", "decides": "gateway"}]}]}


def credentials(*cards: int, revoked: Iterable[int] = (), until: str = "2099-12-31") -> dict[str, Any]:
    doors = [{"device": DEVICE, "points": ["door/1"]}]
    return {
        "cards": [
            {"id": f"c{card}", "card": str(card), "doors": doors, "until": until, "revoked": card in revoked}
            for card in cards
        ]
    }


def order(number: int = 1, life_s: float = 15.0, *, now: datetime | None = None, **changed: Any) -> Order:
    at = now or datetime.now(UTC)
    base: dict[str, Any] = {"device": DEVICE, "name": "door.open", "args": {"point": "door/1", "card": str(CARD)}}
    times = {"issued_at": at, "expires_at": at + timedelta(seconds=life_s)}
    return Order(id=f"order-{number:04}", issued_by="wang", **{**base, **times, **changed})


async def _give_up(error: LogBroken) -> None:
    raise error


class ControlBench:
    """One gateway with one controller; ``broker_away`` cuts the devices' broker."""

    def __init__(
        self, store: SqliteEventLog, folder: Path, clock: Callable[[], datetime], intake_clock: Clock | None = None
    ) -> None:
        self.store, self.clock = store, clock
        self.sent: list[Publish] = []
        self.told: list[tuple[str, Outgoing]] = []
        self.broker_away = False
        self.controller = Controller(SERIAL, ZONE)
        devices = DeviceList([], accept_unknown=True)
        media = MediaStore(folder / "media", store)
        self.intake = Intake(
            store, media, discover(), devices, Config().site, intake_clock or Clock(), Bounds(wait_s=0.0)
        )
        reach = Reach(self._send, clock, _give_up)
        self.control = Control(Config(data=str(folder)), store, discover(), devices, self.intake, reach)
        self.devices = devices

    @property
    def desired(self) -> DesiredState:
        return self.control.desired

    def _send(self, device: str, message: Outgoing) -> bool:
        if self.broker_away:
            return False
        self.told.append((device, message))
        if isinstance(message, Publish):
            self.sent.append(message)
        return True

    def requests(self) -> list[dict[str, Any]]:
        """What the devices were told, as uhppoted-mqtt reads it."""
        return [msgspec.json.decode(message.payload)["message"]["request"] for message in self.sent]

    async def wish(self, version: int = 1, **bodies: dict[str, Any]) -> bool:
        return await self.desired.apply([Document(kind, version, body) for kind, body in bodies.items()])

    def hear(self, messages: Iterable[DeviceMessage], **changed: Any) -> None:
        for message in messages:
            base = {"topic": message.topic, "received_at": self.clock()}
            self.intake.offer(Message("uhppoted-mqtt", message.payload, **{**base, **changed}), lambda: None)

    def swipe(self, card: int, door: int = 1, at: datetime | None = None, **changed: Any) -> None:
        self.hear(self.controller.swipe(door, card, 1, at or self.clock(), reason=6), **changed)

    async def events(self, kind: str) -> list[Event]:
        found = [record for stream in self.store.partitions for record in await self.store.read(stream, 0, 1000)]
        events = [msgspec.json.decode(record.body, type=Event) for record in found]
        return [event for event in events if event.kind == kind]

    async def recorded(self, kind: str, count: int) -> list[Event]:
        """The events of a kind, once there are so many; fails after a bound."""
        async with asyncio.timeout(10):
            while len(found := await self.events(kind)) < count:
                await asyncio.sleep(0.01)
        return found

    async def states(self, *expected: str) -> list[Event]:
        """The agent's answers to orders, once they say what is expected, in order."""
        async with asyncio.timeout(10):
            found = await self._answers()
            while [event.state for event in found] != list(expected):
                await asyncio.sleep(0.01)
                found = await self._answers()
        return found

    async def _answers(self) -> list[Event]:
        return [event for event in await self.events("command_result") if event.device == "gateway"]


@asynccontextmanager
async def control_bench(
    folder: Path,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    *,
    committing: bool = True,
    intake_clock: Clock | None = None,
) -> AsyncIterator[ControlBench]:
    """``committing`` false: the log takes nothing, as with a disk that hangs."""
    store = await SqliteEventLog.open(folder / "log.db", "e1", OWN_TABLES)
    here = ControlBench(store, folder, clock, intake_clock)
    await here.control.load()
    works = (here.intake.run(), here.control.run()) if committing else ()
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield here
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await store.close()
