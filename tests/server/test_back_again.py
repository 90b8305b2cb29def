"""What told of a silence ends by itself once the thing is back for good: by name, once, and not while it only flaps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from domain.events import Event
from server.audit import Actor
from server.duty.back_again import BackAgain
from server.silent_gateways import SILENT_AFTER, SilentGateways
from server.store import alert_views, duty_rows, health_rows, schema
from server.store.alert_actions import Asked, Doer
from server.store.engine import stamp, unstamp
from server.store.health_rows import Hello
from server.store.scope import CITY
from tests.server import rows
from tests.server.centre import Centre, Gateway, centre
from tests.server.engines import Engine

CAMERA = "frigate:yard"
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def here(tmp_path: Path, engine: Engine) -> AsyncIterator[Centre]:
    async with centre(tmp_path, engine) as made:
        yield made


async def heard(here: Centre, gateway: Gateway, ago: timedelta, for_: timedelta) -> None:
    """It was heard for so long without a gap, and so long ago for the last time."""
    last = here.house.now() - ago
    said = {"last_seen_at": stamp(last), "heard_since": stamp(here.house.now() - for_)}
    async with here.house.db.write() as connection:
        await connection.execute(schema.gateway.update().where(schema.gateway.c.id == gateway.id).values(**said))


async def look(here: Centre) -> None:
    house = here.house
    await BackAgain(house.db, house.acting.duties, house.now, house.live.ring).look()


async def view(here: Centre, alert: str) -> alert_views.AlertView:
    async with here.house.db.read() as connection:
        found = await alert_views.one(connection, CITY, alert)
    assert found is not None
    return found


async def matter(here: Centre, alert: str) -> duty_rows.Matter | None:
    async with here.house.db.read() as connection:
        return await duty_rows.of_alert(connection, alert)


async def silent(here: Centre, gateway: Gateway) -> str:
    """Its silence is told, and on the ladder; the alert."""
    known = {row["id"] for row in await here.rows(schema.alert)}
    await heard(here, gateway, timedelta(minutes=6), timedelta(hours=1))
    passed_s = iter(range(0, 2_000, 20))
    watch = SilentGateways(here.house.db, here.house.log, here.house.now, lambda: float(next(passed_s)))
    for _ in range(int(SILENT_AFTER.total_seconds()) // 20 + 1):
        await watch.look()
    await here.wait_for(schema.alert, lambda found: len(found) > len(known), rule="alarm_gateway_silent")
    await here.settled()
    (new,) = {row["id"] for row in await here.rows(schema.alert)} - known
    return new


async def test_a_gateway_that_is_back_ends_its_alert_and_its_matter_by_name_and_tells_since_when(here: Centre) -> None:
    gateway = await here.gateway()
    alert = await silent(here, gateway)
    before = await matter(here, alert)
    assert before is not None and before.state.status == "open", "it rings until then"
    await heard(here, gateway, timedelta(seconds=5), 7 * MINUTE)
    (row,) = await here.rows(schema.gateway, id=gateway.id)
    await look(here)
    ended, there = await view(here, alert), await matter(here, alert)
    assert (ended.status, ended.action, ended.actor) == ("closed", "clear", None)
    assert ended.acted_at == unstamp(row["heard_since"]), "since when, not when we noticed"
    assert there is not None and there.state.ended is not None and there.state.ended.why == "cleared"
    assert await here.rows(schema.live, ref=alert), "screens hear of it"
    await look(here)
    assert len(await here.rows(schema.alert_action, alert=alert)) == 1


@pytest.mark.parametrize(
    ("ago", "for_", "status"),
    [
        (timedelta(seconds=5), 4 * MINUTE, "open"),
        (2 * MINUTE, 9 * MINUTE, "open"),
        (timedelta(seconds=5), 6 * MINUTE, "closed"),
    ],
    ids=["not for long yet", "fell silent again", "the control: back for good"],
)
async def test_a_gateway_that_only_flaps_ends_nothing(
    here: Centre, ago: timedelta, for_: timedelta, status: str
) -> None:
    gateway = await here.gateway()
    alert = await silent(here, gateway)
    await heard(here, gateway, ago, for_)
    await look(here)
    assert (await view(here, alert)).status == status


async def test_the_next_silence_is_news_and_another_gateway_s_is_not_ended_by_it(here: Centre) -> None:
    gateway, other = await here.gateway(), await here.gateway()
    first, elsewhere = await silent(here, gateway), await silent(here, other)
    await heard(here, gateway, timedelta(seconds=5), 7 * MINUTE)
    await look(here)
    assert (await view(here, elsewhere)).status == "open"
    second = await silent(here, gateway)
    assert second != first
    assert (await view(here, second)).status == "open"


async def test_what_a_person_closed_stays_as_they_closed_it(here: Centre) -> None:
    gateway = await here.gateway()
    alert = await silent(here, gateway)
    async with here.house.db.write() as connection:
        doer = Doer(Actor("li", "patrol"), await rows.add_person(connection, "li", "patrol", CITY))
    asked = Asked("close", (alert,), "key-1", "断电，已送电")
    await here.house.acting.act(doer, CITY, asked, here.house.now())
    await heard(here, gateway, timedelta(seconds=5), 7 * MINUTE)
    await look(here)
    assert ((await view(here, alert)).action, (await view(here, alert)).note) == ("close", "断电，已送电")


def said(state: str, at: datetime) -> Event:
    return Event(kind="availability", device=CAMERA, state=state, time=at)


@pytest.mark.parametrize(
    ("back", "gateway_ago", "status"),
    [(2 * MINUTE, timedelta(), "open"), (8 * MINUTE, 3 * MINUTE, "open"), (8 * MINUTE, timedelta(), "closed")],
    ids=["not for long yet", "its gateway is silent: nobody knows", "the control: there for good"],
)
async def test_a_device_that_is_back(here: Centre, back: timedelta, gateway_ago: timedelta, status: str) -> None:
    gateway, now = await here.gateway(), here.house.now()
    await gateway.send(said("offline", now - 15 * MINUTE), said("online", now - back))
    (row,) = await here.wait_for(schema.alert, len, rule="device_offline")
    await here.settled()
    await heard(here, gateway, gateway_ago, timedelta(hours=1))
    await look(here)
    seen = await view(here, row["id"])
    assert seen.status == status
    if status == "closed":
        assert seen.acted_at == unstamp(stamp(now - back))


async def test_a_device_that_went_away_again_stands_as_it_is(here: Centre) -> None:
    gateway, now = await here.gateway(), here.house.now()
    states = [("offline", 20), ("online", 15), ("offline", 9)]
    await gateway.send(*(said(state, now - ago * MINUTE) for state, ago in states))
    found = await here.wait_for(schema.alert, lambda rows: len(rows) == 2, rule="device_offline")
    await here.settled()
    await heard(here, gateway, timedelta(), timedelta(hours=1))
    await look(here)
    assert {(await view(here, row["id"])).status for row in found} == {"open"}


async def test_since_when_a_gateway_is_heard_without_a_gap(here: Centre) -> None:
    gateway, start = await here.gateway(), here.house.now()

    async def hello(after_s: float) -> Any:
        at = start + timedelta(seconds=after_s)
        async with here.house.db.write() as connection:
            await health_rows.keep(connection, [Hello(gateway.id, at, {}, {})])
            query = select(schema.gateway.c.heard_since).where(schema.gateway.c.id == gateway.id)
            since = (await connection.execute(query)).scalar_one()
        return round((unstamp(since) - start).total_seconds())

    assert [await hello(after_s) for after_s in (0, 30, 110, 300, 330)] == [0, 0, 0, 300, 300]


async def replaced(here: Centre, gateway: Gateway, by: Gateway | None = None) -> datetime:
    """Another box takes its place, or none; when its key ended."""
    if by is None:
        await here.house.gateways.replace(gateway.id)
    else:
        code, _ = await here.house.gateways.issue_code("garden", replaces=gateway.id)
        assert (await by.enrol(code)).status_code == 200
    (row,) = await here.rows(schema.gateway, id=gateway.id)
    return unstamp(row["replaced_at"])


@pytest.mark.parametrize("is_retired", [False, True], ids=["another box", "no other box"])
async def test_the_silence_of_a_gateway_that_was_replaced_ends_by_that_name(here: Centre, is_retired: bool) -> None:
    gateway, other = await here.gateway(), await here.gateway()
    alert, elsewhere = await silent(here, gateway), await silent(here, other)
    await look(here)
    assert (await view(here, alert)).status == "open", "the control: a silent gateway that is still in use"
    at = await replaced(here, gateway, None if is_retired else Gateway(here.client))
    await look(here)
    ended, there = await view(here, alert), await matter(here, alert)
    assert (ended.status, ended.action, ended.actor, ended.acted_at) == ("closed", "retire", None, at)
    assert there is not None
    assert (await view(here, elsewhere)).status == "open", "a box that nobody replaced is still missed"
    assert await here.rows(schema.live, ref=alert), "screens hear of it"
    await look(here)
    assert len(await here.rows(schema.alert_action, alert=alert)) == 1
    (row,) = await here.rows(schema.gateway, id=gateway.id)
    assert row["silence_told"] is None, "nothing is left to look at"


async def test_a_matter_of_which_nothing_but_a_replaced_gateway_s_silence_is_left_ends(here: Centre) -> None:
    gateway = await here.gateway()
    alert = await silent(here, gateway)
    await replaced(here, gateway)
    await look(here)
    there = await matter(here, alert)
    assert there is not None and there.state.ended is not None and there.state.ended.why == "cleared"


async def test_an_alert_that_comes_after_the_box_was_replaced_ends_too(here: Centre) -> None:
    """The reader of alerts stood still: the silence was told, its alert is written later."""
    gateway = await here.gateway()
    alert = await silent(here, gateway)
    async with here.house.db.write() as connection:
        kept = (await connection.execute(select(schema.alert).where(schema.alert.c.id == alert))).mappings().one()
        await connection.execute(schema.alert.delete().where(schema.alert.c.id == alert))
    await replaced(here, gateway)
    await look(here)
    async with here.house.db.write() as connection:
        await connection.execute(schema.alert.insert().values(**{str(name): of for name, of in kept.items()}))
    assert (await view(here, alert)).status == "open"
    await look(here)
    assert (await view(here, alert)).action == "retire"


@pytest.mark.parametrize(
    ("said_ago", "is_heard", "status"),
    [(8 * MINUTE, True, "open"), (6 * MINUTE, False, "open"), (6 * MINUTE, True, "closed")],
    ids=["said by the old box", "the new box is not heard", "the control: said by the new box"],
)
async def test_a_device_that_is_back_behind_the_box_that_took_the_place_of_its_own(
    here: Centre, said_ago: timedelta, is_heard: bool, status: str
) -> None:
    gateway, now = await here.gateway(), here.house.now()
    await gateway.send(said("offline", now - 15 * MINUTE), said("online", now - said_ago))
    (row,) = await here.wait_for(schema.alert, len, rule="device_offline")
    await here.settled()
    new = Gateway(here.client)
    await replaced(here, gateway, new)
    async with here.house.db.write() as connection:
        ended = schema.gateway.update().where(schema.gateway.c.id == gateway.id)
        await connection.execute(ended.values(replaced_at=stamp(now - 7 * MINUTE)))
    if is_heard:
        await heard(here, new, timedelta(), timedelta(hours=1))
    await look(here)
    assert (await view(here, row["id"])).status == status
