"""Rules in a real Chromium: one is changed and tried on yesterday, is published, and judges what comes."""

from __future__ import annotations

from datetime import datetime, timedelta

from playwright.async_api import Page, expect
from sqlalchemy import select

from domain.events import Event, encode_event
from domain.wire import pack, unpack
from eventlog.log import Arrival
from eventlog.shards import shard_of
from server.batches import Batch
from server.projections.alerts import Alerts
from server.projections.conservation import Conservation
from server.store import schema
from tests.browser.stage import DESK, ON_STAGE, PHONE, Stage
from tests.browser.test_axe import faults_here
from tests.server import rows

pytestmark = ON_STAGE
GATEWAY = "gw-0a1b2c3d4e5f"
HELD = "门长时间未关"


async def told(stage: Stage, epoch: str, *times: datetime) -> None:
    """A door that is held open at these times: received, durable, and taken by the readers."""
    house, shard = stage.house, shard_of(rows.GARDEN)
    events = [
        Event(
            kind="door", device="uhppoted:9", point="door/9", place="北门", state="held_open", time=at, recorded_at=at
        )
        for at in times
    ]
    packed = pack(GATEWAY, "urgent", epoch, 1, [encode_event(event) for event in events])
    before = await house.log.head(shard)
    await house.log.append([Arrival(unpack(packed)[0], packed, rows.GARDEN)])
    batches = [Batch(record) for record in await house.log.read(shard, before, 10)]
    async with house.db.write(rows.GARDEN) as connection:
        await Conservation({}).fold(connection, batches)
        await Alerts({}, house.now).fold(connection, batches)
    house.live.ring()


async def severities(stage: Stage) -> list[str]:
    query = select(schema.alert.c.severity).where(schema.alert.c.device == "uhppoted:9")
    async with stage.house.db.read() as connection:
        return list((await connection.execute(query.order_by(schema.alert.c.received_at))).scalars())


async def open_rule(page: Page) -> None:
    await page.locator("details.rule", has_text=HELD).locator("summary").click()


async def test_a_rule_is_changed_tried_on_yesterday_published_and_judges_what_comes(stage: Stage) -> None:
    yesterday = rows.ago(days=1)
    await told(stage, "before", yesterday, yesterday + timedelta(seconds=1))
    assert await severities(stage) == ["medium", "medium"]
    page = await stage.visitor("wang", DESK)
    await page.goto(f"{stage.base}/rules/garden")
    await open_rule(page)
    await page.locator('[name="severity:door_held_open"]').select_option("critical")
    await page.get_by_role("button", name="试算这一天").first.click()
    await expect(page.locator('#preview tr[data-what="changed"]')).to_have_count(2)
    await expect(page.locator("#preview")).to_contain_text("2 条")
    assert await faults_here(page) == []
    await expect(page.locator('[name="severity:door_held_open"]')).to_have_value("critical")
    await page.locator("[name=reason]").first.fill("消防要求")
    await page.get_by_role("button", name="发布", exact=True).first.click()
    await expect(page.locator("#versions")).to_contain_text("消防要求")
    await expect(page.locator("main")).to_contain_text("现在按第 1 版判断")
    await told(stage, "after", rows.now())
    assert await severities(stage) == ["medium", "medium", "critical"], "and what was judged stays"
    await page.goto(f"{stage.base}/alerts")
    await expect(page.locator("main")).to_contain_text("北门")


async def test_what_is_wrong_is_shown_where_it_stands_on_a_phone_too(stage: Stage) -> None:
    for size in (PHONE, DESK):
        page = await stage.visitor("wang", size)
        await page.goto(f"{stage.base}/rules/garden")
        await open_rule(page)
        await page.locator('[name="hours:door_held_open"]').fill("8-18")
        await page.get_by_role("button", name="试算这一天").first.click()
        await expect(page.locator("[role=alert]")).to_contain_text("写成 22:00-05:00")
        await expect(page.locator("details.rule[open] input[name='hours:door_held_open']")).to_have_value("8-18")
        assert await faults_here(page) == []
