"""One stream, open: packets as they come, frames of them. Whatever is in it costs bounded memory and is named."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import msgspec
import numpy as np

from edge.vision.frames import Frame, Luma, Picture
from edge.vision.streams.thin import Thin
from edge.vision.streams.timeline import Timeline
from edge.vision.streams.where import Reason, StreamFault, Where

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    AnyPacket = Packet[Any]

_OPEN_S, _READ_S = 10.0, 5.0
_BROKEN_AT_MOST = 500  # packets in a row of which no frame came: whatever it is, it is no picture
_LUMA_FIRST = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "nv21", "gray"})
_REASONS: dict[str, Reason] = {
    "HTTPUnauthorizedError": "unauthorised",
    "HTTPForbiddenError": "unauthorised",
    "PermissionError": "unauthorised",
    "ExitError": "silent",
    "TimeoutError": "silent",
    "EOFError": "ended",
    "InvalidDataError": "unreadable",
    "DemuxerNotFoundError": "unreadable",
    "DecoderNotFoundError": "unreadable",
}


class How(msgspec.Struct, frozen=True):
    """How a stream is read."""

    fps: float = 15.0  # what comes beyond it is not looked at
    keyframes_only: bool = False
    skip_loop_filter: bool = False  # a third less work, blocks at the edges
    max_pixels: int = 4096 * 2304
    in_real_time: bool = True  # a file too is read no faster than it was made
    begins_s: float = 0.0  # where the seconds of its frames go on, after a stream that was lost


class Source:
    """``counts`` says what was wrong with what came. Used by one thread, and closed by it."""

    def __init__(
        self,
        where: Where,
        how: How,
        now: Callable[[], datetime],
        counts: Counter[str],
        rest: Callable[[float], object] = time.sleep,
    ) -> None:
        """``rest`` waits until a frame of a file is due. Raises StreamFault."""
        self._how, self._now, self.counts, self._rest = how, now, counts, rest
        self._paced = where.is_file and how.in_real_time
        self._began_at, self._began_s = now(), time.monotonic()
        self._is_live = not where.is_file or how.in_real_time
        self._timeline, self._thin, self._number = Timeline(counts, how.begins_s), Thin(how.fps), 0
        self._size: tuple[int, int] | None = None
        try:
            self._container = _opened(where)
            self.stream = _video_of(self._container, how)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if container := getattr(self, "_container", None):
            container.close()

    def frames(self, heard: Callable[[AnyPacket, datetime], None] | None = None) -> Iterator[Frame]:
        """Until the stream ends or is lost; ``heard`` is told each packet first. Raises StreamFault, always at last."""
        broken = 0
        for packet in self._packets():
            if heard is not None and packet.size:
                heard(packet, self._at(_stamp(packet)))
            if self._how.keyframes_only and packet.size and not packet.is_keyframe:
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
                seconds = self._timeline.seconds(_stamp(packet), time.monotonic())
                self._rest(max(0.0, self._began_s + seconds - self._how.begins_s - time.monotonic()))
            self.counts["main_packets"] += 1
            yield packet, self._at(_stamp(packet))
        raise StreamFault("ended")

    def _packets(self) -> Iterator[AnyPacket]:
        try:
            yield from self._container.demux(self.stream)
        except av_error() as error:
            raise _fault(error) from None  # its own words hold the address, and with it the password

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
            seconds = self._timeline.seconds(frame.time, time.monotonic())
            self.counts["frames"] += 1
            self._note_size(frame)
            if not self._thin.takes(seconds):
                self.counts["frames_beyond_bound"] += 1
                continue
            if self._paced:
                self._rest(max(0.0, self._began_s + seconds - self._how.begins_s - time.monotonic()))
            yield self._frame(frame, seconds)

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
        """A file that is read as fast as it can be has its own time."""
        return self._now() if self._is_live else self._began_at + timedelta(seconds=max(0.0, seconds or 0.0))


@cache
def av_error() -> type[Exception]:
    """The library's own error; its words hold the address."""
    from av import logging
    from av.error import FFmpegError

    logging.set_level(logging.PANIC)  # it would write addresses, passwords in them, to standard error
    return FFmpegError


def _fault(error: Exception) -> StreamFault:
    name = type(error).__name__
    reason = _REASONS.get(name, "unreachable" if isinstance(error, OSError) else "failed")
    return StreamFault(reason, name)


def _opened(where: Where) -> InputContainer:
    import av

    options = {} if where.is_file else {"rtsp_transport": "tcp", "protocol_whitelist": "rtsp,rtsps,rtp,tcp,tls,udp"}
    if where.is_file:
        options = {"protocol_whitelist": "file"}
    address = where.opened
    try:
        return av.open(address, options=options, timeout=(_OPEN_S, _READ_S))
    except (av_error(), OSError, ValueError) as error:
        raise _fault(error) from None


def _video_of(container: InputContainer, how: How) -> VideoStream:
    """The stream of pictures, its decoder bounded before it sees any."""
    if not container.streams.video:
        raise StreamFault("no_video")
    stream = container.streams.video[0]
    context = stream.codec_context
    if context.width * context.height > how.max_pixels:
        raise StreamFault("too_large", f"{context.width} x {context.height} pixels")
    # The decoder counts whole blocks and its own margins: a little more than what is let through afterwards.
    options = {"max_pixels": str(how.max_pixels * 5 // 4), "threads": "1"}
    context.options = options | ({"skip_loop_filter": "all"} if how.skip_loop_filter else {})
    if how.keyframes_only:
        context.skip_frame = "NONKEY"
    return stream


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
