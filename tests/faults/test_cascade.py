"""What a library above subscribed to: once by its number and in order, over its outage and kills of the centre."""

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
from simulators.upper.asking import Asking
from simulators.upper.faults import Faults
from simulators.upper.platform import CODE, PASSWORD_FILE, UpperPlatform
from tests.faults.chain import ended, mutant, pip_broker
from tests.faults.story import choose
from tests.rig import COMPLEX, Rig, until
from tests.server.centre import Gateway

pytestmark = pytest.mark.faults

CAMERAS, EVENTS, KILLS = 6, choose(240, 4_000), choose(2, 20)
OURS, ORG, PASSWORD = "33010600015030000001", "330106000000", "view-password-0001"
NOW = datetime.now(UTC)


def camera(number: int) -> str:
    return f"3301060001119{number:07}"


def passage(number: int) -> Event:
    at = NOW - timedelta(minutes=10) + timedelta(milliseconds=100 * number)
    subject = Subject(type="plate", id=f"浙A{number:05}", plate_color="blue", plate_status="read")
    return Event(
        kind="plate", device=f"vzenith:{number % CAMERAS}", time=at, source_event_id=str(number), subject=subject
    )


def settings(platform: UpperPlatform) -> str:
    """Our own library, and who may subscribe at it."""
    secret = 'password_file = "viid.password"'  # pragma: allowlist secret
    peer = f'code = "{CODE}"\nkind = "upper"\n{secret}\neverywhere = true\nplatform = "city"\n'
    told = f'report_to = "{platform.receive_url}/VIID"\n'
    return f'\n[viid]\ncode = "{OURS}"\norg = "{ORG}"\n\n[[viid.peers]]\n{peer}{told}'


async def owe(folder: Path, platform: UpperPlatform) -> None:
    platform.write_password(folder)
    db = Database(address.of(folder, ""))
    said = {"settings": {}, "secret_file": PASSWORD_FILE, "is_on": True}
    one = Platform(id="city", name="市局", kind="cascade", address=platform.url, **said)  # pyright: ignore[reportArgumentType]
    days = {"since": NOW - timedelta(days=1), "until": NOW + timedelta(days=9)}
    basis = Basis(unit="市公安局", document="公函7", classes=frozenset({"vehicle"}), **days)
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
    return dict(rig.centre_query("SELECT state, count(*) FROM handover WHERE line IS NOT NULL GROUP BY state"))


def check(platform: UpperPlatform) -> None:
    """Each record once by its number; of each camera in the order in which it happened."""
    plates = [one.said["PlateNo"] for one in platform.kept.of("MotorVehicle") if one.said]
    assert sorted(plates) == [f"浙A{number:05}" for number in range(EVENTS)]
    for n in range(CAMERAS):
        numbers = [str(one.said["PlateNo"]) for one in platform.kept.of("MotorVehicle", camera(n)) if one.said]
        assert numbers == sorted(numbers)
    assert platform.kept.counts().differing == 0


async def story(
    folder: Path, platform: UpperPlatform, kills: int, *, outage: bool, centre: list[str] | None = None
) -> int:
    """How many records were under way when it was killed."""
    under_way = 0
    await platform.start()
    rig = Rig(folder, pip_broker(), extra_server=settings(platform), centre=centre)
    rig.make_server_folder()
    (rig.server_folder / "viid.password").write_text(PASSWORD)
    rig.account = await ask("gatehouse-server", "init", "--data", str(rig.server_folder))
    async with ended(rig, enrolled=False):
        await rig.start_server()
        await owe(rig.server_folder, platform)
        async with Asking(rig.url, CODE, PASSWORD, platform.receive_url) as asks:
            await asks.register()
            await asks.subscribe("13", OURS, datetime.now(UTC))
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
    return UpperPlatform("hour", faults=Faults(3, 0.1, ["lost", "503", "busy", "drop"]), answer_s=0.02)


async def test_each_record_once_in_order_over_kills_and_an_outage(tmp_path: Path) -> None:
    platform = ill_platform()
    assert await story(tmp_path, platform, KILLS, outage=True) > 0
    check(platform)


async def test_the_control_who_settles_before_the_answer_loses_records(tmp_path: Path) -> None:
    platform = ill_platform()
    await story(tmp_path, platform, 1, outage=False, centre=mutant("settles_first"))
    with pytest.raises(AssertionError):
        check(platform)
