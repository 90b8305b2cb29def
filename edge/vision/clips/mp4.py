"""Packets as an mp4 file: put together anew, not encoded anew."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

from edge.vision.clips.ring import Piece
from edge.vision.streams.opening import av_error

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream

CODECS = frozenset({"h264", "hevc", "mpeg4"})  # what an mp4 may hold, and browsers or players show


class NoClip(Exception):
    """No file can be made of these packets; says why."""


def mp4_of(stream: VideoStream, pieces: Iterable[Piece]) -> bytes:
    """The file. Raises NoClip."""
    import av

    if stream.time_base is None:
        raise NoClip("its times have no unit")
    if stream.codec_context.name not in CODECS:
        raise NoClip(f"{stream.codec_context.name} is none of {', '.join(sorted(CODECS))}")
    body = io.BytesIO()
    try:
        with av.open(body, "w", format="mp4") as made:
            out = cast(Any, made).add_stream_from_template(stream)
            for packet in _packets(stream.time_base, pieces):
                packet.stream = out
                cast(Any, made).mux(packet)
    except (av_error(), ValueError, OSError) as error:
        raise NoClip(f"{type(error).__name__}") from None
    return body.getvalue()


def _packets(unit: Fraction, pieces: Iterable[Piece]) -> Iterator[Packet[Any]]:
    """Stamps from zero on; the order of decoding only ever rises, whatever the camera wrote."""
    import av

    begin: int | None = None
    last = -1
    for piece in pieces:
        order = piece.order if piece.order is not None else piece.stamp
        if order is None:
            continue
        begin = order if begin is None else begin
        last = max(order - begin, last + 1)
        shown = last if piece.stamp is None else max(piece.stamp - begin, last)
        packet: Packet[Any] = av.Packet(piece.body)
        packet.dts, packet.pts, packet.time_base = last, shown, unit
        packet.is_keyframe = piece.is_key
        yield packet
