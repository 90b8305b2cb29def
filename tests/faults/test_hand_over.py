"""Records owed to a platform of GA/T 1400: once by their ids and in order, over its outage and kills of the centre."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from domain.events import Event, Subject
from domain.feeds.basis import Basis
from domain.viid.sources import Coded
from server.feeds.gat1400.codes import DeviceCodes
from server.store import address, platform_rows
from server.store.engine import Database
from server.store.platform_rows import Platform
from simulators.products import ask
from simulators.upper.faults import Faults
from simulators.upper.platform import PASSWORD_FILE, UpperPlatform
from tests.faults.chain import ended, mutant, pip_broker
from tests.faults.story import choose
from tests.rig import COMPLEX, Rig, until
from tests.server.centre import Gateway

pytestmark = pytest.mark.faults

CAMERAS, EVENTS, KILLS = 6, choose(300, 6_000), choose(2, 20)
NOW = datetime.now(UTC)


def camera(number: int) -> str:
    return f"3301060001119{number:07}"


def passage(number: int) -> Event:
    at = NOW - timedelta(minutes=10) + timedelta(milliseconds=100 * number)
    said = {"subject": Subject(type="plate", id=f"浙A{number:05}", plate_color="blue", plate_status="read")}
    return Event(kind="plate", device=f"vzenith:{number % CAMERAS}", time=at, source_event_id=str(number), **said)


async def owe(folder: Path, platform: UpperPlatform) -> None:
    """The platform, its basis, and its cameras' codes, as people record them."""
    platform.write_password(folder)
    db = Database(address.of(folder, ""))
    settings = {"device_id": "33010600011200000001"}
    one = Platform(
        id="city",
        name="市局",
        kind="gat1400",
        address=platform.url,
        settings=settings,
        secret_file=PASSWORD_FILE,
        is_on=True,
    )
    basis = Basis(
        unit="市公安局",
        document="公函7",
        classes=frozenset({"vehicle"}),
        since=NOW - timedelta(days=1),
        until=NOW + timedelta(days=9),
    )
    await DeviceCodes(db, "city").replace([((COMPLEX, f"vzenith:{n}"), Coded(camera(n))) for n in range(CAMERAS)])
    async with db.write() as connection:
        await platform_rows.add(connection, one)
        await platform_rows.record_basis(connection, "city", basis, "wang", NOW)
    await db.close()


async def send_all(rig: Rig) -> None:
    code = await ask("gatehouse-server", "enrol-code", "--data", str(rig.server_folder), "--complex", COMPLEX)
    async with httpx.AsyncClient(base_url=rig.url) as client:
        gateway = Gateway(client)
        assert (await gateway.enrol(code["code"])).status_code == 200
        for start in range(0, EVENTS, 200):
            await gateway.send(*(passage(number) for number in range(start, min(EVENTS, start + 200))))


def states(rig: Rig) -> dict[str, int]:
    return dict(rig.centre_query("SELECT state, count(*) FROM handover GROUP BY state"))


def check(platform: UpperPlatform) -> None:
    """Each record once by its id; of each camera in the order in which it happened."""
    plates = [one.said["PlateNo"] for one in platform.kept.of("MotorVehicle") if one.said]
    assert sorted(plates) == [f"浙A{number:05}" for number in range(EVENTS)]
    for n in range(CAMERAS):
        mine = platform.kept.of("MotorVehicle", camera(n))
        assert [one.id for one in mine] == sorted(one.id for one in mine)
        numbers = [str(one.said["PlateNo"]) for one in mine if one.said]
        assert numbers == sorted(numbers)
    assert platform.kept.counts().differing == 0


async def story(rig: Rig, platform: UpperPlatform, kills: int, *, outage: bool) -> int:
    """Kills in the midst of messages, an outage, and then as long as it takes. How many were under way when killed."""
    under_way = 0
    await platform.start()
    async with ended(rig, enrolled=False):
        await rig.start_server()
        await owe(rig.server_folder, platform)
        await send_all(rig)
        for _ in range(kills):
            seen = len(platform.kept.of("MotorVehicle"))
            await until(lambda seen=seen: len(platform.kept.of("MotorVehicle")) >= seen + CAMERAS, 60)
            rig.server.kill()
            under_way += states(rig).get("sent", 0)
            await rig.start_server()
        if outage:
            platform.is_away = True
            await until(lambda: rig.centre_query("SELECT session FROM platform")[0][0] == "ill", 60)
            platform.is_away = False
        await until(lambda: states(rig).get("accepted") == EVENTS, 240, 0.5)
    await platform.stop()
    return under_way


def ill_platform() -> UpperPlatform:
    """Of the kind whose sessions end by the hour; each message takes a little, and one of ten goes wrong."""
    return UpperPlatform("hour", faults=Faults(3, 0.1, ["lost", "503", "busy", "drop"]), answer_s=0.02)


async def test_each_record_once_in_order_over_kills_and_an_outage(tmp_path: Path) -> None:
    platform, rig = ill_platform(), Rig(tmp_path, pip_broker())
    assert await story(rig, platform, KILLS, outage=True) > 0
    check(platform)
    assert states(rig) == {"accepted": EVENTS}


async def test_the_control_who_settles_before_the_answer_loses_records(tmp_path: Path) -> None:
    platform, rig = ill_platform(), Rig(tmp_path, pip_broker(), centre=mutant("settles_first"))
    await story(rig, platform, 1, outage=False)
    with pytest.raises(AssertionError):
        check(platform)
