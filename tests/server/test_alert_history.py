"""All alerts: filters that an address says, days by the complex's clock, and the same as a workbook."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from server.store import schema
from server.web import sheets
from tests.server import rows
from tests.server.engines import Engine
from tests.server.people import City, Visitor, city
from tests.server.scoped_people import add_areas

_ALERT = r'<a href="/alerts/(?!noise"|month")(\w+)">'  # not the tabs beside the list
CAMERA, FORMULA = "dahua:gate-7", '=HYPERLINK("http://example.invalid")'
# By Shanghai's clock: late on the 9th, early on the 10th, late on the 10th, early on the 11th.
HOURS = {"n1": (9, 15, 59), "n2": (9, 16, 0), "n3": (10, 15, 59), "n4": (10, 16, 0)}


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        async with made.house.db.write() as connection:
            await add_areas(connection)
            for identity, (day, hour, minute) in HOURS.items():
                at = datetime(2026, 3, day, hour, minute, tzinfo=UTC)
                said = {"rule": "crowd", "severity": "medium", "device": CAMERA, "place": FORMULA}
                await rows.insert(connection, schema.alert, rows.alert_row(identity, occurred_at=at, **said))
            other = {"complex": rows.RIVER, "rule": "alarm_fire", "category": "fire", "place": "河边库房"}
            at = datetime(2026, 3, 10, 4, tzinfo=UTC)
            await rows.insert(connection, schema.alert, rows.alert_row("fire1", occurred_at=at, **other))
        yield made


async def found(visitor: Visitor, query: str) -> list[str]:
    return sorted(re.findall(_ALERT, await visitor.page(f"/alerts?{query}")))


async def table(visitor: Visitor, query: str = "") -> list[tuple[Any, ...]]:
    answer = await visitor.get(f"/alerts.xlsx?{query}")
    assert answer.status_code == 200
    page = load_workbook(io.BytesIO(answer.content)).active
    assert page is not None
    return [tuple(cell.value for cell in row) for row in page.iter_rows()]


async def test_days_are_those_of_the_complex_and_both_are_included(town: City) -> None:
    wang = await town.visitor("wang")
    assert await found(wang, "complex=garden&since=2026-03-10&until=2026-03-10") == ["n2", "n3"]
    assert await found(wang, "complex=garden&since=2026-03-10&until=2026-03-09") == ["n1", "n2", "n3"]  # turned round
    assert await found(wang, f"until=2026-03-10&device={quote(CAMERA)}") == ["n1", "n2", "n3"]
    assert await found(wang, "since=2026-03-11&rule=crowd") == ["n4"]


async def test_each_filter_keeps_what_it_says_and_stands_in_the_address(town: City) -> None:
    wang = await town.visitor("wang")
    march = "since=2026-03-01&until=2026-03-31"
    assert await found(wang, f"{march}&category=fire") == ["fire1"]
    assert await found(wang, f"{march}&area=s1") == ["n1", "n2", "n3", "n4"]
    assert await found(wang, f"{march}&area=c2") == await found(wang, f"{march}&complex=river") == ["fire1"]
    assert await found(wang, f"{march}&severity=critical") == ["fire1"]
    assert await found(wang, f"{march}&status=false") == []
    page = await wang.page(f"/alerts?{march}&area=s1&category=security&device={quote(CAMERA)}")
    assert 'value="2026-03-01"' in page and '<option value="security" selected>' in page
    assert '<option value="s1" selected>' in page and f'value="{CAMERA}"' in page
    assert "/alerts.xlsx?since=2026-03-01" in page.replace("&amp;", "&") or "area=s1" in page
    assert "没有符合条件的报警" in await wang.page("/alerts?rule=nothing")


async def test_odd_words_are_refused_or_find_nothing_and_never_fail(town: City) -> None:
    wang = await town.visitor("wang")
    for name in ("device", "rule", "complex", "area", "before", "status", "since"):
        assert (await wang.get(f"/alerts?{name}=%00")).status_code == 422
        assert (await wang.get(f"/alerts.xlsx?{name}={'x' * 300}")).status_code == 422
        assert (await wang.get(f"/alerts?{name}={quote(chr(39))}")).status_code == 200


async def test_the_workbook_is_what_the_page_filters_and_no_formula(town: City) -> None:
    wang = await town.visitor("wang")
    head, *lines = await table(wang, "complex=garden&since=2026-03-10&until=2026-03-10")
    assert head[:4] == ("小区", "报警", "级别", "类别")
    assert [line[-1] for line in lines] == ["n3", "n2"]
    assert lines[0][:4] == ("阳光花园", "人员聚集", "一般", "治安")
    assert lines[0][6] == datetime(2026, 3, 10, 23, 59)  # by the complex's clock
    answer = await wang.get("/alerts.xlsx?since=2026-03-10&until=2026-03-10&complex=garden")
    page = load_workbook(io.BytesIO(answer.content)).active
    assert page is not None
    cell = page.cell(2, 5)
    assert (cell.data_type, cell.value, cell.quotePrefix) == ("s", FORMULA, True)


async def test_a_long_workbook_is_cut_and_says_so(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    wang = await town.visitor("wang")
    monkeypatch.setattr(sheets, "MOST_ROWS", 3)
    lines = await table(wang, "since=2026-03-01&until=2026-03-31")
    assert len(lines) == 5 and lines[-1][0] == "… (3)"


async def test_long_lists_keep_the_filter_from_page_to_page_and_in_the_workbook(town: City) -> None:
    at = datetime(2026, 2, 3, 4, tzinfo=UTC)
    async with town.house.db.write() as connection:
        many = [rows.alert_row(f"m{number:04}", occurred_at=at, device="x:many") for number in range(620)]
        await connection.execute(schema.alert.insert(), many)
    wang = await town.visitor("wang")
    seen, path = list[str](), "/alerts?device=x%3Amany&since=2026-02-03"
    while path:
        page = await wang.page(path)
        seen += re.findall(_ALERT, page)
        older = re.search(r'class="button" href="([^"]*before=[^"]*)"', page)
        path = older[1].replace("&amp;", "&") if older else ""
    assert len(seen) == len(set(seen)) == 620
    assert [line[-1] for line in (await table(wang, "device=x%3Amany"))[1:]] == seen


async def test_who_may_not_see_finds_nothing_on_the_page_and_in_the_workbook(town: City) -> None:
    zhao = await town.visitor("zhao")  # of the river
    march = "since=2026-03-01&until=2026-03-31"
    assert await found(zhao, march) == ["fire1"]
    assert await found(zhao, f"{march}&complex=garden") == await found(zhao, f"{march}&area=d1") == []
    assert [line[-1] for line in (await table(zhao, march))[1:]] == ["fire1"]
    assert "阳光花园" not in str(await table(zhao))
    assert (await (await town.visitor("sun")).get("/alerts.xlsx")).status_code == 403  # a clerk


async def test_who_took_a_workbook_and_which_is_in_the_audit(town: City) -> None:
    await table(await town.visitor("li"), "rule=crowd")
    query = select(schema.audit).where(schema.audit.c.action == "sheet.taken")
    async with town.house.db.read() as connection:
        row = (await connection.execute(query)).mappings().one()
    assert row["who"] == "li" and "crowd" in str(dict(row)) and "alerts" in str(dict(row))
