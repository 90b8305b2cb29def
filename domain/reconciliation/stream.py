"""A file as bytes: what its hashes are, how it is packed, and its lines, one at a time and each decoded strictly."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from domain.reconciliation.refusal import BadBill

MOST_BYTES = 2 << 30  # unpacked; a million rows are a quarter of that
MOST_LINE_BYTES = 1 << 16
_CHUNK = 1 << 20
_BOM = b"\xef\xbb\xbf"
_HOW = {"utf-8": "UTF-8", "gb18030": "GBK"}
_SAVED_ANEW = "a spreadsheet or an editor saved it anew"


class Digests(msgspec.Struct, frozen=True):
    """The hashes of a file as it lies; ``sha1_unpacked`` beside it, because what a provider hashes is not said."""

    sha1: str
    sha256: str
    sha1_unpacked: str


def digests(name: str, stream: BinaryIO) -> Digests:
    """The hashes of a whole file. The stream is at its beginning again afterwards."""
    as_it_lies, sha256 = hashlib.sha1(usedforsecurity=False), hashlib.sha256()
    for chunk in _chunks(stream):
        as_it_lies.update(chunk)
        sha256.update(chunk)
    stream.seek(0)
    if not is_gzip(stream):
        return Digests(as_it_lies.hexdigest(), sha256.hexdigest(), as_it_lies.hexdigest())
    unpacked = hashlib.sha1(usedforsecurity=False)
    for chunk in _chunks(gunzip(name, stream)):
        unpacked.update(chunk)
    stream.seek(0)
    return Digests(as_it_lies.hexdigest(), sha256.hexdigest(), unpacked.hexdigest())


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


def head(stream: BinaryIO, count: int) -> bytes:
    """The first bytes of a file, whose stream stays at its beginning."""
    found = stream.read(count)
    stream.seek(0)
    return found


def is_gzip(stream: BinaryIO) -> bool:
    return head(stream, 2) == b"\x1f\x8b"


def is_zip(stream: BinaryIO) -> bool:
    return head(stream, 4) in (b"PK\x03\x04", b"PK\x05\x06")  # with members, and without any


class _Bounded(io.RawIOBase):
    """What is unpacked, up to a bound, with its damage told by name."""

    def __init__(self, name: str, inner: BinaryIO) -> None:
        self._name, self._inner, self._left = name, inner, MOST_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # pyright: ignore[reportIncompatibleMethodOverride] - of RawIOBase
        try:
            found = self._inner.read(len(buffer))
        except (EOFError, OSError, zlib.error, ValueError) as error:
            raise BadBill(self._name, f"its packing is damaged or cut off ({error})") from error
        self._left -= len(found)
        if self._left < 0:
            raise BadBill(self._name, f"it unpacks to more than {MOST_BYTES >> 20} MiB", remedy="this is no bill")
        buffer[: len(found)] = found
        return len(found)


def bounded(name: str, inner: BinaryIO) -> BinaryIO:
    """A packed member as a stream that is read in chunks and bounded."""
    return io.BufferedReader(_Bounded(name, inner), _CHUNK)  # pyright: ignore[reportReturnType] - it reads bytes


def gunzip(name: str, stream: BinaryIO) -> BinaryIO:
    return bounded(name, gzip.GzipFile(fileobj=stream))  # pyright: ignore[reportArgumentType] - it reads bytes


def first_line(stream: BinaryIO) -> bytes:
    """The first line with something in it, without a mark of byte order; the stream is at its beginning again."""
    found = b""
    for _ in range(10):
        raw = stream.readline(MOST_LINE_BYTES)
        found = raw.removeprefix(_BOM).strip()
        if found or not raw:
            break
    stream.seek(0)
    return found


def lines(name: str, stream: BinaryIO, encoding: str) -> Iterator[tuple[int, str]]:
    """Number and text of each line. Raises BadBill for a byte that is not of the encoding, and where it is."""
    number = 0
    while raw := stream.readline(MOST_LINE_BYTES + 1):
        number += 1
        if len(raw) > MOST_LINE_BYTES:
            raise BadBill(name, f"longer than {MOST_LINE_BYTES} bytes: no line of a bill", line=number)
        if number == 1:
            raw = raw.removeprefix(_BOM)
        yield number, _decoded(name, raw, encoding, number)


def _decoded(name: str, raw: bytes, encoding: str, number: int) -> str:
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        if error.end == len(raw) and not raw.endswith(b"\n"):
            raise BadBill(name, "it ends within a sign: cut off", line=number) from error
        raise BadBill(
            name, f"not {_HOW.get(encoding, encoding)} at byte {error.start}: {_SAVED_ANEW}", line=number
        ) from error
    if "\ufffd" in text or "\0" in text:
        raise BadBill(name, f"signs were lost when it was saved: {_SAVED_ANEW}", line=number)
    text = text.rstrip("\r\n")
    if "\r" in text:
        raise BadBill(name, f"its lines have other ends: {_SAVED_ANEW}", line=number)
    return text
