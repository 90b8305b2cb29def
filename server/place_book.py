"""A workbook of places, read within bounds: every cell as text, every fault by its sheet and cell."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from io import BytesIO
from typing import Any

import msgspec
from xlsxwriter.utility import xl_col_to_name  # pyright: ignore[reportMissingTypeStubs]

MOST_BYTES = 5 * 1024 * 1024
MOST_UNPACKED_BYTES = 64 * 1024 * 1024
MOST_PARTS = 200
MOST_ROWS = 20_000  # a sheet, empty ones among them
MOST_SIGNS = 200  # a cell
MOST_FAULTS = 200
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*ref="([A-Z]{1,3}[0-9]{1,7}:[A-Z]{1,3}[0-9]{1,7})"')


class Column(msgspec.Struct, frozen=True):
    """A column by its name here and its heading there, Chinese and English."""

    key: str
    heading: str
    is_required: bool = False
    is_day: bool = False  # a cell that a spreadsheet keeps as a date is that day
    takes_yes: bool = False  # a cell that a spreadsheet keeps as TRUE is a yes
    most_signs: int = MOST_SIGNS


class Sheet(msgspec.Struct, frozen=True):
    """A sheet, the columns it has, and which of them name a row: the same name twice is a fault."""

    key: str
    title: str
    columns: tuple[Column, ...]
    names: tuple[str, ...]


SHEETS = (
    Sheet(
        "area",
        "区域 Areas",
        (
            Column("id", "编号 ID", True),
            Column("kind", "级别 Level", True),
            Column("name", "名称 Name", True),
            Column("parent", "上级编号 Parent ID"),
        ),
        ("id",),
    ),
    Sheet(
        "grid_cell",
        "网格 Grid cells",
        (
            Column("id", "编号 ID", True),
            Column("area", "社区编号 Community ID", True),
            Column("name", "名称 Name", True),
            Column("worker", "网格员 Worker"),
            Column("phone", "电话 Phone"),
            Column("username", "账号 Account"),
        ),
        ("id",),
    ),
    Sheet(
        "complex",
        "小区 Complexes",
        (
            Column("id", "编号 ID", True),
            Column("name", "名称 Name", True),
            Column("area", "社区编号 Community ID"),
            Column("management", "管理方式 Management"),
            Column("address", "地址 Address"),
            Column("timezone", "时区 Time zone"),
            Column("grid_cell", "网格编号 Grid cell ID"),
        ),
        ("id",),
    ),
    Sheet(
        "building",
        "楼栋 Buildings",
        (
            Column("complex", "小区编号 Complex ID", True),
            Column("name", "名称 Name", True),
            Column("grid_cell", "网格编号 Grid cell ID"),
        ),
        ("complex", "name"),
    ),
    Sheet(
        "gate",
        "出入口 Gates",
        (Column("complex", "小区编号 Complex ID", True), Column("name", "名称 Name", True)),
        ("complex", "name"),
    ),
)
BY_KEY = {sheet.key: sheet for sheet in SHEETS}


class Fault(msgspec.Struct, frozen=True):
    """What is wrong in a cell; ``reason`` is a stable word that the page explains, ``value`` what stands there."""

    sheet: str
    cell: str
    reason: str
    value: str = ""


class Row(msgspec.Struct, frozen=True):
    """A row: its number in the file, its cells as text (empty ones are left out), and which letter each column has."""

    number: int
    cells: dict[str, str]
    letters: dict[str, str]

    def get(self, key: str) -> str:
        return self.cells.get(key, "")

    def at(self, key: str) -> str:
        return f"{self.letters.get(key, 'A')}{self.number}"


class Book(msgspec.Struct):
    """What a workbook says, sheet by sheet, and what could not be read."""

    rows: dict[str, list[Row]] = {}
    faults: list[Fault] = []

    def fault(self, sheet: str, cell: str, reason: str, value: str = "") -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(sheet, cell, reason, value[:60]))


def read_book(body: bytes, sheets: Sequence[Sheet] = SHEETS) -> Book:
    """Read a workbook; whatever it is, the answer is a Book. Takes seconds for the largest: call it in a thread."""
    from openpyxl import load_workbook  # it brings numpy: a tenth of a server's start, for whoever reads no workbook

    book = Book({}, [])
    if reason := _refused(body):
        book.fault("", "", reason)
        return book
    try:
        _read(body, book, sheets, load_workbook)
    except Exception as error:  # noqa: BLE001 - the parser meets whatever a stranger made; it is shown, and nothing is taken
        return Book({}, [Fault("", "", "not_xlsx", type(error).__name__)])
    if not book.rows and not book.faults:
        book.fault("", "", "no_sheet")
    return book


def _refused(body: bytes) -> str:
    """Why a file is not even opened: by what its directory says, which also bounds what is unpacked of it."""
    if len(body) > MOST_BYTES:
        return "too_large"
    try:
        parts = zipfile.ZipFile(BytesIO(body)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return "not_xlsx"
    if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED_BYTES:
        return "too_large_unpacked"
    return "" if any(part.filename == "xl/workbook.xml" for part in parts) else "not_xlsx"


def _read(body: bytes, book: Book, sheets: Sequence[Sheet], load_workbook: Callable[..., Any]) -> None:
    workbook = load_workbook(BytesIO(body), read_only=True, data_only=False, keep_links=False)
    by_title = {name: sheet for sheet in sheets for name in (sheet.title, *sheet.title.split(" ", 1))}
    with zipfile.ZipFile(BytesIO(body)) as archive:
        for page in workbook.worksheets:
            sheet = by_title.get(page.title.strip())
            if sheet is not None and sheet.key not in book.rows:
                _look_for_merged(archive, page, sheet, book)
                book.rows[sheet.key] = list(_rows(page, sheet, book))
    workbook.close()


def _look_for_merged(archive: zipfile.ZipFile, page: Any, sheet: Sheet, book: Book) -> None:
    """Only the first cell of merged ones holds a value, so the others would look empty: said as what it is."""
    path = str(getattr(page, "_worksheet_path", "")).lstrip("/")
    for found in _MERGED.findall(archive.read(path))[:20] if path else ():
        book.fault(sheet.title, found.decode(), "merged")


def _rows(page: Any, sheet: Sheet, book: Book) -> Iterator[Row]:
    page.reset_dimensions()  # what a file says of its own size is not believed
    keys: dict[int, str] = {}
    widest = len(sheet.columns) + 10
    for number, cells in enumerate(page.iter_rows(max_col=widest), 1):
        if number > MOST_ROWS + 1:
            book.fault(sheet.title, f"A{number}", "too_many_rows", str(MOST_ROWS))
            return
        if number == 1:
            keys = _headings(cells, sheet, book)
            continue
        if not keys:
            return
        letters = {key: xl_col_to_name(index) for index, key in keys.items()}
        row = Row(number, _texts(cells, keys, number, sheet, book), letters)
        if row.cells:
            yield row


def _headings(cells: Any, sheet: Sheet, book: Book) -> dict[int, str]:
    """Which column is where; by the whole heading, its Chinese or its English."""
    known = {name.lower(): column.key for column in sheet.columns for name in _names(column)}
    found: dict[int, str] = {}
    for index, cell in enumerate(cells):
        heading = " ".join(str(cell.value or "").split()).rstrip("*")
        key = known.get(heading.lower())
        if heading and (key is None or key in found.values()):
            book.fault(sheet.title, f"{xl_col_to_name(index)}1", "unknown_heading", heading)
        elif key:
            found[index] = key
    for column in sheet.columns:
        if column.is_required and column.key not in found.values():
            book.fault(sheet.title, "A1", "no_column", column.heading)
    return found


def _names(column: Column) -> tuple[str, ...]:
    return (column.heading, *column.heading.split(" ", 1))


def _texts(cells: Any, keys: dict[int, str], number: int, sheet: Sheet, book: Book) -> dict[str, str]:
    texts: dict[str, str] = {}
    columns = {column.key: column for column in sheet.columns}
    for index, key in keys.items():
        text, reason = _read_cell(cells[index] if index < len(cells) else None, columns[key])
        if reason:
            book.fault(sheet.title, f"{xl_col_to_name(index)}{number}", reason, text)
        elif text:
            texts[key] = text
    return texts


def _read_cell(cell: Any, column: Column) -> tuple[str, str]:
    """A cell as text, and what is wrong with it: a day also as a date, a yes also as TRUE."""
    value: object = getattr(cell, "value", None)
    if column.is_day and isinstance(value, datetime):
        return value.date().isoformat(), ""
    if column.takes_yes and isinstance(value, bool):
        return ("yes" if value else "no"), ""
    return _text(cell, column.most_signs)


def _text(cell: Any, most_signs: int) -> tuple[str, str]:
    value: object = getattr(cell, "value", None)
    if value is None:
        return "", ""
    if getattr(cell, "data_type", "") == "f" or (isinstance(value, str) and value.startswith("=")):
        return str(value), "formula"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return str(value), "not_text"
    if isinstance(value, float):
        if not value.is_integer():
            return str(value), "not_text"
        value = int(value)
    text = " ".join(str(value).split())
    if len(text) > most_signs:
        return text, "too_long"
    return text, "" if text.isprintable() else "not_printable"
