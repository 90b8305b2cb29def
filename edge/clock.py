"""The agent's clock: the box's wall clock, how wrong it is, and who vouches for it (docs/decisions/0016-clock.md)."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import structlog

from edge.devices.driver import GatewayClock
from edge.kernel_clock import kernel_vouches

log = structlog.get_logger()

# No clock that is right shows a time before this program was written; moved with a release, never into the future.
RELEASED_AT = datetime(2026, 1, 1, tzinfo=UTC)
GOOD_WITHIN_S = 2.0  # nearer to the truth than this, a clock is left alone
STEP_S = 2.0
_SAMPLES = 8
_SLOW_ROUND_TRIP_S = 2 * GOOD_WITHIN_S  # half of it may be the error of what was measured
_READS = 5
_READ_WITHIN_S = 0.1
_STEPS_KEPT = 16


class Sample(msgspec.Struct, frozen=True):
    """The centre's time as one answer told it: what it is ahead of our monotonic clock, give or take half the trip."""

    ahead_s: float
    round_trip_s: float

    def agrees(self, other: Sample) -> bool:
        """Whether both can be true of one steady clock."""
        return abs(self.ahead_s - other.ahead_s) <= (self.round_trip_s + other.round_trip_s) / 2 + 0.5


class Clock:
    """Wall and monotonic time, and what is known of the first.

    Everything known is kept against the monotonic clock, which no step moves: after a step of the wall clock the time
    goes on from what was last vouched for, until somebody vouches again.
    """

    def __init__(
        self,
        wall_s: Callable[[], float] = time.time,
        monotonic_s: Callable[[], float] = time.monotonic,
        kernel: Callable[[], bool] = kernel_vouches,
        floor: datetime = RELEASED_AT,
    ) -> None:
        """``floor``: no right clock shows an earlier time."""
        self._wall_s, self.monotonic_s, self._ask_kernel = wall_s, monotonic_s, kernel
        self._floor = floor
        self._samples: deque[Sample] = deque(maxlen=_SAMPLES)
        self._steps: deque[timedelta] = deque(maxlen=_STEPS_KEPT)
        self._told_ahead_s: float | None = None  # by a refusal: good enough to sign with, not to correct times
        self._anchor_s: float | None = None  # true less monotonic time, as last vouched for
        self._correction_s = 0.0
        self._apart_s = wall_s() - monotonic_s()
        self._kernel_vouches = self._is_wrong = False
        self.confirmed = False  # whether the centre or the kernel vouched for ``now()``, and nothing stepped since
        self.tick()

    @property
    def state(self) -> GatewayClock:
        """How far ``now()`` can be believed; the word that goes with a message's time of receipt."""
        if self.confirmed:
            return "confirmed"
        return "wrong" if self._is_wrong else "unsynced"

    @property
    def offset(self) -> timedelta | None:
        """The centre's time less the box's; None until the centre told it."""
        ahead_s = self._centre_ahead_s
        return None if ahead_s is None else timedelta(seconds=ahead_s - self._read_apart_s())

    @property
    def _centre_ahead_s(self) -> float | None:
        best = min(self._samples, key=lambda sample: sample.round_trip_s, default=None)
        return self._told_ahead_s if best is None else best.ahead_s

    def now(self) -> datetime:
        """The time as well as it is known: the box's, or the one vouched for where that is two seconds off."""
        wall_s = self._wall_s()
        if abs(wall_s - self.monotonic_s() - self._apart_s) > STEP_S:
            self._look_for_step()
        return datetime.fromtimestamp(wall_s + self._correction_s, UTC)

    def trusted_now(self) -> datetime | None:
        """``now()`` where somebody vouches for it; what is let go by age waits where nobody does."""
        return self.now() if self.confirmed else None

    def centre_now(self) -> datetime:
        """The centre's time, which tokens are signed with; our own until it told us."""
        ahead_s = self._centre_ahead_s
        return self.now() if ahead_s is None else datetime.fromtimestamp(ahead_s + self.monotonic_s(), UTC)

    def at(self, monotonic_s: float) -> datetime:
        """The time of a moment on the monotonic clock."""
        return self.now() - timedelta(seconds=self.monotonic_s() - monotonic_s)

    def measured(self, server_time: datetime, asked_s: float, answered_s: float) -> None:
        """The centre told its time; asked and answered are of our monotonic clock. The quickest of the last counts."""
        self._look_for_step()
        sample = Sample(server_time.timestamp() - (asked_s + answered_s) / 2, answered_s - asked_s)
        if any(not sample.agrees(earlier) for earlier in self._samples):
            self._samples.clear()
        self._samples.append(sample)
        self._apart_s = self._read_apart_s()
        if sample.round_trip_s <= _SLOW_ROUND_TRIP_S:
            self.confirmed = True
            self._anchor_s = self._apart_s if self._kernel_vouches else self._centre_ahead_s
        self._settle()

    def told(self, server_time: datetime) -> None:
        """The centre refused a token for its time: sign with the centre's from now on."""
        self._samples.clear()
        self._told_ahead_s = server_time.timestamp() - self.monotonic_s()

    def tick(self) -> None:
        """Once a second: look for a step, and ask the kernel."""
        self._look_for_step()
        self._kernel_vouches = self._ask_kernel()
        if self._kernel_vouches:
            self.confirmed, self._anchor_s = True, self._apart_s
        self._settle()
        if self.confirmed:
            self._floor = max(self._floor, self.now())

    def not_before(self, floor: datetime) -> None:
        """No right clock shows an earlier time: something was recorded then, and its time was vouched for."""
        self._floor = floor
        self._settle()

    def take_steps(self) -> list[timedelta]:
        """The steps of the wall clock that were not asked for yet; at most the newest sixteen."""
        taken = list(self._steps)
        self._steps.clear()
        return taken

    def described(self) -> dict[str, Any]:
        """What the centre and a person are shown."""
        offset = self.offset
        return {
            "offset_ms": None if offset is None else round(offset.total_seconds() * 1000),
            "round_trip_ms": round(min((s.round_trip_s for s in self._samples), default=0.0) * 1000) or None,
            "confirmed": self.confirmed,
            "kernel": self._kernel_vouches,
            "state": self.state,
            "corrected_ms": round(self._correction_s * 1000),
        }

    def _look_for_step(self) -> None:
        apart_s = self._read_apart_s()
        step_s = apart_s - self._apart_s
        if abs(step_s) <= STEP_S:
            return
        log.warning("clock_stepped", step_s=round(step_s, 3))
        self._steps.append(timedelta(seconds=step_s))
        self._apart_s = apart_s
        self.confirmed = self._kernel_vouches = False
        self._settle()

    def _settle(self) -> None:
        """The correction, and whether it is wrong beyond doubt, follow from who vouches for what."""
        wrong_s = 0.0 if self._anchor_s is None or self._kernel_vouches else self._anchor_s - self._apart_s
        self._correction_s = wrong_s if abs(wrong_s) > GOOD_WITHIN_S else 0.0
        self._is_wrong = self._wall_s() + self._correction_s < self._floor.timestamp()

    def _read_apart_s(self) -> float:
        """Wall less monotonic time. Read again where the process was held up between the two."""
        before_s = self.monotonic_s()
        for _ in range(_READS):
            wall_s, after_s = self._wall_s(), self.monotonic_s()
            if after_s - before_s <= _READ_WITHIN_S:
                return wall_s - (before_s + after_s) / 2
            before_s = after_s
        return self._apart_s


def standing(at: datetime) -> Clock:
    """A clock that stands at a time and that nobody doubts: for what is judged long after."""
    return Clock(at.timestamp, lambda: 0.0, lambda: True, at)
