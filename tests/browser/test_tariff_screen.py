"""A tariff published in a real Chromium by two people, each with a code of their own; then billed by."""

from __future__ import annotations

from datetime import timedelta

from playwright.async_api import Page, expect
from pyotp.totp import TOTP

from tests.browser.stage import DESK, ON_STAGE, PHONE, Stage
from tests.browser.test_axe import faults_here

pytestmark = ON_STAGE
HERE = "/complexes/garden/tariff"
HOLE = '{from: "07:00", to: "20:00"'
BAND = '{from: "07:00", to: "21:00"'


async def set_up_code(page: Page) -> str:
    """Go through the page that asks for a second factor; the secret."""
    await page.click("form[action$='/new'] button.primary")
    secret = (await page.locator("section.enrol code").inner_text()).replace(" ", "")
    await page.fill("[name=second_code]", TOTP(secret).now())
    await page.click("form[action$='/confirm'] button.primary")
    return secret


async def test_a_tariff_is_published_by_two_people(stage: Stage) -> None:
    wang = await stage.visitor("wang", DESK)
    await wang.goto(f"{stage.base}/places/complexes/garden")
    await wang.click(f"a[href='{HERE}']")
    await wang.click("button[value=day_night]")
    text = await wang.input_value("[name=body]")
    await wang.fill("[name=body]", text.replace(BAND, HOLE))
    await wang.click("text=保存并试算")
    await expect(wang.locator(".tariff-problems")).to_contain_text("20:00–21:00 没有时段管")
    await expect(wang.locator(".tariff-bar rect.hole")).to_have_count(1)
    assert await faults_here(wang) == [], "also with a hole in it"
    await wang.fill("[name=body]", text)
    await wang.fill("[name=words]", "白天每小时 4 元，夜里封顶 10 元")
    await wang.click("text=保存并试算")
    await expect(wang.locator(".tariff-problems")).to_have_count(0)
    await expect(wang.locator("tr", has_text="3 小时")).to_contain_text("¥12.00")
    here = wang.url
    await wang.click("button:text-is('提交')")
    await set_up_code(wang)
    await wang.goto(here)
    await wang.click("button:text-is('提交')")
    await expect(wang.locator("main")).to_contain_text("要由另一位有权限的人发布")

    chen = await stage.visitor("chen", PHONE)
    await chen.goto(here)
    assert await faults_here(chen) == []
    await chen.tap("button:text-is('发布')")
    await set_up_code(chen)
    await chen.goto(here)
    await chen.tap("button:text-is('发布')")
    await expect(chen.locator(".tariff-state.published")).to_be_visible()
    await chen.goto(stage.base + HERE)
    await expect(chen.locator("main")).to_contain_text("wang 提交，chen 发布")
    await expect(chen.locator("blockquote")).to_contain_text("夜里封顶 10 元")
    async with stage.house.db.read() as connection:
        lot = await stage.house.lots.one(connection, "garden")
    assert lot is not None
    entry = stage.house.now() + timedelta(seconds=1)
    assert lot.quote("blue", entry, entry + timedelta(minutes=31)).fee_fen > 0
