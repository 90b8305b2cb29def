"""A phone without a line in a real Chromium: the screens it kept, acts that wait and are sent in order, farewells."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from PIL import Image
from playwright.async_api import FilePayload, Page, expect
from sqlalchemy import delete

from server.store import schema
from tests.browser.stage import ON_STAGE, Stage, is_live
from tests.browser.test_axe import faults_here
from tests.browser.test_screens import actions, until, waiting
from tests.server import rows

pytestmark = ON_STAGE
KEPT = "async () => (await (await caches.open('gatehouse-pages')).keys()).map((one) => new URL(one.url).pathname)"

# Holds what is written to the outbox back until HOLD is over: the browser does one thing after the other.
HOLD = """() => new Promise((held) => (indexedDB.open('gatehouse', 1).onsuccess = ({target}) => {
  const table = target.result.transaction('acts', 'readwrite').objectStore('acts');
  window.isHeld = true;
  const again = () => window.isHeld && (table.count().onsuccess = again);
  again();
  held();
}))"""
HAS_N1 = """async () => (await (await (await caches.open('gatehouse-pages')).match('/')).text()).includes('alert-n1')"""


async def has_worker(page: Page) -> None:
    """Installed, and at the helm of this page."""
    await page.wait_for_function("() => navigator.serviceWorker.controller !== null")


async def keeps(page: Page, path: str) -> None:
    await until(lambda: page.evaluate(f"async () => (await ({KEPT})()).includes({path!r})"), True)


async def keeps_nothing(page: Page) -> None:
    await until(lambda: page.evaluate(KEPT), [])


@asynccontextmanager
async def no_line(page: Page, stage: Stage) -> AsyncGenerator[None]:
    """The phone's own radio is off, and what was connected is cut."""
    await page.context.set_offline(True)
    await stage.vanish()
    yield
    await stage.serve()
    await page.context.set_offline(False)


async def ready(stage: Stage) -> Page:
    """A patrol at the list, which the phone keeps by now."""
    page = await stage.visitor("li")
    await has_worker(page)
    await page.reload()
    await is_live(page)
    await keeps(page, "/")
    return page


async def test_the_list_opens_without_a_line_says_how_old_it_is_and_catches_up(stage: Stage) -> None:
    page = await ready(stage)
    await rows.add_alert(stage.house, "n1", place="7号楼北门", occurred_at=rows.now())
    await expect(page.locator("#alert-n1")).to_be_visible()
    await until(lambda: page.evaluate(HAS_N1), True)
    async with no_line(page, stage):
        await page.reload()
        await expect(page.locator("#alert-n1")).to_contain_text("7号楼北门")  # it came by the stream, and was kept
        await expect(page.locator("#banner")).to_contain_text("与中心失去联系")
        assert await page.evaluate("Date.now() - Number(document.documentElement.dataset.kept)") > 0
        await rows.add_alert(stage.house, "n2", occurred_at=rows.now())
    await is_live(page)
    await expect(page.locator('[data-section="open"] #alert-n2')).to_be_visible()
    await expect(page.locator("#banner")).to_be_hidden()


async def test_acts_without_a_line_outlive_the_page_and_are_sent_in_order_each_with_what_became_of_it(
    stage: Stage,
) -> None:
    page, other = await ready(stage), await stage.visitor("wang")
    await page.goto(f"{stage.base}/alerts/a1")
    await is_live(page)
    await keeps(page, "/alerts/a1")
    async with no_line(page, stage):
        await page.fill("textarea", "到场查看，门已关好")
        await page.locator("button[value=close]").tap()
        await expect(page.locator("#finish")).to_contain_text("已记下，待发送")
        await page.goto(f"{stage.base}/")  # kept too
        await expect(page.locator("#alert-a1 .take")).to_contain_text("待发送")
        await page.locator("#alert-a2 .take").tap()
        await page.locator('.group[data-incident="h0"] .take').first.tap()
        await expect(page.locator("#pending")).to_contain_text("3 个操作待发送")
        await page.reload()
        await expect(page.locator("#pending")).to_contain_text("3 个操作待发送")
        async with stage.house.db.write() as connection:  # meanwhile somebody else was quicker
            taken = {"alert": "a2", "account": 1, "action": "acknowledge", "at": rows.stamp(rows.now())}
            await connection.execute(schema.alert_action.insert().values(**taken, request="other-1"))
    said = page.locator("#outcomes p")
    await expect(said).to_have_count(3)
    await expect(said.nth(0)).to_contain_text("已发送：结束 · 门被强行打开")
    await expect(said.nth(1)).to_contain_text("没有执行：别人已经接手（接手 · 夜间有人进入）")
    await expect(said.nth(2)).to_contain_text("已发送：接手")
    assert [await actions(stage, one) for one in ("a1", "a2", "h3")] == [["close"], ["acknowledge"], ["acknowledge"]]
    assert await faults_here(page) == []
    await said.nth(1).get_by_role("button", name="知道了").tap()
    await expect(page.locator("#outcomes .refused")).to_have_count(0)
    assert await waiting(page) == 0
    await other.goto(f"{stage.base}/alerts/a1")
    await expect(other.locator(".timeline").last).to_contain_text("到场查看，门已关好")


async def test_an_act_that_a_closed_page_would_lose_is_not_said_to_wait(stage: Stage) -> None:
    page = await ready(stage)
    async with no_line(page, stage):
        await expect(page.locator("#banner")).to_contain_text("与中心失去联系")
        await page.evaluate(HOLD)
        await page.locator("#alert-a1 .take").tap()
        await expect(page.locator("#alert-a1 .take")).to_contain_text("待发送")  # but the phone does not yet
        await expect(page.locator("#pending")).to_be_hidden()
        await page.evaluate("window.isHeld = false")
        await expect(page.locator("#pending")).to_contain_text("1 个操作待发送")
        assert await waiting(page) == 1
    await until(lambda: actions(stage, "a1"), ["acknowledge"])


async def test_a_page_that_was_never_seen_says_so_and_opens_by_itself_once_there_is_a_line(stage: Stage) -> None:
    page = await ready(stage)
    async with no_line(page, stage):
        await page.goto(f"{stage.base}/alerts/a2")
        await expect(page.locator("main")).to_contain_text("现在连不上中心")
        assert await faults_here(page) == []
    await expect(page.locator("h1")).to_contain_text("夜间有人进入")


async def test_a_page_that_was_never_seen_opens_once_a_centre_that_was_away_is_back(stage: Stage) -> None:
    """The radio was on all the time, so nothing tells the page but its own looks."""
    page = await ready(stage)
    await stage.vanish()
    await page.goto(f"{stage.base}/alerts/a2")
    await expect(page.locator("main")).to_contain_text("现在连不上中心")
    await stage.serve()
    await expect(page.locator("h1")).to_contain_text("夜间有人进入")


async def test_who_leaves_takes_the_kept_pages_along(stage: Stage) -> None:
    page = await ready(stage)
    await page.goto(f"{stage.base}/alerts/a1")
    await keeps(page, "/alerts/a1")
    await page.locator(".menu summary").tap()
    await page.locator('form[action="/logout"] button').tap()
    await page.wait_for_url("**/login")
    await keeps_nothing(page)
    async with no_line(page, stage):
        await page.goto(f"{stage.base}/alerts/a1")
        await expect(page.locator("main")).to_contain_text("现在连不上中心")


async def test_a_login_that_ended_takes_them_too(stage: Stage) -> None:
    page = await ready(stage)
    async with stage.house.db.write() as connection:
        await connection.execute(delete(schema.login))
    await page.wait_for_url("**/login?next=**")
    await keeps_nothing(page)


async def test_money_is_not_kept_on_a_phone(stage: Stage) -> None:
    page = await stage.visitor("wang")
    await has_worker(page)
    for path in ("/parking", "/accounts", "/alerts", "/alerts/a1?refused=taken"):
        await page.goto(stage.base + path)
    await page.goto(f"{stage.base}/alerts/a1")  # the positive control: the next page is
    await keeps(page, "/alerts/a1")
    assert set(await page.evaluate(KEPT)) <= {"/", "/alerts/a1"}


async def test_without_indexeddb_words_are_kept_all_the_same(stage: Stage) -> None:
    page = await stage.visitor("li")
    await page.add_init_script("Object.defineProperty(window, 'indexedDB', {value: undefined})")
    await page.reload()
    await is_live(page)
    await stage.vanish()
    await expect(page.locator("#banner")).to_contain_text("与中心失去联系")
    await page.locator("#alert-a1 .take").tap()
    await expect(page.locator("#pending")).to_contain_text("1 个操作待发送")
    kept = "JSON.parse(localStorage.getItem('gatehouse.outbox') ?? '[]').length"
    assert await page.evaluate(kept) == 1
    await stage.serve()
    await until(lambda: actions(stage, "a1"), ["acknowledge"])
    await until(lambda: page.evaluate(kept), 0)


def a_photo() -> FilePayload:
    """As a phone takes it: larger than anybody looks at, and with the phone's name in it."""
    exif = Image.Exif()
    exif[0x010F] = "a maker of phones"
    into = io.BytesIO()
    Image.new("RGB", (3_000, 2_000), "#335577").save(into, "JPEG", exif=exif)
    return {"name": "IMG_1.jpg", "mimeType": "image/jpeg", "buffer": into.getvalue()}


async def write_and_take(page: Page) -> None:
    await page.fill("textarea", "门已关好")
    await page.set_input_files("input[name=photo]", a_photo())
    await expect(page.locator("#photo-shown")).to_be_visible()
    await page.locator("button[value=close]").tap()


async def test_closing_with_a_photo_by_the_phone_that_makes_it_smaller(stage: Stage) -> None:
    page = await stage.visitor("li")
    await page.goto(f"{stage.base}/alerts/a1")
    await is_live(page)
    await write_and_take(page)
    shown = page.locator(".step-photo img")
    await expect(shown).to_have_js_property("naturalWidth", 640)
    assert await faults_here(page) == []
    name = str(await page.locator(".step-photo").get_attribute("href")).rpartition("/")[2]
    body = await stage.house.media.get(name)
    assert Image.open(io.BytesIO(body)).size == (1_600, 1_067) and b"a maker" not in body


async def test_a_photo_waits_for_a_line_with_its_words(stage: Stage) -> None:
    page = await ready(stage)
    await page.goto(f"{stage.base}/alerts/a1")
    await is_live(page)
    await keeps(page, "/alerts/a1")
    async with no_line(page, stage):
        await write_and_take(page)
        await expect(page.locator("#pending")).to_contain_text("1 个操作待发送")
        await page.goto(f"{stage.base}/")  # another page of ours sends it
    await expect(page.locator("#outcomes p")).to_contain_text("已发送：结束 · 门被强行打开")
    await page.goto(f"{stage.base}/alerts/a1")
    await expect(page.locator(".step-photo img")).to_be_visible()
    assert await actions(stage, "a1") == ["close"]


async def test_what_is_no_photo_is_said_and_the_alert_stays_open(stage: Stage) -> None:
    page = await stage.visitor("li")
    await page.goto(f"{stage.base}/alerts/a1")
    await is_live(page)
    await page.fill("textarea", "门已关好")
    lie: FilePayload = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"}
    await page.set_input_files("input[name=photo]", lie)
    await page.locator("button[value=close]").tap()
    await expect(page.locator("#alert .notice.bad")).to_contain_text("照片不能用")
    assert await actions(stage, "a1") == []
