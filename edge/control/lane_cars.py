"""What is done with a car that was decided of: the arm is asked to open, the board told, the passage recorded; and
what is made of what the arm then shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from domain.events import Event
from domain.lanes.decide import Verdict
from domain.lanes.opening import Signal
from domain.lanes.read import Read
from domain.lanes.words import shown
from edge.control import lane_records as records
from edge.control.at_lane import AtLane, Car
from edge.control.lane_hands import LaneHands
from edge.control.lane_memory import LaneMemory
from eventlog.sqlite_rows import Statement

log = structlog.get_logger()

Say = Callable[[Event, Sequence[Statement]], None]
Mark = tuple[str, str] | None


class LaneCars:
    """Acts at lanes. ``say`` takes what was done for the log and does not wait for it."""

    def __init__(self, hands: LaneHands, memory: LaneMemory, say: Say, now: Callable[[], datetime]) -> None:
        self._hands, self._memory, self._say, self._now = hands, memory, say, now
        self.by = ""  # the documents that decisions go by

    def act(self, here: AtLane, event: Event, read: Read, verdict: Verdict) -> Mark:
        """Open, ask or refuse; on record, on the board. How the read is marked."""
        car = Car(event, read, verdict, moment())
        counted = here.is_counted(read.plate, car.at)
        mark = self._open(here, car, counted=counted) if verdict.action == "open" else self._turn_away(here, car)
        self._alarms(here, car)
        self._show(here, car)
        return mark

    def _open(self, here: AtLane, car: Car, *, counted: bool) -> Mark:
        request_id, failure = self._hands.open(here.lane)
        mark: Mark = ("granted", car.verdict.reason)
        if failure is not None:
            mark = ("pending", "not_opened")
        elif counted:
            mark = ("pending", "again")
        if mark[0] == "granted":
            records.mark(car.event, *mark)
            self._memory.note(car.event)
        self._decided(here, car, request_id, failure)
        here.last, here.waiting = car, car if failure else None
        car.opened, car.counted = failure is None, counted or mark[0] == "granted"
        if failure is None:
            here.watch.ordered(car.plate, request_id, car.at)
            here.tell(())
        return mark

    def _turn_away(self, here: AtLane, car: Car) -> Mark:
        self._decided(here, car)
        if here.watch.strange_read(car.plate):
            self._alarm(here, car.event, "tailgating")
        here.last = here.last if here.watch.opening is not None else car
        here.waiting = None if car.verdict.reason == "wrong_way" else car
        return records.mark_of(car.verdict)

    def let_waiting(self, here: AtLane, verdict: Verdict, by: str | None = None, *, sent: bool = False) -> str | None:
        """Open for the car that waits: it is a passage at the moment it was read. ``sent``: somebody else opened."""
        car = here.waits(moment())
        request_id, failure = (None, None) if sent else self._hands.open(here.lane)
        if car is not None:
            car.verdict = verdict
            self._decided(here, car, request_id, failure)
        if failure is not None:
            return failure
        if not sent:
            here.watch.ordered(car.plate if car else "", request_id or "", moment())
        if car is not None:
            self._pass(here, car, verdict, by)
        here.tell(())
        return None

    def let_by_hand(self, here: AtLane, by: str, why: str) -> str | None:
        """A person opens from afar, and says why; None where it was sent, else why not."""
        failure = self.let_waiting(here, Verdict("open", "person"), by)
        self._say(records.by_hand(here.lane, by, why, failure, self._now()), ())
        return failure

    def _pass(self, here: AtLane, car: Car, verdict: Verdict, by: str | None) -> None:
        passage = records.let_through(car.event, verdict.reason, by)
        self._memory.note(passage)
        self._say(passage, self._memory.fresh())
        here.last, here.waiting = car, None
        car.event, car.opened, car.counted, car.at = passage, True, True, moment()
        self._show(here, car)

    def signals(self, here: AtLane, signals: Sequence[Signal]) -> None:
        for signal in signals:
            self._signal(here, signal)

    def _signal(self, here: AtLane, signal: Signal) -> None:
        car, opening, now = here.last, here.watch.opening, self._now()
        event = car.event if car is not None and car.opened else None
        log.info("lane", lane=here.lane.id, signal=signal)
        match signal:
            case "confirmed" | "opened_by_hand" | "timeout":
                request_id = opening.request_id if opening else None
                self._say(records.opening(here.lane, event, signal, request_id, now), ())
                if signal == "timeout":
                    self._did_not_open(here, event)
                if signal == "opened_by_hand" and here.waits(moment()) is not None:
                    self.let_waiting(here, Verdict("open", "person"), sent=True)
            case "tailgating":
                self._alarm(here, event, "tailgating")
            case "held_open":
                self._alarm(here, event, "barrier_held_open")
            case "turned_back":
                self._undo(here)

    def _did_not_open(self, here: AtLane, event: Event | None) -> None:
        """Nothing moved: the next read of the same car asks again, and it is one passage all the same."""
        if here.last is not None:
            here.last.failed = True
        self._alarm(here, event, "barrier_not_opened")

    def _undo(self, here: AtLane) -> None:
        """The car for which the arm went up is on the side again that it came from."""
        car = here.last
        if car is None or not car.counted:
            return
        passage = records.went_back(car.event, self._now())
        self._memory.note(passage)
        self._say(passage, self._memory.fresh())
        here.last = None

    def _decided(self, here: AtLane, car: Car, request_id: str | None = None, failure: str | None = None) -> None:
        event = records.decided(here.lane, car.event, car.verdict, self._now(), self.by, request_id, failure)
        self._say(event, self._memory.fresh())

    def _alarms(self, here: AtLane, car: Car) -> None:
        for name in car.verdict.alarms:
            self._alarm(here, car.event, name)

    def _alarm(self, here: AtLane, event: Event | None, name: str) -> None:
        self._say(records.alarm(here.lane, event, name, self._now()), ())

    def _show(self, here: AtLane, car: Car) -> None:
        text = shown(here.lane, car.plate, car.verdict)
        if text is not None and here.lane.boards:
            self._hands.show(here.lane, text)


def moment() -> float:
    """Seconds that only run forward."""
    return asyncio.get_running_loop().time()
