"""The balances of a month as a workbook, sums in yuan."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

from openpyxl import Workbook

from server.store.ledger_views import Balance
from server.web import titles
from server.web.languages import N_

HEADINGS = (N_("科目"), N_("类别"), N_("期初（元）"), N_("发生（元）"), N_("期末（元）"), N_("未归零起"))


def workbook(balances: Sequence[Balance], title: str, translate: Callable[[str], str]) -> bytes:
    """One sheet: an account a row, debit positive."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title)
    sheet.append([translate(text) for text in HEADINGS])
    for one in balances:
        sums = [fen / 100 for fen in (one.opening_fen, one.moved_fen, one.closing_fen)]
        kind = translate(titles.word("account_kind", one.kind))
        sheet.append([one.account, kind, *sums, one.since.isoformat() if one.since else ""])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
