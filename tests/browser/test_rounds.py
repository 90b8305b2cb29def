"""A round in a real browser: begun, the network gone, checkpoints typed, all of it at the centre when it is back."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page, expect
from sqlalchemy import select

from domain.rounds import codes
from server.store import schema
from tests.browser.stage import ON_STAGE, Stage
from tests.server import rows

pytestmark = ON_STAGE
P1, P2 = rows.POINT_CODES


async def add_rounds(stage: Stage) -> None:
    async with stage.house.db.write(rows.GARDEN) as connection:
        await rows.add_rounds(connection, stage.house.now())


async def acts(stage: Stage) -> list[dict[str, Any]]:
    """Those of this test, by time."""
    table = schema.patrol_act
    query = select(table).where(table.c.round != "walk-0001").order_by(table.c.at, table.c.key)
    async with stage.house.db.read() as connection:
        return [dict(row) for row in (await connection.execute(query)).mappings()]


async def type_code(page: Page, code: str) -> None:
    await page.fill("#round-code [name=code]", code)
    await page.click("#round-code button")


async def begin(stage: Stage) -> Page:
    page = await stage.visitor("li")
    await page.goto(f"{stage.base}/rounds/garden/walk")
    await page.get_by_role("button", name="计划外").click()
    await expect(page.locator("#walk-title")).to_have_text("夜巡一线")
    return page


async def test_a_round_without_a_network_is_at_the_centre_when_it_is_back(stage: Stage) -> None:
    await add_rounds(stage)
    page = await begin(stage)
    await expect(page.locator("#round-waiting")).to_have_attribute("data-count", "0")
    await page.context.set_offline(True)
    await type_code(page, P2[:5] + ("2" if P2[5] != "2" else "3") + P2[6:])
    await expect(page.locator("#round-said")).to_contain_text("代码不对")
    await type_code(page, codes.code_of(bytes([9] * 16)))
    await expect(page.locator("#round-said")).to_contain_text("不是这条路线")
    await type_code(page, f"{P1[:3].lower()} {P1[3:]}")
    await expect(page.locator("#round-said")).to_contain_text("已记下：东门岗亭")
    await type_code(page, P1)
    await expect(page.locator("#round-said")).to_contain_text("已经记过")
    await type_code(page, P2)
    await expect(page.locator("#round-said")).to_contain_text("走完了")
    await expect(page.locator("#round-waiting")).to_have_attribute("data-count", "2")
    assert [one["kind"] for one in await acts(stage)] == ["begin"], "the positive control: nothing went out"
    await page.context.set_offline(False)
    await expect(page.locator("#round-waiting")).to_have_attribute("data-count", "0")
    told = await acts(stage)
    assert [(one["kind"], one["point"], one["by"]) for one in told] == [
        ("begin", "", "li"),
        ("read", "p1", "li"),
        ("read", "p2", "li"),
    ]
    await page.click("#round-close")
    await expect(page.locator("#round-choose")).to_be_visible()


async def test_a_round_is_there_again_after_the_page_was_left_and_the_centre_was_away(stage: Stage) -> None:
    await add_rounds(stage)
    page = await begin(stage)
    await expect(page.locator("#round-waiting")).to_have_attribute("data-count", "0")
    await stage.vanish()
    await type_code(page, P1)
    await expect(page.locator("#round-waiting")).to_have_attribute("data-count", "1")
    await stage.serve()
    await page.goto(f"{stage.base}/rounds/at/{P2}")
    await expect(page.locator("#round-said")).to_contain_text("走完了")
    await expect(page.locator("#round-waiting")).to_have_attribute("data-count", "0")
    assert [one["point"] for one in await acts(stage)] == ["", "p1", "p2"]


async def test_a_scan_begins_a_round_and_an_early_end_needs_a_reason(stage: Stage) -> None:
    await add_rounds(stage)
    page = await stage.visitor("li")
    await page.goto(f"{stage.base}/rounds/at/{P1}")
    await expect(page.locator("#choose-title")).to_contain_text("东门岗亭")
    await page.get_by_role("button", name="计划外").click()
    await expect(page.locator("#round-points .is-read")).to_have_count(1)
    await page.get_by_text("提前结束").first.click()
    await page.fill("#round-end [name=reason]", " 　")
    await page.click("#round-end button")
    await expect(page.locator("#round-said")).to_contain_text("请写为什么")
    await page.fill("#round-end [name=reason]", "下大雨")
    await page.click("#round-end button")
    await expect(page.locator("#round-said")).to_contain_text("已提前结束")
    await expect(page.locator("#round-waiting")).to_have_attribute("data-count", "0")
    told = await acts(stage)
    assert {one["kind"]: one["reason"] for one in told} == {"begin": "", "read": "", "end": "下大雨"}
    board = await stage.visitor("chen")
    await board.goto(f"{stage.base}/rounds/garden/history")
    await expect(board.locator("main tbody")).to_contain_text("计划外")


async def test_a_tag_is_read_as_a_label_is(stage: Stage) -> None:
    """By a reader of the browser's kind: none here has the hardware."""
    await add_rounds(stage)
    page = await stage.visitor("li")
    await page.add_init_script(
        """window.NDEFReader = class extends EventTarget {
          async scan() { window.reader = this; }
          static record(url) {
            const event = new Event("reading");
            event.message = { records: [{ recordType: "url", data: new TextEncoder().encode(url) }] };
            window.reader.dispatchEvent(event);
          }
        };"""
    )
    await page.goto(f"{stage.base}/rounds/garden/walk")
    await page.get_by_role("button", name="计划外").click()
    await page.click("#round-nfc")
    await expect(page.locator("#round-said")).to_contain_text("贴近")
    await page.evaluate("url => window.NDEFReader.record(url)", f"https://centre.example.invalid/rounds/at/{P1}")
    await expect(page.locator("#round-said")).to_contain_text("已记下：东门岗亭")
