"""One camera: a thread reads its stream, another looks at the newest frame and tells what is seen."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from domain.orders import SNAPSHOT, snapshot_of
from edge.status.rates import Rates
from edge.sync.backoff import jittered
from edge.vision.clips.clips import Clip
from edge.vision.evidence.masks import Masks
from edge.vision.evidence.shots import Evidence
from edge.vision.frames import Frame, Seen
from edge.vision.health.health import Health
from edge.vision.looking import Looking
from edge.vision.main_stream import MainStream
from edge.vision.pace import Pace
from edge.vision.streams.latest import Latest
from edge.vision.streams.source import How, Source
from edge.vision.streams.where import StreamFault, Where
from edge.vision.telling import clip_told, clips_for, seen_told, wants_clip
from edge.vision.words import Mistake, Ordered, Up

if TYPE_CHECKING:
    from av.packet import Packet

_SILENT_S, _SILENT_BETWEEN_KEYFRAMES_S = 5.0, 9.0
_TURN_S = 0.5
_STACK_BYTES = 1024 * 1024
_NO_PICTURE = frozenset({"no_video", "too_large", "unreadable"})  # it is there, and nothing can be seen
_MOST_ASKED = 8
_RATES_S, _RATED = 30.0, ("frames", "looks")


class Watcher:
    """Goes on until stopped; whatever its stream does is told and is nobody else's affair."""

    def __init__(
        self,
        ordered: Ordered,
        zone: ZoneInfo,
        now: Callable[[], datetime],
        tell: Callable[[Up], None],
        reference: bytes = b"",
    ) -> None:
        self.device, self.counts = ordered.device, Counter[str]()
        self._settings, self._now, self._put = ordered.settings, now, tell
        self._stopped = threading.Event()  # lookers may have something to say while they are made
        self._where = Where(ordered.address, ordered.user, ordered.password)
        settings = ordered.settings
        self._evidence = Evidence(ordered.device, zone, settings.jpeg_quality, settings.picture_width)
        self._masks, self._health = Masks(settings.masks), Health(settings.health, reference)
        self._looking = Looking(settings.lookers, self._say, self._shown)
        self._clips = clips_for(settings, self.counts)
        self._main = self._main_of(ordered) if settings.main else None
        self._asked: deque[tuple[str, dict[str, Any], datetime]] = deque(maxlen=_MOST_ASKED)
        self._latest: Latest[Frame] = Latest()
        self._pace = Pace(self._looking.looks_per_s)  # who looks is not woken for what nobody would look at
        self._shows = ""  # who asked for a picture
        self._began_s = self._came_s = time.monotonic()  # the second: the newest frame, whether it is looked at or not
        self._seconds = 0.0
        self._fault: StreamFault = StreamFault("silent")
        self._rates = Rates(_RATES_S)
        self._lag_s, self._catches_up = 0.0, False

    def start(self) -> None:
        threading.stack_size(_STACK_BYTES)
        works = [self._read, self._look] if self._main is None else [self._read, self._look, self._read_main]
        for work in works:
            threading.Thread(target=work, name=f"{work.__name__} {self.device}", daemon=True).start()

    def stop(self) -> None:
        """Nothing is told from now on: what is in hand may show what is to be hidden."""
        self._stopped.set()

    def show(self, request_id: str) -> None:
        """Tell the next picture."""
        self._shows = request_id

    def _tell(self, word: Up) -> None:
        if not self._stopped.is_set():
            self._put(word)

    @property
    def figures(self) -> dict[str, float]:
        """Counts since it began, and pictures a second that came and that were looked at of late."""
        held = self._clips.held_bytes if self._clips else 0
        rates = self._rates.note(time.monotonic(), {name: self.counts[name] for name in _RATED})
        fast = {"fps": rates["frames"], "looks_per_s": rates["looks"]}
        beside = {"passed_over": self._latest.passed_over, "clip_bytes": held, "lag_s": self._lag_s}
        if self._main is not None:
            beside |= self._main.figures
        return {**self.counts, **fast, **beside}

    @property
    def reference(self) -> bytes | None:
        return self._health.kept()

    @property
    def state(self) -> str:
        return self._health.state

    # ---- the thread that reads

    def _read(self) -> None:
        retry_s, failures = jittered(random.random), 0
        while not self._stopped.is_set():
            before = self.counts["frames"]
            try:
                self._read_once()
            except StreamFault as fault:
                self._fault = fault
                self.counts[f"stream_{fault.reason}"] += 1
            except Exception as error:  # noqa: BLE001 - the edge of a loop: said, and the stream is opened anew
                self.counts["stream_failed"] += 1
                self._say(f"the stream: {error!r}"[:500])
            failures = 1 if self.counts["frames"] > before else failures + 1
            self._stopped.wait(retry_s(failures))

    def _read_once(self) -> None:
        begins_s = max(self._seconds, time.monotonic() - self._began_s)
        settings = self._settings
        how = How(
            settings.fps, settings.keyframes_only, settings.skip_loop_filter, settings.max_pixels, begins_s=begins_s
        )
        source = Source(self._where, how, self._now, self.counts, self._stopped.wait)
        with closing(source):
            try:
                self._take_frames(source)
            finally:
                self._lag_s, self._catches_up = 0.0, False
                if self._clips is not None:
                    self._tell_clips(self._clips.end(source.stream))

    def _take_frames(self, source: Source) -> None:
        def heard(packet: Packet[Any], at: datetime) -> None:
            self._lag_s, self._catches_up = source.lag_s, source.is_behind
            if self._clips is not None:
                while self._asked:
                    self._clips.ask(*self._asked.popleft())
                self._tell_clips(self._clips.hear(packet, at, source.stream))

        for frame in source.frames(heard):
            if self._stopped.is_set():
                return
            self._seconds, self._came_s = frame.seconds, time.monotonic()
            if self._pace.takes(frame.seconds):
                self._latest.put(self._masks.over(frame))

    def _tell_clips(self, clips: list[Clip]) -> None:
        for clip in clips:
            self._tell(clip_told(self.device, clip, self._now()))

    # ---- the large stream, where there is one

    def _main_of(self, ordered: Ordered) -> MainStream:
        where = Where(ordered.settings.main, ordered.user, ordered.password)
        return MainStream(where, ordered.settings, self._now, lambda clip: self._tell_clips([clip]), self._say)

    def _read_main(self) -> None:
        assert self._main is not None
        self._main.run(self._stopped)

    def _shown(self, looker: str, frame: Frame) -> Frame:
        is_on_main = self._main is not None and looker in self._settings.on_main
        return self._main.frame(frame) if self._main is not None and is_on_main else frame

    # ---- the thread that looks

    def _look(self) -> None:
        silent_s = _SILENT_BETWEEN_KEYFRAMES_S if self._settings.keyframes_only else _SILENT_S
        while not self._stopped.is_set():
            frame = self._latest.take(_TURN_S)
            if frame is not None:
                self._look_at(frame)
            elif time.monotonic() - self._came_s >= silent_s and not self._catches_up:
                self._note_lost()

    def _look_at(self, frame: Frame) -> None:
        self.counts["looks"] += 1
        try:
            if self._shows:
                self._tell_picture(frame)
            for seen in (*self._health.look(frame), *self._looking.look(frame)):
                self._tell_seen(seen)
        except Exception as error:  # noqa: BLE001 - the edge of a loop: one frame's defect is said, the next is looked at
            self.counts["looks_failed"] += 1
            if self.counts["looks_failed"] & (self.counts["looks_failed"] - 1) == 0:  # 1, 2, 4, 8 …
                self._say(f"a look failed: {error!r}"[:500])

    def _note_lost(self) -> None:
        reason = self._fault.reason
        state: Literal["no_picture", "offline"] = "no_picture" if reason in _NO_PICTURE else "offline"
        for seen in self._health.lost(state, reason, time.monotonic() - self._began_s, self._now()):
            self._tell_seen(seen)

    def _tell_seen(self, seen: Seen) -> None:
        shown = seen if self._main is None else self._main.shown(seen)
        told = seen_told(self.device, shown, self._evidence)
        self.counts["told"] += not told.rest
        self._tell(told)
        if wants_clip(seen):
            self._ask_clip(seen)

    def _ask_clip(self, seen: Seen) -> None:
        if self._main is not None and self._main.is_read():
            self._main.ask_clip(seen.id, seen.fields, seen.at)
        else:
            self._asked.append((seen.id, seen.fields, seen.at))

    def _tell_picture(self, frame: Frame) -> None:
        """As somebody asked for; it is of nothing, and no clip is."""
        asked, self._shows = self._shows, ""
        fields = {"kind": "detection", "label": SNAPSHOT}
        seen = Seen(id=snapshot_of(asked), at=frame.at, fields=fields, picture=frame.picture())
        self._tell(seen_told(self.device, seen, self._evidence))

    def _say(self, text: str) -> None:
        self._tell(Mistake(self.device, text))
