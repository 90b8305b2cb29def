"""A month at the gate through a real gateway's intake, log and lanes, and a real centre, on a clock that leaps."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from domain.events import Event
from domain.orders import Order
from domain.wire import MAX_EVENTS, pack
from edge.clock import Clock
from edge.devices.driver import Message
from edge.gate import view as gate_view
from edge.gate.acts import Tap
from edge.gate.till import What
from server.house import House
from server.store import resident_rows
from server.store.resident_rows import By, PassTerms
from simulators.devices import vzenith
from simulators.month.words import Cut, Lane, Month
from tests.edge.control_bench import ControlBench, control_bench
from tests.server.centre import Centre, Gateway

CAMERAS: dict[Lane, vzenith.Camera] = {
    "in-1": vzenith.Camera("cam-in-1", "东入口"),
    "in-2": vzenith.Camera("cam-in-2", "西入口", layout="sn_first"),
    "out-1": vzenith.Camera("cam-out-1", "东出口"),
    "out-2": vzenith.Camera("cam-out-2", "西出口", layout="sn_first"),
}
_BOUND_S = 60.0
_LONG_AGO_S = 3600.0


class Leaping:
    """The time of a month: it stands still until it is set, and never goes back."""

    def __init__(self, at: datetime) -> None:
        self.at = at.astimezone(UTC)

    def __call__(self) -> datetime:
        return self.at

    def set(self, at: datetime) -> None:
        self.at = max(self.at, at.astimezone(UTC))

    def clock(self) -> Clock:
        """The agent's, vouched for: it goes with the wall, so that no leap looks like a step."""
        return Clock(lambda: self.at.timestamp(), lambda: self.at.timestamp(), lambda: True)


def lane(lane_id: Lane, hold_s: float = 1e-6) -> dict[str, Any]:
    device = f"vzenith:{CAMERAS[lane_id].sn}"
    return {
        "id": lane_id,
        "direction": "in" if lane_id.startswith("in") else "out",
        "readers": [{"device": device}],
        "barrier": {"device": device, "tells": False},
        "hold_s": hold_s,  # of the loop's own clock, which does not leap
    }


class MonthSite:
    """The gateway, the line and the centre. ``sync`` carries what is new; while the line is cut nobody calls it."""

    def __init__(self, bench: ControlBench, centre: Centre, gateway: Gateway, now: Leaping) -> None:
        self.bench, self.centre, self.gateway, self.now = bench, centre, gateway, now
        self.cuts: tuple[Cut, ...] = ()
        self._number = self._offered = 0
        self._durable: Counter[str] = Counter()
        self._sent: dict[str, int] = {}
        self._orders = 0

    async def lanes(self, version: int, hold_s: float = 1e-6) -> None:
        """``hold_s``: so long the arm of a lane that tells nothing is up."""
        lanes = {"lanes": [lane(one, hold_s) for one in CAMERAS]}
        assert await self.bench.wish(version, lanes=lanes), self.bench.desired.refused

    async def wish(self, month: Month, tariff: dict[str, Any], version: int = 1) -> None:
        passes = [{"plate": plate, "until": "2099-12-31"} for plate in month.passes]
        bodies = {"lanes": {"lanes": [lane(one) for one in CAMERAS]}, "passes": {"passes": passes}, "tariffs": tariff}
        assert await self.bench.wish(version, **bodies), self.bench.desired.refused

    def read(self, at: Lane, plate: str | None, color: str, when: datetime | None = None, times: int = 1) -> None:
        """A car stands at a lane and is read: told so many times; ``when``: by the camera's own clock."""
        self._number += 1
        seen = vzenith.Plate(text=plate, color=color)
        told = vzenith.plate(CAMERAS[at], seen, self._number, when or self.now())
        for _ in range(times):
            self._offered += 1
            message = Message("vzenith-mqtt", told.payload, topic=told.topic, received_at=self.now())
            self.bench.intake.offer(message, lambda: self._durable.update(["messages"]))

    async def arm_down(self, at: Lane) -> None:
        """Until the arm of a lane that tells nothing counts as closed again; the car before is long gone.

        A lane counts its seconds by the loop's clock, which does not leap: a resident who is the next at an exit again,
        a day later, would be the car for which the arm did not move.
        """
        here = self.bench.control.lanes.lanes[at]
        async with asyncio.timeout(_BOUND_S):
            while here.watch.opening is not None:
                await asyncio.sleep(0)
        if here.last is not None:
            here.last.at -= _LONG_AGO_S

    def due(self, at: Lane) -> int:
        """What the car that waits at a lane is asked for, in fen; 0 where none waits for that."""
        here = self.bench.control.lanes.lanes[at]
        car = here.waits(asyncio.get_running_loop().time())
        return car.verdict.due_fen or 0 if car is not None else 0

    def waits(self, at: Lane) -> bool:
        """Whether a car stands at a lane that was not let through."""
        return self.bench.control.lanes.lanes[at].waits(asyncio.get_running_loop().time()) is not None

    def offset(self) -> timedelta:
        """How far the month's clock is from ours."""
        return self.now() - datetime.now(UTC)

    @property
    def is_cut(self) -> bool:
        """Whether the line to the centre is away."""
        return any(cut.touches(self.now(), self.now()) for cut in self.cuts)

    async def tap(self, at: Lane, what: What, by: str, reason: str) -> bool:
        """A guard at the gateway's own screen, of the car that waits there; whether the arm was asked to go up."""
        (car,) = [one.car for one in gate_view.lanes(self.bench.control.lanes) if one.lane == at and one.car]
        fen = car.due_fen if what == "cash" else 0
        tap = Tap(request=car.request, lane=at, what=what, by=by, plate=car.plate, fen=fen or 0, reason=reason)
        return (await self.bench.control.gate.do(tap)).failure is None

    async def order(self, at: Lane, name: str, **args: Any) -> None:
        """What the centre orders of a lane arrives."""
        self._orders += 1
        times = {"issued_at": self.now(), "expires_at": self.now() + timedelta(seconds=15)}
        order = Order(
            id=f"order-{self._orders:06}", device=f"lane:{at}", name=name, issued_by="wang", args=args, **times
        )
        await self.bench.control.orders.take([order], self.now())

    async def durable(self) -> None:
        """Until all that was told and done is in the gateway's log."""
        async with asyncio.timeout(_BOUND_S):
            while self._durable["messages"] < self._offered or self.bench.control.recorder.waiting:
                await asyncio.sleep(0.001)

    async def sync(self) -> None:
        """Everything new goes to the centre, as batches in the order of each stream; nothing while the line is away."""
        await self.durable()
        if self.is_cut:
            return
        for stream in self.bench.store.partitions:
            await self._send(stream)

    async def _send(self, stream: str) -> None:
        token = self.gateway.token(self.offset())
        while records := await self.bench.store.read(stream, self._sent.get(stream, 0), MAX_EVENTS):
            bodies = [record.body for record in records]
            packed = pack(self.gateway.id, stream, "e1", self._sent.get(stream, 0) + 1, bodies)
            answer = await self.gateway.post(packed, token)
            assert answer.status_code == 200, answer.text
            self._sent[stream] = answer.json()["watermark"]

    async def events(self, kind: str) -> list[Event]:
        """All events of a kind in the gateway's log."""
        found: list[Event] = []
        for stream in self.bench.store.partitions:
            for record in await self.bench.store.read(stream, 0, 1_000_000):
                event = msgspec.json.decode(record.body, type=Event)
                found += [event] if event.kind == kind else []
        return found


async def give_passes(house: House, complex_id: str, month: Month) -> None:
    """The residents' passes as the centre keeps them: for the gateways, and for the book."""
    by = By("wang", house.now(), complex_id)
    async with house.db.write(complex_id) as connection:
        for number, plate in enumerate(month.passes):
            home = {"building": "1", "unit": "1", "room": f"{number}", "name": "住户"}
            await resident_rows.add_household(connection, by, f"home-{number}", home)
            await resident_rows.add_pass(connection, by, f"home-{number}", plate, PassTerms(date(2099, 12, 31)))


@asynccontextmanager
async def month_site(folder: Path, centre: Centre, now: Leaping) -> AsyncGenerator[MonthSite]:
    """A gateway that is enrolled at a centre which goes by the same clock."""
    gateway = await centre.gateway()
    async with control_bench(folder, now, intake_clock=now.clock()) as bench:
        yield MonthSite(bench, centre, gateway, now)
