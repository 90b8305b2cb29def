"""Fire and lock-down: every door concerned is held free or locked, and told again until its device has heard it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Literal

import structlog

from domain.doors.rules import NO_RULES, Door, Rules
from domain.doors.state import DoorState
from domain.events import Event
from edge.control.door_hands import DoorHands
from edge.control.door_memory import flag
from edge.control.orders import Say

log = structlog.get_logger()

_AGAIN_S = 1.0
Hold = Literal["free", "lock", "normal"]
Place = tuple[str, str]  # device, point


class DoorHolds:
    """What each reader's lock was told last, and what it should be."""

    def __init__(self, hands: DoorHands, say: Say, now: Callable[[], datetime]) -> None:
        self._hands, self._say, self._now = hands, say, now
        self._state, self._rules = DoorState(), NO_RULES
        self._told: dict[Place, Hold] = {}
        self._failed: dict[Place, Hold] = {}  # and it was said
        self._timer: asyncio.TimerHandle | None = None
        self._fires: set[Place] = set()  # the triggers that are active

    def go_by(self, rules: Rules, state: DoorState) -> None:
        """Other doors, or the same in force again after a start."""
        self._rules, self._state = rules, state
        if state.fire or state.lock_down or self._told:
            self.settle()

    def fire(self, source: Place, event: Event, *, active: bool) -> None:
        """A fire input; the doors are free while one is active."""
        (self._fires.add if active else self._fires.discard)(source)
        wanted = bool(self._fires)
        if wanted == self._state.fire:
            return
        self._state.fire = wanted
        self._say(self._alarm("fire", event.device, event.point, active=wanted), flag("fire", up=wanted))
        self.settle()

    def lock_down(self, *, active: bool, device: str = "gateway", point: str | None = None) -> None:
        """Begin or end it."""
        if active == self._state.lock_down:
            return
        self._state.lock_down = active
        self._say(self._alarm("lock_down", device, point, active=active), flag("lock_down", up=active))
        self.settle()

    def release(self) -> str | None:
        """End both; why not, where a fire input is still active."""
        self.lock_down(active=False)
        if self._state.fire and self._fires:
            return f"fire: {', '.join(sorted(' '.join(place) for place in self._fires))} is active"
        if self._state.fire:
            self._state.fire = False
            self._say(self._alarm("fire", "gateway", None, active=False), flag("fire", up=False))
            self.settle()
        return None

    def back(self, device: str) -> None:
        """A device that is there again may have forgotten what it was told."""
        held = [place for place, hold in self._told.items() if place[0] == device and hold != "normal"]
        for place in held:
            del self._told[place]
        if held:
            self.settle()

    def settle(self) -> None:
        """Tell every lock what it should be and was not told; again after a moment what could not be told."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        missing = [one for one in self._places() if not self._settle_one(*one)]
        if missing:
            self._timer = asyncio.get_running_loop().call_later(_AGAIN_S, self.settle)

    def _places(self) -> Iterator[tuple[Door, Place]]:
        return ((door, (r.device, r.point)) for door in self._rules.doors.values() for r in door.readers)

    def _settle_one(self, door: Door, place: Place) -> bool:
        wanted = self._wanted(door)
        if self._told.get(place, "normal") == wanted:
            return True
        failure = self._hands.tell(f"door.{wanted}", *place)
        if failure is None:
            self._told[place] = wanted
        if failure is None or self._failed.get(place) != wanted:
            self._say(self._hold(door, place, wanted, failure), ())
        self._failed.pop(place, None) if failure is None else self._failed.update({place: wanted})
        return failure is None

    def _wanted(self, door: Door) -> Hold:
        if self._state.fire and door.free_on_fire:
            return "free"
        return "lock" if self._state.lock_down and door.locks_down else "normal"

    def _hold(self, door: Door, place: Place, hold: Hold, failure: str | None) -> Event:
        states = {"free": "held_free", "lock": "locked_down", "normal": "normal"}
        if failure is not None:
            log.error("door_not_told", door=door.id, device=place[0], hold=hold, error=failure)
        return Event(
            kind="door",
            device=place[0],
            point=f"lock/{door.id}",
            place=door.place or None,
            time=self._now(),
            state=states[hold],
            label=door.name or None,
            ok=None if failure is None else False,
            text=failure,
            ext={"decided_by": "gateway", "reader": place[1]},
        )

    def _alarm(self, name: str, device: str, point: str | None, *, active: bool) -> Event:
        state = "active" if active else "cleared"
        told = {"decided_by": "gateway"}
        return Event(kind="alarm", device=device, point=point, alarm=name, state=state, time=self._now(), ext=told)
