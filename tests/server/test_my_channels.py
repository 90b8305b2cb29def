"""The page of one's own channels, what an alert's page says of who was told, and whose screens stand open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from server.channels.channel import NotSent
from server.channels.people import told
from server.channels.presence import Presence
from server.live_screen import Hearer
from server.logins import digest
from server.store import delivery_rows, person_channel_rows, schema
from server.store.delivery_rows import Delivery, Whom
from server.store.engine import stamp
from tests.rig import until
from tests.server import rows
from tests.server.engines import Engine
from tests.server.people import City, city
from tests.server.told import BROWSER, give_channels

HERE = "/me/channels"


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        async with made.house.db.write("garden") as connection:
            await rows.add_matter(connection, "a1", made.house.now())
        yield made


async def ways_of(town: City, username: str) -> list[str]:
    house = town.house
    async with house.db.read() as connection:
        found = await told(connection, house.channels, Whom(username), "garden", house.now())
    return [f"{way.channel}:{way.least}" for way in found.wishes.ways]


async def test_somebody_orders_their_channels_and_tries_one(town: City) -> None:
    group = give_channels(town.house)
    li = await town.visitor("li")
    page = await li.page(HERE)
    assert "值班群" in page and "滨河群" not in page, "a group of a complex that li does not see is none of theirs"
    assert await ways_of(town, "li") == ["screen:low", "group:low"]
    for fields in ({"channel": "sms", "on": "yes", "least": "high", "address": "138 0000 0000"}, {"channel": "mail"}):
        assert (await li.submit(HERE, **{"least": "low", **fields})).headers["location"] == HERE
    for _ in range(2):
        await li.submit(f"{HERE}/move", channel="sms")
    assert await ways_of(town, "li") == ["screen:low", "sms:high", "group:low"]
    for bad in ({"channel": "mail", "on": "yes", "address": "a@b, c@d"}, {"channel": "sms", "address": "x"}):
        assert (await li.submit(HERE, least="low", **bad)).headers["location"].endswith("wrong=address")
    assert (await li.submit(HERE, channel="river", least="low")).status_code == 404
    assert (await li.submit(f"{HERE}/hours", **{"from": "22:00", "to": "25:00"})).headers["location"].endswith("hours")
    await li.submit(f"{HERE}/hours", **{"from": "22:00", "to": "06:00"})
    sent = await li.submit(f"{HERE}/test", channel="group")
    assert "测试已送出" in sent.text and "由 li 发出" in group.taken[0].text
    assert (await li.submit(f"{HERE}/test", channel="group")).headers["location"].endswith("soon"), "others read it too"
    sun = await town.visitor("sun")
    group.failing = [NotSent("blocked", "310000")]
    assert "被对方的安全设置拦下" in (await sun.submit(f"{HERE}/test", channel="group")).text
    async with town.house.db.read() as connection:
        known = await person_channel_rows.find(connection, "li")
        assert known is not None
        assert (await person_channel_rows.habits(connection, known.id)).quiet_from == "22:00"


async def test_a_browser_is_added_where_it_is_one_and_removed_by_its_owner(town: City) -> None:
    give_channels(town.house)
    li, zhao = await town.visitor("li"), await town.visitor("zhao")
    assert (await li.submit(f"{HERE}/browsers", **BROWSER)).status_code == 303
    for bad in ({"endpoint": "https://169.254.169.254/latest"}, {"auth": "AAAA"}, {"endpoint": "http://x"}):
        assert (await li.submit(f"{HERE}/browsers", **{**BROWSER, **bad})).status_code == 422
    assert await ways_of(town, "li") == ["screen:low", "group:low", "push:low"]
    async with town.house.db.read() as connection:
        name = (await connection.execute(select(schema.browser.c.digest))).scalar_one()
    page = await li.page(HERE)
    assert name in page and BROWSER["endpoint"] not in page and BROWSER["auth"] not in page
    await zhao.submit(f"{HERE}/browsers/remove", browser=name)
    assert name in await li.page(HERE), "another's is not theirs to remove"
    await li.submit(f"{HERE}/browsers/remove", browser=name)
    assert name not in await li.page(HERE)


async def test_the_alerts_page_says_who_was_told_by_what_and_marks_it_as_seen(town: City) -> None:
    give_channels(town.house)
    now = town.house.now()
    base = {"incident": "a1", "complex": "garden", "severity": "critical", "at": stamp(now)}
    hostile = "<script>alert(1)</script>"
    async with town.house.db.write("garden") as connection:
        for row in (
            Delivery(**base, number=1, channel="group", person="li", desk="", state="sent"),
            Delivery(**base, number=1, channel="sms", person="li", desk="", state="failed", error="bad_key", words="x"),
            Delivery(**base, number=2, channel="", person="", desk=hostile, state="failed", error="no_channel"),
        ):
            await delivery_rows.add(connection, row)
    wang, li = await town.visitor("wang"), await town.visitor("li")
    page = await wang.page("/alerts/a1")
    assert all(word in page for word in ("值班群", "已通知", "通知失败", "密钥或签名不对", "没有可用的渠道"))
    assert hostile not in page and "&lt;script&gt;" in page
    assert "已打开查看" not in page, "wang was not the one who was told"
    await li.page("/alerts/a1")
    assert "已打开查看" in await wang.page("/alerts/a1")


async def test_who_has_a_page_open_is_known_for_a_few_seconds(town: City) -> None:
    house = town.house
    li = await town.visitor("li")
    token = digest(li.client.cookies["gatehouse_login"])
    stream = house.live.subscribe(Hearer(rows.PEOPLE["li"][1], token, "patrol"), "zh", None)
    await anext(stream)
    at = [house.now()]
    presence = Presence(house.db, house.live, lambda: at[0])
    await presence.look()

    async def is_open() -> bool:
        async with house.db.read() as connection:
            known = await person_channel_rows.find(connection, "li")
            assert known is not None
            return await person_channel_rows.screen_open(connection, known.id, at[0])

    assert await is_open()
    await stream.aclose()  # pyright: ignore[reportAttributeAccessIssue] - a generator
    await until(lambda: house.live.screens == 0)
    at[0] += timedelta(seconds=13)
    await presence.look()
    assert not await is_open()
