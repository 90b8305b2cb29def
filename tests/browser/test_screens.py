"""The screens in a real Chromium: live at once, one tap, through a lost centre, and nothing that axe objects to."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

from playwright.async_api import Page, expect
from sqlalchemy import select

from server.store import schema
from tests.browser.stage import DESK, ON_STAGE, Stage, is_live
from tests.server import rows

pytestmark = ON_STAGE


async def actions(stage: Stage, alert: str) -> list[str]:
    query = select(schema.alert_action.c.action).where(schema.alert_action.c.alert == alert)
    async with stage.house.db.read() as connection:
        return list((await connection.execute(query.order_by(schema.alert_action.c.number))).scalars())


async def until(holds: Callable[[], Awaitable[Any]], wanted: object) -> None:
    async with asyncio.timeout(15):
        while await holds() != wanted:
            await asyncio.sleep(0.05)


async def waiting(page: Page) -> int:
    """How many acts the phone keeps."""
    return await page.evaluate(
        """() => new Promise((resolve) => {
            const asked = indexedDB.open("gatehouse");
            asked.onsuccess = () => {
                const count = asked.result.transaction("acts").objectStore("acts").count();
                count.onsuccess = () => { asked.result.close(); resolve(count.result); };
            };
        })"""
    )


async def test_an_alert_appears_by_itself_on_top_and_then_its_picture(stage: Stage) -> None:
    page = await stage.visitor("li")
    await is_live(page)
    body = rows.picture("#224466")
    await rows.add_alert(stage.house, "n1", place="7号楼北门", occurred_at=rows.now(), picture=rows.content_name(body))
    first = page.locator('[data-section="open"] .card').first
    await expect(first).to_have_attribute("data-alert", "n1")
    await expect(first).to_contain_text("7号楼北门")
    await expect(first).to_contain_text("图片在路上")
    await expect(page).to_have_title(re.compile(r"^\(9\) "))
    await rows.keep_picture(stage.house, body=body)
    await rows.touch_alert(stage.house, "n1")
    await expect(page.locator("#alert-n1 img")).to_be_visible()
    assert await page.locator("#alert-n1").count() == 1


async def test_one_tap_takes_an_alert_everyone_sees_it_and_undo_gives_it_back(stage: Stage) -> None:
    mine, other = await stage.visitor("li"), await stage.visitor("wang", DESK)
    await is_live(mine)
    await is_live(other)
    await mine.locator("#alert-a1 .take").tap()
    taken = '[data-section="acknowledged"] #alert-a1'
    await expect(mine.locator(taken)).to_contain_text("我已接手")
    await expect(other.locator(taken)).to_contain_text("li 已接手")
    await mine.locator(".toast-undo").tap()
    await expect(other.locator('[data-section="open"] #alert-a1')).to_be_visible()
    assert await actions(stage, "a1") == ["acknowledge", "undo"]


async def test_a_tap_on_a_closed_group_takes_all_of_it(stage: Stage) -> None:
    page = await stage.visitor("li")
    await is_live(page)
    group = page.locator('.group[data-incident="h0"]')
    await expect(group.locator(".card:visible")).to_have_count(1)
    await expect(group.locator(".count").first).to_have_text("×4")
    await group.locator(".more").tap()
    await expect(group.locator(".card:visible")).to_have_count(4)
    await group.locator(".more").tap()
    await group.locator(".take").first.tap()
    await expect(page.locator('[data-section="acknowledged"] [data-incident="h0"] .count').first).to_have_text("×4")
    assert [await actions(stage, f"h{number}") for number in range(4)] == [["acknowledge"]] * 4


async def test_a_lost_centre_is_said_taps_are_kept_and_everything_catches_up(stage: Stage) -> None:
    page = await stage.visitor("li")
    await is_live(page)
    await stage.vanish()
    await expect(page.locator("#banner")).to_contain_text("与中心失去联系")
    await page.locator("#alert-a1 .take").tap()
    await expect(page.locator("#alert-a1 .take")).to_contain_text("待发送")
    await expect(page.locator("#pending")).to_contain_text("1 个操作待发送")
    await page.locator("#alert-a2 .take").tap()
    await page.locator(".toast-undo").tap()  # what was never sent is simply taken back
    await expect(page.locator("#pending")).to_contain_text("1 个操作待发送")
    await rows.add_alert(stage.house, "n1", occurred_at=rows.now())  # happens while the phone is cut off
    await stage.serve()
    await is_live(page)
    await expect(page.locator('[data-section="acknowledged"] #alert-a1')).to_contain_text("我已接手")
    await expect(page.locator('[data-section="open"] #alert-n1')).to_be_visible()
    await expect(page.locator("#banner")).to_be_hidden()
    await expect(page.locator("#pending")).to_be_hidden()
    assert (await actions(stage, "a1"), await actions(stage, "a2")) == (["acknowledge"], [])


async def test_a_kept_tap_survives_the_page_and_is_done_once(stage: Stage) -> None:
    """The page dies before the answer comes; the next page sends the same key again."""
    page = await stage.visitor("li")
    await is_live(page)

    async def swallow_the_answer(route: Any) -> None:
        await route.fetch()
        await route.abort()

    await page.route("**/alerts/actions", swallow_the_answer)
    await page.locator("#alert-a1 .take").tap()
    await until(lambda: actions(stage, "a1"), ["acknowledge"])
    assert await waiting(page) == 1
    await page.unroute("**/alerts/actions")
    await page.reload()
    await until(lambda: waiting(page), 0)
    assert await actions(stage, "a1") == ["acknowledge"]


async def test_taps_of_another_person_are_not_sent_as_mine(stage: Stage) -> None:
    """They lie where an earlier version kept them, and come along."""
    page = await stage.visitor("li")
    kept = '[{"request":"0123456789abcdef","action":"acknowledge","alerts":["a1"],"title":"","person":"999"}]'
    await page.evaluate(f"localStorage.setItem('gatehouse.outbox', '{kept}')")
    await page.reload()
    await is_live(page)
    await page.locator("#alert-a2 .take").tap()
    await until(lambda: actions(stage, "a2"), ["acknowledge"])
    assert (await actions(stage, "a1"), await waiting(page)) == ([], 1)


async def test_a_login_that_ended_leads_to_the_login(stage: Stage) -> None:
    page = await stage.visitor("li")
    await is_live(page)
    async with stage.house.db.write() as connection:
        await connection.execute(schema.login.delete())
    await stage.vanish()
    await stage.serve()
    await page.wait_for_url("**/login?next=*")


async def test_it_rings_for_what_is_urgent_until_someone_takes_it_and_for_nothing_else(stage: Stage) -> None:
    """Vibration stands for the chime, which a test cannot hear: both are given together."""
    page = await stage.visitor("li")
    await is_live(page)
    await page.locator("#alert-a1 .take").tap()  # else it rings from the start
    await until(lambda: actions(stage, "a1"), ["acknowledge"])
    await page.add_init_script(
        "window.rung = 0; navigator.vibrate = () => { window.rung += 1; return true; };"
        "localStorage.setItem('gatehouse.sound', 'on');"
    )
    await page.clock.install()
    await page.reload()
    await is_live(page)
    await expect(page.locator("#sound")).to_have_attribute("aria-pressed", "true")
    for identity, changes in {
        "q1": {"severity": "medium"},
        "q2": {"severity": "critical", "lateness": "late"},
        "q3": {"severity": "high"},
    }.items():
        await rows.add_alert(stage.house, identity, occurred_at=rows.now(), **changes)
        await expect(page.locator(f"#alert-{identity}")).to_be_visible()
    await page.clock.run_for(1_000)  # what is no emergency waits for what the ladder says of it
    assert await page.evaluate("window.rung") == 2  # the ordinary and the important one, once each
    await rows.touch_alert(stage.house, "q3")  # shown again: no reason to ring again
    await rows.add_alert(stage.house, "q4", severity="critical", occurred_at=rows.now())
    await expect(page.locator("#alert-q4")).to_be_visible()
    await expect(page.locator("#announce")).to_contain_text("紧急报警：门被强行打开")
    await page.clock.run_for(8_500)
    assert await page.evaluate("window.rung") >= 5  # it goes on every four seconds
    urgent = '[data-section="open"] .card.critical .take'
    await page.evaluate(f"document.querySelectorAll('{urgent}').forEach((button) => button.click())")
    await expect(page.locator('[data-section="open"] .card.critical')).to_have_count(0)
    rung = await page.evaluate("window.rung")
    await page.clock.run_for(8_500)
    assert await page.evaluate("window.rung") == rung


async def test_closing_with_words(stage: Stage) -> None:
    page, other = await stage.visitor("li"), await stage.visitor("wang", DESK)
    await is_live(other)
    await page.goto(f"{stage.base}/alerts/a1")
    await page.locator("button[value=close]").tap()  # without words the form stays
    await page.fill("textarea", "到场查看，门已关好")
    await page.locator("button[value=close]").tap()
    await expect(page.locator(".timeline")).to_contain_text("到场查看，门已关好")
    await expect(other.locator("#alert-a1")).to_have_count(0)


async def test_the_alerts_page_follows_what_others_do_but_not_under_a_pen(stage: Stage) -> None:
    page, other = await stage.visitor("li"), await stage.visitor("wang", DESK)
    await page.goto(f"{stage.base}/alerts/a1")
    await is_live(page)
    await other.locator("#alert-a1 .take").click()
    await expect(page.locator("#alert")).to_contain_text("wang 已接手")
    await is_live(page)
    await page.fill("textarea", "正在写")
    await rows.touch_alert(stage.house, "a1")
    await expect(page.locator("#changed")).to_be_visible()
    await expect(page.locator("textarea")).to_have_value("正在写")


async def test_the_alerts_page_does_not_call_back_who_is_leaving_it(stage: Stage) -> None:
    page = await stage.visitor("li")
    await page.goto(f"{stage.base}/alerts/a1")
    await is_live(page)
    leave, come_back = (f"window.dispatchEvent(new Event('{name}'))" for name in ("beforeunload", "pageshow"))
    await page.evaluate(f"window.isTheSame = true; {leave}")
    await rows.touch_alert(stage.house, "a1")
    await expect(page.locator("#changed")).to_be_visible()
    assert await page.evaluate("window.isTheSame")
    await page.evaluate(come_back)
    await rows.touch_alert(stage.house, "a1")
    await page.wait_for_function("() => !window.isTheSame")  # loaded anew


async def test_a_plate_is_shown_in_place_for_a_reason(stage: Stage) -> None:
    page = await stage.visitor("sun", DESK)
    await page.goto(f"{stage.base}/parking/sessions/garden/5e1")
    await page.select_option("[name=reason]", "payment")
    await page.locator("#show-plate button").click()
    await expect(page.locator(".plate-whole")).to_have_text("京A12345")
    assert page.url.endswith("/5e1")


async def test_gateways_turn_red_by_themselves(stage: Stage) -> None:
    page = await stage.visitor("wang", DESK)
    await page.goto(f"{stage.base}/gateways")
    await expect(page.locator(".gateway.silent")).to_have_count(1)
    async with stage.house.db.write() as connection:
        await connection.execute(schema.gateway.update().values(last_seen_at=rows.stamp(rows.ago(seconds=61))))
    await expect(page.locator(".gateway.silent")).to_have_count(2)
