"""What a guard's tap does: on the disk first, then the arm. The same tap again takes no money a second time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import msgspec
import structlog

from domain.events import Event
from domain.lanes.decide import Paid, Verdict
from domain.masking import masked_text
from domain.plates import mask
from edge.control import lane_records as records
from edge.control.at_lane import AtLane, Car
from edge.control.lane_cars import moment
from edge.control.lane_orders import CASH
from edge.control.lanes import LaneControl
from edge.gate.till import Act, Till, What
from eventlog.sqlite_rows import Statement

log = structlog.get_logger()

HAND_WAITS_S = 2.0  # an ambulance waits no longer for a disk that hangs
MOST_REASON = 200
Record = Callable[[Sequence[Event], Sequence[Statement]], Awaitable[None]]


class NotDone(Exception):
    """What was tapped cannot be; the message is a word of ``words.REFUSED``."""


class Tap(msgspec.Struct, frozen=True, kw_only=True):
    """What a guard asks for. ``request`` names the tap; ``plate`` and ``fen`` are what the screen showed."""

    request: str
    lane: str
    what: What
    by: str
    plate: str = ""
    fen: int = 0
    reason: str = ""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it. ``failure``: the arm could not be asked."""

    act: Act
    again: bool
    failure: str | None = None


class GateActs:
    """One tap after the other."""

    def __init__(self, till: Till, control: LaneControl, record: Record, now: Callable[[], datetime]) -> None:
        self.till, self._control, self._record, self._now = till, control, record, now
        self._turn = asyncio.Lock()
        self._writing: set[asyncio.Future[None]] = set()

    async def do(self, tap: Tap) -> Done:
        """Raises NotDone; LogBroken: nothing was done."""
        async with self._turn:
            here = self._control.lanes.get(tap.lane)
            if here is None:
                raise NotDone("no_lane")
            known = await self.till.known(tap.request)
            if known is not None:
                return Done(act=known, again=True, failure=self._open_again(here, known, tap))
            match tap.what:
                case "cash":
                    return await self._cash(here, tap)
                case "debt":
                    return await self._debt(here, tap)
                case "hand":
                    return await self._hand(here, tap)

    def _open_again(self, here: AtLane, act: Act, tap: Tap) -> str | None:
        """The arm did not answer the first time, or the agent was stopped in between: a car that still waits goes."""
        car = here.waits(moment())
        if car is None or car.plate != tap.plate or not tap.plate:
            return None
        if act.what == "cash":
            return self._control.ask_again(here, car.plate, act.by)
        return self._control.cars.let_waiting(here, Verdict("open", "person"), act.by)

    async def _cash(self, here: AtLane, tap: Tap) -> Done:
        car = self._waiting(here, tap)
        stay = self._control.memory.stays.inside(car.plate)
        if stay is None or stay.entered_at is None or not car.verdict.due_fen:
            raise NotDone("nothing_due")
        if tap.fen != car.verdict.due_fen:
            raise NotDone("changed")
        act, statements = await self.till.numbered(self._act(here, tap, car))
        paid = Paid(car.plate, stay.entered_at, tap.fen, car.read.at)
        event = records.payment(here.lane, car.plate, tap.fen, tap.by, tap.request, act.at)
        event.ext |= {"channel": CASH, "entry": (stay.entry_id or b"").hex(), "receipt": act.receipt}
        await self._durable(event, tap, [*statements, *self._control.memory.paying(paid)])
        self._control.write_soon(self._control.memory.pay(paid))
        return Done(act=act, again=False, failure=self._control.ask_again(here, car.plate, tap.by))

    async def _debt(self, here: AtLane, tap: Tap) -> Done:
        car = self._waiting(here, tap)
        if here.lane.direction != "out" or not car.verdict.due_fen:
            raise NotDone("nothing_due")
        act, statements = await self.till.numbered(self._act(here, tap, car))
        await self._durable(self._by_hand(here, act), tap, statements)
        return Done(act=act, again=False, failure=self._let(here, tap))

    async def _hand(self, here: AtLane, tap: Tap) -> Done:
        act, statements = await self.till.numbered(self._act(here, tap, here.waits(moment())))
        writing = asyncio.ensure_future(self._durable(self._by_hand(here, act), tap, statements))
        self._writing.add(writing)
        writing.add_done_callback(self._written)
        await asyncio.wait([writing], timeout=HAND_WAITS_S)
        return Done(act=act, again=False, failure=self._let(here, tap))

    def _written(self, writing: asyncio.Future[None]) -> None:
        self._writing.discard(writing)
        if not writing.cancelled() and (error := writing.exception()) is not None:
            log.error("gate_act_not_written", error=repr(error))

    def _let(self, here: AtLane, tap: Tap) -> str | None:
        """Whoever waits passes; a debt is of the car that the screen showed, and of no other."""
        car = here.waits(moment())
        if tap.what == "debt" and (car is None or car.plate != tap.plate):
            return None
        return self._control.cars.let_waiting(here, Verdict("open", "person"), tap.by)

    def _waiting(self, here: AtLane, tap: Tap) -> Car:
        car = here.waits(moment())
        if car is None or car.plate != tap.plate:
            raise NotDone("gone")
        if tap.what == "debt" and not tap.reason:
            raise NotDone("no_reason")
        return car

    def _act(self, here: AtLane, tap: Tap, car: Car | None) -> Act:
        if tap.what == "hand" and not tap.reason:
            raise NotDone("no_reason")
        verdict = car.verdict if car else None
        return Act(
            request=tap.request,
            what=tap.what,
            lane=here.lane.id,
            by=tap.by,
            at=self._now(),
            reason=masked_text(tap.reason[:MOST_REASON]),
            plate=mask(car.plate) if car and car.plate else "",
            fen=(verdict.due_fen or 0) if verdict and tap.what != "hand" else 0,
            entered_at=verdict.entered_at if verdict else None,
            until=car.read.at if car else None,
            fee_fen=(verdict.fee_fen or 0) if verdict else 0,
            lines=verdict.lines if verdict else (),
        )

    def _by_hand(self, here: AtLane, act: Act) -> Event:
        event = records.by_hand(here.lane, act.by, act.reason, None, act.at)
        event.code, event.request_id = act.what, act.request
        return event

    async def _durable(self, event: Event, tap: Tap, also: Sequence[Statement]) -> None:
        """The event is one fact, however often it is written."""
        event.source_event_id = f"gate/{tap.request}"
        await self._record([event], also)
