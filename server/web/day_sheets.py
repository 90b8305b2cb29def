"""A day and the open items as workbooks: every table of the pages, money in yuan as numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from server.workbook import Book, Value

_WIDTH = 20
Table = tuple[Sequence[str], Iterable[Sequence[Value]]]  # headings, rows


def workbook(tables: Mapping[str, Table], translate: Callable[[str], str]) -> bytes:
    """A sheet a table, in order."""
    book = Book()
    for title, (headings, rows) in tables.items():
        page = book.page(translate(title), [_WIDTH] * len(headings))
        page.head(translate(text) for text in headings)
        for row in rows:
            page.add(row)
    return book.done()
