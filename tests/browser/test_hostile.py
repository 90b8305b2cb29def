"""Names, places, reasons and notes that carry HTML, scripts and formulas: on every page and in every workbook they are
what was typed, and nothing of them runs."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from playwright.async_api import Page
from sqlalchemy import Table, literal, select, update

from server.feeds.item_sheets import RECEIVERS
from server.store import schema
from tests.browser.stage import DESK, ON_STAGE, Stage
from tests.browser.test_axe import OF_OTHERS, OPEN, PATHS, add_residents
from tests.server.bill_store import reconciled_day

pytestmark = [*ON_STAGE, pytest.mark.long]
EVIL = '=1+1<img src=x onerror="window.ran=1"><script>window.ran=1</script>\'{{7*7}}%(x)s'
# What people write, and what is shown of it: of each table these columns.
WRITTEN: dict[str, tuple[str, ...]] = {
    "complex": ("name", "address"),
    "area": ("name",),
    "grid_cell": ("name", "worker"),
    "building": ("name",),
    "alert": ("place", "point", "device"),
    "alert_action": ("note",),
    "door": ("place",),
    "item": ("place",),
    "snap_place": ("place",),
    "patrol_point": ("name",),
    "patrol_act": ("reason",),
    "silence": ("reason", "device"),
    "duty_rota": ("words",),
    "care_watch": ("consent_by",),
    "household": ("name", "building", "room"),
    "platform": ("name",),
    "retrieval": ("applicant", "unit", "document", "purpose"),
    "revenue_entry": ("title",),
    "coupon_issuer": ("name",),
    "lane_opening": ("lane", "reason"),
    "vehicle_pass": ("name",),
    "watch_hit": ("place", "lane"),
    "refund": ("reason",),
}
WORKBOOKS = (
    "/alerts.xlsx",
    "/alerts/noise.xlsx",
    "/overview.xlsx",
    "/rounds/garden/history.xlsx",
    "/items/sheets/need.xlsx",
    "/items/sheets/task.xlsx",
    "/items/sheets/figures.xlsx",
    "/filing/garden/filing.xlsx",
    "/complexes/garden/revenue.xlsx",
    "/complexes/garden/devices/sheet.xlsx",
    "/parking/sheets/sessions.xlsx",
    "/parking/accounts.xlsx",
    "/platforms/p1/days/2026-11-27/statement.xlsx",
)
NO_TEXT = "img[src=x], main script:not([src]):not([type='application/json'])"
RAN = f'window.ran !== undefined || document.querySelectorAll("{NO_TEXT}").length > 0'


async def spoil(stage: Stage) -> None:
    """Whatever somebody wrote says this now; each its own, for some must differ."""
    async with stage.house.db.write() as connection:
        for name, columns in WRITTEN.items():
            table: Table = schema.metadata.tables[name]
            key = next(column for column in table.primary_key.columns if column.name != "complex")
            for column in columns:
                said = literal(EVIL).concat(key) if str(key.type).startswith("VARCHAR") else EVIL
                await connection.execute(update(table).values({column: said}))
        for identity, state in (await connection.execute(select(schema.item.c.id, schema.item.c.state))).all():
            item: dict[str, Any] = json.loads(state)
            item["asked"] |= {"words": EVIL, "place": EVIL}
            spoiled = json.dumps(item).encode()
            await connection.execute(update(schema.item).where(schema.item.c.id == identity).values(state=spoiled))


async def ran(page: Page, stage: Stage, paths: tuple[str, ...]) -> tuple[list[str], int]:
    """On which pages something ran or stands as what it is not; on how many it stands as text."""
    bad, seen = list[str](), 0
    for path in paths:
        answer = await page.goto(stage.base + path)
        if await page.evaluate(RAN) or (answer and answer.status >= 500):
            bad.append(path)
        seen += "<img src=x" in await page.evaluate("document.body.innerText")
    return bad, seen


async def test_nothing_that_anybody_wrote_runs_on_any_page(stage: Stage) -> None:
    await add_residents(stage)
    await reconciled_day(stage.house)
    await spoil(stage)
    seen = dict[str, int]()
    for who, paths in {"wang": PATHS, **OF_OTHERS}.items():
        bad, seen[who] = await ran(await stage.visitor(who, DESK), stage, paths)
        assert bad == [], who
    bad, seen[""] = await ran(await (await stage.context(DESK)).new_page(), stage, OPEN)
    assert bad == []
    assert seen["wang"] > 40 and min(seen.values()) > 0, f"it is there, as text: {seen}"


async def test_the_look_at_it_sees_what_is_not_escaped(stage: Stage) -> None:
    """The control; the policy keeps even this from running, but it is no text any more."""
    page = await stage.visitor("wang", DESK)
    assert not await page.evaluate(RAN)
    await page.evaluate("(evil) => document.querySelector('main').insertAdjacentHTML('beforeend', evil)", EVIL)
    assert await page.evaluate(RAN)
    stage.complaints.clear()


async def test_no_workbook_has_a_formula(stage: Stage) -> None:
    await add_residents(stage)
    await spoil(stage)
    page, texts = await stage.visitor("wang", DESK), 0
    for path in WORKBOOKS:
        answer = await page.context.request.get(stage.base + path)
        assert answer.status == 200, path
        body = await answer.body()
        with zipfile.ZipFile(io.BytesIO(body)) as parts:
            assert not any(b"<f>" in parts.read(name) for name in parts.namelist() if "sheet" in name), path
        for sheet in openpyxl.load_workbook(io.BytesIO(body)):
            cells = [cell for row in sheet.iter_rows() for cell in row if str(cell.value or "").startswith("=")]
            assert all((cell.data_type, cell.quotePrefix) == ("s", True) for cell in cells), path
            texts += len(cells)
    assert texts > 10, "the words are in them"


async def test_no_line_of_a_csv_begins_with_a_formula(stage: Stage) -> None:
    """What people wrote into items, and into the reason for which the audit was taken out before."""
    await add_residents(stage)
    await spoil(stage)
    page, auditor = await stage.visitor("wang", DESK), await stage.visitor("huang", DESK)
    bodies = list[str]()
    for reason in (EVIL, "复核"):
        await auditor.goto(f"{stage.base}/audit")
        await auditor.fill("form[action='/audit/export'] [name=reason]", reason)
        async with auditor.expect_download() as downloading:
            await auditor.click("form[action='/audit/export'] button")
        bodies = [Path(await (await downloading.value).path()).read_text("utf-8")]
    for receiver in RECEIVERS:
        answer = await page.context.request.get(f"{stage.base}/items/for/{receiver}.csv?list=need")
        assert answer.status == 200
        bodies.append(await answer.text())
    for body in bodies:
        cells = [cell for line in csv.reader(io.StringIO(body.lstrip("\ufeff"))) for cell in line]
        assert any("img src=x" in cell for cell in cells), "it is there, as text"
        assert [cell for cell in cells if cell[:1] in ("=", "+", "@")] == []
