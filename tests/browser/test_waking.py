"""What a phone hears, and sees again: a sound for each severity, ringing on every page, waking up, colours by day."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import Page, expect

from domain.alerts.words import Alert
from server.store import duty_alerts
from tests.browser.stage import ON_STAGE, Stage, is_live
from tests.browser.test_axe import faults_here
from tests.browser.test_screens import actions, until
from tests.server import rows

pytestmark = ON_STAGE
# In the place of the browser's own: it keeps which notes it was to play.
EARS = """
window.notes = [];
window.AudioContext = class {
  state = "running"; currentTime = 0; destination = {};
  resume() {}
  createOscillator() {
    const frequency = {};
    return { frequency, connect: (next) => next, start: () => window.notes.push(frequency.value), stop() {} };
  }
  createGain() {
    const gain = { setValueAtTime() {}, exponentialRampToValueAtTime() {} };
    return { gain, connect: (next) => next };
  }
};
"""
# Streams that can be made deaf, as those of a phone that slept: they stay open, and nothing comes.
DEAF = """
window.streams = [];
window.EventSource = class extends EventSource {
  constructor(address) { super(address); this.address = address; window.streams.push(this); }
  addEventListener(name, hear) { super.addEventListener(name, (event) => this.deaf || hear(event)); }
};
window.front = "visible";
Object.defineProperty(document, "visibilityState", { get: () => window.front });
window.turn = (front) => { window.front = front; document.dispatchEvent(new Event("visibilitychange")); };
"""
ALARM, IMPORTANT, ORDINARY = [988, 659, 988, 659, 988, 659], [880, 1175, 880], [660]


async def listening(stage: Stage, path: str = "/") -> Page:
    """A page with ears, on which nothing rings yet."""
    page = await stage.visitor("li")
    await is_live(page)
    await page.locator("#alert-a1 .take").tap()
    await until(lambda: actions(stage, "a1"), ["acknowledge"])
    await page.add_init_script(EARS)
    await page.goto(stage.base + path)
    await is_live(page)
    return page


async def notes(page: Page) -> Any:
    """What was played since the last time it was asked."""
    return await page.evaluate("window.notes.splice(0)")


async def test_each_severity_sounds_otherwise_and_a_hint_not_at_all(stage: Stage) -> None:
    page = await listening(stage)
    assert await notes(page) == []
    for severity, wanted in {"low": [], "medium": ORDINARY, "high": IMPORTANT, "critical": ALARM}.items():
        await rows.add_alert(stage.house, f"x-{severity}", severity=severity, occurred_at=rows.now())
        await expect(page.locator(f"#alert-x-{severity}")).to_be_visible()
        if severity == "critical":
            assert await notes(page) == wanted, "at once"
        else:
            await until(lambda: notes(page), wanted)


async def test_an_emergency_rings_on_after_the_page_was_loaded_anew_until_it_is_taken(stage: Stage) -> None:
    page = await listening(stage)
    await rows.add_alert(stage.house, "q1", severity="critical", occurred_at=rows.now())
    await expect(page.locator("#alert-q1")).to_be_visible()
    await page.reload()
    await is_live(page)
    assert (await notes(page))[:6] == ALARM
    await until(lambda: page.evaluate("window.notes.length >= 6"), True)  # and again
    await page.locator("#alert-q1 .take").tap()
    await until(lambda: actions(stage, "q1"), ["acknowledge"])
    await notes(page)
    await page.reload()
    await is_live(page)
    assert await notes(page) == []


async def test_it_rings_on_the_page_of_another_alert_and_of_a_plan_until_anybody_takes_it(stage: Stage) -> None:
    page, other = await listening(stage, "/alerts/a2"), await stage.visitor("wang")
    await is_live(other)
    await rows.add_alert(stage.house, "q1", severity="critical", occurred_at=rows.now())
    await expect(page.locator("#toast")).to_contain_text("紧急报警：门被强行打开")
    assert (await notes(page))[:6] == ALARM
    assert await faults_here(page) == []
    await until(lambda: page.evaluate("window.notes.length >= 6"), True)
    await other.locator("#alert-q1 .take").tap()
    await until(lambda: actions(stage, "q1"), ["acknowledge"])
    await page.goto(f"{stage.base}/complexes/garden/plan")
    await is_live(page)
    assert await notes(page) == []
    await rows.add_alert(stage.house, "q2", severity="critical", occurred_at=rows.now())
    await expect(page.locator("#toast")).to_contain_text("紧急报警")
    assert (await notes(page))[:6] == ALARM


async def test_the_bell_silences_and_stays_silent(stage: Stage) -> None:
    page = await listening(stage)
    await expect(page.locator("#sound")).to_have_attribute("aria-pressed", "true")
    await page.locator("#sound").tap()
    await page.reload()
    await is_live(page)
    await expect(page.locator("#sound")).to_have_attribute("aria-pressed", "false")
    await rows.add_alert(stage.house, "q1", severity="critical", occurred_at=rows.now())
    await expect(page.locator("#alert-q1")).to_be_visible()
    assert await notes(page) == []


async def test_a_phone_that_wakes_asks_for_what_it_missed_from_its_last_position(stage: Stage) -> None:
    page = await stage.visitor("li")
    await page.add_init_script(DEAF)
    await page.clock.install()
    await page.reload()
    await is_live(page)
    await rows.add_alert(stage.house, "n1", occurred_at=rows.now())
    await expect(page.locator("#alert-n1")).to_be_visible()
    position = stage.house.live.position
    await page.evaluate("window.streams.at(-1).deaf = true; window.turn('hidden')")
    await rows.add_alert(stage.house, "n2", occurred_at=rows.now())
    await until(lambda: page.evaluate("window.streams.length"), 1)
    assert await page.locator("#alert-n2").count() == 0, "the control: it slept"
    await stage.vanish()  # no line yet
    await page.clock.fast_forward(40_000)
    await page.evaluate("window.turn('visible')")
    await expect(page.locator("#banner")).to_contain_text("与中心失去联系 4")  # at once, and how long
    await stage.serve()
    await expect(page.locator("#alert-n2")).to_be_visible()
    await expect(page.locator("#banner")).to_be_hidden()
    assert await page.evaluate("window.streams.at(-1).address") == f"/live?after={position}"


async def test_a_short_look_elsewhere_opens_no_new_stream(stage: Stage) -> None:
    page = await stage.visitor("li")
    await page.add_init_script(DEAF)
    await page.reload()
    await is_live(page)
    await page.evaluate("window.turn('hidden'); window.turn('visible')")
    await rows.add_alert(stage.house, "n1", occurred_at=rows.now())
    await expect(page.locator("#alert-n1")).to_be_visible()
    assert await page.evaluate("window.streams.length") == 1


async def test_the_colours_by_day_are_chosen_in_the_menu_and_sound(stage: Stage) -> None:
    page = await stage.visitor("li")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert await page.evaluate(ground) == "rgb(15, 21, 28)"
    await page.locator(".menu summary").tap()
    await page.get_by_role("link", name="浅色").tap()
    await expect(page.locator('meta[name="color-scheme"]')).to_have_attribute("content", "light")
    assert await page.evaluate(ground) == "rgb(243, 246, 249)"
    assert await faults_here(page) == []
    await page.goto(f"{stage.base}/theme/auto")
    for scheme, colour in (("dark", "rgb(15, 21, 28)"), ("light", "rgb(243, 246, 249)")):
        await page.emulate_media(color_scheme=scheme)  # pyright: ignore[reportArgumentType]
        await page.goto(stage.base)
        assert await page.evaluate(ground) == colour


async def test_what_somebody_silenced_is_listed_and_rings_no_phone_until_that_ends(stage: Stage) -> None:
    """Control: what another device says rings all the while, and the same one once the silence was ended."""
    page, other = await listening(stage), await stage.visitor("li")
    await rows.add_alert(stage.house, "q1", severity="critical", device="x:1", occurred_at=rows.now())
    await until(lambda: page.evaluate("window.notes.length >= 6"), True)
    await other.goto(f"{stage.base}/silences/new?alert=q1")
    await other.locator("[name=reason]").fill("门磁坏了")
    await other.locator("[name=up_to]").select_option("critical")
    await other.locator("form:has([name=reason]) button.primary").click()
    await expect(page.locator("#alert-q1")).to_have_attribute("data-silenced-until", re.compile("T"))
    await page.reload()
    await is_live(page)
    assert await notes(page) == [] and await page.locator("#alert-q1").is_visible()
    await rows.add_alert(stage.house, "q2", severity="critical", device="x:1", occurred_at=rows.now())
    await expect(page.locator("#alert-q2")).to_be_attached()
    assert await notes(page) == []
    await rows.add_alert(stage.house, "q3", severity="critical", device="x:2", place="后门", occurred_at=rows.now())
    await until(lambda: page.evaluate("window.notes.length >= 6"), True)
    await page.locator("#alert-q3 .take").tap()
    await until(lambda: actions(stage, "q3"), ["acknowledge"])
    await other.goto(f"{stage.base}/silences")
    await other.locator("form[action$='/end'] button").first.click()
    await expect(page.locator("#alert-q1")).not_to_have_attribute("data-silenced-until", re.compile("T"))
    await page.reload()
    await is_live(page)
    assert (await notes(page))[:6] == ALARM


async def test_of_a_flood_the_newest_are_on_the_page_all_are_counted_and_none_rings_twice(stage: Stage) -> None:
    page = await listening(stage)
    for number in range(60):
        await rows.add_alert(stage.house, f"f{number:02}", incident="f00", severity="medium", occurred_at=rows.now())
    group = page.locator('.group[data-incident="f00"]')
    await expect(group.locator(".count").first).to_have_text("×60")
    await expect(group.locator(".card")).to_have_count(50)
    await rows.touch_alert(stage.house, "f00")
    await rows.add_alert(stage.house, "f60", incident="f00", severity="medium", occurred_at=rows.now())
    await expect(group.locator(".count").first).to_have_text("×61")
    await rows.add_alert(stage.house, "f61", incident="f00", severity="high", occurred_at=rows.now())
    await until(lambda: page.evaluate("window.notes.length"), len(ORDINARY + IMPORTANT))
    assert await notes(page) == ORDINARY + IMPORTANT, "once, and for what is worse"
    await rows.add_alert(stage.house, "g0", severity="medium", place="后门", occurred_at=rows.now())
    await until(lambda: notes(page), ORDINARY)  # the control: another matter is heard
    await expect(group.locator(".card")).to_have_count(50)


async def judged(stage: Stage, alert: str, why: str, severity: str) -> None:
    """What the ladder makes of an alert, in no matter."""
    said = Alert(
        id=alert,
        rule="door_forced",
        severity=severity,  # pyright: ignore[reportArgumentType]
        category="security",
        complex=rows.GARDEN,
        device="uhppoted:1",
        occurred_at=rows.now(),
        reach_s=300,
    )
    async with stage.house.db.write() as connection:
        await duty_alerts.keep(connection, [duty_alerts.Remembered(said, None, why)])


async def test_a_phone_sounds_for_what_the_ladder_asks_people_about(stage: Stage) -> None:
    """Control: the same alert, once the ladder is sure of it; and another emergency, of which nothing was said."""
    page = await listening(stage)
    await judged(stage, "w1", "inhibited", "critical")
    await rows.add_alert(stage.house, "w1", severity="critical", occurred_at=rows.now())
    await expect(page.locator("#alert-w1")).to_contain_text("由另一件事引起，不单独通知")
    await judged(stage, "w2", "unsure", "high")
    await rows.add_alert(stage.house, "w2", severity="high", place="后门", occurred_at=rows.now())
    await expect(page.locator("#alert-w2")).to_have_attribute("data-quiet", "unsure")
    await rows.add_alert(stage.house, "w3", severity="medium", place="北门", occurred_at=rows.now())
    await until(lambda: page.evaluate("window.notes.length"), len(ORDINARY))
    assert await notes(page) == ORDINARY, "of the last alone"
    await judged(stage, "w2", "rings", "high")
    await rows.touch_alert(stage.house, "w2")
    await until(lambda: page.evaluate("window.notes.length"), len(IMPORTANT))
    assert await notes(page) == IMPORTANT


async def test_an_emergency_that_turns_out_to_follow_from_another_rings_no_longer(stage: Stage) -> None:
    page = await listening(stage)
    await page.clock.install()
    await page.reload()
    await is_live(page)
    await rows.add_alert(stage.house, "w1", severity="critical", occurred_at=rows.now())
    await until(lambda: page.evaluate("window.notes.length >= 6"), True)
    await notes(page)
    await page.clock.fast_forward(4_500)
    await until(lambda: page.evaluate("window.notes.length >= 6"), True)  # the control: it rings until then
    await judged(stage, "w1", "inhibited", "critical")
    await rows.touch_alert(stage.house, "w1")
    await expect(page.locator("#alert-w1")).to_have_attribute("data-quiet", "inhibited")
    await notes(page)
    await page.clock.fast_forward(4_500)
    await rows.add_alert(stage.house, "w2", severity="medium", place="北门", occurred_at=rows.now())
    await until(lambda: page.evaluate("window.notes.length"), len(ORDINARY))
    assert await notes(page) == ORDINARY
