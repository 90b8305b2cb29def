"""Ten doubtful passages cleared by keyboard, a key press each, and one taken back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import select

from domain.events import Event, Media
from server.store import schema
from server.store.engine import Database
from tests.browser.stage import DESK, ON_STAGE, PHONE, Stage
from tests.server import rows
from tests.server.doubtful_city import COMPLEX, Lot, lane_alarm, read

pytestmark = ON_STAGE
NEAR = (("粤B8K6Q2", "粤B8K602"), ("粤B51234", "粤BS1234"), ("粤B88888", "粤B8888B"), ("京A12Z45", "京A12245"))
# By age: what is asked, and the key that answers it.
KEYS = ("1", "1", "1", "1", "n", "v", "s", "a", "a", "a")


def told(pictures: list[str]) -> list[Event]:
    """Ten doubts, each with its picture: four misread exits, and one of everything else."""
    found: list[Event] = []
    for number, (plate, misread) in enumerate(NEAR):
        found.append(read(100 + number, plate, "in", number, picture=pictures[0]))
        found.append(read(200 + number, misread, "out", 100 + number, picture=pictures[1]))
    stranger = read(300, "津C99999", "out", 110, picture=pictures[1])
    unread = read(301, "", "out", 111, picture=pictures[1])
    twice = [read(302, "粤B33333", "in", 5), read(303, "粤B33333", "in", 112, picture=pictures[0])]
    colors = [read(304, "粤B44444", "in", 6), read(305, "粤B44444", "out", 113, color="yellow", picture=pictures[1])]
    lost = read(306, "粤B55555", "unknown", 114, lane="yard", picture=pictures[1])
    came = read(307, "粤B55555", "in", 200)
    alarm = lane_alarm(1, 115, media=[Media(role="scene", sha256=pictures[1])])
    return [*found, stranger, unread, *twice, *colors, lost, came, alarm]


async def ten_doubts(stage: Stage) -> Lot:
    """A lot without what the city already had in doubt."""
    pictures = [
        await rows.keep_picture(stage.house, body=rows.picture(c, t)) for c, t in (("#363", "in"), ("#633", "out"))
    ]
    async with stage.house.db.write() as connection:
        for table in (schema.doubt, schema.passage_correction):
            await connection.execute(table.delete())
    lot = Lot(stage.house.db)
    await lot.tell(*told(pictures))
    return lot


async def count(db: Database, table: Any) -> int:
    async with db.read() as connection:
        return len((await connection.execute(select(table))).all())


async def press(page: Page, key: str) -> None:
    """One key; the next passage is there when it is done."""
    item = page.locator("#item")
    before = await item.get_attribute("data-passage") or ""
    await page.keyboard.press(key)
    await expect(item).not_to_have_attribute("data-passage", before)


@pytest.mark.parametrize("size", [DESK], ids=["desk"])
async def test_ten_doubtful_passages_are_cleared_by_keyboard(stage: Stage, size: Any) -> None:
    await ten_doubts(stage)
    page = await stage.visitor("sun", size)
    await page.goto(f"{stage.base}/parking/doubtful")
    await expect(page.locator(".progress")).to_contain_text("第 1 条，共 10 条")
    await expect(page.locator(".pair img")).to_have_count(2)
    await expect(page.locator(".offer mark.alike")).to_have_text("Q")
    await page.keyboard.press("?")
    await expect(page.locator("#keys")).to_be_visible()
    await page.keyboard.press("v")  # while the keys are explained none does anything
    await page.keyboard.press("Escape")
    began = datetime.now().astimezone()
    for key in KEYS[:6]:
        await press(page, key)
    await expect(page.locator(".progress")).to_contain_text("第 7 条，共 10 条")
    await press(page, "u")
    await expect(page.locator(".doubt-head .chip")).to_have_text("没有读出车牌")
    for key in KEYS[5:]:
        await press(page, key)
    await expect(page.locator(".empty-title")).to_have_text("没有待核对的通行")
    assert datetime.now().astimezone() - began < timedelta(seconds=60)
    assert await count(stage.house.db, schema.passage_correction) == 12, "eleven words, and one taken back"
    async with stage.house.db.read() as connection:
        table = schema.session
        query = select(table.c.state).where(table.c.complex == COMPLEX, table.c.plate.in_([plate for plate, _ in NEAR]))
        assert set((await connection.execute(query)).scalars()) == {"exited"}


async def test_a_plate_is_typed_on_a_phone_and_what_cannot_be_is_said(stage: Stage) -> None:
    lot = await ten_doubts(stage)
    page = await stage.visitor("sun", PHONE)
    await page.goto(f"{stage.base}/parking/doubtful")
    await page.fill("[name=plate]", "??")
    await page.click("text=更正车牌")
    await expect(page.locator("[role=alert]")).to_have_text("这不是一个车牌。")
    await page.fill("[name=plate]", "粤B8K6Q2")
    await page.click("text=更正车牌")
    await expect(page.locator(".progress")).to_contain_text("第 2 条，共 10 条")
    assert await count(lot.db, schema.passage_correction) == 1
