"""The lookers of one camera: made of its settings, and anew when its picture has another size or they failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edge.vision.frames import Frame, Looker, Seen
from edge.vision.lasting import Lasting
from edge.vision.lookers import NoLooker, made

_REST_S = 10.0  # of a looker that failed, doubled each time
_LONGEST_REST_S = 600.0
_LEAST_LOOKS_PER_S = 3.0  # of who looks at its health alone, once a second: it misses none by much


class Looking:
    """One that fails rests, begins anew, and holds up none of the others."""

    def __init__(
        self,
        settings: Mapping[str, Mapping[str, Any]],
        say: Callable[[str], None],
        shown: Callable[[str, Frame], Frame] = lambda name, frame: frame,
    ) -> None:
        """``shown``: a looker's own view of a frame, as of the large stream."""
        self._settings, self._say, self._shown = settings, say, shown
        self._lookers: dict[str, Looker] = {}
        self._lasting: dict[str, Lasting] = {name: Lasting() for name in settings}
        self._failures: dict[str, int] = {}
        self._rests_until_s: dict[str, float] = {}
        self._lost: list[str] = []  # made anew, or failed, since the last look
        self._size: tuple[int, ...] | None = None
        self.looks_per_s = _LEAST_LOOKS_PER_S  # as many as any of them wants; read by another thread
        for name in settings:
            self._make(name)

    def look(self, frame: Frame) -> list[Seen]:
        if self._size is not None and frame.luma.shape != self._size:
            for name in list(self._lookers):
                self._make(name)
        self._size = frame.luma.shape
        self._wake(frame.seconds)
        over = self._cut_short(frame)
        seen = [seen for name in list(self._lookers) for seen in self._seen_by(name, frame)]
        return [*over, *seen, *self._cut_short(frame)]

    def _cut_short(self, frame: Frame) -> list[Seen]:
        """One that is made anew knows nothing of what it had told: that is over."""
        lost, self._lost = self._lost, []
        ends = [end for name in lost for end in self._lasting[name].cut_short()]
        return [Seen(id=number, at=frame.at, fields=fields) for number, fields in ends]

    def _seen_by(self, name: str, frame: Frame) -> list[Seen]:
        try:
            found = self._lookers[name].look(self._shown(name, frame))
            for seen in found:
                self._lasting[name].hear(seen.id, seen.fields)
            return found
        except Exception as error:  # noqa: BLE001 - any looker may have a defect: said, it rests and begins anew
            del self._lookers[name]
            self._lost.append(name)
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
        if self._lookers.pop(name, None) is not None:
            self._lost.append(name)
        try:
            looker = self._lookers[name] = made(name, self._settings[name])
            self.looks_per_s = max(self.looks_per_s, looker.looks_per_s)
        except NoLooker as error:
            self._say(str(error)[:500])
