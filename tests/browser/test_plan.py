"""The plan in a real Chromium: a picture uploaded, a pin moved by the keyboard and by hand, and a door seen forced."""

from __future__ import annotations

import asyncio
import io

import pytest
from PIL import Image, ImageDraw
from playwright.async_api import FilePayload, Page, expect
from sqlalchemy import select

from domain.events import Event, encode_event
from domain.wire import pack
from eventlog.log import Record
from server.batches import Batch
from server.projections.doors import Doors
from server.store import schema
from tests.browser.stage import DESK, ON_STAGE, PHONE, Stage, is_live
from tests.browser.test_axe import faults_here
from tests.browser.test_screens import until
from tests.server import rows

pytestmark = ON_STAGE
CONTROLLER = "uhppoted:405419896"


def a_plan() -> FilePayload:
    picture = Image.new("RGB", (1_200, 800), "#dfe6ee")
    pen = ImageDraw.Draw(picture)
    for number in range(6):
        pen.rectangle((80 + 180 * number, 150, 200 + 180 * number, 620), fill="#9fb4c9", outline="#33475b", width=6)
    into = io.BytesIO()
    picture.save(into, "PNG")
    return {"name": "plan.png", "mimeType": "image/png", "buffer": into.getvalue()}


async def stands(stage: Stage, point: str, state: str) -> None:
    """The door's contact opens: what the projection of doors makes of it, and the word to the screens."""
    at = rows.now()
    event = Event(kind="door", device=CONTROLLER, point=point, state=state, time=at, recorded_at=at)
    batch = Batch(Record(1, pack("gw-1", "urgent", "e1", 1, [encode_event(event)]), "garden", at.isoformat()))
    async with stage.house.db.write() as connection:
        await Doors(stage.house.now).fold(connection, [batch])
    stage.house.live.ring()


async def at(stage: Stage) -> tuple[int, int] | None:
    query = select(schema.pin.c.x, schema.pin.c.y).where(schema.pin.c.point == "door/3")
    async with stage.house.db.read() as connection:
        row = (await connection.execute(query)).first()
    return None if row is None else (row.x, row.y)


async def is_near(stage: Stage, spot: tuple[int, int]) -> bool:
    found = await at(stage)
    return found is not None and all(abs(one - other) <= 3 for one, other in zip(found, spot, strict=True))


async def put_on(page: Page, stage: Stage) -> None:
    """A picture, and a door on it."""
    await page.goto(f"{stage.base}/complexes/garden/plan?edit=1")
    await page.set_input_files('form[action$="/picture"] [name=file]', a_plan())
    await page.locator('form[action$="/picture"] button').first.click()
    await expect(page.locator("img.plan-picture")).to_be_visible()
    row = page.locator(".plan-things li", has_text="3号楼单元门")
    await row.get_by_role("button", name="放到图上").click()


async def nobody_hears(shown: Page, stage: Stage) -> None:
    """The positive control: without the word to the screens a page goes on showing what was."""

    async def silent(*_: object) -> None: ...

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("server.projections.doors.announce_to_plans", silent)
        await stands(stage, "door/3", "held_open")
        await rows.touch_alert(stage.house, "r1", rows.RIVER)  # another complex's alert: heard, and not asked for
        await asyncio.sleep(1.2)  # longer than a page waits before it asks
    await expect(shown.locator(".pin-link")).to_have_attribute("data-sign", "open")


async def test_a_pin_is_put_on_a_picture_and_turns_when_its_door_is_forced(stage: Stage) -> None:
    page = await stage.visitor("wang", DESK)
    await put_on(page, stage)
    pin = page.locator("svg.pin")
    await expect(pin).to_be_focused()
    for key in ("ArrowLeft", "ArrowLeft", "Shift+ArrowUp"):
        await page.keyboard.press(key)
    await until(lambda: at(stage), (490, 450))
    await expect(page.locator("#plan-status")).to_contain_text("已保存：左 490，上 450")
    await pin.hover()
    box = await page.locator("#plan-pins").bounding_box()
    assert box is not None
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.5, steps=4)
    await page.mouse.up()
    await until(lambda: is_near(stage, (250, 500)), True)
    assert await faults_here(page) == []
    shown = await stage.visitor("li", PHONE)
    await shown.goto(f"{stage.base}/complexes/garden/plan")
    await is_live(shown)
    sign = shown.locator(".pin-link")
    await expect(sign).to_have_attribute("data-sign", "open")
    await sign.focus()
    await nobody_hears(shown, stage)
    await stands(stage, "door/3", "forced_open")
    await expect(sign).to_have_attribute("data-sign", "forced")
    await expect(sign).to_be_focused()
    await expect(shown.locator("#announce")).to_contain_text("被强行打开")
    await rows.add_alert(stage.house, "n9", place="3号楼单元门", point="door/3", occurred_at=rows.now())
    await expect(sign).to_have_attribute("data-alerts", "1")
    assert await faults_here(shown) == []
    await sign.click()
    await expect(shown).to_have_url(f"{stage.base}/alerts/n9")
    await shown.get_by_role("link", name="在平面图上看").click()
    await expect(shown.locator("svg.pin.sought")).to_be_visible()
