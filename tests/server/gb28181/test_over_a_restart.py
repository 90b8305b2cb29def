"""What a platform armed, disarmed and subscribed to holds on when our process is another one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from server.feeds.gb28181.memory import DatabaseMemory, Memory, NoMemory
from server.feeds.sender import Accepted
from server.store import platform_rows
from server.store.engine import Database
from server.store.platform_rows import Platform as Row
from simulators.gb28181.platform import Platform
from simulators.gb28181.sip import Packet
from tests.rig import until
from tests.server.engines import SQLITE, Engine, open_database
from tests.server.gb28181.rig import AT, DOOR, OURS, SMOKE, Lower, kept, offer, platform_of

_SMOKE_AWAY = ("garden", "zigbee2mqtt:smoke")


@asynccontextmanager
async def database(folder: Path, engine: Engine) -> AsyncIterator[Database]:
    async with open_database(folder, engine) as db:
        async with db.write() as connection:
            one = Row(id="city", name="市局", kind="gb28181", address="", settings={})
            await platform_rows.add(connection, one)
        yield db


async def first_life(upper: Platform, memory: Memory, lasts_s: int = 600) -> None:
    """Told to disarm a detector, asked for alarms and the catalogue, and ended after one notice of each kind."""
    async with kept(Lower(upper, memory=memory)) as lower:
        await lower.online()
        await upper.control(OURS, SMOKE, "<GuardCmd>ResetGuard</GuardCmd>")
        await until(lambda: upper.heard.of("DeviceControl"))
        assert (await upper.subscribe(OURS, "Alarm", lasts_s, "alarms")).status == 200
        assert (await upper.subscribe(OURS, "Catalog", lasts_s, "catalogue")).status == 200
        assert await lower.sender.send([offer(1)]) == [Accepted()]
        await lower.session._look()  # as at the next keep-alive


async def second_life(upper: Platform, memory: Memory, now: datetime = AT) -> list[Packet]:
    """Another process, while which a detector is away; its notices."""
    before = len(upper.heard.notices)
    lower = Lower(upper, memory=memory, now=lambda: now)
    lower.away.gone.add(_SMOKE_AWAY)
    async with kept(lower):
        await lower.online()
        assert await lower.sender.send([offer(2)]) == [Accepted()]
        await upper.query(OURS, "DeviceStatus")
        await until(lambda: upper.heard.of("DeviceStatus"))
    return list(upper.heard.notices)[before:]


def duty(upper: Platform, code: str) -> str:
    said = upper.heard.of("DeviceStatus")[-1]
    return said.split(f"<DeviceID>{code}</DeviceID><DutyStatus>")[1].split("<")[0]


async def test_arms_and_dialogs_hold_on(tmp_path: Path, engine: Engine) -> None:
    async with database(tmp_path, engine) as db, platform_of() as upper:
        await first_life(upper, DatabaseMemory("city", db))
        notices = await second_life(upper, DatabaseMemory("city", db))
        assert duty(upper, SMOKE) == "OFFDUTY"
        assert duty(upper, DOOR) == "ALARM", "its alarm was not cleared by our restart"
    dialogs = {one.get("Call-ID"): one for one in notices}
    assert set(dialogs) == {"alarms", "catalogue"}
    assert "<Event>OFF</Event>" in dialogs["catalogue"].body.decode("gb18030")
    numbers = [int(one.get("CSeq").split()[0]) for one in upper.heard.notices if one.get("Call-ID") == "alarms"]
    assert len(numbers) == 2 and numbers == sorted(set(numbers))
    assert len({(one.get("From"), one.get("To")) for one in upper.heard.notices if one.get("Call-ID") == "alarms"}) == 1


async def test_control_without_a_memory_all_is_forgotten(tmp_path: Path) -> None:
    async with platform_of() as upper:
        await first_life(upper, NoMemory())
        assert await second_life(upper, NoMemory()) == []
        assert duty(upper, SMOKE) == "ONDUTY"


@pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])
async def test_what_ended_meanwhile_does_not_go_on(tmp_path: Path, engine: Engine) -> None:
    async with database(tmp_path, engine) as db, platform_of() as upper:
        await first_life(upper, DatabaseMemory("city", db), lasts_s=600)
        assert await second_life(upper, DatabaseMemory("city", db), AT + timedelta(seconds=601)) == []
        assert len(upper.heard.alarms) == 2, "the alarm went as a message"


@pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])
async def test_a_platform_that_forgot_the_dialog_is_told_by_message(tmp_path: Path, engine: Engine) -> None:
    async with database(tmp_path, engine) as db, platform_of() as upper:
        await first_life(upper, DatabaseMemory("city", db))
        upper.dialogs.clear()
        assert await second_life(upper, DatabaseMemory("city", db)) == []
        assert len(upper.heard.alarms) == 2
        assert await DatabaseMemory("city", db).dialogs() == []
