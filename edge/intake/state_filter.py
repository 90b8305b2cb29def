"""Drops what says nothing new: keep-alives, and states a device repeats."""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from domain.events import Event

_STATE_KINDS = frozenset({"availability", "input", "barrier", "door", "measurement"})
_LASTING_KINDS = frozenset({"alarm", "detection"})  # a state where they begin and end; else each is a fact
_MAX_POINTS = 20_000

Point = tuple[str | None, ...]
State = tuple[object, ...]


class _Known(msgspec.Struct, frozen=True, gc=False):
    """The last state of a point, and whether it was said live or only kept by a broker."""

    state: State
    is_live: bool


class StateFilter:
    """Remembers each point's last state, the oldest forgotten first. A restart reports every state once more.

    Of an alarm that is said at once and not from beginning to end, only the all-clear is a state, which panels repeat
    for ever; the alarm itself is never dropped.
    """

    def __init__(self, max_points: int = _MAX_POINTS) -> None:
        self._last: OrderedDict[Point, _Known] = OrderedDict()
        self._max_points = max_points

    def changes(self, event: Event) -> bool:
        """Whether an event says something new. What carries a device's own number is a fact, never just a state.

        An alarm that a broker had only kept is news again when the device itself says it: the kept one rang nowhere.
        """
        if not _is_state(event):
            return True
        known, state = self._last.get(_point(event)), _state(event)
        unchanged = known is not None and known.state == state
        is_live = not event.retained or (unchanged and known is not None and known.is_live)
        self._remember(_point(event), _Known(state, is_live))
        rings = event.kind in _LASTING_KINDS and is_live and known is not None and not known.is_live
        return not unchanged or rings or _is_told_at_once(event)

    def settles(self, event: Event) -> bool:
        """Whether a state of rest ends another that is remembered; without one it is no news."""
        known = self._last.get(_point(event))
        return known is not None and known.state != _state(event) and self.changes(event)

    def forget(self, event: Event) -> None:
        """The event did not get into the log after all: said again, its state is new."""
        self._last.pop(_point(event), None)

    def _remember(self, point: Point, known: _Known) -> None:
        self._last[point] = known
        self._last.move_to_end(point)
        if len(self._last) > self._max_points:
            self._last.popitem(last=False)


def _is_state(event: Event) -> bool:
    if event.source_event_id is not None:
        return False
    lasts = event.kind in _LASTING_KINDS and event.phase in ("start", "end")
    return event.kind in _STATE_KINDS or lasts or (event.kind == "alarm" and event.phase == "instant")


def _is_told_at_once(event: Event) -> bool:
    return event.kind == "alarm" and event.phase == "instant" and event.state != "cleared"


def _point(event: Event) -> Point:
    if event.kind not in _LASTING_KINDS:
        return (event.device, event.kind, event.point)
    label = event.label if event.point is None else None  # a point of its own may see a person begin, and a thing end
    return (event.device, event.kind, event.point, event.channel, event.alarm, label, event.rule)


def _state(event: Event) -> State:
    """A measurement by its numbers, something that lasts by whether it goes on."""
    if event.kind == "measurement":
        return (tuple(sorted(event.metrics.items())), event.text)
    return (event.state, event.state_code, event.value, event.link, event.phase, event.label)
