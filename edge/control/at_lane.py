"""One lane as it stands now: who was read last, who waits to be let through, and where the arm is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from domain.events import Event
from domain.lanes.decide import Verdict
from domain.lanes.opening import Signal, Watch
from domain.lanes.read import Read
from domain.lanes.settings import Lane

_COUNTED_FOR_S = 600.0
BY_BUTTON = frozenset({"unread", "low_confidence"})
_BUTTON_S = 300.0


class Car(msgspec.Struct):
    """A car that was read here: what was decided of it, when (seconds of the loop's clock), and what came of it."""

    event: Event
    read: Read
    verdict: Verdict
    at: float
    opened: bool = False  # the arm was asked to open for it
    counted: bool = False  # it is a passage
    failed: bool = False  # nothing moved

    @property
    def plate(self) -> str:
        return self.read.plate

    def is_same_asking(self, read: Read, verdict: Verdict) -> bool:
        """Whether another read says nothing new: the same car, refused or asked for the same money."""
        asked = (self.plate, self.verdict.action, self.verdict.reason, self.verdict.due_fen)
        return verdict.action != "open" and asked == (read.plate, verdict.action, verdict.reason, verdict.due_fen)


class AtLane:
    """A lane's memory of the last minutes. ``told`` hears what its arm and loop mean."""

    def __init__(self, lane: Lane, told: Callable[[AtLane, Sequence[Signal]], None]) -> None:
        self.watch, self._told = Watch(lane), told
        self.last: Car | None = None
        self.waiting: Car | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def lane(self) -> Lane:
        return self.watch.lane

    def replace(self, lane: Lane) -> None:
        """Other settings from now on; the arm is where it is."""
        self.watch.lane = lane
        self._set_timer()  # how long it may stay so is another thing now

    def is_again(self, plate: str, now: float) -> bool:
        """Whether the arm was opened just now for the same plate."""
        last = self.last
        return self._is_last(plate) and last is not None and not last.failed and now <= last.at + self.lane.hold_s

    def is_counted(self, plate: str, now: float) -> bool:
        """Whether the car is a passage already, and the arm only did not move for it."""
        last = self.last
        return self._is_last(plate) and last is not None and last.counted and now <= last.at + _COUNTED_FOR_S

    def waits(self, now: float) -> Car | None:
        """The car that stands here and was not let through."""
        car = self.waiting
        return car if car is not None and now <= car.at + self.lane.paid_s else None

    def waits_for_the_button(self, now: float) -> Car | None:
        """A car whose plate could not be read, at an entrance where a button lets it in."""
        car = self.waits(now)
        if car is None or self.lane.direction != "in" or self.lane.unread != "button":
            return None
        return car if car.verdict.reason in BY_BUTTON and now <= car.at + _BUTTON_S else None

    def tell(self, signals: Sequence[Signal]) -> None:
        """What happened at the arm; and when time alone will make something of it."""
        if signals:
            self._told(self, signals)
        self._set_timer()

    def stop(self) -> None:
        """The lane is decided here no longer."""
        if self._timer is not None:
            self._timer.cancel()

    def _is_last(self, plate: str) -> bool:
        last = self.last
        return last is not None and last.opened and bool(plate) and last.plate == plate

    def _set_timer(self) -> None:
        self.stop()
        next_at = self.watch.next_at()
        if next_at is not None:
            self._timer = asyncio.get_running_loop().call_at(next_at, self._tick)

    def _tick(self) -> None:
        self.tell(self.watch.tick(asyncio.get_running_loop().time()))
