"""One stream, open: packets as they come, frames of them. Whatever is in it costs bounded memory and is named."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import msgspec
import numpy as np

from edge.vision.frames import Frame, Luma, Picture
from edge.vision.streams.lateness import Lateness
from edge.vision.streams.opening import av_error, fault_of, opened, video_of
from edge.vision.streams.thin import Thin
from edge.vision.streams.timeline import Timeline
from edge.vision.streams.where import StreamFault, Where

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame

    AnyPacket = Packet[Any]

_BEHIND_AT_MOST_S = 15.0  # who does not catch up by then opens it anew: nothing waits in a new connection
_BROKEN_AT_MOST = 500  # packets in a row of which no frame came: whatever it is, it is no picture
_LUMA_FIRST = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "nv21", "gray"})


class How(msgspec.Struct, frozen=True):
    """How a stream is read."""

    fps: float = 15.0  # what comes beyond it is not looked at
    keyframes_only: bool = False
    skip_loop_filter: bool = False  # a third less work, blocks at the edges
    max_pixels: int = 4096 * 2304
    in_real_time: bool = True  # a file too is read no faster than it was made
    begins_s: float = 0.0  # where the seconds of its frames go on, after a stream that was lost
    late_s: float = 1.0  # a camera's pictures that are seen later are passed over, up to one that is not; a file waits


class Source:
    """``counts`` says what was wrong with what came. Used by one thread, and closed by it."""

    def __init__(
        self,
        where: Where,
        how: How,
        now: Callable[[], datetime],
        counts: Counter[str],
        rest: Callable[[float], object] = time.sleep,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """``rest`` waits until a frame of a file is due; no step moves ``clock_s``. Raises StreamFault."""
        self._how, self._now, self.counts, self._rest = how, now, counts, rest
        self._paced = where.is_file and how.in_real_time
        self._clock_s, self._lateness = clock_s, None if where.is_file else Lateness(how.late_s, counts)
        self._began_at, self._began_s = now(), clock_s()
        self._is_live = not where.is_file or how.in_real_time
        self._timeline, self._thin, self._number = Timeline(counts, how.begins_s), Thin(how.fps), 0
        self._size: tuple[int, int] | None = None
        try:
            self._container = opened(where)
            self.stream = video_of(
                self._container,
                how.max_pixels,
                skip_loop_filter=how.skip_loop_filter,
                keyframes_only=how.keyframes_only,
            )
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if container := getattr(self, "_container", None):
            container.close()

    @property
    def lag_s(self) -> float:
        """How long ago the newest packet could have been read."""
        return 0.0 if self._lateness is None else self._lateness.lag_s

    @property
    def is_behind(self) -> bool:
        """Whether it catches up, and shows nothing meanwhile."""
        return self._lateness is not None and self._lateness.is_behind

    def frames(self, heard: Callable[[AnyPacket, datetime], None] | None = None) -> Iterator[Frame]:
        """Until the stream ends or is lost; ``heard`` is told each packet first. Raises StreamFault, always at last."""
        broken = 0
        for packet in self._packets():
            if heard is not None and packet.size:
                heard(packet, self._at(_stamp(packet)))
            if packet.size and not self._is_wanted(packet):
                continue
            found = self._decoded(packet)
            broken = 0 if found else broken + 1
            if broken > _BROKEN_AT_MOST:
                raise StreamFault("unreadable", f"{broken} packets in a row and no picture")
            yield from self._timed(found)
        raise StreamFault("ended")

    def packets(self) -> Iterator[tuple[AnyPacket, datetime]]:
        """As they come, none of them decoded. Raises StreamFault, always at last."""
        for packet in self._packets():
            if not packet.size:
                continue
            if self._paced:
                self._wait_for(self._timeline.seconds(_stamp(packet), self._clock_s()))
            self._has_caught_up(is_key=True)
            self.counts["main_packets"] += 1
            yield packet, self._at(_stamp(packet))
        raise StreamFault("ended")

    def _packets(self) -> Iterator[AnyPacket]:
        try:
            for packet in self._container.demux(self.stream):
                if self._lateness is not None and packet.size:
                    self._lateness.hear(_stamp(packet), self._clock_s())
                yield packet
        except av_error() as error:
            raise fault_of(error) from None  # its own words hold the address, and with it the password

    def _is_wanted(self, packet: AnyPacket) -> bool:
        """Raises StreamFault."""
        if self._how.keyframes_only and not packet.is_keyframe:
            return False
        was_behind = self.is_behind
        is_wanted = self._has_caught_up(is_key=packet.is_keyframe)
        self.counts["frames_skipped"] += not is_wanted
        if was_behind and is_wanted:
            self.stream.codec_context.flush_buffers()  # what it holds is of before
        return is_wanted

    def _has_caught_up(self, *, is_key: bool) -> bool:
        """Raises StreamFault where it has not for too long."""
        if self._lateness is None or self._lateness.lets_through(is_key=is_key):
            return True
        if self._lateness.behind_s > _BEHIND_AT_MOST_S:
            raise StreamFault("late", f"{self._lateness.lag_s:.1f} s behind")
        return False

    def _decoded(self, packet: AnyPacket) -> list[VideoFrame]:
        if packet.is_corrupt:
            self.counts["broken_packets"] += 1
        try:
            return cast("list[VideoFrame]", packet.decode())
        except MemoryError:
            self.counts["no_memory"] += 1
        except av_error():
            self.counts["broken_packets"] += 1
        return []

    def _timed(self, found: list[VideoFrame]) -> Iterator[Frame]:
        for frame in found:
            seconds = self._timeline.seconds(frame.time, self._clock_s())
            self.counts["frames"] += 1
            self._note_size(frame)
            if not self._thin.takes(seconds):
                self.counts["frames_beyond_bound"] += 1
                continue
            if self._paced:
                self._wait_for(seconds)
            yield self._frame(frame, seconds)

    def _wait_for(self, seconds: float) -> None:
        self._rest(max(0.0, self._began_s + seconds - self._how.begins_s - self._clock_s()))

    def _note_size(self, frame: VideoFrame) -> None:
        size = (frame.width, frame.height)
        if size[0] * size[1] > self._how.max_pixels:
            raise StreamFault("too_large", f"{size[0]} x {size[1]} pixels")
        if self._size is not None and size != self._size:
            self.counts["sizes_changed"] += 1
        self._size = size

    def _frame(self, frame: VideoFrame, seconds: float) -> Frame:
        self._number += 1
        return Frame(
            self._number, seconds, self._at(seconds), luma_of(frame), _picture_of(frame), bool(frame.key_frame)
        )

    def _at(self, seconds: float | None) -> datetime:
        """When it came, less what it waited; a file that is read as fast as it can be has its own time."""
        if self._is_live:
            return self._now() - timedelta(seconds=self.lag_s)
        return self._began_at + timedelta(seconds=max(0.0, seconds or 0.0))


def _stamp(packet: AnyPacket) -> float | None:
    stamp = packet.dts if packet.dts is not None else packet.pts
    return None if stamp is None else float(stamp * packet.time_base)


def luma_of(frame: VideoFrame) -> Luma:
    """The brightness plane as it lies in the decoder's own memory, where the format has one."""
    if frame.format.name not in _LUMA_FIRST:
        return cast("Luma", frame.to_ndarray(format="gray"))
    plane = frame.planes[0]
    rows: Any = np.frombuffer(cast(Any, plane), np.uint8, plane.line_size * frame.height)
    return rows.reshape(frame.height, plane.line_size)[:, : frame.width]


def _picture_of(frame: VideoFrame) -> Callable[[], Picture]:
    return lambda: cast("Picture", frame.to_ndarray(format="bgr24"))
