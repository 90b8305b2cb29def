"""A night in a real Chromium, on phone and desk, dark and light, in Chinese and English: what comes is taken, given
back and closed with a photo; a source is silenced until its end; a shift is swapped, and another is rung."""

from __future__ import annotations

import os
import re
from datetime import timedelta

import msgspec
import pytest
from playwright.async_api import Page, expect
from sqlalchemy import select

from domain.duty.rota import Rota, Turn
from domain.events import Event, encode_event
from domain.ids import content_name
from domain.wire import pack, unpack
from eventlog.log import Arrival
from eventlog.shards import shard_of
from server.batches import Batch
from server.duty.climber import Climber
from server.duty.ladder import Ladder
from server.projections.alerts import Alerts
from server.store import duty_documents, schema
from server.store.engine import stamp
from server.store.scope import of_complexes
from tests.browser.stage import DESK, ON_STAGE, PHONE, Stage, is_live
from tests.browser.test_axe import faults_here
from tests.browser.test_offline import a_photo
from tests.browser.test_screens import actions, until
from tests.browser.test_waking import ALARM, EARS, notes
from tests.server import rows

SIZES = {"phone": PHONE, "desk": DESK}
_EVERY = ("phone-dark-zh", "desk-light-en", "phone-light-en", "desk-dark-zh")
FORMS = _EVERY if os.environ.get("FULL") else _EVERY[:2]  # each size, colour and language
pytestmark = [*ON_STAGE, pytest.mark.parametrize("form", FORMS)]


async def looks(stage: Stage, who: str, form: str) -> Page:
    """Somebody signed in, with these colours and this language."""
    size, theme, language = form.split("-")
    page = await stage.visitor(who, SIZES[size])
    await page.goto(f"{stage.base}/theme/{theme}")
    await page.goto(f"{stage.base}/lang/{language}")
    await page.goto(stage.base)
    await expect(page.locator("html")).to_have_attribute("lang", re.compile(language))
    return page


async def test_what_comes_is_taken_given_back_and_closed_with_a_photo(stage: Stage, form: str) -> None:
    page = await looks(stage, "li", form)
    await is_live(page)
    body = rows.picture("#224466", "7")
    await rows.keep_picture(stage.house, body=body)
    await rows.add_alert(stage.house, "n1", occurred_at=rows.now(), picture=content_name(body))
    card = page.locator("#alert-n1")
    await expect(card.locator("img")).to_have_js_property("complete", value=True)
    assert await card.locator("img").evaluate("(one) => one.naturalWidth") > 0, "with its picture, by itself"
    await card.locator(".take").click()
    await expect(page.locator('[data-section="acknowledged"] #alert-n1')).to_be_visible()
    await page.locator(".toast-undo").click()
    await expect(page.locator('[data-section="open"] #alert-n1')).to_be_visible()
    await until(lambda: actions(stage, "n1"), ["acknowledge", "undo"])
    await page.goto(f"{stage.base}/alerts/n1")
    await is_live(page)
    assert await faults_here(page) == []
    await page.fill("textarea", "门已关好")
    await page.set_input_files("input[name=photo]", a_photo())
    await page.locator("button[value=close]").click()
    await expect(page.locator(".step-photo img")).to_be_visible()
    await page.goto(f"{stage.base}/complexes/garden/plan")
    await is_live(page)
    assert await faults_here(page) == []


async def test_a_silence_has_a_reason_and_an_end_and_what_still_stands_rings_by_itself_then(
    stage: Stage, form: str
) -> None:
    """The control: what is silenced for longer stays quiet."""
    page = await looks(stage, "li", form)
    for identity in ("q1", "q2"):
        where = {"device": f"x:{identity}", "place": identity, "severity": "critical"}
        await rows.add_alert(stage.house, identity, **where, occurred_at=rows.now())
        await page.goto(f"{stage.base}/silences/new?alert={identity}")
        await page.locator("form:has([name=reason]) button.primary").click()  # without a reason the form stays
        assert "/silences/new" in page.url
        await page.locator("[name=reason]").fill("<b>换锁</b>")
        await page.locator("[name=hours]").select_option("1")
        await page.locator("[name=up_to]").select_option("critical")
        await page.locator("form:has([name=reason]) button.primary").click()
        await expect(page.locator("main")).to_contain_text("<b>换锁</b>")
    assert await faults_here(page) == []
    other = await stage.visitor("li")
    await is_live(other)
    await other.locator("#alert-a1 .take").tap()
    await until(lambda: actions(stage, "a1"), ["acknowledge"])
    await page.add_init_script(EARS)
    async with stage.house.db.write(rows.GARDEN) as connection:
        soon = stamp(rows.now() + timedelta(seconds=5))
        one = schema.silence.c.device == "x:q1"
        await connection.execute(schema.silence.update().where(one).values(until=soon))
    await page.goto(stage.base)
    await is_live(page)
    for identity in ("q1", "q2"):
        await expect(page.locator(f"#alert-{identity}")).to_have_attribute("data-silenced-until", re.compile("T"))
    await until(lambda: page.evaluate("window.notes.length >= 6"), True)
    assert (await notes(page))[:6] == ALARM, "no card came, and nobody touched it"
    await page.locator("#alert-q1 .take").click()
    await until(lambda: actions(stage, "q1"), ["acknowledge"])
    await notes(page)
    await page.reload()
    await is_live(page)
    assert await notes(page) == [], "the other silence goes on"


async def told(stage: Stage, device: str) -> None:
    """A door is forced: durable, and taken by the readers of alerts and of the ladder."""
    house, shard, at = stage.house, shard_of(rows.GARDEN), stage.house.now()
    event = Event(kind="door", device=device, point="door/1", place=device, state="forced_open", time=at)
    event.recorded_at = at
    packed = pack("gw-0a1b2c3d4e5f", "urgent", device, 1, [encode_event(event)])
    before = await house.log.head(shard)
    await house.log.append([Arrival(unpack(packed)[0], packed, rows.GARDEN)])
    batches = [Batch(record) for record in await house.log.read(shard, before, 10)]
    async with house.db.write(rows.GARDEN) as connection:
        await Alerts({}, house.now).fold(connection, batches)
        await Ladder(house.acting.duties, house.now).fold(connection, batches)
    house.live.ring()


async def rung(stage: Stage, place: str) -> list[str]:
    """Who was to be told of what happened at a place, one after the other."""
    step, state = schema.duty_step.c, schema.duty_state.c
    query = select(step.person).join(schema.duty_state, state.incident == step.incident).where(state.place == place)
    async with stage.house.db.read() as connection:
        return list((await connection.execute(query.order_by(step.number))).scalars())


async def test_a_shift_that_is_swapped_moves_who_is_rung(stage: Stage, form: str) -> None:
    house = stage.house
    async with house.db.write(rows.GARDEN) as connection:
        await rows.add_person(connection, "gao", "patrol", of_complexes(rows.GARDEN))
        body = msgspec.json.encode(Rota((Turn("li", "complex", "00:00-24:00"),)))
        await duty_documents.add(connection, "rota", rows.GARDEN, 0, body, "+ li", "wang", house.now())
    await told(stage, "x:1")
    assert await rung(stage, "x:1") == ["li"]
    page = await looks(stage, "chen", form)
    await page.goto(f"{stage.base}/duty/garden")
    today = page.locator(".week-day details").first
    await today.locator("summary").click()
    assert await faults_here(page) == []
    await today.locator("button[name=instead][value=gao]").click()
    await expect(page.locator(".week-day").first).to_contain_text("gao")
    await told(stage, "x:2")
    assert await rung(stage, "x:2") == ["gao"]
    await Climber(house.db, house.acting.duties, house.now, house.live.ring).look()
    assert await rung(stage, "x:1") == ["li", "gao"], "and what was open goes on to who came"
