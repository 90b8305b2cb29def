"""A batch to bytes and back: what travels from a gateway to the centre, and what the centre's log keeps.

Layout (all integers big-endian)::

    "GHB1"  4 bytes   magic and version
    u16               length of the header
    header            JSON: gateway, stream, epoch, first, last, retention, size_bytes (of the unpacked JSON)
    body              one zstd frame (level 1) of a JSON array of events, in order of sequence, without gaps
    sha256  32 bytes  over everything before it

The events carry no sequence: the first has ``first``, the next one more. Level 1 and joined JSON were measured
against the alternatives; see docs/decisions/0001-log-of-batches.md.
"""

from __future__ import annotations

import hashlib
import struct
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import zstandard

from domain.events import STREAMS
from domain.ids import Origin

MAGIC = b"GHB1"
MAX_EVENTS = 1_000
MAX_UNPACKED_BYTES = 4 * 1024 * 1024
MAX_PACKED_BYTES = 2 * 1024 * 1024
MAX_SEQUENCE = 2**62
_MAX_HEADER_BYTES = 1_024
_LENGTH = struct.Struct(">H")
CHECKSUM_BYTES = 32
_ZSTD_LEVEL = 1
_MAX_WINDOW_BYTES = 8 * 1024 * 1024
# In any zone within what datetime can hold.
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 12, 31, tzinfo=UTC)


class BadBatch(Exception):
    """A batch that cannot be taken; ``reason`` is a stable word, the message says what and where."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose events a batch holds: ``first`` to ``last`` of one stream's epoch, both inclusive."""

    gateway: str
    stream: str
    epoch: str
    first: int
    last: int
    retention: str
    size_bytes: int

    @property
    def count(self) -> int:
        return self.last - self.first + 1

    def origin(self, index: int) -> Origin:
        """The origin of the event at ``index`` (from 0) of this batch."""
        return Origin(self.gateway, self.stream, self.epoch, self.first + index)


Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class EventHead(msgspec.Struct, gc=False):
    """The least an event must have to be taken in, and the times every reader reckons with; the rest is bytes."""

    kind: str
    device: str
    recorded_at: Moment
    time: Moment | None = None
    ended_at: Moment | None = None


_encode_header = msgspec.json.Encoder().encode
_decode_header = msgspec.json.Decoder(Header).decode
_decode_heads = msgspec.json.Decoder(list[EventHead]).decode
_decode_raw = msgspec.json.Decoder(list[msgspec.Raw]).decode
_of_thread = threading.local()  # a decompressor must not be shared between threads, and is dear to make
_compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL)


def pack(gateway: str, stream: str, epoch: str, first: int, bodies: Sequence[bytes]) -> bytes:
    """The bytes of a batch of encoded events with sequences ``first``, ``first + 1``, …

    Raises BadBatch where the batch would be empty or over a bound.
    """
    _check_count(len(bodies))
    unpacked = b"[" + b",".join(bodies) + b"]"
    _check_unpacked(len(unpacked))
    header = _encode_header(Header(gateway, stream, epoch, first, first + len(bodies) - 1, stream, len(unpacked)))
    head = MAGIC + _LENGTH.pack(len(header)) + header + _compressor.compress(unpacked)
    return head + hashlib.sha256(head).digest()


def read_header(packed: bytes) -> Header:
    """The header of a batch whose checksum holds. Raises BadBatch (version, header, checksum, too_large)."""
    return _split(packed)[0]


def unpack(packed: bytes) -> tuple[Header, bytes]:
    """The header and the unpacked JSON array. Raises BadBatch where anything in it does not hold."""
    header, start = _split(packed)
    _check_unpacked(header.size_bytes)
    body = packed[start:-CHECKSUM_BYTES]
    try:
        # What the frame says of itself is what the library allots, whatever bound it is given: look first.
        stated = zstandard.get_frame_parameters(body).content_size
        if stated != header.size_bytes:
            raise BadBatch("body", f"the frame states {stated} bytes, the header {header.size_bytes}")
        unpacked = _decompressor().decompress(body, max_output_size=header.size_bytes, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise BadBatch("body", f"the body is not one zstd frame: {error}") from error
    if len(unpacked) != header.size_bytes:
        raise BadBatch("body", f"the body unpacks to {len(unpacked)} bytes, the header says {header.size_bytes}")
    return header, unpacked


def _decompressor() -> zstandard.ZstdDecompressor:
    try:
        return _of_thread.decompressor
    except AttributeError:
        _of_thread.decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
        return _of_thread.decompressor


def check_events(header: Header, unpacked: bytes) -> None:
    """Raises BadBatch unless the array holds as many events as the header says, each with its least fields."""
    try:
        heads = _decode_heads(unpacked)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BadBatch("events", f"not an array of events: {error}") from error
    if len(heads) != header.count:
        raise BadBatch("gap", f"{len(heads)} events for sequences {header.first} to {header.last}")
    _check_times(heads)


def is_reckoned_with(moment: datetime) -> bool:
    """Whether every reader can reckon with a time."""
    return _EARLIEST <= moment <= _LATEST


def _check_times(heads: Sequence[EventHead]) -> None:
    """All at once: a look at each by itself costs half as much as decoding it."""
    times = [head.recorded_at for head in heads]
    times += [head.time for head in heads if head.time is not None]
    times += [head.ended_at for head in heads if head.ended_at is not None]
    for moment in (min(times, default=_EARLIEST), max(times, default=_EARLIEST)):
        if not is_reckoned_with(moment):
            raise BadBatch("events", f"{moment.isoformat()} is no time that anything happened")


def split_events(unpacked: bytes) -> list[bytes]:
    """The encoded events of an unpacked batch, in order."""
    return [bytes(raw) for raw in _decode_raw(unpacked)]


def _split(packed: bytes) -> tuple[Header, int]:
    if len(packed) > MAX_PACKED_BYTES:
        raise BadBatch("too_large", f"{len(packed)} bytes, at most {MAX_PACKED_BYTES}")
    if packed[: len(MAGIC)] != MAGIC:
        raise BadBatch("version", f"does not begin with {MAGIC!r}: another version, or not a batch")
    if len(packed) < len(MAGIC) + _LENGTH.size + CHECKSUM_BYTES:
        raise BadBatch("checksum", "cut short")
    if hashlib.sha256(memoryview(packed)[:-CHECKSUM_BYTES]).digest() != packed[-CHECKSUM_BYTES:]:
        raise BadBatch("checksum", "the checksum does not match: damaged on the way")
    return _parse_header(packed)


def _parse_header(packed: bytes) -> tuple[Header, int]:
    (size,) = _LENGTH.unpack_from(packed, len(MAGIC))
    start = len(MAGIC) + _LENGTH.size
    if size > _MAX_HEADER_BYTES or start + size + CHECKSUM_BYTES > len(packed):
        raise BadBatch("header", f"a header of {size} bytes does not fit")
    try:
        header = _decode_header(packed[start : start + size])
    except msgspec.MsgspecError as error:
        raise BadBatch("header", f"the header cannot be read: {error}") from error
    if header.stream not in STREAMS:
        raise BadBatch("header", f"no such stream: {header.stream!r}; there are {', '.join(STREAMS)}")
    if not header.epoch.isprintable():
        raise BadBatch("header", f"no name of an epoch: {header.epoch!r}")  # a database takes no NUL in a text
    if header.first < 1 or header.last > MAX_SEQUENCE:
        raise BadBatch("header", f"sequences go from 1 to {MAX_SEQUENCE}, not {header.first} to {header.last}")
    _check_count(header.count)
    return header, start + size


def _check_count(count: int) -> None:
    if not 1 <= count <= MAX_EVENTS:
        raise BadBatch("count", f"{count} events in a batch; 1 to {MAX_EVENTS} are allowed")


def _check_unpacked(size_bytes: int) -> None:
    if not 2 <= size_bytes <= MAX_UNPACKED_BYTES:
        raise BadBatch("too_large", f"{size_bytes} bytes of events, at most {MAX_UNPACKED_BYTES}")
