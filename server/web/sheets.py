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
from decimal import Decimal
from typing import IO, Any, Literal, NamedTuple
from urllib.parse import quote

import xlsxwriter  # pyright: ignore[reportMissingTypeStubs]
from starlette.responses import StreamingResponse

from domain.plates import mask

TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_ROWS = 200_000  # of one sheet; whoever wants more chooses a shorter time
Kind = Literal["text", "number", "fen", "time", "day", "plate"]
Cell = str | int | datetime | date | None
Row = Sequence[Cell]

_LONGEST = 32_000  # what a cell holds at most
_AT_ONCE = 500
_CHUNK_BYTES = 64 * 1024
_LIKE_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_FORMS = {"fen": "#,##0.00", "time": "yyyy-mm-dd hh:mm:ss", "day": "yyyy-mm-dd", "number": "0"}
_WIDTHS = {"fen": 14, "time": 20, "day": 12, "plate": 14, "number": 10, "text": 24}
_NOT_IN_A_NAME = str.maketrans("", "", "[]:*?/\\'")


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
    """A workbook that is being written, one row behind the other."""

    def __init__(self, file: IO[bytes], name: str, columns: Sequence[Column], *, revealed: bool) -> None:
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        self._book: Any = xlsxwriter.Workbook(file, options)
        self._columns, self._revealed, self._at = columns, revealed, 0
        self._page: Any = self._book.add_worksheet(name.translate(_NOT_IN_A_NAME)[:31] or "1")
        self._forms: dict[str, Any] = {kind: self._book.add_format({"num_format": _FORMS[kind]}) for kind in _FORMS}
        self._quoted: Any = self._book.add_format({"quote_prefix": True})  # text, even where somebody edits the cell
        self._head()

    @property
    def is_full(self) -> bool:
        return self._at > MOST_ROWS

    def add(self, rows: Iterable[Row]) -> None:
        for row in rows:
            if self.is_full:
                return
            self._at += 1
            if self.is_full:
                self._page.write_string(self._at, 0, f"… ({MOST_ROWS})")
                return
            for place, (column, value) in enumerate(zip(self._columns, row, strict=True)):
                self._write(place, column.kind, value)

    def close(self) -> None:
        self._book.close()

    def _head(self) -> None:
        bold: Any = self._book.add_format({"bold": True})
        self._page.freeze_panes(1, 0)
        for place, column in enumerate(self._columns):
            self._page.set_column(place, place, _WIDTHS[column.kind])
            self._page.write_string(0, place, column.title, bold)

    def _write(self, place: int, kind: Kind, value: Cell) -> None:
        if value is None or value == "":
            return
        if isinstance(value, str) and kind in ("text", "plate"):
            self._text(place, mask(value) if kind == "plate" and not self._revealed else value)
        elif kind == "time" and isinstance(value, datetime) and value.tzinfo is not None:
            self._page.write_datetime(self._at, place, value.replace(tzinfo=None), self._forms[kind])
        elif kind == "day" and isinstance(value, date) and not isinstance(value, datetime):
            self._page.write_datetime(self._at, place, value, self._forms[kind])
        elif kind in ("fen", "number") and isinstance(value, int):
            exact = yuan_of(value) if kind == "fen" else value
            self._page.write_number(self._at, place, exact, self._forms[kind])
        else:
            raise ValueError(f"row {self._at}, {self._columns[place].title}: {value!r} is no {kind}")

    def _text(self, place: int, text: str) -> None:
        form = self._quoted if text.startswith(_LIKE_A_FORMULA) else None
        self._page.write_string(self._at, place, text[:_LONGEST], form)


def yuan_of(fen: int) -> Decimal:
    """Exactly, without a float in between."""
    return Decimal(fen).scaleb(-2)


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
