"""A WebView too old for our scripts: the same pages, and what a patrol must do works by forms alone."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.stage import ON_STAGE, PHONE, Stage
from tests.browser.test_screens import actions
from tests.server import rows

pytestmark = ON_STAGE


async def test_an_alert_is_seen_taken_given_back_and_closed_without_a_script(stage: Stage) -> None:
    context = await stage.browser.new_context(viewport=PHONE, has_touch=True, java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{stage.base}/login")
    await page.fill("[name=username]", "li")
    await page.fill("[name=password]", rows.PASSWORD)
    await page.click("button.primary")
    await expect(page.locator('[data-section="open"] #alert-a1')).to_contain_text("门被强行打开")
    await page.locator("#alert-a1 .card-title a").tap()
    await page.locator("form:has([value=acknowledge]) button").tap()
    await page.locator("form:has([value=undo]) button").tap()
    await page.fill("textarea[name=note]", "门已关好")
    await page.locator("button[value=close]").tap()
    await expect(page.locator(".timeline").last).to_contain_text("门已关好")
    assert await actions(stage, "a1") == ["acknowledge", "undo", "close"]
    await context.close()
