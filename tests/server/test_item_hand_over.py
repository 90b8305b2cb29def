"""Items as other offices' sheets: entered once, in each one's columns, and harmless where they are opened."""

from __future__ import annotations

import csv
import html
import io
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from openpyxl import load_workbook

from server.feeds.item_sheets import RECEIVERS, as_csv, headings, row_of
from server.store import item_views
from server.store.item_views import ItemFilter, ItemView
from server.store.scope import CITY
from tests.server import rows
from tests.server.engines import Engine
from tests.server.people import City, city

EVIL = ("=cmd|' /C calc'!A0", "+1", "@SUM(1)", "<script>alert(1)</script>\n=1", "京A12345 13800001234")


async def filled(town: City) -> ItemView:
    async with town.house.db.write() as connection:
        await rows.add_items(connection, town.house.now())
    async with town.house.db.read() as connection:
        return (await item_views.page(connection, CITY, ItemFilter(), 10))[0]


def read_csv(body: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))


@pytest.mark.parametrize("receiver", RECEIVERS)
async def test_what_was_entered_once_is_in_each_ones_columns(receiver: str, tmp_path: Path, engine: Engine) -> None:
    async with city(tmp_path, engine) as town:
        await filled(town)
        wang = await town.visitor("wang")
        path = f"/items/for/{receiver}"
        by_csv = read_csv((await wang.get(f"{path}.csv?list=need&state=")).content)
        book = load_workbook(io.BytesIO((await wang.get(f"{path}.xlsx?list=need&state=")).content))
        by_xlsx = [[cell or "" for cell in row] for row in book.active.iter_rows(values_only=True)]  # type: ignore[union-attr]
        assert by_csv == by_xlsx and by_csv[0] == headings(receiver) and len(by_csv) > 1
        assert by_csv[1][0] == "i1"
        assert (await wang.get("/items/for/nobody.csv")).status_code == 404
        assert (await (await town.visitor("sun")).get(f"{path}.csv")).status_code == 403, "a clerk has no items"


async def test_from_an_alerts_page_to_each_ones_sheet_of_what_was_made_of_it(tmp_path: Path, engine: Engine) -> None:
    """Entered once: the alert's page leads to sheets that hold its task and nothing else."""
    async with city(tmp_path, engine) as town:
        wang = await town.visitor("wang")
        before = await wang.page("/alerts/a2")
        assert "/items/for/" not in before and "/alerts/a2/cap" in before
        await filled(town)
        page = await wang.page("/alerts/a2")
        links = re.findall(r'href="(/items/for/[^"]+)"', page)
        assert {re.split(r"[./?]", link)[3] for link in links} == set(RECEIVERS) and len(links) == 2 * len(RECEIVERS)
        for link in links:
            body = (await wang.get(html.unescape(link))).content
            lines = read_csv(body) if ".csv" in link else [*load_workbook(io.BytesIO(body)).worksheets[0].values]
            assert [line[0] for line in lines[1:]] == ["i2"]
        assert read_csv((await wang.get("/items/for/grid.csv?alert=nobodys")).content)[1:] == []


@pytest.mark.parametrize("words", EVIL)
async def test_formulas_markup_and_numbers_of_people_are_harmless(words: str, tmp_path: Path, engine: Engine) -> None:
    async with city(tmp_path, engine) as town:
        view = await filled(town)
    asked = msgspec.structs.replace(view.item.asked, words=words)
    evil = msgspec.structs.replace(view, item=msgspec.structs.replace(view.item, asked=asked), place=words)
    for receiver in RECEIVERS:
        row: list[Any] = row_of(receiver, evil, rows.now())
        (_, cells) = read_csv(as_csv(receiver, [row]))
        said = "".join(cells)
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
        assert not any(sign in said for sign in "<>\n") and "京A12345" not in said and "13800001234" not in said


def test_the_control_without_the_mark_a_formula_would_be_computed() -> None:
    (_, cells) = read_csv(as_csv("grid", [["=1"] * len(headings("grid"))]))
    assert set(cells) == {"'=1"}
