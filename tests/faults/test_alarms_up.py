"""Alarms owed to a platform of GB/T 28181: once by their numbers and in order, over lost answers and kills of us."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from domain.events import Event
from domain.feeds.basis import Basis
from domain.gb28181.said import alarm_sn
from domain.ids import derive, fact_id
from server.store import address, platform_rows
from server.store.engine import Database
from server.store.platform_rows import Platform as Row
from simulators.gb28181.faults import Fault, What
from simulators.gb28181.platform import Platform
from simulators.products import ask
from tests.faults.chain import ended, mutant, pip_broker
from tests.faults.story import choose
from tests.faults.test_hand_over import states
from tests.rig import COMPLEX, Rig, until
from tests.server.centre import Gateway

pytestmark = pytest.mark.faults

BUTTONS, ALARMS, KILLS = 6, choose(60, 3_000), choose(1, 20)
NOW = datetime.now(UTC)
SERVER, OURS = "33010600002000000001", "33010600012000000001"
FILE = "gb.secret"  # pragma: allowlist secret
PASSWORD = "a word of the platform"  # pragma: allowlist secret


def code(number: int) -> str:
    return f"3301060001134{number:07}"


def pressed(number: int) -> Event:
    at = NOW - timedelta(minutes=10) + timedelta(milliseconds=100 * number)
    device = f"zigbee2mqtt:{number % BUTTONS}"
    return Event(kind="alarm", device=device, time=at, recorded_at=at, source_event_id=str(number), alarm="sos")


async def owe(folder: Path, port: int) -> None:
    """The platform, its basis, and which of our buttons each of its codes is."""
    (folder / FILE).write_text(PASSWORD)
    items = [
        {"item": {"code": code(n), "name": f"{n}号"}, "complex": COMPLEX, "device": f"zigbee2mqtt:{n}"}
        for n in range(BUTTONS)
    ]
    timers = {"first_s": 0.1, "longest_s": 0.4, "give_up_s": 2.0}
    settings = {"server": SERVER, "ours": OURS, "items": items, "timers": timers}
    at = f"sip://127.0.0.1:{port}"
    said = {"kind": "gb28181", "address": at, "settings": settings, "secret_file": FILE}
    one = Row(id="city", name="市局", is_on=True, **said)
    span = {"since": NOW - timedelta(days=1), "until": NOW + timedelta(days=9)}
    basis = Basis(unit="市公安局", document="公函7", classes=frozenset({"alarm"}), **span)
    db = Database(address.of(folder, ""))
    async with db.write() as connection:
        await platform_rows.add(connection, one)
        await platform_rows.record_basis(connection, "city", basis, "wang", NOW)
    await db.close()


async def send_all(rig: Rig) -> None:
    told = await ask("gatehouse-server", "enrol-code", "--data", str(rig.server_folder), "--complex", COMPLEX)
    async with httpx.AsyncClient(base_url=rig.url) as client:
        gateway = Gateway(client)
        assert (await gateway.enrol(told["code"])).status_code == 200
        for start in range(0, ALARMS, 200):
            await gateway.send(*(pressed(number) for number in range(start, min(ALARMS, start + 200))))


def ill_platform() -> Platform:
    """Answers late; now and then its answer is lost, it says that it is busy, or it does not hear at all."""
    one = Platform(SERVER, PASSWORD)
    one.habits.late_s = 0.05
    turn: list[tuple[What, int]] = [("late", 7), ("lose", 1), ("late", 5), ("drop", 1), ("late", 6), ("status", 1)]
    wrong = [Fault(what, "Alarm", times, 503) for _ in range(ALARMS // 5) for what, times in turn]
    one.faults.coming.extend(wrong)
    return one


def number_of(event: Event) -> str:
    identity = fact_id(event)
    assert identity is not None
    return str(alarm_sn(derive(COMPLEX, identity.hex())))


def check(platform: Platform) -> None:
    """Each alarm once by its number; of each button in the order in which it was pressed."""
    for n in range(BUTTONS):
        mine = [sn for device, sn in platform.heard.order if device == code(n)]
        assert mine == [number_of(pressed(number)) for number in range(n, ALARMS, BUTTONS)]
    assert len(platform.heard.order) == ALARMS


async def story(rig: Rig, platform: Platform, kills: int, *, outage: bool) -> int:
    """Kills in the midst of what is sent, an outage, and then as long as it takes. How many were under way."""
    under_way = 0
    await platform.start()
    async with ended(rig, enrolled=False):
        await rig.start_server()
        await owe(rig.server_folder, platform.port)
        await send_all(rig)
        for _ in range(kills):
            seen = len(platform.heard.order)
            await until(lambda seen=seen: len(platform.heard.order) >= seen + BUTTONS, 60, 0.01)
            rig.server.kill()
            under_way += states(rig).get("sent", 0)
            await rig.start_server()
        if outage:
            await until(lambda: platform.registered, 30)
            platform.is_deaf = True
            await until(lambda: rig.centre_query("SELECT session FROM platform")[0][0] == "ill", 60)
            platform.is_deaf = False
        await until(lambda: states(rig).get("accepted") == ALARMS, 240, 0.5)
    await platform.stop()
    return under_way


async def test_each_alarm_once_in_order_over_kills_and_an_outage(tmp_path: Path) -> None:
    platform, rig = ill_platform(), Rig(tmp_path, pip_broker())
    assert await story(rig, platform, KILLS, outage=True) > 0
    check(platform)
    assert platform.heard.repeats, "no answer was lost, so nothing came twice: the story is too tame"
    assert states(rig) == {"accepted": ALARMS}


async def test_the_control_who_settles_before_the_answer_loses_alarms(tmp_path: Path) -> None:
    platform, rig = ill_platform(), Rig(tmp_path, pip_broker(), centre=mutant("settles_first"))
    await story(rig, platform, 1, outage=False)
    with pytest.raises(AssertionError):
        check(platform)
