"""A table as a workbook (XLSX): rows are written as they come, in constant memory, and sent from a file of no name.

    body = await sheet("停车收费", (Column("车牌", "plate"), Column("应收", "fen")), rows)
    return as_download(body, "charges.xlsx")

Money is given in fen and stands as a number of yuan with two decimals; times are given with the zone they shall be read
in; plates are masked. What begins like a formula is text, here and in the programs that open it.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from datetime import date, datetime
from typing import IO, Literal, NamedTuple
from urllib.parse import quote

from starlette.responses import StreamingResponse

from domain.plates import mask
from server.workbook import TYPE, Book, Value, yuan_of

MOST_ROWS = 200_000  # of one sheet; whoever wants more chooses a shorter time
Kind = Literal["text", "number", "fen", "time", "day", "plate"]
Cell = str | int | datetime | date | None
Row = Sequence[Cell]

_AT_ONCE = 500
_CHUNK_BYTES = 64 * 1024
_WIDTHS = {"fen": 14, "time": 20, "day": 12, "plate": 14, "number": 10, "text": 24}


class Column(NamedTuple):
    """A heading in the reader's language, and what stands below it.

    ``fen``: whole fen, shown as yuan. ``time``: an aware datetime, shown by the clock of its own zone.
    """

    title: str
    kind: Kind = "text"


async def sheet(
    name: str, columns: Sequence[Column], rows: AsyncIterable[Row] | Iterable[Row], *, revealed: bool = False
) -> IO[bytes]:
    """The workbook as a file, read from its beginning. ``revealed``: plates stand there whole.

    Rows beyond MOST_ROWS are left out, and the last row says so. Raises ValueError for a cell of another kind.
    """
    file = tempfile.TemporaryFile(prefix="gatehouse-sheet-")  # noqa: SIM115 - who sends it closes it
    try:
        made = _Sheet(file, name, columns, revealed=revealed)
        async for some in _in_parts(rows):
            await asyncio.to_thread(made.add, some)
            if made.is_full:
                break
        await asyncio.to_thread(made.close)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def as_download(file: IO[bytes], name: str) -> StreamingResponse:
    """The answer that sends a workbook and forgets it. ``name`` ends in .xlsx."""
    plain = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "-._") else "-" for sign in name)
    headers = {"Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"}
    return StreamingResponse(_chunks(file), media_type=TYPE, headers=headers)


class _Sheet:
    """A workbook of one sheet that is being written, one row behind the other."""

    def __init__(self, file: IO[bytes], name: str, columns: Sequence[Column], *, revealed: bool) -> None:
        self._columns, self._revealed = columns, revealed
        self._book = Book(file)
        self._page = self._book.page(name, [_WIDTHS[column.kind] for column in columns])
        self._page.head(column.title for column in columns)

    @property
    def is_full(self) -> bool:
        return self._page.count > MOST_ROWS + 1

    def add(self, rows: Iterable[Row]) -> None:
        for row in rows:
            if self.is_full:
                return
            if self._page.count > MOST_ROWS:
                self._page.add((f"… ({MOST_ROWS})",))
                return
            self._page.add(self._cell(*pair) for pair in zip(self._columns, row, strict=True))

    def close(self) -> None:
        self._book.done()

    def _cell(self, column: Column, value: Cell) -> Value:
        kind = column.kind
        if value is None or value == "":
            return None
        if isinstance(value, str) and kind in ("text", "plate"):
            return mask(value) if kind == "plate" and not self._revealed else value
        if kind == "time" and isinstance(value, datetime) and value.tzinfo is not None:
            return value
        if kind == "day" and isinstance(value, date) and not isinstance(value, datetime):
            return value
        if kind in ("fen", "number") and isinstance(value, int):
            return yuan_of(value) if kind == "fen" else value
        raise ValueError(f"row {self._page.count}, {column.title}: {value!r} is no {kind}")


async def _in_parts(rows: AsyncIterable[Row] | Iterable[Row]) -> AsyncIterator[list[Row]]:
    part: list[Row] = []
    async for row in _each(rows):
        part.append(row)
        if len(part) == _AT_ONCE:
            yield part
            part = []
    if part:
        yield part


async def _each(rows: AsyncIterable[Row] | Iterable[Row]) -> AsyncIterator[Row]:
    if isinstance(rows, AsyncIterable):
        async for row in rows:
            yield row
    else:
        for row in rows:
            yield row


async def _chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    try:
        while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
            yield chunk
    finally:
        file.close()
