"""Tables as a workbook (XLSX). Text is text: what begins like a formula is none, here and in the programs that open it.

    book = Book()
    page = book.page("合计", (24, 14))
    page.head(("发券方", "减免（元）"))
    page.add(("老王面馆", yuan_of(1250)))
    body = book.done()

Whoever has many rows and columns of known kinds writes them with ``server.web.sheets``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from typing import IO, Any

import xlsxwriter  # pyright: ignore[reportMissingTypeStubs]

TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Value = str | int | Decimal | datetime | date | None  # a Decimal is yuan, a datetime stands as its own clock shows it

_LONGEST = 32_000  # what a cell holds at most
_LONGEST_TITLE = 31
_LIKE_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NOT_IN_A_TITLE = str.maketrans("", "", "[]:*?/\\'")
_FORMS = {Decimal: "#,##0.00", int: "0", datetime: "yyyy-mm-dd hh:mm:ss", date: "yyyy-mm-dd"}
_ROWS_WITH_A_CHOICE = 5_000


class Book:
    """A workbook in memory, or in ``file``: then a row is written once the next begins, and takes no memory."""

    def __init__(self, file: IO[bytes] | None = None) -> None:
        self._into = BytesIO()
        options = {"strings_to_formulas": False, "strings_to_urls": False}
        options |= {"in_memory": True} if file is None else {"constant_memory": True}
        self._book: Any = xlsxwriter.Workbook(file or self._into, options)
        self._forms: dict[type, Any] = {of: self._book.add_format({"num_format": form}) for of, form in _FORMS.items()}
        self._quoted: Any = self._book.add_format({"quote_prefix": True})  # text, even where somebody edits the cell
        self._bold: Any = self._book.add_format({"bold": True})

    def page(self, title: str, widths: Sequence[int], *, stays: tuple[int, int] = (1, 0)) -> Page:
        """A sheet with a width for each of its columns. ``stays``: rows and columns in sight however far one goes."""
        sheet: Any = self._book.add_worksheet(self._free(title.translate(_NOT_IN_A_TITLE)[:_LONGEST_TITLE] or "1"))
        sheet.freeze_panes(*stays)
        for place, width in enumerate(widths):
            sheet.set_column(place, place, width)
        return Page(sheet, self._forms, self._quoted, self._bold)

    def _free(self, title: str) -> str:
        """The title, with a number behind it where another sheet is called so: programs tell no capitals apart."""
        taken = {sheet.get_name().lower() for sheet in self._book.worksheets()}
        others = (f"{title[: _LONGEST_TITLE - 4]} {number}" for number in range(2, len(taken) + 3))
        return next(one for one in (title, *others) if one.lower() not in taken)

    def done(self) -> bytes:
        """Close it. What stands in it; nothing where it is in a file."""
        self._book.close()
        return self._into.getvalue()


class Page:
    """A sheet that is written, one row behind the other. ``count``: how many there are."""

    def __init__(self, sheet: Any, forms: dict[type, Any], quoted: Any, bold: Any) -> None:
        self._sheet, self._forms, self._quoted, self._bold = sheet, forms, quoted, bold
        self.count = 0

    def head(self, texts: Iterable[str]) -> None:
        """A row of headings."""
        for place, text in enumerate(texts):
            self._sheet.write_string(self.count, place, text, self._bold)
        self.count += 1

    def add(self, row: Iterable[Value], *, is_named: bool = False) -> None:
        """``is_named``: its first cell is a heading."""
        for place, value in enumerate(row):
            self._put(place, value, self._bold if is_named and not place else None)
        self.count += 1

    def choose(self, place: int, words: Sequence[str]) -> None:
        """Offer these in a column below the headings; other words may be written all the same."""
        offered = {"validate": "list", "source": list(words), "ignore_blank": True, "show_error": False}
        self._sheet.data_validation(1, place, _ROWS_WITH_A_CHOICE, place, offered)

    def _put(self, place: int, value: Value, form: Any) -> None:
        if value is None or value == "":
            return
        if isinstance(value, str):
            form = self._quoted if value.startswith(_LIKE_A_FORMULA) else form
            self._sheet.write_string(self.count, place, value[:_LONGEST], form)
        elif isinstance(value, date):
            shown = value.replace(tzinfo=None) if isinstance(value, datetime) else value
            self._sheet.write_datetime(self.count, place, shown, self._forms[type(value)])
        else:
            self._sheet.write_number(self.count, place, value, self._forms[type(value)])


def yuan_of(fen: int) -> Decimal:
    """Exactly, without a float in between."""
    return Decimal(fen).scaleb(-2)
