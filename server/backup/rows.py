"""Rows of a table as bytes: MessagePack, a length before each, compressed; and a digest that no order changes."""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Iterator, Sequence
from typing import IO, Any, cast

import msgspec
import zstandard

from server.backup.manifest import BadBackup

Row = Sequence[Any]

_LENGTH = struct.Struct(">I")
_MOST_ROW_BYTES = 256 * 1024 * 1024
_SOME_ROWS, _SOME_BYTES = 500, 4 * 1024 * 1024
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Any]).decode


class Tally:
    """Counts rows, and adds up their hashes: the same rows in another order give the same digest."""

    def __init__(self) -> None:
        self.rows, self._sum = 0, 0

    def add(self, encoded: bytes) -> None:
        self.rows += 1
        self._sum += int.from_bytes(hashlib.sha256(encoded).digest())

    def add_row(self, row: Row) -> None:
        self.add(_encode(list(row)))

    @property
    def digest(self) -> str:
        return f"{self._sum % (1 << 256):064x}"


class RowWriter:
    """Writes a table's rows to a file that is open; ``close`` ends the stream, not the file."""

    def __init__(self, out: IO[bytes]) -> None:
        self.tally = Tally()
        self._out = zstandard.ZstdCompressor(level=3).stream_writer(out, closefd=False)

    def write(self, rows: Sequence[Row]) -> None:
        for row in rows:
            encoded = _encode(list(row))
            self.tally.add(encoded)
            self._out.write(_LENGTH.pack(len(encoded)))
            self._out.write(encoded)

    def close(self) -> None:
        self._out.close()  # pyright: ignore[reportUnknownMemberType]


def read_rows(file: IO[bytes]) -> Iterator[list[list[Any]]]:
    """The rows again, some at a time. Raises BadBackup where the bytes are not what was written."""
    unpacked: Any = zstandard.ZstdDecompressor().stream_reader(file)
    reader = cast(IO[bytes], io.BufferedReader(unpacked, 1024 * 1024))
    some: list[list[Any]] = []
    size_bytes = 0
    for encoded in _frames(reader):
        some.append(_row(encoded))
        size_bytes += len(encoded)
        if len(some) >= _SOME_ROWS or size_bytes >= _SOME_BYTES:
            yield some
            some, size_bytes = [], 0
    if some:
        yield some


def _frames(reader: IO[bytes]) -> Iterator[bytes]:
    try:
        while length := reader.read(_LENGTH.size):
            size_bytes = _LENGTH.unpack(length)[0]
            if size_bytes > _MOST_ROW_BYTES:
                raise BadBackup(f"a row of {size_bytes} bytes: the file is damaged")
            encoded = reader.read(size_bytes)
            if len(encoded) != size_bytes:
                raise BadBackup("the file ends in the middle of a row")
            yield encoded
    except (zstandard.ZstdError, struct.error) as error:
        raise BadBackup(f"the file is damaged: {error}") from error


def _row(encoded: bytes) -> list[Any]:
    try:
        return _decode(encoded)
    except msgspec.MsgspecError as error:
        raise BadBackup(f"the file is damaged: {error}") from error
