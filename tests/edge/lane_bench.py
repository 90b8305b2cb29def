"""A gateway with an entrance and an exit on a real log: what it was told of cars, arms and loops, and what it did."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from domain.events import Event
from domain.orders import Order
from edge.devices.driver import Message
from simulators.devices import vzenith
from simulators.devices.message import DeviceMessage
from tests.edge.control_bench import ControlBench, control_bench

IN, OUT = vzenith.Camera("cam-in", "入口"), vzenith.Camera("cam-out", "出口", layout="sn_first")
PASS, VISITOR, BLACK, WHITE, TEMPORARY = "粤B12345", "湘A8K6Q2", "京N00001", "粤A11111", "沪C22222"
UP, DOWN = 2, 1  # what these barriers' numbers mean, by the lane's settings
CODES = {str(UP): "open", str(DOWN): "closed"}
TARIFF: dict[str, Any] = {
    "timezone": "Asia/Shanghai",
    "plans": {"small": {"free": {"minutes": 15}, "charge": {"kind": "unit", "unit_min": 60, "fen": 250}}},
}


def lane(camera: vzenith.Camera, direction: str, **changed: Any) -> dict[str, Any]:
    device = f"vzenith:{camera.sn}"
    return {
        "id": direction,
        "direction": direction,
        "readers": [{"device": device}],
        "barrier": {"device": device, "codes": CODES},
        "loop": {"device": device, "point": "input/1"},
        "button": {"device": device, "point": "input/2"},
        "boards": [{"device": device}],
        **changed,
    }


def lanes(**changed: Any) -> dict[str, Any]:
    return {"lanes": [lane(IN, "in", **changed), lane(OUT, "out", **changed)]}


def documents(**changed: Any) -> dict[str, dict[str, Any]]:
    now = datetime.now(UTC)
    listed = [
        {"plate": BLACK, "list": "black"},
        {"plate": WHITE, "list": "white"},
        {"plate": TEMPORARY, "list": "temporary", "until": (now + timedelta(hours=1)).isoformat()},
    ]
    base = {
        "lanes": lanes(),
        "passes": {"passes": [{"plate": PASS, "until": "2099-12-31"}]},
        "plate_lists": {"entries": listed},
        "tariffs": TARIFF,
    }
    return {**base, **changed}


class LaneBench:
    """What happens at the gate, and what was sent to it."""

    def __init__(self, bench: ControlBench) -> None:
        self.bench = bench
        self._number = 0

    async def wish(self, version: int = 1, **changed: Any) -> None:
        assert await self.bench.wish(version, **documents(**changed)), self.bench.desired.refused

    def hear(self, *messages: DeviceMessage, **changed: Any) -> None:
        for message in messages:
            base: dict[str, Any] = {"topic": message.topic, "received_at": self.bench.clock()}
            told = Message("vzenith-mqtt", message.payload, **{**base, **changed})
            self.bench.intake.offer(told, lambda: None)

    def car(
        self,
        camera: vzenith.Camera,
        plate: str | None,
        *,
        ago: timedelta = timedelta(),
        kept: bool = False,
        again: bool = False,
        queued_since: datetime | None = None,
        retained: bool = False,
        **read: Any,
    ) -> None:
        """A car is read, or one is told late."""
        self._number += not again
        now = self.bench.clock()
        shown = vzenith.Plate(text=plate, **read)
        message = vzenith.plate(camera, shown, self._number, now - ago, now if kept else None)
        self.hear(message, queued_since=queued_since, retained=retained)

    def arm(self, camera: vzenith.Camera, status: int) -> None:
        self.hear(vzenith.barrier_status(camera, status, self.bench.clock()))

    def loop(self, camera: vzenith.Camera, *, point: int = 1, times: int = 1) -> None:
        """Cars roll over the loop, or somebody presses the button."""
        for _ in range(times):
            self.hear(vzenith.gpio_in(camera, point, 1, self.bench.clock()))
            self.hear(vzenith.gpio_in(camera, point, 0, self.bench.clock()))

    def opened(self, camera: vzenith.Camera) -> int:
        """How often a barrier was told to open."""
        return len([one for one in self.bench.sent if one.topic == f"{camera.root}/down/gpio_out"])

    def boards(self, camera: vzenith.Camera) -> list[str]:
        """Everything that was shown, each frame's GBK."""
        frames = [one for one in self.bench.sent if one.topic == f"{camera.root}/down/serial_data"]
        bodies = [msgspec.json.decode(one.payload)["payload"]["body"]["serialData"][0]["data"] for one in frames]
        return [base64.b64decode(body).decode("gbk", "ignore") for body in bodies]

    def order(self, name: str, lane_id: str, number: int = 1, **args: Any) -> Order:
        now = datetime.now(UTC)
        times = {"issued_at": now, "expires_at": now + timedelta(seconds=15)}
        return Order(id=f"order-{number:04}", device=f"lane:{lane_id}", name=name, issued_by="wang", args=args, **times)

    async def give(self, *orders: Order) -> None:
        await self.bench.control.orders.take(list(orders), datetime.now(UTC))

    async def found(self, kind: str, **fields: Any) -> list[Event]:
        events = await self.bench.events(kind)
        return [event for event in events if all(getattr(event, name) == value for name, value in fields.items())]

    async def some(self, kind: str, count: int = 1, **fields: Any) -> list[Event]:
        """Events of a kind with these fields, once there are so many; fails after a bound."""
        async with asyncio.timeout(10):
            while len(events := await self.found(kind, **fields)) < count:
                await asyncio.sleep(0.01)
        return events

    async def quiet(self) -> None:
        """Until all that was heard and done is on record."""
        number = self._number = self._number + 1
        self.hear(vzenith.gpio_in(IN, 9, number, self.bench.clock()))
        await self.some("input", point="input/9", value=number)
        async with asyncio.timeout(10):
            while self.bench.control.recorder.waiting:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def lane_bench(folder: Path, **kept: Any) -> AsyncGenerator[LaneBench]:
    async with control_bench(folder, **kept) as bench:
        yield LaneBench(bench)


def reasons(events: Iterable[Event]) -> list[tuple[str | None, str | None]]:
    return [(event.result, event.reason) for event in events]
