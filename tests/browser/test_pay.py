"""A driver in a real Chromium: scans, types the plate, pays at the simulated provider, is told until when to leave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from playwright.async_api import Page, expect

from server.behind import run_behind
from server.bootstrap import close_house, open_house
from server.house import House
from server.store import schema
from server.store.engine import stamp
from simulators.payments.server import Payments
from tests.browser.stage import DESK, NEEDS, PHONE, Stage, chromium, free_port
from tests.browser.test_axe import faults_here
from tests.server import rows
from tests.server.centre import TARIFF
from tests.server.payments.site import configured, payments

pytestmark = NEEDS
OLD_PHONE = "Mozilla/5.0 (Linux; Android 8.1; Mobile) AppleWebKit/537.36 Version/4.0 Chrome/66.0 Mobile Safari/537.36"
WALL, EXIT = "wallcode2345", "exitcode2345"
TYPED, STANDS, NEV, INSIDE = "粤B8K6Q2", "粤B12345", "粤BD12345", "粤B54321"
BRIDGE = "window.WeixinJSBridge = {invoke: function (name, said) { window.asked = [name, said]; }};"


@asynccontextmanager
async def served(folder: Path) -> AsyncGenerator[tuple[Stage, Payments]]:
    """A centre that charges, the providers, and a browser."""
    (folder / "tariff.yaml").write_text(TARIFF)
    port = free_port()
    async with AsyncExitStack() as stack:
        sim = await stack.enter_async_context(payments(folder))
        house = await open_house(folder, configured(sim, f"http://127.0.0.1:{port}"))
        await _fill(house)
        behind = asyncio.create_task(run_behind(house))
        browser = await stack.enter_async_context(chromium())
        stage = Stage(house, browser, port)
        await stage.serve()
        try:
            yield stage, sim
        finally:
            house.live.close()
            await stage.vanish()
            behind.cancel()
            await asyncio.wait([behind])
            await close_house(house)
    assert stage.complaints == []


async def _fill(house: House) -> None:
    """Three cars inside, one of them waiting at the exit; a code on the wall and one at the exit."""
    now, entered = stamp(house.now()), datetime.now(UTC) - timedelta(hours=2, minutes=30)
    async with house.db.write() as connection:
        for number, plate in enumerate((TYPED, STANDS, NEV, INSIDE)):
            stay = rows.session_row(f"{number:032}", plate, "inside", entered_at=entered)
            await rows.insert(connection, schema.session, stay)
        key = {"kty": "OKP"}
        gateway = {"id": "gw-1", "complex": "garden", "public_key": key, "enrolled_at": now, "last_seen_at": now}
        await rows.insert(connection, schema.gateway, gateway)
        car = {"complex": "garden", "lane": "out", "gateway": "gw-1", "direction": "out", "plate": STANDS, "at": now}
        await rows.insert(connection, schema.lane_car, car)
        for code, lane in ((WALL, ""), (EXIT, "out")):
            made = {"complex": "garden", "code": code, "lane": lane, "made_at": now, "made_by": "wang"}
            await rows.insert(connection, schema.pay_code, made)


async def test_a_driver_pays(tmp_path: Path) -> None:
    async with served(tmp_path) as (stage, sim):
        context = await stage.browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True, user_agent=OLD_PHONE)
        phone = await context.new_page()
        stage._listen(phone)  # pyright: ignore[reportPrivateUsage]
        await _types_and_pays(phone, stage)
        await _waits_at_the_exit_and_pays(phone, stage)
        desk = await (await stage.context(DESK)).new_page()
        stage._listen(desk)  # pyright: ignore[reportPrivateUsage]
        await _scans_from_a_desk(desk, stage, sim)
        await _is_told_what_is_wrong(phone, stage)
        await _pays_inside_wechat(stage, sim)
        async with stage.house.db.read() as connection:
            told = (await connection.execute(schema.gateway_order.select())).mappings().all()
            paid = (await connection.execute(schema.payment.select())).mappings().all()
        assert sorted((row["device"], row["args"]["plate"]) for row in told) == sorted(
            [("lane:out", STANDS), *(("lane:东门入口", plate) for plate in (TYPED, NEV, INSIDE))]
        )
        assert [row["status"] for row in paid] == ["paid"] * 4


async def _types_and_pays(page: Page, stage: Stage) -> None:
    """By the keys on the page alone; nothing of the plate but its ends is shown."""
    await page.goto(f"{stage.base}/pay/{WALL}")
    assert await faults_here(page) == []
    for sign in TYPED:
        await page.click(f"#keys [data-sign='{sign}']:visible")
    await expect(page.locator("#plate")).to_have_value(TYPED)
    assert await faults_here(page) == []
    await page.click("button[type=submit].primary")
    await expect(page.locator(".sum b")).to_have_text("¥6.00")
    assert TYPED not in await page.content()
    await page.click("summary")
    assert await faults_here(page) == []
    await page.click("button.wechat")
    await expect(page.locator("#go")).to_be_visible()
    assert await faults_here(page) == []
    order = page.url
    await page.click("#go")
    await page.click("#pay")
    await page.goto(order)
    await expect(page.locator(".done h1")).to_have_text("支付成功")
    await expect(page.locator(".until")).to_contain_text("前离场")
    assert await faults_here(page) == []


async def _waits_at_the_exit_and_pays(page: Page, stage: Stage) -> None:
    await page.goto(f"{stage.base}/pay/{EXIT}")
    await expect(page.locator(".sum b")).to_have_text("¥6.00")
    await page.click("button.alipay")
    await page.click("#go")
    await page.click("#pay")
    await page.click("#back")
    await expect(page.locator(".done h1")).to_have_text("支付成功")
    await page.goto(f"{stage.base}/pay/{EXIT}")
    await expect(page.locator(".done")).to_contain_text("已经付清")


async def _scans_from_a_desk(page: Page, stage: Stage, sim: Payments) -> None:
    """The code is on the screen; the page turns by itself when a phone has paid."""
    await page.goto(f"{stage.base}/pay/{WALL}")
    await page.fill("#plate", "粤B·D12345")
    await page.click("button[type=submit].primary")
    await page.click("button.wechat")
    await expect(page.locator("svg.qr")).to_be_visible()
    token = next(one.token for one in sim.books if one.state == "NOTPAY")
    async with httpx.AsyncClient() as client:
        await client.post(f"{sim.url}/phone/{token}")
    await expect(page.locator(".done h1")).to_have_text("支付成功")


async def _pays_inside_wechat(stage: Stage, sim: Payments) -> None:
    """WeChat says who looks, and its own bridge is asked to pay, with our signature."""
    context = await stage.browser.new_context(viewport=PHONE, user_agent=f"{OLD_PHONE} MicroMessenger/8.0")
    await context.add_init_script(BRIDGE)
    page = await context.new_page()
    stage._listen(page)  # pyright: ignore[reportPrivateUsage]
    await page.goto(f"{stage.base}/pay/{WALL}")
    for sign in INSIDE:
        await page.click(f"#keys [data-sign='{sign}']:visible")
    await page.click("button[type=submit].primary")
    await expect(page.locator("#inside")).to_be_visible()
    await expect(page.locator("button.alipay")).to_have_count(0)
    await page.click("#inside")
    await page.wait_for_function("window.asked")
    name, said = await page.evaluate("window.asked")
    signed = "".join(f"{said[key]}\n" for key in ("appId", "timeStamp", "nonceStr", "package"))
    assert name == "getBrandWCPayRequest" and sim.keys.wechat_merchant.fits(signed.encode(), said["paySign"])
    order = sim.books.by_token(said["package"].removeprefix("prepay_id="))
    assert order is not None
    sim.pay(order)
    await expect(page.locator(".done h1")).to_have_text("支付成功")


async def _is_told_what_is_wrong(page: Page, stage: Stage) -> None:
    await page.goto(f"{stage.base}/pay/{WALL}")
    await page.evaluate("document.getElementById('plate').value = '粤B99999'")
    await page.click("button[type=submit].primary")
    await expect(page.locator(".notice")).to_contain_text("没有找到这辆车的在场记录")
    await page.evaluate("document.getElementById('plate').value = '粤B9'")
    await page.click("button[type=submit].primary")
    await expect(page.locator(".notice")).to_contain_text("车牌不完整")
    assert await faults_here(page) == []
    await page.goto(f"{stage.base}/lang/en")
    await page.goto(f"{stage.base}/pay/{WALL}")
    await expect(page.locator("h1")).to_have_text("Pay for parking")
