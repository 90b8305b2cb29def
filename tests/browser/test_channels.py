"""The page of one's channels in a real Chromium, and the worker that shows what is pushed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from playwright.async_api import Page, expect

from tests.browser.stage import DESK, ON_STAGE, PHONE, Stage
from tests.browser.test_axe import faults_here
from tests.rig import until

pytestmark = ON_STAGE
HERE = "/me/channels"
SHOWN = """async () => {
  const found = await navigator.serviceWorker.getRegistration("/");
  return (await found.getNotifications()).map((one) => [one.title, one.body, one.tag, one.data.url]);
}"""


async def test_the_page_is_sound_and_orders_channels(stage: Stage) -> None:
    for size in (PHONE, DESK):
        page = await stage.visitor("li", size)
        await page.goto(stage.base + HERE)
        assert await faults_here(page) == []
    await page.locator("li", has_text="短信或电话").locator("[name=on]").check()
    await page.locator("li", has_text="短信或电话").locator("[name=address]").fill("13800000000")
    await page.locator("li", has_text="短信或电话").get_by_role("button", name="保存").click()
    await page.locator("li", has_text="短信或电话").get_by_role("button", name="提前").click()
    await expect(page.locator("ol.channels li").nth(1)).to_contain_text("值班群")
    await page.locator("li", has_text="值班群").get_by_role("button", name="给自己发一条测试").click()
    await expect(page.locator("p.notice[role=status]")).to_contain_text("测试已送出")


async def test_a_push_is_shown_and_a_browser_without_a_service_says_so(stage: Stage) -> None:
    page = await stage.visitor("li", DESK)
    await page.context.grant_permissions(["notifications"], origin=stage.base)
    await page.goto(stage.base + HERE)
    await page.get_by_role("button", name="添加这个浏览器").click()
    await expect(page.locator("#push-said")).to_contain_text("没有可用的推送服务")
    hostile = {"title": "<b>门</b>", "body": "3号楼", "tag": "a1/1/push", "url": "https://evil.example/alerts/a1?x=1"}
    for told in (hostile, hostile | {"title": "第二次"}):
        await pushed(page, stage.base, json.dumps({**told, "urgent": True}))
    assert await page.evaluate(SHOWN) == [["第二次", "3号楼", "a1/1/push", hostile["url"]]], "a repeat takes its place"


async def pushed(page: Page, origin: str, data: str) -> None:
    """As the push service's message comes to the browser."""
    session: Any = await page.context.new_cdp_session(page)
    found: list[dict[str, Any]] = []
    session.on("ServiceWorker.workerRegistrationUpdated", lambda said: found.extend(said["registrations"]))
    await session.send("ServiceWorker.enable")
    await until(lambda: bool(found))
    message = {"origin": origin, "registrationId": found[-1]["registrationId"], "data": data}
    await session.send("ServiceWorker.deliverPushMessage", message)
    title = json.loads(data)["title"]
    async with asyncio.timeout(15):  # a promise is true for wait_for_function, whatever it will come to
        while title not in [one[0] for one in await page.evaluate(SHOWN)]:
            await asyncio.sleep(0.05)
