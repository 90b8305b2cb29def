"""What becomes of an opening: a relay that fired is not an arm that moved, and one opening is for one car.

Pure: moments are seconds of any clock that only runs forward; each happening gives the signals that it is.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from domain.lanes.settings import Arm, Lane

Signal = Literal[
    "confirmed",  # the arm was seen to move, or a car rolled over the loop
    "timeout",  # nothing showed that the arm moved
    "tailgating",  # more cars than openings
    "held_open",  # the arm stands open for too long
    "opened_by_hand",  # the arm went up and nothing here had asked for it
    "turned_back",  # the car that it was opened for went back
]
_UP: frozenset[Arm] = frozenset({"open", "opening"})


class Opening(msgspec.Struct):
    """The arm is asked to be up: for how many cars, and how many were seen."""

    plate: str
    request_id: str
    asked_at: float
    last_at: float  # of the newest of its orders
    allowed: int = 1
    passed: int = 0
    confirmed: bool = False
    over: bool = False  # it was said already that nothing moved


class Watch:
    """One lane's arm and loop."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.opening: Opening | None = None
        self._up_since: float | None = None
        self._told_held = False
        self._occupied = False

    @property
    def is_up(self) -> bool:
        """Whether the arm is, or must be taken to be, up."""
        return self._up_since is not None or self.opening is not None

    def ordered(self, plate: str, request_id: str, now: float) -> None:
        """The arm was asked to open for a car: the same opening still, while it is up for another."""
        opening = self.opening
        if opening is None or opening.over:
            self.opening = Opening(plate, request_id, now, now)
            return
        opening.allowed += 1
        opening.plate, opening.request_id, opening.last_at = plate, request_id, now

    def refused(self, request_id: str) -> list[Signal]:
        """The device said no."""
        opening = self.opening
        if opening is None or opening.request_id != request_id or opening.confirmed:
            return []
        self.opening = None
        return ["timeout"]

    def arm(self, state: Arm, now: float) -> list[Signal]:
        """The arm says where it is."""
        if state in _UP:
            return self._is_up(now)
        if state == "closed":
            self.opening = self._still_asked(now)
            self._up_since, self._told_held = None, False
        return []

    def loop(self, occupied: bool, now: float) -> list[Signal]:
        """A car rolls onto the loop under the arm, or off it."""
        rose, self._occupied = occupied and not self._occupied, occupied
        opening = self.opening
        if not rose or opening is None:
            return []
        signals = self._confirm()
        opening.passed += 1
        return [*signals, "tailgating"] if opening.passed > opening.allowed else signals

    def strange_read(self, plate: str) -> list[Signal]:
        """A second car was read while the arm was up for another, and is not let through. Where a loop counts cars,
        the loop is believed."""
        opening = self.opening
        if self.lane.loop is not None or opening is None or not plate or plate == opening.plate:
            return []
        return ["tailgating"] if opening.confirmed or not self.lane.barrier.tells else []

    def back(self, plate: str) -> list[Signal]:
        """A car turned round in the lane."""
        opening = self.opening
        if opening is None or (plate and plate != opening.plate):
            return []
        opening.allowed -= 1
        if not opening.allowed:
            self.opening = None
        return ["turned_back"]

    def tick(self, now: float) -> list[Signal]:
        """What time alone makes of it."""
        signals: list[Signal] = []
        opening = self.opening
        if opening is not None and not opening.confirmed and now >= opening.last_at + self._patience_s:
            signals += self._give_up(opening)
        if opening is not None and self._up_since is None and now >= opening.last_at + self.lane.hold_s:
            self.opening = None
        if self._up_since is not None and not self._told_held and now >= self._held_from() + self.lane.held_s:
            self._told_held = True
            signals.append("held_open")
        return signals

    def next_at(self) -> float | None:
        """When ``tick`` has something to say, at the earliest."""
        moments: list[float] = []
        opening = self.opening
        if opening is not None:
            moments += [] if opening.confirmed or opening.over else [opening.last_at + self._patience_s]
            moments += [opening.last_at + self.lane.hold_s] if self._up_since is None else []
        if self._up_since is not None and not self._told_held:
            moments.append(self._held_from() + self.lane.held_s)
        return min(moments, default=None)

    def _is_up(self, now: float) -> list[Signal]:
        was_up = self._up_since is not None
        self._up_since = self._up_since if was_up else now
        if self.opening is not None:
            return self._confirm()
        return [] if was_up else ["opened_by_hand"]

    def _confirm(self) -> list[Signal]:
        opening = self.opening
        if opening is None or opening.confirmed:
            return []
        opening.confirmed = True
        return ["confirmed"]

    def _still_asked(self, now: float) -> Opening | None:
        """What is left of the opening when the arm is down: all of it before the arm went up, and an order that came
        while it went down."""
        opening = self.opening
        if opening is None or not opening.confirmed:
            return opening
        if opening.allowed > 1 and now < opening.last_at + self._patience_s:
            return Opening(opening.plate, opening.request_id, opening.last_at, opening.last_at)
        return None

    @property
    def _patience_s(self) -> float:
        """How long nothing need be seen: an arm moves at once, a car takes its time to the loop."""
        return self.lane.moved_s if self.lane.barrier.tells else self.lane.hold_s

    def _give_up(self, opening: Opening) -> list[Signal]:
        """Nothing moved: the next read may ask again. Where nothing could have shown it, that is no fault."""
        if opening.over:
            return []
        opening.over = True
        return ["timeout"] if self.lane.confirms else []

    def _held_from(self) -> float:
        opening, since = self.opening, self._up_since or 0.0
        return max(since, opening.last_at) if opening is not None else since
