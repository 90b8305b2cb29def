"""How far behind its camera a reader is, and which packets are worth decoding until it has caught up."""

from __future__ import annotations

from collections import Counter

from edge.vision.streams.timeline import Timeline

_DRIFT = 0.0002  # of the time that went by: clocks of cameras run apart by less
_REORDERED_S = 2.0  # pictures may be sent in another order than they are shown
_GRACE_S = 0.5  # what comes all at once after a pause of the network is decoded by then
_JUDGED_S = 2.0  # of reading alone, and then it is asked whether anything had piled up
_LEAST_GAIN_S = 1.0  # in that time: what had piled up comes much faster


class Lateness:
    """By when packets come against what is written on them; the one that came soonest says how late none is."""

    def __init__(self, bound_s: float, counts: Counter[str]) -> None:
        self._bound_s, self._counts = bound_s, counts
        self._timeline = Timeline(Counter())
        self._newest_s: float | None = None
        self._soonest_s: float | None = None
        self._arrived_s = 0.0
        self._late_since_s: float | None = None
        self._behind_since_s = 0.0
        self._judged = (0.0, 0.0)  # when, and how late it was
        self.is_behind = False
        self.lag_s = 0.0

    @property
    def behind_s(self) -> float:
        """For how long nothing was decoded."""
        return self._arrived_s - self._behind_since_s if self.is_behind else 0.0

    def hear(self, stamp_s: float | None, arrived_s: float) -> None:
        """Of each packet, in its turn; ``arrived_s`` of a clock that no step moves."""
        passed_s = arrived_s - self._timeline.seconds(self._in_order(stamp_s), arrived_s)
        drifted_s = passed_s if self._soonest_s is None else self._soonest_s + _DRIFT * (arrived_s - self._arrived_s)
        self._soonest_s, self._arrived_s = min(passed_s, drifted_s), arrived_s
        self.lag_s = passed_s - self._soonest_s
        if self.is_behind:
            self._judge(passed_s)
        elif self._is_late_for_long():
            self._fall_behind()

    def lets_through(self, *, is_key: bool) -> bool:
        """Whether a packet is to be decoded: after one that was not, nothing before a keyframe that is not late."""
        if self.is_behind and is_key and self.lag_s <= self._bound_s / 2:
            self.is_behind = False
        return not self.is_behind

    def _in_order(self, stamp_s: float | None) -> float | None:
        if stamp_s is None:
            return None
        if self._newest_s is None or not 0 < self._newest_s - stamp_s < _REORDERED_S:
            self._newest_s = stamp_s
        return self._newest_s

    def _is_late_for_long(self) -> bool:
        if self.lag_s <= self._bound_s:
            self._late_since_s = None
            return False
        if self._late_since_s is None:
            self._late_since_s = self._arrived_s
        return self._arrived_s - self._late_since_s >= _GRACE_S

    def _fall_behind(self) -> None:
        self.is_behind, self._late_since_s = True, None
        self._counts["late"] += 1
        self._behind_since_s, self._judged = self._arrived_s, (self._arrived_s, self.lag_s)

    def _judge(self, passed_s: float) -> None:
        """Where reading alone gains nothing, nothing had piled up: the camera's stamps are slower than its pictures.
        Where it even loses, the box is too busy to read, and nothing can be said of the camera."""
        since_s, lag_s = self._judged
        if self._arrived_s - since_s < _JUDGED_S:
            return
        if abs(lag_s - self.lag_s) < _LEAST_GAIN_S and self.lag_s > self._bound_s / 2:
            self._counts["stamps_slow"] += 1
            self._soonest_s, self.lag_s = passed_s, 0.0
        self._judged = (self._arrived_s, self.lag_s)
