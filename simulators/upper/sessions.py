"""Who is registered at the platform, until silence, or until the hour is over."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from simulators.upper.profiles import Profile


class Session(msgspec.Struct):
    since: datetime
    heard_at: datetime


class Sessions:
    """``scale`` shortens the lengths of sessions, for tests."""

    def __init__(self, profile: Profile, scale: float = 1.0) -> None:
        self._silence = _length(profile.silence_s, scale)
        self._life = _length(profile.life_s, scale)
        self._open: dict[str, Session] = {}

    def open(self, device: str, now: datetime) -> None:
        self._open[device] = Session(now, now)

    def close(self, device: str) -> None:
        self._open.pop(device, None)

    def close_all(self) -> None:
        self._open.clear()

    def heard(self, device: str, now: datetime) -> bool:
        """Whether the device has a session; it goes on by that."""
        session = self._open.get(device)
        if session is None:
            return False
        if now - session.heard_at >= self._silence or now - session.since >= self._life:
            self.close(device)
            return False
        session.heard_at = now
        return True

    @property
    def names(self) -> list[str]:
        return sorted(self._open)


def _length(seconds: float | None, scale: float) -> timedelta:
    return timedelta.max if seconds is None else timedelta(seconds=seconds * scale)
