"""Plates that are looked for: every car that any camera reads is held against the last list, whatever the uplink does.

Nothing at the lane shows it: no arm waits, no board speaks, no line is logged. The hit is an urgent fact, and goes up.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from domain.events import Event
from domain.watch.listed import WatchLists
from domain.watch.matching import SAME_CAR, Found, WatchBook, hit, reading
from edge.control.orders import Say
from edge.devices.driver import Message

_REMEMBERED = 2_000
_TYPED = "typed/"  # a plate that a person gave for a car that no camera could read


class WatchControl:
    """Hears every event before the log does. ``say`` takes what was found for the log and does not wait for it."""

    def __init__(self, say: Say, now: Callable[[], datetime]) -> None:
        self._say, self._now = say, now
        self._lists: WatchLists | None = None
        self._book = WatchBook()
        self._last: OrderedDict[tuple[str, str, str | None, str], datetime] = OrderedDict()

    def go_by(self, lists: WatchLists | None) -> None:
        """Another list, from the next car on."""
        if lists is not self._lists:
            self._lists, self._book = lists, WatchBook(lists)

    def heard(self, _message: Message, events: Sequence[Event]) -> None:
        for event in events:
            self._look(event)

    def said(self, event: Event) -> None:
        """What the gateway itself tells: of its plates only those that somebody typed were not heard before."""
        if (event.source_event_id or "").startswith(_TYPED):
            self._look(event)

    def _look(self, event: Event) -> None:
        if event.kind != "plate" or not self._book:
            return
        now = self._now()
        seen = event if event.time or event.recorded_at else _at(event, now)
        for found in self._book.find(reading(seen), now):
            if self._is_new(event, found, now):
                self._say(hit(event, found), ())

    def _is_new(self, event: Event, found: Found, now: datetime) -> bool:
        """Whether this is not the car that was just told of; a doubt that became sure is news."""
        key = (found.entry, event.device, event.lane, found.how)
        last = self._last.get(key)
        if last is not None and abs(now - last) < SAME_CAR:
            return False
        self._last[key] = now
        self._last.move_to_end(key)
        while len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)
        return True


def _at(event: Event, now: datetime) -> Event:
    """A reading without a time of its own was made now; the event itself stays as it came."""
    return msgspec.structs.replace(event, recorded_at=now)
