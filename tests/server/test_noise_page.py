"""Noise by source: sums against a history that is added up here, demotion and its end, scope, the workbook."""

from __future__ import annotations

import io
import random
import re
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from domain.alerts.noise import Judged, Source
from server.store import schema, silence_rows
from tests.server import rows
from tests.server.engines import Engine
from tests.server.people import City, Visitor, city
from tests.server.scoped_people import add_areas

CRIES = "=cmd|' /C calc'!A1"  # a device whose name is a formula
Told = tuple[str, str, str, float, bool | None]  # complex, device, rule, days ago, what people said of it


def history() -> list[Told]:
    """Two sources of the garden and one of the river, over forty days."""
    dice = random.Random(7)
    sources = ((rows.GARDEN, CRIES, "crowd"), (rows.GARDEN, "x:quiet", "crowd"), (rows.RIVER, "x:river", "door_forced"))
    return [
        (*sources[dice.randrange(3)], round(dice.uniform(0.1, 40), 3), dice.choice((True, False, None, None)))
        for _ in range(300)
    ]


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        async with made.house.db.write() as connection:
            await add_areas(connection)
            await connection.execute(schema.alert.delete())
        await tell(made, history())
        yield made


async def tell(town: City, told: list[Told], name: str = "t") -> None:
    now = town.house.now()
    async with town.house.db.write() as connection:
        for number, (complex_id, device, rule, days, is_false) in enumerate(told):
            at = now - timedelta(days=days)
            row = rows.alert_row(f"{name}{number}", complex=complex_id, device=device, rule=rule, occurred_at=at)
            await rows.insert(connection, schema.alert, row)
            if is_false is not None:
                said = Judged(Source(complex_id, device, rule), f"{name}{number}", at + timedelta(minutes=5), is_false)
                await silence_rows.judge(connection, [said], "wang")


def sums(told: list[Told], days: int) -> dict[tuple[str, str, str], tuple[int, int, int]]:
    """Alerts, judged, false of each source, counted one by one."""
    many, judged, false = Counter[Any](), Counter[Any](), Counter[Any]()
    for complex_id, device, rule, ago, is_false in told:
        if ago < days:
            many[complex_id, device, rule] += 1
            judged[complex_id, device, rule] += is_false is not None
            false[complex_id, device, rule] += is_false is True
    return {source: (many[source], judged[source], false[source]) for source in many}


async def table(visitor: Visitor, query: str = "") -> list[tuple[Any, ...]]:
    answer = await visitor.get(f"/alerts/noise.xlsx?{query}")
    assert answer.status_code == 200
    page = load_workbook(io.BytesIO(answer.content)).active
    assert page is not None
    return [tuple(cell.value for cell in row) for row in page.iter_rows(min_row=2)]


async def test_the_sums_are_those_of_the_history(town: City) -> None:
    found = await table(await town.visitor("wang"))
    names = {"阳光花园": rows.GARDEN, "滨河小区": rows.RIVER}
    for days, at in ((7, 3), (30, 7)):
        said = {
            (names[line[0]], line[1], {"人员聚集": "crowd", "门被强行打开": "door_forced"}[line[2]]): line[at : at + 3]
            for line in found
        }
        assert said == sums(history(), days)
        for line in found:
            assert line[at + 3] == round(100 * line[at + 2] / line[at + 1])
    assert [line[9] for line in found] == sorted((line[9] for line in found), reverse=True)  # the most false first
    many = await table(await town.visitor("wang"), "sort=many")
    assert [line[7] for line in many] == sorted((line[7] for line in many), reverse=True)


async def test_a_demoted_source_says_since_when_and_until_when_and_links_to_its_silence(town: City) -> None:
    said = [(rows.GARDEN, "x:liar", "crowd", 13 - 2 * number, True) for number in range(5)]
    await tell(town, [*said, (rows.RIVER, "x:liar", "crowd", 1, None)], "l")
    li = await town.visitor("li")
    page = await li.page("/alerts/noise?complex=garden")
    line = next(row for row in re.findall(r"<tr>.*?</tr>", page, re.S) if "x:liar" in row)
    assert "降一级" in line and "100%" in line and "5/5" in line
    ends = (town.house.now() - timedelta(days=13) + timedelta(minutes=5, days=14)).astimezone(rows.SHANGHAI)
    assert f"到 {ends:%m-%d %H:%M} 为止" in line or f"到 {ends:%H:%M} 为止" in line
    assert 'href="/silences/new?alert=l4"' in line  # the newest of it
    assert 'href="/alerts?complex=garden&amp;device=x%3Aliar&amp;rule=crowd"' in line
    assert "x:liar" in await li.page("/silences/new?alert=l4")
    other = next(one for one in await table(await town.visitor("wang")) if one[1] == "x:liar" and one[0] == "滨河小区")
    assert other[11:13] == (None, None)  # the same rule at a device of the same name elsewhere is another source


async def test_scope_and_filters_hold_in_the_sums_and_in_the_workbook(town: City) -> None:
    wang, zhao = await town.visitor("wang"), await town.visitor("zhao")
    assert {line[0] for line in await table(zhao)} == {"滨河小区"}
    assert await table(zhao, "complex=garden") == await table(zhao, "area=d1") == []
    assert "阳光花园" not in await zhao.page("/alerts/noise") and "x:quiet" not in await zhao.page("/alerts/noise")
    assert "30 天里没有报警" in await zhao.page("/alerts/noise?complex=garden")
    assert await table(wang, "area=c2") == await table(zhao)
    assert {line[1] for line in await table(wang, "area=d1")} == {CRIES, "x:quiet"}
    assert (await (await town.visitor("sun")).get("/alerts/noise")).status_code == 403
    for query in ("skip=-1", f"skip={2**70}", "complex=%00", "sort=x"):
        assert (await wang.get(f"/alerts/noise?{query}")).status_code == 422


async def test_a_name_that_is_a_formula_stays_text(town: City) -> None:
    answer = await (await town.visitor("wang")).get("/alerts/noise.xlsx")
    page = load_workbook(io.BytesIO(answer.content)).active
    assert page is not None
    cell = next(cell for cell in page["B"] if cell.value == CRIES)
    assert (cell.data_type, cell.quotePrefix) == ("s", True)


async def test_many_sources_are_paged(town: City) -> None:
    await tell(town, [(rows.GARDEN, f"y:{number:03}", "crowd", 1, None) for number in range(110)], "y")
    wang = await town.visitor("wang")
    found = list[str]()
    for skip in (0, 50, 100):
        found += re.findall(r"y:\d+(?=</span><)", await wang.page(f"/alerts/noise?skip={skip}"))
    assert len(set(found)) == 110
