"""Two people close a day in a real browser: one gives its bills and closes an item, the other signs, each by a code."""

from __future__ import annotations

import re

from playwright.async_api import Page, expect
from pyotp.totp import TOTP

from tests.browser.stage import DESK, ON_STAGE, PHONE, Stage
from tests.server.bill_store import FILES, fill_day

pytestmark = ON_STAGE
DAY, BILLS = "/parking/days/garden/2026-11-20", "/parking/bills/garden/2026-11-20"


async def set_up_second_factor(page: Page, stage: Stage) -> None:
    """What the first act that books money leads to."""
    await expect(page).to_have_url(re.compile("/me/second-factor"))
    await page.click("main button.primary")
    secret = (await page.locator("main code").first.inner_text()).replace(" ", "")
    await page.fill("[name=second_code]", TOTP(secret).at(stage.house.now()))
    await page.click("main button.primary")
    await expect(page.locator("main")).to_contain_text("恢复码")


async def test_a_day_is_closed_by_two_people(stage: Stage) -> None:
    async with stage.house.db.write("garden") as connection:
        await fill_day(connection)
    sun, chen = await stage.visitor("sun", DESK), await stage.visitor("chen", PHONE)
    await sun.goto(stage.base + BILLS)
    await sun.set_input_files("[name=file]", [str(path) for path in FILES])
    await sun.get_by_role("button", name="上传", exact=True).click()
    await expect(sun.locator(".notice")).to_have_count(len(FILES))
    await expect(sun.locator("main tbody").first).to_contain_text("微信支付")

    await sun.goto(stage.base + DAY)
    await sun.get_by_role("button", name="对账", exact=True).click()
    await expect(sun.locator("main")).to_contain_text("14 笔未平")
    await expect(sun.get_by_role("button", name="签认并锁账")).to_have_count(0)
    await close_item(sun, stage)

    await chen.goto(stage.base + DAY)
    await chen.get_by_role("button", name="签认并锁账").tap()
    await set_up_second_factor(chen, stage)
    await chen.goto(stage.base + DAY)
    await chen.get_by_role("button", name="签认并锁账").tap()
    await expect(chen.locator("#locked")).to_contain_text("已锁账")
    await expect(chen.locator("main")).to_contain_text("chen")
    await chen.goto(f"{stage.base}/parking/days?complex=garden&month=2026-11")
    await expect(chen.locator(".day-cell.day-signed")).to_have_count(1)
    await chen.goto(f"{stage.base}/parking/open")
    await expect(chen.locator("main")).to_contain_text("PK2611200007")
    await expect(chen.locator("main")).not_to_contain_text("PK2611200006")


async def close_item(page: Page, stage: Stage) -> None:
    """Money that is nobody's goes to suspense, once the code was shown."""
    item = f"{stage.base}{DAY}/item?channel=wechat&key=PK2611200006"
    await page.goto(item)
    for is_known in (False, True):
        await page.select_option("[name=act]", "to_suspense")
        await page.fill("[name=how]", "找不到停车记录")
        await page.fill("[name=document]", "17")
        await page.get_by_role("button", name="了结", exact=True).click()
        if not is_known:
            await set_up_second_factor(page, stage)
            await page.goto(item)
    await expect(page).to_have_url(re.compile(f"{DAY}#open"))
    await expect(page.locator(".closed-item")).to_contain_text("挂账")
