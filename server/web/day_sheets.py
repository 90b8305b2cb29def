"""A day and the open items as workbooks: every table of the pages, money in yuan as numbers, text never a formula."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from io import BytesIO
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_WIDTH = 20
_UNSAFE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_NO_TITLE = re.compile(r"[\[\]:*?/\\]")
Value = str | int | Decimal | None
Table = tuple[Sequence[str], Iterable[Sequence[Value]]]  # headings, rows


def yuan(fen: int | None) -> Decimal | None:
    return None if fen is None else Decimal(fen) / 100


def workbook(tables: Mapping[str, Table], translate: Callable[[str], str]) -> bytes:
    """A sheet a table, in order."""
    book = Workbook(write_only=True)
    for title, (headings, rows) in tables.items():
        page = book.create_sheet(_NO_TITLE.sub(" ", translate(title))[:31])
        page.freeze_panes = "A2"
        for number in range(1, len(headings) + 1):
            page.column_dimensions[get_column_letter(number)].width = _WIDTH
        page.append([_heading(page, translate(text)) for text in headings])
        for row in rows:
            page.append([_cell(page, value) for value in row])
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def _heading(page: object, text: str) -> Any:
    cell = WriteOnlyCell(page, value=text)  # pyright: ignore[reportArgumentType] - any sheet
    cell.font = Font(bold=True)
    return cell


def _cell(page: object, value: Value) -> Any:
    """Text stays text: what begins like a formula is none."""
    text = _UNSAFE.sub("", value)[:32_000] if isinstance(value, str) else value
    cell = WriteOnlyCell(page, value=text)  # pyright: ignore[reportArgumentType] - any sheet
    if isinstance(value, str):
        cell.data_type = "s"
    elif isinstance(value, Decimal):
        cell.number_format = "0.00"
    return cell
