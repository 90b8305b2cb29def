"""For how long gateways were heard and devices online: hellos add up to it, silences do not, and days are bounded."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store import health_rows, online_rows, schema
from server.store.engine import Database, stamp
from server.store.health_rows import Hello
from server.store.online_rows import Gateway, Heard, online
from tests.server import rows
from tests.server.engines import Engine, open_database

BEGAN = datetime(2026, 3, 9, 22, 58, 0, 250_000, tzinfo=UTC)
DEVICES = [{"id": f"x:{number}"} for number in range(10)]


@pytest.fixture
async def db(tmp_path: Path, engine: Engine) -> AsyncIterator[Database]:
    async with open_database(tmp_path, engine) as db:
        async with db.write() as connection:
            await rows.add_complexes(connection)
            await rows.insert(connection, schema.gateway, gateway_row("gw-1"), gateway_row("gw-2"))
        yield db


def gateway_row(identity: str, complex_id: str = rows.GARDEN) -> dict[str, Any]:
    return {"id": identity, "complex": complex_id, "public_key": {}, "enrolled_at": stamp(BEGAN)}


async def say(db: Database, at: datetime, down: int = 0, gateway: str = "gw-1") -> None:
    async with db.write() as connection:
        said = rows.hello(1, devices=DEVICES, devices_down=down)
        await health_rows.keep(connection, [Hello(gateway, at, said, {})])


async def total(connection: AsyncConnection, since: datetime, until: datetime) -> Heard:
    return (await online_rows.heard(connection, true(), since, until)).get("gw-1", Heard())


async def test_hellos_add_up_to_the_second_over_hours_and_days(db: Database) -> None:
    """Against a second by second count of the same history, made here."""
    dice, at, down = random.Random(3), BEGAN, 0
    seconds = list[tuple[int, int]]()  # a second that was heard, and how many devices were online then
    await say(db, at)
    for _ in range(260):
        gap = dice.choice((5.0, 12.4, 27.9, 59.5, 60.0, 61.0, 400.0))
        after, down = at + timedelta(seconds=gap), dice.randrange(4)
        until = min(after, at + timedelta(seconds=60))
        seconds += [(second, 10 - down) for second in range(int(at.timestamp()), int(until.timestamp()))]
        await say(db, after, down)
        at = after
    assert len({second for second, _ in seconds}) == len(seconds)
    async with db.read() as connection:
        for hours in (0, 1, 2, 3, 5):
            since = BEGAN.replace(minute=0, second=0, microsecond=0) + timedelta(hours=hours)
            of = [online for second, online in seconds if since.timestamp() <= second < since.timestamp() + 7_200]
            found = await total(connection, since, since + timedelta(hours=2))
            assert found == (len(of), 10 * len(of), sum(of)), hours


async def test_a_silence_is_no_time_and_a_clock_set_back_takes_none_away(db: Database) -> None:
    hour = BEGAN.replace(minute=0, second=0, microsecond=0)
    await say(db, BEGAN)
    await say(db, BEGAN + timedelta(hours=9))
    async with db.read() as connection:
        assert (await total(connection, hour, hour + timedelta(days=1))).gateway_s == 60
    await say(db, BEGAN + timedelta(hours=8))
    async with db.read() as connection:
        assert (await total(connection, hour, hour + timedelta(days=1))).gateway_s == 60


async def test_odd_devices_of_a_hello_are_no_error_and_no_less_than_nothing(db: Database) -> None:
    for number, odd in enumerate(
        (
            {"devices": "x"},
            {"devices": DEVICES, "devices_down": 2**31 - 1},
            {"devices": DEVICES, "devices_down": 2**62},
            {"devices": None},
        )
    ):
        async with db.write() as connection:
            at = BEGAN + timedelta(seconds=10 * number)
            await health_rows.keep(connection, [Hello("gw-1", at, rows.hello(1, **odd), {})])
    hour = BEGAN.replace(minute=0, second=0, microsecond=0)
    async with db.read() as connection:
        assert await total(connection, hour, hour + timedelta(hours=1)) == (30, 200, 100)


async def test_days_are_bounded_and_a_place_that_is_used_again_holds_nothing_of_the_old(db: Database) -> None:
    old, new = BEGAN, BEGAN + timedelta(days=online_rows.PLACES)
    for at in (old, new):
        async with db.write() as connection:
            await online_rows.keep(connection, [online_rows.span("gw-1", at, at + timedelta(seconds=30), 2, 1)])
    async with db.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(schema.gateway_online))).scalar() == 1
        assert await total(connection, old - timedelta(days=1), old + timedelta(days=1)) == Heard()
        assert await total(connection, new - timedelta(hours=1), new + timedelta(hours=1)) == (30, 60, 30)


def test_what_should_be_begins_when_it_is_counted_and_a_silent_gateway_takes_its_devices_along() -> None:
    day, now = timedelta(days=1), BEGAN
    half = Heard(43_200, 432_000, 400_000)
    one = Gateway("g", "c", now - 9 * day, None, now - day / 2, 20)
    of = online(one, half, now - day, now)
    assert of.gateways == 0.5 and of.device_due_s == 432_000 + 43_200 * 20 and of.device_s == 400_000
    young = one._replace(counted_since=now - day / 2, last_seen_at=now)
    assert online(young, half, now - day, now).gateways == 1.0
    lively = one._replace(last_seen_at=now - timedelta(seconds=30))  # the time since its last hello is told by the next
    assert online(lively, Heard(86_370, 0, 0), now - day, now).gateways == 1.0
    replaced = one._replace(until=now - day / 2)
    assert online(replaced, half, now - day, now).gateways == 1.0
    assert online(one._replace(counted_since=now), Heard(), now - day, now).gateways is None
    assert online(one, Heard(), now - day, now).devices == 0.0
