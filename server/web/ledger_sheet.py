"""The balances of a month as a workbook, sums in yuan."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from server.store.ledger_views import Balance
from server.web import titles
from server.web.languages import N_
from server.workbook import Book, yuan_of

HEADINGS = (N_("科目"), N_("类别"), N_("期初（元）"), N_("发生（元）"), N_("期末（元）"), N_("未归零起"))
_WIDTHS = (24, 14, 14, 14, 14, 12)


def workbook(balances: Sequence[Balance], title: str, translate: Callable[[str], str]) -> bytes:
    """One sheet: an account a row, debit positive."""
    book = Book()
    page = book.page(title, _WIDTHS)
    page.head(translate(text) for text in HEADINGS)
    for one in balances:
        sums = [yuan_of(fen) for fen in (one.opening_fen, one.moved_fen, one.closing_fen)]
        page.add((one.account, translate(titles.word("account_kind", one.kind)), *sums, one.since))
    return book.done()
