"""A stream opened by the library, its decoder bounded before it sees any; whatever goes wrong is a StreamFault."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from edge.vision.streams.where import Reason, StreamFault, Where

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

_OPEN_S, _READ_S = 10.0, 5.0
_REASONS: dict[str, Reason] = {
    "HTTPUnauthorizedError": "unauthorised",
    "HTTPForbiddenError": "unauthorised",
    "PermissionError": "unauthorised",
    "HTTPNotFoundError": "not_found",
    "ExitError": "silent",
    "TimeoutError": "silent",
    "EOFError": "ended",
    "InvalidDataError": "unreadable",
    "DemuxerNotFoundError": "unreadable",
    "DecoderNotFoundError": "unreadable",
}


@cache
def av_error() -> type[Exception]:
    """The library's own error; its words hold the address."""
    from av import logging
    from av.error import FFmpegError

    logging.set_level(logging.PANIC)  # it would write addresses, passwords in them, to standard error
    return FFmpegError


def fault_of(error: Exception) -> StreamFault:
    name = type(error).__name__
    reason = _REASONS.get(name, "unreachable" if isinstance(error, OSError) else "failed")
    return StreamFault(reason, name)


def opened(where: Where) -> InputContainer:
    """Raises StreamFault."""
    import av

    options = {} if where.is_file else {"rtsp_transport": "tcp", "protocol_whitelist": "rtsp,rtsps,rtp,tcp,tls,udp"}
    if where.is_file:
        options = {"protocol_whitelist": "file"}
    address = where.opened
    try:
        return av.open(address, options=options, timeout=(_OPEN_S, _READ_S))
    except (av_error(), OSError, ValueError) as error:
        raise fault_of(error) from None


def video_of(
    container: InputContainer, max_pixels: int, *, skip_loop_filter: bool = False, keyframes_only: bool = False
) -> VideoStream:
    """The stream of pictures. Raises StreamFault."""
    if not container.streams.video:
        raise StreamFault("no_video")
    stream = container.streams.video[0]
    context = stream.codec_context
    if context.width * context.height > max_pixels:
        raise StreamFault("too_large", f"{context.width} x {context.height} pixels")
    # The decoder counts whole blocks and its own margins: a little more than what is let through afterwards.
    options = {"max_pixels": str(max_pixels * 5 // 4), "threads": "1"}
    context.options = options | ({"skip_loop_filter": "all"} if skip_loop_filter else {})
    if keyframes_only:
        context.skip_frame = "NONKEY"
    return stream
