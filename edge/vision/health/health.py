"""The health of one camera: looks at a picture a second, and tells when its state becomes another."""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from edge.vision.frames import Frame, Seen
from edge.vision.health.reference import Reference
from edge.vision.health.sight import Sight, change, sight_of
from edge.vision.health.state import Settled, State
from edge.vision.health.verdict import is_sure, verdict
from edge.vision.settings import Health as Settings

_EVERY_S = 1.0
_STILL = 2.0  # grey levels: what an encoder adds to a picture that stands
# How the alarms of other cameras are called, so that the same rules ring: docs/alerts.md.
ALARMS = MappingProxyType(
    {
        "dark": "image_fault",
        "defocused": "image_fault",
        "covered": "tamper",
        "moved": "tamper",
        "frozen": "video_loss",
        "no_picture": "video_loss",
    }
)


class Health:
    """A looker, which is told too when the stream is lost. ``Seen.id`` is empty: these are states, not things."""

    def __init__(self, settings: Settings, reference: bytes = b"") -> None:
        """``reference``: what another had kept of this camera."""
        self._settings = settings
        self._settled, self._reference = Settled(), Reference()
        if reference:
            self._reference.restore(reference)
        self._last: Sight | None = None
        self._looked_s, self._still_since_s, self._settled_s = -_EVERY_S, 0.0, 0.0
        self.verdict: State = "unknown"

    @property
    def state(self) -> State:
        return self._settled.state

    def kept(self) -> bytes | None:
        """The reference while all is well, for who comes after; None where there is nothing worth keeping."""
        return self._reference.kept() if self.state == "ok" else None

    def look(self, frame: Frame) -> list[Seen]:
        if frame.seconds - self._looked_s < _EVERY_S:
            return []
        self._looked_s = frame.seconds
        self.verdict = self._judge(sight_of(frame.luma), frame.seconds)
        return self._turn(self.verdict, frame.seconds, frame.at, frame)

    def lost(self, state: Literal["no_picture", "offline"], reason: str, seconds: float, at: datetime) -> list[Seen]:
        """The stream is gone, or nothing can be made of what it brings."""
        self._last = None
        return self._turn(state, seconds, at, None, reason)

    def _judge(self, sight: Sight, seconds: float) -> State:
        stands = self._is_frozen(sight, seconds)
        found = verdict(sight, self._reference.view)
        if stands and found not in ("dark", "covered"):  # where there is nothing to see nothing moves
            return "frozen"
        if found == "moved":
            return self._another_view(seconds)
        if found == "ok" and is_sure(sight, self._reference.view):
            self._reference.learn(sight)
        return found

    def _another_view(self, seconds: float) -> State:
        if self.state == "moved" and seconds - self._settled_s >= self._settings.new_view_s:
            self._reference.forget()
            return "ok"
        return "moved" if self._settings.moved else "ok"

    def _is_frozen(self, sight: Sight, seconds: float) -> bool:
        stands = self._last is not None and change(sight, self._last) <= _STILL
        self._last = sight
        if not stands:
            self._still_since_s = seconds
        return 0 < self._settings.frozen_s <= seconds - self._still_since_s

    def _turn(self, found: State, seconds: float, at: datetime, frame: Frame | None, reason: str = "") -> list[Seen]:
        before = self.state
        if not self._settled.hear(found, seconds):
            return []
        self._settled_s = seconds
        return list(_told(before, found, at, frame, reason))


def _told(before: State, now: State, at: datetime, frame: Frame | None, reason: str) -> list[Seen]:
    said: list[Seen] = []
    if now == "offline":
        said.append(_seen(at, kind="availability", state="offline", reason=reason))
    elif before in ("unknown", "offline"):
        said.append(_seen(at, kind="availability", state="online"))
    if before in ALARMS:
        said.append(_alarm(before, at, "end", "cleared"))
    if now in ALARMS:
        alarm = _alarm(now, at, "start", "active", reason_code=reason or None)
        said.append(msgspec.structs.replace(alarm, picture=frame.picture() if frame else None))
    if now == "ok" and before == "unknown":
        said += [_alarm(state, at, "end", "cleared", rest=True) for state in ALARMS]
    return said


def _alarm(state: str, at: datetime, phase: str, word: str, **further: Any) -> Seen:
    return _seen(at, kind="alarm", alarm=ALARMS[state], state=word, phase=phase, reason=state, rule=state, **further)


def _seen(at: datetime, **fields: Any) -> Seen:
    return Seen(id="", at=at, fields={key: value for key, value in fields.items() if value is not None})
