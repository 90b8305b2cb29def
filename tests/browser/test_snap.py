"""随手拍 in a real Chromium: a code is scanned, a picture sent, the desk does it, another reviews, it is rated."""

from __future__ import annotations

import io
from pathlib import Path

import zxingcpp
from PIL import Image
from playwright.async_api import Page, expect

from tests.browser.stage import DESK, ON_STAGE, PHONE, Stage
from tests.browser.test_axe import faults_here
from tests.server import rows

pytestmark = ON_STAGE
PLACE = "3号楼1单元门厅"


async def scanned(page: Page) -> str:
    """The address that stands in the first code of a page, read from its picture as a telephone does."""
    shot = await page.locator(".pay-sheet svg.qr").first.screenshot()
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(shot)))
    return found.text


async def _open(page: Page, stage: Stage, path: str) -> None:
    await page.goto(stage.base + path)
    assert await faults_here(page) == [], path


async def test_from_the_code_at_the_place_to_the_rating(stage: Stage, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(rows.picture("#543", "3#"))
    chen = await stage.visitor("chen", DESK)
    await _open(chen, stage, "/items/codes/garden")
    await chen.fill("[name=places]", PLACE)
    await chen.click("main button.primary")
    await expect(chen.locator(".pay-sheet h2")).to_have_text(PLACE)
    assert await faults_here(chen) == []
    address = await scanned(chen)
    assert address.startswith(f"{stage.base}/snap/")
    context = await stage.context(PHONE)
    someone = await context.new_page()
    await _open(someone, stage, address.removeprefix(stage.base))
    await someone.fill("[name=words]", "二楼楼道的灯不亮")
    await someone.select_option("[name=category]", "lighting")
    await someone.set_input_files("[name=picture]", photo)
    await someone.click("button.primary")
    await expect(someone.locator("[role=status]")).to_contain_text("收到了")
    await expect(someone.locator(".item-pictures img")).to_have_js_property("complete", value=True)
    assert await someone.evaluate("document.querySelector('.item-pictures img').naturalWidth") == 640
    assert await context.cookies() == [] and await faults_here(someone) == []
    await _on_the_desk(stage, chen, photo)
    await someone.reload()
    await expect(someone.locator("main")).to_contain_text("灯管换了")
    assert await faults_here(someone) == []
    await someone.check("[name=stars][value='4']")
    await someone.click("#rate button")
    await expect(someone.locator("main")).to_contain_text("评价不能修改")
    assert await someone.locator("#rate").count() == 0
    await chen.reload()
    await expect(chen.locator("main")).to_contain_text("星（1 人评价）")
    await context.close()


async def _on_the_desk(stage: Stage, chen: Page, photo: Path) -> None:
    """chen sends it, li takes it and does it on the telephone, chen looks at it."""
    await _open(chen, stage, "/items?list=need")
    await chen.click("text=二楼楼道的灯不亮")
    await expect(chen.locator("h1")).to_have_text(PLACE)
    await chen.select_option("#acts form:has([value=send]) [name=unit]", "complex")
    await chen.click("#acts >> text=派单")
    await expect(chen.locator(".timeline")).to_contain_text("派单 → 小区值班")
    li = await stage.visitor("li", PHONE)
    await li.goto(chen.url)
    assert await faults_here(li) == []
    await li.click("#acts button:has-text('接单')")
    await li.fill("#acts form:has([value=finish]) [name=words]", "灯管换了")
    await li.set_input_files("#acts [name=picture]", photo)
    assert await faults_here(li) == []
    await li.click("#acts button:has-text('办完')")
    await expect(li.locator(".card-chips")).to_contain_text("待审核")
    await chen.reload()
    await chen.click("#acts button:has-text('审核通过')")
    await expect(chen.locator(".card-chips")).to_contain_text("已办结")
    await _open(chen, stage, "/items/figures")
    await expect(chen.locator("main")).to_contain_text("照明")
