"""Contacts, buttons and triggers: a door that was forced, one that stands open for too long, fire, lock-down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from domain.doors.rules import NO_RULES, Door, Point, Rules
from domain.doors.state import DoorState
from domain.events import Event, is_replay
from edge.control.door_holds import DoorHolds
from edge.control.door_memory import contact
from edge.control.orders import Say
from edge.devices.driver import Message
from eventlog.sqlite_rows import Statement

_OPEN_STATES = frozenset({"open", "forced_open", "held_open"})
_CLOSED = "closed"
_ALARMING = frozenset({"forced_open", "held_open"})


class DoorWatch:
    """Hears every event; its own say what became of doors."""

    def __init__(self, holds: DoorHolds, say: Say, now: Callable[[], datetime]) -> None:
        self._holds, self._say, self._now = holds, say, now
        self._state, self._rules = DoorState(), NO_RULES
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._timed: set[str] = set()  # doors whose standing open was timed since the start
        self._watched: frozenset[str] = frozenset()

    def go_by(self, rules: Rules, state: DoorState) -> None:
        """Other doors from now on; what is timed of doors that are no more is forgotten."""
        self._rules, self._state = rules, state
        for name in self._timers.keys() - rules.doors.keys():
            self._timers.pop(name).cancel()
        state.standing_open &= rules.doors.keys()
        body = rules.body
        points = [*body.fire, *body.lock_down]
        points += [point for door in body.doors for point in (*door.exits, *([door.contact] if door.contact else []))]
        readers = [reader.device for door in body.doors for reader in door.readers]
        self._watched = frozenset({*(point.device for point in points), *readers})

    def heard(self, message: Message, events: Sequence[Event]) -> None:
        for event in events:
            if event.device in self._watched and not is_replay(event):
                self._hear(event, live=message.queued_since is None)

    def _hear(self, event: Event, *, live: bool) -> None:
        if event.kind == "availability" and event.state == "online":
            self._holds.back(event.device)
        if live:
            self._triggers(event)
        for door in self._rules.body.doors:
            if any(is_so(point, event) for point in door.exits) or self._let_in_by_device(door, event):
                self.let(door)
            stands_open = door.contact and is_so(door.contact, event)
            if stands_open is not None:
                self._move(door, event, live=live) if stands_open else self._close(door, event)

    def _triggers(self, event: Event) -> None:
        for point in self._rules.body.fire:
            if (active := is_so(point, event, alarm="fire")) is not None:
                self._holds.fire((event.device, event.point or ""), event, active=active)
        for point in self._rules.body.lock_down:
            if is_so(point, event, alarm="lock_down"):
                self._holds.lock_down(active=True, device=event.device, point=event.point)

    def _let_in_by_device(self, door: Door, event: Event) -> bool:
        """Its own device opened it: by a button, or for a card that it decides about."""
        here = any(reader.device == event.device and reader.point == (event.point or "") for reader in door.readers)
        return here and event.kind == "access" and event.result == "granted"

    def let(self, door: Door) -> None:
        """It may be opened from now on, for a while."""
        self._state.unlocked[door.id] = self._now() + timedelta(seconds=door.unlock_s)

    def _move(self, door: Door, event: Event, *, live: bool) -> None:
        """It is open. The first that is ever heard of a door tells how it stands, not that it was forced."""
        if door.id not in self._state.standing_open:
            first = door.id not in self._state.contacts
            until = self._state.unlocked.get(door.id)
            may = first or not live or self._is_free(door) or (until is not None and self._now() <= until)
            self._stand(door, event, "open" if may else "forced_open", standing_open=True)
        if door.id not in self._timed and door.held_open_s and not self._is_free(door):
            self._timed.add(door.id)
            loop = asyncio.get_running_loop()
            self._timers[door.id] = loop.call_later(door.held_open_s, self._held, door, event)

    def _close(self, door: Door, event: Event) -> None:
        self._timed.discard(door.id)
        if timer := self._timers.pop(door.id, None):
            timer.cancel()
        if door.id in self._state.standing_open or door.id not in self._state.contacts:
            self._state.unlocked.pop(door.id, None)
            self._stand(door, event, _CLOSED, standing_open=False)

    def _stand(self, door: Door, event: Event, state: str, *, standing_open: bool) -> None:
        (self._state.standing_open.add if standing_open else self._state.standing_open.discard)(door.id)
        self._state.contacts.add(door.id)
        self._say_state(door, event, state, contact(door.id, standing_open=standing_open))

    def _held(self, door: Door, event: Event) -> None:
        self._timers.pop(door.id, None)
        if not self._is_free(door):
            self._say_state(door, event, "held_open")

    def _is_free(self, door: Door) -> bool:
        return self._state.fire and door.free_on_fire

    def _say_state(self, door: Door, event: Event, state: str, also: Sequence[Statement] = ()) -> None:
        """As an event of the door; an alarm that its device raised by itself is not raised again."""
        if event.kind == "door" and event.state == state and state in _ALARMING:
            return
        told = Event(
            kind="door",
            device=event.device,
            point=f"door/{door.id}",
            place=door.place or event.place,
            time=self._now(),
            state=state,
            label=door.name or None,
            ext={"decided_by": "gateway", "contact": event.point},
        )
        self._say(told, also)


def is_so(point: Point, event: Event, alarm: str = "") -> bool | None:
    """Whether an event says that a point is as it is named; None where it is about something else."""
    if point.device != event.device or (point.point and point.point != (event.point or "")):
        return None
    match event.kind:
        case "input":
            return event.value == point.value
        case "door" if not alarm:
            return event.state in _OPEN_STATES if event.state in {*_OPEN_STATES, _CLOSED} else None
        case "alarm" if alarm and event.alarm == (point.value if isinstance(point.value, str) else alarm):
            return event.state == "active"
        case _:
            return None
