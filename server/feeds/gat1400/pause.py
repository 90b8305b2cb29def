"""How long to wait before the next registration: jitter, and long where somebody must act."""

from __future__ import annotations

from collections.abc import Callable

_MOST_S, _FIRST_WRONG_S, _MOST_WRONG_S = 300.0, 300.0, 3_600.0


class Pause:
    """``share``: a number of 0 to 1, anew each time, so that gateways of a city do not come back in one second."""

    def __init__(self, clock: Callable[[], float], share: Callable[[], float]) -> None:
        self._clock, self._share = clock, share
        self._failures, self._until = 0, 0.0

    @property
    def left_s(self) -> float:
        return max(0.0, self._until - self._clock())

    def over(self) -> None:
        """It went well."""
        self._failures, self._until = 0, 0.0

    def ill(self) -> None:
        """The far end is away or overloaded."""
        self._failures += 1
        self._wait(1 + self._share() * min(_MOST_S - 1, 2.0 ** min(self._failures, 10)))

    def wrong(self) -> None:
        """It does not know us, or not the password: platforms lock accounts that hammer."""
        self._failures += 1
        self._wait(min(_MOST_WRONG_S, _FIRST_WRONG_S * 2.0 ** min(self._failures - 1, 10)) * (1 + self._share() / 4))

    def _wait(self, seconds: float) -> None:
        self._until = self._clock() + seconds
