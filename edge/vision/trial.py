"""One stream looked at in one thread, each frame in its turn: what an installer tries, and tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from edge.devices._camera_words import Told
from edge.vision.clips.clips import Clip, Clips
from edge.vision.evidence.masks import Masks
from edge.vision.evidence.shots import Evidence
from edge.vision.frames import Seen
from edge.vision.health.health import Health
from edge.vision.looking import Looking
from edge.vision.streams.source import Source
from edge.vision.streams.where import StreamFault
from edge.vision.telling import clip_told, clips_for, seen_told, wants_clip
from edge.vision.words import Ordered

if TYPE_CHECKING:
    from av.packet import Packet


class Trial:
    """The same parts as a watcher's."""

    def __init__(self, ordered: Ordered, zone: ZoneInfo, counts: Counter[str], say: Callable[[str], None]) -> None:
        settings = ordered.settings
        self._device = ordered.device
        self._masks, self._health = Masks(settings.masks), Health(settings.health)
        self._looking = Looking(settings.lookers, say)
        self._evidence = Evidence(ordered.device, zone, settings.jpeg_quality, settings.picture_width)
        self._clips: Clips | None = clips_for(settings, counts)
        self._done: list[Clip] = []
        self._at: datetime | None = None

    def run(self, source: Source, seconds: float) -> Iterator[Told]:
        """Raises StreamFault when the stream ends; returns after so many seconds of it, 0: never."""

        def heard(packet: Packet[Any], at: datetime) -> None:
            if self._clips is not None:
                self._done += self._clips.hear(packet, at, source.stream)

        try:
            for frame in source.frames(heard):
                self._at = frame.at
                shown = self._masks.over(frame)
                for seen in (*self._health.look(shown), *self._looking.look(shown)):
                    yield self._told(seen)
                yield from self._finished()
                if 0 < seconds <= frame.seconds:
                    return
        except StreamFault:
            yield from self._rest_of(source)
            raise

    def _told(self, seen: Seen) -> Told:
        if self._clips is not None and wants_clip(seen):
            self._clips.ask(seen.id, seen.fields, seen.at)
        return seen_told(self._device, seen, self._evidence)

    def _finished(self) -> Iterator[Told]:
        done, self._done = self._done, []
        for clip in done:
            yield clip_told(self._device, clip, clip.at)

    def _rest_of(self, source: Source) -> Iterator[Told]:
        if self._clips is not None:
            self._done += self._clips.end(source.stream)
        yield from self._finished()
