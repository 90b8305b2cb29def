"""Workbooks of several tables: text is never a formula, whoever wrote it, and money stands exactly."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from domain.desired_bodies import Device
from server.device_sheet import workbook as devices
from server.store.coupon_views import Given, IssuerView
from server.store.ledger_views import Balance
from server.web.coupon_sheet import workbook as coupons
from server.web.day_sheets import workbook as tables
from server.web.ledger_sheet import workbook as balances
from server.workbook import Book, yuan_of

EVIL = '=HYPERLINK("http://x","y")'
AT = datetime(2026, 11, 20, 8, tzinfo=UTC)


def same(text: str) -> str:
    return text


def of_coupons() -> bytes:
    issuer = IssuerView("i", EVIL, None, False, None, None, [], {"used": 3}, 1001, [])
    given = Given("c", "i", EVIL, EVIL, None, "", "undone", AT, EVIL, None, EVIL, EVIL)
    return coupons([issuer], [given], "Asia/Shanghai", same)


def of_balances() -> bytes:
    return balances([Balance(account=EVIL, kind="asset", opening_fen=1, moved_fen=-3)], "2026-11", same)


def of_tables() -> bytes:
    return tables({"一": (("名",), [(EVIL,)])}, same)


def of_devices() -> bytes:
    return devices([Device("a:1", EVIL)], {}, is_english=False, with_examples=True)


def by_another() -> bytes:
    """The control: another writer takes such text for a formula."""
    book, out = Workbook(), BytesIO()
    book.worksheets[0].append([EVIL])
    book.save(out)
    return out.getvalue()


def evil_cells(body: bytes) -> Iterator[Any]:
    for page in load_workbook(BytesIO(body)).worksheets:
        yield from (cell for row in page.iter_rows() for cell in row if str(cell.value or "").startswith("="))


def has_formula(body: bytes) -> bool:
    with zipfile.ZipFile(BytesIO(body)) as parts:
        return any(b"<f>" in parts.read(name) for name in parts.namelist() if "worksheets/sheet" in name)


@pytest.mark.parametrize("made", [of_coupons, of_balances, of_tables, of_devices])
def test_what_begins_like_a_formula_is_text_in_every_table(made: Any) -> None:
    body = made()
    cells = list(evil_cells(body))
    assert cells and all((cell.data_type, cell.quotePrefix) == ("s", True) for cell in cells)
    assert not has_formula(body)


def test_the_look_at_it_sees_a_formula() -> None:
    assert [cell.data_type for cell in evil_cells(by_another())] == ["f"] and has_formula(by_another())


def test_money_is_exact_and_each_kind_of_value_has_its_form() -> None:
    book = Book()
    page = book.page("[一]/二", (10,) * 5)
    page.head(("元", "数", "时", "日", "无"))
    page.add((yuan_of(1234567), 7, datetime(2026, 11, 20, 8, 30), date(2026, 11, 20), None))
    sheet = load_workbook(BytesIO(book.done())).worksheets[0]
    assert sheet.title == "一二" and sheet.freeze_panes == "A2"
    assert [cell.value for cell in sheet[1]] == ["元", "数", "时", "日", "无"]
    found = [(cell.value, cell.number_format) for cell in sheet[2]][:4]
    assert found == [
        (12345.67, "#,##0.00"),
        (7, "0"),
        (datetime(2026, 11, 20, 8, 30), "yyyy-mm-dd hh:mm:ss"),
        (datetime(2026, 11, 20), "yyyy-mm-dd"),
    ]


def test_two_tables_of_one_name_stand_beside_each_other_and_an_aware_time_by_its_own_clock() -> None:
    book = Book()
    for title in ("A" * 40, "a" * 40, "A" * 31):
        book.page(title, (10,)).add((AT,))
    sheets = load_workbook(BytesIO(book.done())).worksheets
    assert len({sheet.title.lower() for sheet in sheets}) == 3 and all(len(sheet.title) <= 31 for sheet in sheets)
    assert sheets[0]["A1"].value == AT.replace(tzinfo=None)


def test_a_column_offers_its_words_and_takes_others() -> None:
    book = Book()
    page = book.page("一", (10,))
    page.head(("方向",))
    page.choose(0, ("进", "出"))
    sheet = load_workbook(BytesIO(book.done())).worksheets[0]
    (offered,) = sheet.data_validations.dataValidation
    assert (offered.type, offered.formula1, bool(offered.showErrorMessage)) == ("list", '"进,出"', False)
