"""Drops what says nothing new: keep-alives, and states a device repeats."""

from __future__ import annotations

from collections import OrderedDict

from domain.events import Event

_STATE_KINDS = frozenset({"availability", "input", "barrier", "door"})
_MAX_POINTS = 20_000

Point = tuple[str, str, str | None]
State = tuple[object, ...]


class StateFilter:
    """Remembers each point's last state, the oldest forgotten first. A restart reports every state once more.

    Of alarms only the all-clear is a state, which panels repeat for ever; an alarm itself is never dropped.
    """

    def __init__(self, max_points: int = _MAX_POINTS) -> None:
        self._last: OrderedDict[Point, State] = OrderedDict()
        self._max_points = max_points

    def changes(self, event: Event) -> bool:
        """Whether an event says something new. What carries a device's own number is a fact, never just a state."""
        alarm = event.kind == "alarm" and event.phase == "instant"
        if not (alarm or event.kind in _STATE_KINDS) or event.source_event_id is not None:
            return True
        point = _point(event)
        state = (event.state, event.state_code, event.value, event.link)
        unchanged = self._last.get(point) == state
        self._remember(point, state)
        return not unchanged or (alarm and event.state != "cleared")

    def forget(self, event: Event) -> None:
        """The event did not get into the log after all: said again, its state is new."""
        self._last.pop(_point(event), None)

    def _remember(self, point: Point, state: State) -> None:
        self._last[point] = state
        self._last.move_to_end(point)
        if len(self._last) > self._max_points:
            self._last.popitem(last=False)


def _point(event: Event) -> Point:
    """What a state is of; a point may have several alarms."""
    kind = event.kind if event.alarm is None else f"{event.kind}/{event.alarm}"
    return event.device, kind, event.point
