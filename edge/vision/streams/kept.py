"""Pictures out of packets that were kept: decoded only when somebody asks, from the keyframe before on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import msgspec

from edge.vision.clips.ring import Piece
from edge.vision.frames import Picture
from edge.vision.streams.opening import av_error

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream


class Codec(msgspec.Struct, frozen=True):
    """What a decoder must know of a stream before its first packet."""

    name: str
    extradata: bytes | None
    max_pixels: int


def codec_of(stream: VideoStream, max_pixels: int) -> Codec:
    context = stream.codec_context
    return Codec(context.name, context.extradata, max_pixels)


class Kept:
    """Used by one thread. Who asks for one picture after another has each packet decoded once."""

    def __init__(self, codec: Codec, counts: Counter[str]) -> None:
        self._codec, self._counts = codec, counts
        self._decoder: Any = None
        self._last: Piece | None = None
        self._frame: VideoFrame | None = None

    def at(self, pieces: Sequence[Piece], at: datetime) -> Picture | None:
        """The newest picture that had come by then; ``pieces`` begin at a keyframe. None where there is none."""
        wanted = [piece for piece in pieces if piece.at <= at]
        for piece in self._further(wanted):
            self._decode(piece)
        return None if not wanted or self._frame is None else self._picture(self._frame)

    def _further(self, wanted: list[Piece]) -> list[Piece]:
        """What is not decoded yet; all from the keyframe on, where what was decoded last lies not before it."""
        done = next((number for number, piece in enumerate(wanted) if piece is self._last), None)
        if done is not None:
            return wanted[done + 1 :]
        self._decoder, self._frame = self._opened(), None
        return wanted

    def _decode(self, piece: Piece) -> None:
        import av

        packet: Any = av.Packet(piece.body)
        packet.pts, packet.dts = piece.stamp, piece.order
        self._last = piece
        try:
            found = cast("list[VideoFrame]", self._decoder.decode(packet))
        except (av_error(), MemoryError, ValueError):
            self._counts["main_broken"] += 1
            return
        self._counts["main_decoded"] += len(found)
        self._frame = found[-1] if found else self._frame

    def _opened(self) -> Any:
        from av.codec.context import CodecContext, Flags

        context: Any = CodecContext.create(self._codec.name, "r")
        context.extradata = self._codec.extradata
        context.options = {"threads": "1", "max_pixels": str(self._codec.max_pixels * 5 // 4)}
        context.flags |= Flags.low_delay
        return context

    def _picture(self, frame: VideoFrame) -> Picture | None:
        if frame.width * frame.height > self._codec.max_pixels:
            self._counts["main_too_large"] += 1
            return None
        return cast("Picture", frame.to_ndarray(format="bgr24"))
