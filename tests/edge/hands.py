"""A clock whose hands a test moves: the wall clock may step, the monotonic one only goes on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from edge.clock import Clock

TRUE = datetime(2026, 3, 1, 8, tzinfo=UTC)


class Hands:
    """``true`` is what the time is; ``off_s`` is how far the box's wall clock is ahead of it."""

    def __init__(self, off_s: float = 0.0, *, kernel: bool = False) -> None:
        self.passed_s, self.off_s, self.kernel = 1_000.0, off_s, kernel

    @property
    def true(self) -> datetime:
        return TRUE + timedelta(seconds=self.passed_s)

    def clock(self, floor: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> Clock:
        return Clock(lambda: self.true.timestamp() + self.off_s, lambda: self.passed_s, lambda: self.kernel, floor)

    def hello(self, clock: Clock, round_trip_s: float = 0.02, centre_off_s: float = 0.0) -> None:
        """The centre tells its time in the middle of a round trip."""
        asked_s = self.passed_s
        told = self.true + timedelta(seconds=round_trip_s / 2 + centre_off_s)
        self.passed_s += round_trip_s
        clock.measured(told, asked_s, self.passed_s)
