"""The page of a one-time code in a real Chromium: a QR code that can be read off the screen, a clock that runs out."""

from __future__ import annotations

import io
import re

import zxingcpp
from PIL import Image
from playwright.async_api import Page, expect

from domain.enrolment import read_link
from tests.browser.stage import DESK, ON_STAGE, PHONE, Stage
from tests.browser.test_axe import faults_here

pytestmark = ON_STAGE


async def get_code(stage: Stage, page: Page) -> None:
    await page.goto(f"{stage.base}/gateways/new")
    await page.select_option("[name=complex]", "garden")
    await page.click("button.primary")
    await page.wait_for_selector(".qr")


async def test_a_scanner_reads_the_screen_and_the_page_is_sound(stage: Stage) -> None:
    for size in (PHONE, DESK):
        page = await stage.visitor("wang", size)
        await get_code(stage, page)
        picture = Image.open(io.BytesIO(await page.locator(".qr-box").screenshot()))
        link = read_link(zxingcpp.read_barcodes(picture)[0].text)
        assert link.url == stage.base
        assert link.code == await page.locator(".enrol-code").inner_text()
        assert await faults_here(page) == []


async def test_the_code_goes_when_its_time_is_over(stage: Stage) -> None:
    page = await stage.visitor("wang")
    await page.clock.install()
    await get_code(stage, page)
    await expect(page.locator(".left")).to_have_text(re.compile(r"还有 1[45]:\d\d 失效"))
    await page.clock.fast_forward(14 * 60 * 1000)
    await expect(page.locator(".left")).to_have_text(re.compile(r"还有 [01]:\d\d 失效"))
    await page.clock.fast_forward(2 * 60 * 1000)
    await expect(page.locator(".ended")).to_be_visible()
    assert await page.locator(".enrol-code, .qr").count() == 0
