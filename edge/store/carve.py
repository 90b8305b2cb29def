"""Records read from a store's pages directly, whatever has become of the tree above them and of the schema.

SQLite's file format (sqlite.org/fileformat2.html, sections 1.6, 2.1 and 4.1): a table's rows lie as cells in leaf
pages. The log's rows are only ever added, and each bears a checksum, so a cell that parses and whose checksum holds is
a record, wherever it was found: neither the page's kind nor its count of cells need be right.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import msgspec

from eventlog.sqlite_schema import checksum

PAGE = 4_096  # what SQLite gives our files
_FIRST_PAGE_HEADER, _PAGE_HEADER = 100, 8
_WAL_HEADER, _FRAME_HEADER = 32, 24
_U16, _U32 = struct.Struct(">H"), struct.Struct(">I")
_WHOLE = PAGE - 35  # a payload up to this lies in its page alone
_MIN_LOCAL = (PAGE - 12) * 32 // 255 - 23
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 8: 0, 9: 0}  # serial type -> bytes
_MOST_PAYLOAD = 16 * 1024 * 1024


class NoRecord(Exception):
    """A cell that is no sound record of the log."""


class Damaged(NoRecord):
    """A cell that is built as a record is, and whose checksum does not hold; ``key`` says which it was."""

    def __init__(self, key: int) -> None:
        super().__init__(f"the checksum of {key} does not hold")
        self.key = key


class Carved(msgspec.Struct, frozen=True, gc=False):
    """A sound record: its key in the table, and what was appended."""

    key: int
    id: bytes | None
    day: int
    body: bytes


class Place(msgspec.Struct, frozen=True, order=True, gc=False):
    """Where a record lies: its key and checksum, in which file (the write-ahead log or not), the page's offset, the
    cell's."""

    key: int
    crc: int
    in_wal: bool
    page_at: int
    cell_at: int


class Carver:
    """A set-aside store's two files, read page by page."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self._file = path.open("rb")
        wal = path.with_name(f"{path.name}-wal")
        self._wal = wal.open("rb") if wal.exists() else None
        self.damaged: set[int] = set()  # keys of records that were there and cannot be read

    def close(self) -> None:
        self._file.close()
        if self._wal is not None:
            self._wal.close()

    def places(self) -> list[Place]:
        """Where every sound record lies, by key, each once. A page that was let go of may still hold one of old."""
        found = {(place.key, place.crc): place for place in self._all()}
        return sorted(found.values())

    def read(self, place: Place) -> Carved:
        """The record at a place. Raises NoRecord."""
        return self._record(self._page(place.page_at, in_wal=place.in_wal), place.cell_at)

    def _all(self) -> Iterator[Place]:
        size = self._file.seek(0, 2)
        for at in range(0, size - PAGE + 1, PAGE):
            yield from self._in_page(at, _FIRST_PAGE_HEADER if at == 0 else 0, in_wal=False)
        if self._wal is None:
            return
        for at in range(_WAL_HEADER + _FRAME_HEADER, self._wal.seek(0, 2) - PAGE + 1, PAGE + _FRAME_HEADER):
            yield from self._in_page(at, 0, in_wal=True)

    def _page(self, at: int, *, in_wal: bool) -> bytes:
        file = self._wal if in_wal and self._wal is not None else self._file
        file.seek(at)
        return file.read(PAGE)

    def _in_page(self, at: int, head: int, *, in_wal: bool) -> Iterator[Place]:
        page = self._page(at, in_wal=in_wal)
        if len(page) < PAGE:
            return
        for cell_at in _cells(page, head + _PAGE_HEADER):
            try:
                record = self._record(page, cell_at)
            except Damaged as damaged:
                self.damaged.add(damaged.key)
            except NoRecord:
                continue
            else:
                yield Place(record.key, checksum(record.key, record.id, record.body), in_wal, at, cell_at)

    def _record(self, page: bytes, cell_at: int) -> Carved:
        try:
            size, at = _varint(page, cell_at)
            key, at = _varint(page, at)
            return _parsed(key, self._payload(page, size, at))
        except (IndexError, struct.error, KeyError, ValueError) as error:
            raise NoRecord(str(error)) from error

    def _payload(self, page: bytes, size: int, at: int) -> bytes:
        """The cell's payload, with what overflowed to other pages."""
        if size > _MOST_PAYLOAD:
            raise NoRecord(f"{size} bytes")
        if size <= _WHOLE:
            return page[at : at + size]
        rest = _MIN_LOCAL + (size - _MIN_LOCAL) % (PAGE - 4)
        local = rest if rest <= _WHOLE else _MIN_LOCAL
        parts, next_page = [page[at : at + local]], _U32.unpack_from(page, at + local)[0]
        while next_page and sum(map(len, parts)) < size:
            overflow = self._page((next_page - 1) * PAGE, in_wal=False)
            parts.append(overflow[4:])
            next_page = _U32.unpack_from(overflow, 0)[0]
        return b"".join(parts)[:size]


def _cells(page: bytes, pointer: int) -> Iterator[int]:
    """Where a leaf page's cells begin. Its pointers end where the first of its cells does, at the latest."""
    first = PAGE
    while pointer + 2 <= first:
        cell_at = _U16.unpack_from(page, pointer)[0]
        pointer += 2
        if pointer <= cell_at < PAGE:
            first = min(first, cell_at)
            yield cell_at


def _parsed(key: int, payload: bytes) -> Carved:
    """A row of ``record``: key (the rowid, stored as null), id, day, crc, body. Raises as parsing does."""
    head_size, at = _varint(payload, 0)
    kinds: list[int] = []
    while at < head_size:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    if len(kinds) != 5 or kinds[0] != 0:
        raise NoRecord(f"{len(kinds)} columns")
    fact_id, at = _blob(payload, at, kinds[1])
    day, at = _integer(payload, at, kinds[2])
    crc, at = _integer(payload, at, kinds[3])
    body, at = _blob(payload, at, kinds[4])
    if body is None or at != len(payload):
        raise NoRecord("not the columns of a record")
    if crc != checksum(key, fact_id, body):
        raise Damaged(key)
    return Carved(key, fact_id, day, body)


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """A variable-length integer of up to nine bytes, and where it ends."""
    value = 0
    for index in range(8):
        byte = content[at + index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + index + 1
    return value << 8 | content[at + 8], at + 9


def _integer(content: bytes, at: int, kind: int) -> tuple[int, int]:
    """Raises KeyError where the column is no integer."""
    size = _INTEGERS[kind]
    if not size:
        return kind - 8, at
    return int.from_bytes(content[at : at + size], "big", signed=True), at + size


def _blob(content: bytes, at: int, kind: int) -> tuple[bytes | None, int]:
    """Raises NoRecord where the column is neither null nor a blob."""
    if kind == 0:
        return None, at
    if kind < 12 or kind % 2:
        raise NoRecord(f"serial type {kind}")
    size = (kind - 12) // 2
    return content[at : at + size], at + size
