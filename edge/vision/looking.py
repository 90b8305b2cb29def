"""The lookers of one camera: made of its settings, and anew when its picture has another size or they failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edge.vision.frames import Frame, Looker, Seen
from edge.vision.lookers import NoLooker, made

_REST_S = 10.0  # of a looker that failed, doubled each time
_LONGEST_REST_S = 600.0


class Looking:
    """One that fails rests, begins anew, and holds up none of the others."""

    def __init__(self, settings: Mapping[str, Mapping[str, Any]], say: Callable[[str], None]) -> None:
        self._settings, self._say = settings, say
        self._lookers: dict[str, Looker] = {}
        self._failures: dict[str, int] = {}
        self._rests_until_s: dict[str, float] = {}
        self._size: tuple[int, ...] | None = None
        for name in settings:
            self._make(name)

    def look(self, frame: Frame) -> list[Seen]:
        if self._size is not None and frame.luma.shape != self._size:
            for name in list(self._lookers):
                self._make(name)
        self._size = frame.luma.shape
        self._wake(frame.seconds)
        return [seen for name in list(self._lookers) for seen in self._seen_by(name, frame)]

    def _seen_by(self, name: str, frame: Frame) -> list[Seen]:
        try:
            return self._lookers[name].look(frame)
        except Exception as error:  # noqa: BLE001 - any looker may have a defect: said, it rests and begins anew
            del self._lookers[name]
            failures = self._failures[name] = self._failures.get(name, 0) + 1
            rest_s = min(_LONGEST_REST_S, _REST_S * 2 ** (failures - 1))
            self._rests_until_s[name] = frame.seconds + rest_s
            self._say(f"lookers.{name} failed and rests for {rest_s:.0f} s: {error!r}"[:500])
            return []

    def _wake(self, seconds: float) -> None:
        for name, until_s in list(self._rests_until_s.items()):
            if seconds >= until_s:
                del self._rests_until_s[name]
                self._make(name)

    def _make(self, name: str) -> None:
        self._lookers.pop(name, None)
        try:
            self._lookers[name] = made(name, self._settings[name])
        except NoLooker as error:
            self._say(str(error)[:500])
