"""Lanes that this gateway decides: from the last documents, the moment a car is read, whatever the uplink and the disk
do. What the arm then does is watched: a relay that fired is not an arm that moved."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from domain.desired_bodies import Policy
from domain.events import Event, is_replay
from domain.ids import fact_id
from domain.lanes.decide import Known, Verdict, decide
from domain.lanes.read import Read, read_of
from domain.lanes.register import Register
from domain.lanes.settings import Lane
from domain.lanes.wishes import LaneWishes
from domain.orders import Order
from domain.subjects import ErasureList
from edge.control import lane_records as records
from edge.control.at_lane import BY_BUTTON, AtLane
from edge.control.lane_cars import LaneCars, Mark, Say, moment
from edge.control.lane_hands import LaneHands
from edge.control.lane_memory import LaneMemory
from edge.devices.driver import Message, Site
from eventlog.log import LogBroken
from eventlog.sqlite import SqliteEventLog
from eventlog.sqlite_rows import Statement

log = structlog.get_logger()

_REMEMBERED = 2_000
_WRITE_S, _THIN_S = 1.0, 3_600.0
_ARMS = frozenset({"open", "opening", "closed", "closing"})


class LaneControl:
    """Hears every event before the log does. ``say`` takes what was decided for the log and does not wait for it."""

    def __init__(self, site: Site, hands: LaneHands, say: Say, now: Callable[[], datetime]) -> None:
        self._site, self._now = site, now
        self.memory = LaneMemory()
        self.cars = LaneCars(hands, self.memory, say, now)
        self.lanes: dict[str, AtLane] = {}
        self._wishes, self._register, self._policy = LaneWishes(), Register(), Policy()
        self._marks: OrderedDict[tuple[bytes, datetime | None], Mark] = OrderedDict()
        self._to_write: list[Statement] = []
        self._writing = asyncio.Lock()
        self._runs = self._must_look_back = False

    async def load(self, store: SqliteEventLog) -> None:
        """What was remembered over a stop. Before the first message is heard."""
        await self.memory.load(store)

    def go_by(self, wishes: LaneWishes, policy: Policy, erasures: ErasureList | None) -> None:
        """Other documents, from the next car on."""
        self._policy, before = policy, self._wishes.coupons
        if wishes is not self._wishes:
            self._wishes, self._register = wishes, wishes.register()
            self.cars.by = self._register.version
            self.memory.remember_for(self._register.all_sharing, wishes.lot)
            had_none = not self.lanes
            self._set_lanes(wishes.all_lanes)
            self._must_look_back |= self._runs and had_none and bool(self.lanes)  # no car was remembered so far
        self.memory.erasures = erasures
        if wishes.coupons is not before:
            self._ask_who_waits()

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of devices that lanes must hear, also while nothing can be recorded."""
        lanes = [here.lane for here in self.lanes.values()]
        devices = [reader.device for lane in lanes for reader in lane.readers]
        devices += [part.device for lane in lanes for part in (lane.barrier, lane.loop, lane.button) if part]
        return frozenset(device.partition(":")[0] for device in devices)

    async def run(self, store: SqliteEventLog) -> None:
        """Write what no record carried, and let go of who has left long ago, until cancelled."""
        loop = asyncio.get_running_loop()
        thin_at, self._runs = loop.time() + _THIN_S, True
        while True:
            await asyncio.sleep(_WRITE_S)
            await self._look_back(store)
            if loop.time() >= thin_at:
                thin_at = loop.time() + _THIN_S
                self._to_write += self.memory.outdated(self._now())
            self._to_write += self.memory.fresh()
            await self._write(store)

    def write_soon(self, statements: Sequence[Statement]) -> None:
        """To be written within the second."""
        self._to_write += statements

    async def forget_erased(self, store: SqliteEventLog) -> int:
        """Let go of whom the centre's list of erasures names; of how many passages. Raises LogBroken."""
        gone, statements = self.memory.erase()
        self._to_write += [*self.memory.fresh(), *statements]
        await self._write_all(store)
        return gone

    async def _look_back(self, store: SqliteEventLog) -> None:
        if not self._must_look_back:
            return
        try:
            await self.memory.look_back(store)
        except LogBroken as error:
            log.error("lanes_not_looked_back", error=str(error))
            return
        self._must_look_back = False

    async def _write(self, store: SqliteEventLog) -> None:
        try:
            await self._write_all(store)
        except LogBroken as error:
            log.error("lanes_not_written", error=str(error))

    async def _write_all(self, store: SqliteEventLog) -> None:
        async with self._writing:  # each statement once, and in order
            statements = list(self._to_write)
            if statements:
                await store.write(statements)
                del self._to_write[: len(statements)]

    def heard(self, message: Message, events: Sequence[Event]) -> None:
        for event in events:
            match event.kind:
                case "plate" if self.lanes:
                    self._plate(message, event)
                case "barrier" | "input" | "command_result" | "detection" if self.lanes:
                    self._happened(event)
                case _:
                    pass

    def lane_of(self, event: Event) -> AtLane | None:
        """The lane whose camera read a car."""
        named = [here for here in self.lanes.values() if _reads(here.lane, event)]
        return named[0] if named else None

    def known(self) -> Known:
        """What decisions go by now."""
        return Known(self._register, self.memory.stays, self._wishes.lot, self.memory.paid_for, self._site.zone)

    def _set_lanes(self, lanes: Sequence[Lane]) -> None:
        before, self.lanes = self.lanes, {}
        for lane in lanes:
            self.lanes[lane.id] = before.pop(lane.id, None) or AtLane(lane, self.cars.signals)
            self.lanes[lane.id].replace(lane)
        for gone in before.values():
            gone.stop()

    def _plate(self, message: Message, event: Event) -> None:
        here = self.lane_of(event)
        if here is None:
            self.memory.note(event)
            return
        _complete(event, here.lane, message)
        fact = fact_id(event)
        key = (fact, event.time) if fact is not None else None
        if key is None or key not in self._marks:
            self._mark(event, self._answer(here, event, self._read_of(message, event)), key)
        else:  # said again: the same answer, and nothing is done again
            self._mark(event, self._marks[key], key)

    def ask_again(self, here: AtLane, plate: str, by: str | None = None) -> str | None:
        """The car that waits for its payment goes, or is asked for the rest; why the arm could not be asked."""
        car = here.waits(moment())
        if car is None or car.plate != plate:
            return None
        verdict = decide(here.lane, car.read, self.known())
        if verdict.action == "open":
            return self.cars.let_waiting(here, verdict, by)
        if verdict != car.verdict:
            self.cars.act(here, car.event, car.read, verdict)
        return None

    def _ask_who_waits(self) -> None:
        """A coupon came or went: whoever was asked for money goes, or is asked for another sum."""
        for here in self.lanes.values():
            car = here.waits(moment())
            if car is not None and car.verdict.action == "pay":
                self.ask_again(here, car.plate)

    def typed(self, here: AtLane, event: Event) -> None:
        """A car whose plate a person typed: decided as if it had been read."""
        self._mark(event, self._answer(here, event, read_of(event)), None)

    def _mark(self, event: Event, mark: Mark, key: tuple[bytes, datetime | None] | None) -> None:
        if mark is not None:
            records.mark(event, *mark)
        self.memory.note(event)
        if key is not None:
            self._marks[key] = mark
            while len(self._marks) > _REMEMBERED:
                self._marks.popitem(last=False)

    def _read_of(self, message: Message, event: Event) -> Read:
        return read_of(event, late=_waited_s(message, event) > self._policy.swipe_age_s)

    def _answer(self, here: AtLane, event: Event, read: Read) -> Mark:
        """Decide of a car, and do it; how its read is marked."""
        if not read.stale and here.is_again(read.plate, moment()):
            return "pending", "turned_back" if self._goes_back(here, read) else "repeat"
        verdict = decide(here.lane, read, self.known())
        if verdict.action == "ignore":
            if verdict.reason == "turned_back":
                self._forget_waiting(here, read.plate)
            return records.mark_of(verdict)
        if verdict.reason in BY_BUTTON and here.watch.opening is not None:
            return "pending", "repeat"  # most likely the car that the arm is up for: it must not leave the button alive
        waiting = here.waits(moment())
        if waiting is not None and waiting.is_same_asking(read, verdict):
            return records.mark_of(verdict)
        return self.cars.act(here, event, read, verdict)

    def _goes_back(self, here: AtLane, read: Read) -> bool:
        """Whether a car that was let through turned round."""
        if not (read.turned_back or read.travel in here.lane.against):
            return False
        here.tell(here.watch.back(read.plate))
        return True

    def ordered(self, order: Order) -> None:
        """A barrier that the centre opens: nobody opened it by hand, and a person let the car through that waits."""
        if order.name != "barrier.open":
            return
        for here in self.lanes.values():
            if here.lane.barrier.device == order.device:
                here.watch.ordered("", order.id, moment())
                self.cars.let_waiting(here, Verdict("open", "person"), order.issued_by, sent=True)

    def _happened(self, event: Event) -> None:
        """Something at an arm, a loop or a button; or a camera that saw a car turn round."""
        if is_replay(event):
            return
        for here in self.lanes.values():
            lane = here.lane
            match event.kind:
                case "barrier" if _is_at(event, lane.barrier.device, lane.barrier.point):
                    self._arm(here, event)
                case "input" if lane.loop and _is_at(event, lane.loop.device, lane.loop.point):
                    here.tell(here.watch.loop(event.value == lane.loop.occupied, moment()))
                case "input" if lane.button and _is_at(event, lane.button.device, lane.button.point):
                    self._button(here, event.value == lane.button.pressed)
                case "command_result" if event.ok is False and event.request_id:
                    here.tell(here.watch.refused(event.request_id))
                case "detection" if event.label == "vehicle_turned_back" and _reads(lane, event):
                    self._turned(here, event)
                case _:
                    pass

    def _arm(self, here: AtLane, event: Event) -> None:
        """Where the arm is; what a controller's own number means is for the lane's settings to say."""
        if event.state in (None, "unknown") and event.state_code is not None:
            event.state = here.lane.barrier.codes.get(str(event.state_code), event.state)
        if event.state in _ARMS:
            here.tell(here.watch.arm(event.state, moment()))  # pyright: ignore[reportArgumentType]

    def _button(self, here: AtLane, pressed: bool) -> None:
        if pressed and here.waits_for_the_button(moment()) is not None:
            self.cars.let_waiting(here, Verdict("open", "button"))

    def _turned(self, here: AtLane, event: Event) -> None:
        plate = read_of(event).plate if event.subject else ""
        here.tell(here.watch.back(plate))
        self._forget_waiting(here, plate)

    def _forget_waiting(self, here: AtLane, plate: str) -> None:
        """The car that waited went away."""
        if here.waiting is not None and plate in ("", here.waiting.plate):
            here.waiting = None


def _complete(event: Event, lane: Lane, message: Message) -> None:
    """What the lane knows of a read: where it is, which way, and when, where the camera gave no time."""
    event.lane = event.lane or lane.id
    if event.direction in (None, "unknown"):
        event.direction = lane.direction
    if event.time is None and not is_replay(event):
        event.time = message.received_at


def _waited_s(message: Message, event: Event) -> float:
    """How long a broker may have kept a read."""
    if message.queued_since is None or message.received_at is None or event.time is None:
        return 0.0
    return abs((message.received_at - event.time).total_seconds())


def _reads(lane: Lane, event: Event) -> bool:
    return any(reader.device == event.device and reader.channel in ("", event.channel or "") for reader in lane.readers)


def _is_at(event: Event, device: str, point: str) -> bool:
    return event.device == device and point in ("", event.point)
