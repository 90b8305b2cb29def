"""A camera's large stream: read beside the one that is watched, its packets kept, decoded only for what is told."""

from __future__ import annotations

import random
import threading
from collections import Counter, deque
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import msgspec

from edge.sync.backoff import jittered
from edge.vision.clips.clips import Clip, Clips
from edge.vision.clips.ring import Piece, Ring
from edge.vision.evidence.masks import Masks
from edge.vision.frames import Frame, Picture, Seen
from edge.vision.settings import Camera
from edge.vision.streams.kept import Kept, codec_of
from edge.vision.streams.source import How, Source
from edge.vision.streams.where import StreamFault, Where

_BEFORE_S = 12.0  # a best picture may be ten seconds old
_EVERY = timedelta(seconds=1)  # one picture for what is told: its whole group is decoded
_FRESH = timedelta(seconds=2)
_MOST_ASKED = 8


class MainStream:
    """Read by a thread of its own; pictures are asked for by the one that looks."""

    def __init__(
        self,
        where: Where,
        settings: Camera,
        now: Callable[[], datetime],
        tell_clip: Callable[[Clip], None],
        say: Callable[[str], None],
    ) -> None:
        self._where, self._settings, self._now, self._tell_clip, self._say = where, settings, now, tell_clip, say
        self.counts = Counter[str]()
        self._masks = Masks(settings.masks)
        self._ring, self._lock = Ring(_BEFORE_S, settings.main_bytes), threading.Lock()
        self._asked: deque[tuple[str, dict[str, Any], datetime]] = deque(maxlen=_MOST_ASKED)
        self._kept: Kept | None = None
        self._heard_at: datetime | None = None
        self._lag_s = 0.0
        self._shown_at: datetime | None = None

    @property
    def figures(self) -> dict[str, float]:
        """What was counted, and how it is: under names of its own beside those of the stream that is watched."""
        named = {f"main_{name.removeprefix('main_')}": float(count) for name, count in dict(self.counts).items()}
        return {**named, "main_bytes": float(self._ring.bytes), "main_lag_s": self._lag_s}

    def is_read(self) -> bool:
        return self._heard_at is not None and self._now() - self._heard_at <= _FRESH

    # ---- the thread that reads

    def run(self, stopped: threading.Event) -> None:
        retry_s, failures = jittered(random.random), 0
        while not stopped.is_set():
            before = self.counts["main_packets"]
            try:
                self._read_once(stopped)
            except StreamFault as fault:
                self.counts[f"main_{fault.reason}"] += 1
            except Exception as error:  # noqa: BLE001 - the edge of a loop: said, and the stream is opened anew
                self.counts["main_failed"] += 1
                self._say(f"the main stream: {error!r}"[:500])
            failures = 1 if self.counts["main_packets"] > before else failures + 1
            stopped.wait(retry_s(failures))

    def _read_once(self, stopped: threading.Event) -> None:
        source = Source(self._where, How(max_pixels=self._settings.max_pixels), self._now, self.counts, stopped.wait)
        clips = self._clips()
        with closing(source):
            self._begin(source)
            try:
                self._take(source, clips, stopped)
            finally:
                self._lag_s = 0.0
                self._tell([] if clips is None else clips.end(source.stream))

    def _take(self, source: Source, clips: Clips | None, stopped: threading.Event) -> None:
        for packet, at in source.packets():
            if stopped.is_set():
                return
            self._lag_s = source.lag_s
            self._hear(Piece(at, bytes(packet), packet.pts, packet.dts, packet.is_keyframe))
            if clips is not None:
                self._pass_on(clips)
                self._tell(clips.hear(packet, at, source.stream))

    def _clips(self) -> Clips | None:
        settings = self._settings
        if settings.masks or settings.clip_s <= 0 or settings.clip_bytes <= 0:
            return None
        return Clips(settings.clip_s, settings.clip_bytes, self.counts)

    def _begin(self, source: Source) -> None:
        with self._lock:
            self._ring.clear()
            self._kept = Kept(codec_of(source.stream, self._settings.max_pixels), self.counts)

    def _hear(self, piece: Piece) -> None:
        with self._lock:
            self._ring.add(piece)
            self._heard_at = piece.at

    def _pass_on(self, clips: Clips) -> None:
        while self._asked:
            clips.ask(*self._asked.popleft())

    def _tell(self, clips: list[Clip]) -> None:
        for clip in clips:
            self._tell_clip(clip)

    # ---- the thread that looks

    def ask_clip(self, of: str, fields: dict[str, Any], at: datetime) -> None:
        self._asked.append((of, fields, at))

    def frame(self, frame: Frame) -> Frame:
        """The same moment with the large picture, made when it is asked for; the small one where there is none."""
        small = frame.picture

        def large() -> Picture:
            picture = self._picture(frame.at)
            return small() if picture is None else picture

        return msgspec.structs.replace(frame, picture=large)

    def shown(self, seen: Seen) -> Seen:
        """What is told with its large picture, where there is one and none was made just now."""
        if seen.picture is None or not self._is_due(seen):
            return seen
        picture = self._picture(seen.at)
        if picture is None or picture.shape[1] <= seen.picture.shape[1]:
            return seen
        self.counts["main_shown"] += 1
        return msgspec.structs.replace(seen, picture=picture)

    def _is_due(self, seen: Seen) -> bool:
        now = self._now()
        if self._shown_at is not None and _EVERY > now - self._shown_at >= timedelta(0):
            self.counts["main_passed_over"] += 1
            return False
        self._shown_at = now
        return seen.fields.get("kind") == "detection"

    def _picture(self, at: datetime) -> Picture | None:
        with self._lock:
            kept, pieces = self._kept, self._ring.since(at)
        if kept is None or not pieces or not pieces[0].is_key or pieces[0].at > at:
            self.counts["main_missing"] += 1
            return None
        picture = kept.at(pieces, at)
        return None if picture is None else self._masks.blanked(picture)
