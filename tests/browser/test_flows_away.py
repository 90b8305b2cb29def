"""Who is away for a while, on phone and desk, dark and light, in Chinese and English: without a line and back, asleep
and awake; and a resident who comes with a report and ends with a rating."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from server.store import schema
from tests.browser.stage import ON_STAGE, Stage, is_live
from tests.browser.test_axe import faults_here
from tests.browser.test_flows import FORMS, SIZES, looks
from tests.browser.test_offline import HAS_N1, has_worker, keeps, no_line
from tests.browser.test_screens import actions, until
from tests.browser.test_snap import PLACE, scanned
from tests.browser.test_waking import DEAF
from tests.server import rows

pytestmark = [*ON_STAGE, pytest.mark.parametrize("form", FORMS)]
LOST = {"zh": "与中心失去联系", "en": "No contact"}


def ground(form: str) -> str:
    """What is behind everything: by day, by night."""
    return "rgb(15, 21, 28)" if "dark" in form else "rgb(243, 246, 249)"


async def is_of(page: Page, form: str) -> None:
    """Its colours and its language are as they were chosen, on a page that was kept too."""
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == ground(form)
    await expect(page.locator("html")).to_have_attribute("lang", re.compile(form[-2:]))


async def test_without_a_line_and_back(stage: Stage, form: str) -> None:
    page = await looks(stage, "li", form)
    await has_worker(page)
    await page.reload()
    await is_live(page)
    await keeps(page, "/")
    await rows.add_alert(stage.house, "n1", place="7号楼北门", occurred_at=rows.now())
    await until(lambda: page.evaluate(HAS_N1), True)
    async with no_line(page, stage):
        await page.reload()
        await expect(page.locator("#alert-n1")).to_contain_text("7号楼北门")
        await expect(page.locator("#banner")).to_contain_text(LOST[form[-2:]])
        await is_of(page, form)
        await page.locator("#alert-n1 .take").click()
        await expect(page.locator("#pending")).to_be_visible()
        assert await faults_here(page) == []
        await rows.add_alert(stage.house, "n2", occurred_at=rows.now())
    await is_live(page)
    await expect(page.locator("#alert-n2")).to_be_visible()
    await expect(page.locator("#banner")).to_be_hidden()
    await until(lambda: actions(stage, "n1"), ["acknowledge"])


async def test_asleep_and_awake(stage: Stage, form: str) -> None:
    """The control: while it sleeps nothing comes, though the stream seems open."""
    page = await looks(stage, "li", form)
    await page.add_init_script(DEAF)
    await page.clock.install()
    await page.reload()
    await is_live(page)
    await rows.add_alert(stage.house, "n1", occurred_at=rows.now())
    await expect(page.locator("#alert-n1")).to_be_visible()
    position = stage.house.live.position
    await page.evaluate("window.streams.at(-1).deaf = true; window.turn('hidden')")
    await rows.add_alert(stage.house, "n2", occurred_at=rows.now())
    await until(_passed_on(stage, position), True)
    assert await page.locator("#alert-n2").count() == 0
    await page.clock.fast_forward(40_000)
    await page.evaluate("window.turn('visible')")
    await expect(page.locator("#alert-n2")).to_be_visible()
    assert await page.evaluate("window.streams.at(-1).address") == f"/live?after={position}"
    await is_of(page, form)


def _passed_on(stage: Stage, position: int) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        return stage.house.live.position > position

    return holds


async def test_from_a_report_to_its_rating(stage: Stage, form: str, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(rows.picture("#543", "3#"))
    chen = await looks(stage, "chen", f"desk{form[form.index('-') :]}")  # who prints codes
    await chen.goto(f"{stage.base}/items/codes/garden")
    await chen.fill("[name=places]", PLACE)
    await chen.click("main button.primary")
    address = await scanned(chen)
    context = await stage.context(SIZES[form.partition("-")[0]])
    _, theme, language = form.split("-")
    someone = await context.new_page()
    for name, value in (("theme", theme), ("lang", language)):
        await context.add_cookies([{"name": name, "value": value, "url": stage.base}])
    await someone.goto(address)
    await is_of(someone, form)
    await someone.fill("[name=words]", "<i>二楼</i>楼道的灯不亮")
    await someone.select_option("[name=category]", "lighting")
    await someone.set_input_files("[name=picture]", photo)
    await someone.click("button.primary")
    await expect(someone.locator(".item-words")).to_contain_text("<i>二楼</i>")
    assert await faults_here(someone) == []
    async with stage.house.db.read() as connection:
        newest = schema.item.select().order_by(schema.item.c.asked_at.desc()).limit(1)
        identity = (await connection.execute(newest)).mappings().one()["id"]
    await _done(stage, chen, identity, photo, form)
    await someone.reload()
    assert await faults_here(someone) == []
    await someone.check("[name=stars][value='4']")
    await someone.click("#rate button")
    await expect(someone.locator(".panel .hint").last).to_be_visible()
    assert await someone.locator("#rate").count() == 0
    await chen.reload()
    await expect(chen.locator("main")).to_contain_text("4")
    await context.close()


async def _done(stage: Stage, chen: Page, identity: str, photo: Path, form: str) -> None:
    """chen sends it, li takes it and does it, chen looks at it; by the names of fields, in whichever language."""
    await chen.goto(f"{stage.base}/items/{identity}")
    await chen.select_option("#acts form:has([value=send]) [name=unit]", "complex")
    await chen.click("#acts form:has([value=send]) button")
    li = await looks(stage, "li", form)
    await li.goto(f"{stage.base}/items/{identity}")
    await li.click("#acts form:has([value=take]) button")
    await li.fill("#acts form:has([value=finish]) [name=words]", "灯管换了")
    await li.set_input_files("#acts form:has([value=finish]) [name=picture]", photo)
    assert await faults_here(li) == []
    await li.click("#acts form:has([value=finish]) button")
    await expect(li.locator("#acts form:has([value=finish])")).to_have_count(0)
    await chen.reload()
    await is_of(chen, form)
    await chen.click("#acts form:has([value=pass]) button")
    await expect(chen.locator("#acts form:has([value=pass])")).to_have_count(0)
