"""Tables as workbooks: money without a float, times by the complex's clock, plates masked, no formulas."""

from __future__ import annotations

import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from server.web import sheets
from server.web.sheets import Column, Row, as_download, sheet
from server.workbook import yuan_of

SHANGHAI = ZoneInfo("Asia/Shanghai")
COLUMNS = (Column("车牌", "plate"), Column("应收", "fen"), Column("出场", "time"), Column("日", "day"), Column("备注"))


async def _rows() -> AsyncIterator[Row]:
    left = datetime(2026, 11, 20, 17, 30, tzinfo=UTC).astimezone(SHANGHAI)
    yield ("京A12345", 123_456_789_012_345, left, date(2026, 11, 21), '=HYPERLINK("http://example.invalid")')
    yield ("京A67890", -1, None, None, "+86")


async def test_what_was_written_is_what_stands_there() -> None:
    with await sheet("收费 [1/2]", COLUMNS, _rows()) as file:
        page = load_workbook(file).active
        assert page is not None and page.title == "收费 12"
        (_, first, second) = page.iter_rows()
    assert [cell.value for cell in first[:2]] == ["京A***45", 1_234_567_890_123.45]
    assert first[2].value == datetime(2026, 11, 21, 1, 30)
    assert first[3].value == datetime(2026, 11, 21)
    assert (first[4].data_type, str(first[4].value)[0], first[4].quotePrefix) == ("s", "=", True)
    assert (second[1].value, second[1].number_format, second[4].data_type) == (-0.01, "#,##0.00", "s")


async def test_no_formula_in_the_file_and_revealed_plates_are_whole() -> None:
    with await sheet("x", COLUMNS, _rows(), revealed=True) as file, zipfile.ZipFile(file) as parts:
        body = parts.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in body and "京A12345" in body
    assert "<v>1234567890123.45</v>" in body


async def test_other_kinds_are_refused_and_long_tables_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"应收: 1\.5 is no fen"):
        await sheet("x", COLUMNS[1:2], [(1.5,)])  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="is no time"):
        await sheet("x", COLUMNS[2:3], [(datetime(2026, 1, 1),)])
    monkeypatch.setattr(sheets, "MOST_ROWS", 3)
    with await sheet("x", (Column("n", "number"),), [(number,) for number in range(9)]) as file:
        page = load_workbook(file).active
        assert page is not None
        assert [row[0].value for row in page.iter_rows()] == ["n", 0, 1, 2, "… (3)"]


@given(st.integers(-(10**15), 10**15))
def test_yuan_are_exact(fen: int) -> None:
    assert yuan_of(fen) * 100 == fen
    assert Decimal(f"{yuan_of(fen):.16G}") * 100 == fen  # as the workbook writes a number


async def test_a_download_names_its_file_and_closes_it() -> None:
    file = await sheet("x", COLUMNS, [])
    answer = as_download(file, "收费-garden.xlsx")
    assert 'filename="---garden.xlsx"' in answer.headers["content-disposition"]
    body = b"".join([bytes(part) async for part in answer.body_iterator])  # pyright: ignore[reportArgumentType]
    assert body.startswith(b"PK") and file.closed
