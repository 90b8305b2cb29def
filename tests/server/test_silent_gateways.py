"""A gateway that is no longer heard is an alert, once a silence; a centre that was away itself blames nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from domain.alerts.built_in import BUILT_IN, KNOWN
from domain.alerts.inhibition import inhibited
from domain.alerts.rules import Fact
from domain.events import Event
from domain.places import Place
from server.silent_gateways import LOOK_EVERY_S, SilentGateways
from server.store import schema
from server.store.engine import stamp
from tests.server.centre import Centre, Gateway, centre
from tests.server.engines import Engine

RULE = "alarm_gateway_silent"


@pytest.fixture
async def here(tmp_path: Path, engine: Engine) -> AsyncIterator[Centre]:
    async with centre(tmp_path, engine) as made:
        yield made


class Watch:
    """The watch, with a clock of its own that the test moves on."""

    def __init__(self, here: Centre) -> None:
        self.here, self.passed_s = here, 0.0
        self.watch = SilentGateways(here.house.db, here.house.log, here.house.now, lambda: self.passed_s)

    async def look(self, passed_s: float = LOOK_EVERY_S) -> int:
        self.passed_s += passed_s
        told = await self.watch.look()
        await self.here.settled()
        return told

    async def look_for(self, span: timedelta) -> int:
        return sum([await self.look() for _ in range(int(span.total_seconds() / LOOK_EVERY_S) + 1)])


async def heard(here: Centre, gateway: Gateway, at: datetime | None) -> None:
    said = None if at is None else stamp(at)
    async with here.house.db.write() as connection:
        one = schema.gateway.update().where(schema.gateway.c.id == gateway.id)
        await connection.execute(one.values(last_seen_at=said))


async def alerts(here: Centre) -> list[str]:
    return [row["device"] for row in await here.rows(schema.alert, rule=RULE)]


async def test_a_gateway_that_fell_silent_is_one_live_alert_on_the_ladder_and_the_next_silence_another(
    here: Centre,
) -> None:
    gateway, other, fresh = await here.gateway(), await here.gateway(), await here.gateway()
    watch, now = Watch(here), here.house.now
    await watch.look_for(timedelta(minutes=5))
    await heard(here, gateway, now() - timedelta(minutes=6))
    await heard(here, other, now() - timedelta(minutes=4))
    await heard(here, fresh, None)
    assert await watch.look() == 1, "one spoke four minutes ago, one was never set up"
    (alert,) = await here.wait_for(schema.alert, len, rule=RULE)
    assert (alert["device"], alert["severity"], alert["category"]) == (f"gateway:{gateway.id}", "high", "device")
    assert alert["lateness"] == "live", "it rings: what is new is that it is silent, not since when"
    (matter,) = await here.wait_for(schema.duty_state, len)
    assert matter["incident"] == alert["id"]
    assert await watch.look() == 0, "told once"
    await heard(here, gateway, now())
    assert await watch.look() == 0, "it is back"
    await heard(here, gateway, now() - timedelta(minutes=5, seconds=30))
    assert await watch.look() == 1
    assert len(await alerts(here)) == 2


async def test_it_is_the_same_fact_however_often_it_is_said(here: Centre) -> None:
    """A kill between saying it and noting that it was said."""
    gateway, watch = await here.gateway(), Watch(here)
    await heard(here, gateway, here.house.now() - timedelta(minutes=6))
    assert await watch.look_for(timedelta(minutes=5)) == 1
    async with here.house.db.write() as connection:
        await connection.execute(schema.gateway.update().values(silence_told=None))
    assert await watch.look() == 1
    assert len(await alerts(here)) == 1


@pytest.mark.parametrize(("away_s", "told"), [(90.0, 0), (LOOK_EVERY_S, 1)])
async def test_a_centre_that_was_away_blames_nobody_until_it_listened_long_enough(
    here: Centre, away_s: float, told: int
) -> None:
    """The control: one that looked all the while tells it at once."""
    gateway, watch = await here.gateway(), Watch(here)
    await watch.look_for(timedelta(minutes=5))
    await heard(here, gateway, here.house.now() - timedelta(minutes=9))
    assert await watch.look(away_s) == told
    assert await watch.look_for(timedelta(minutes=5)) == 1 - told


async def test_a_gateway_that_was_replaced_is_not_missed(here: Centre) -> None:
    gateway, watch = await here.gateway(), Watch(here)
    await heard(here, gateway, here.house.now() - timedelta(minutes=6))
    async with here.house.db.write() as connection:
        await connection.execute(schema.gateway.update().values(replaced_at=stamp(here.house.now())))
    assert await watch.look_for(timedelta(minutes=6)) == 0


def test_the_devices_of_a_silent_gateway_follow_from_it_and_those_of_another_do_not() -> None:
    """The centre tells of the gateway under a name of its own; the alert is the gateway's all the same."""
    at = datetime.fromisoformat("2026-03-01T00:00:00+00:00")
    silent = Event(kind="alarm", alarm="gateway_silent", device="gateway:gw-1", state="active", time=at)
    away = Event(kind="availability", state="offline", device="z2m:1", time=at)
    cause = BUILT_IN.alert(silent, Place(), Fact(b"c" * 16, "garden", "live", "centre/garden"))
    behind = BUILT_IN.alert(away, Place(), Fact(b"b" * 16, "garden", "live", "gw-1"))
    elsewhere = BUILT_IN.alert(away, Place(), Fact(b"e" * 16, "garden", "live", "gw-2"))
    assert cause and behind and elsewhere
    assert inhibited([cause, behind, elsewhere], KNOWN.inhibitions) == {behind.id: cause.id}
