"""What goes wrong at the platform goes wrong as it says, and it can be seen afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from typer.testing import CliRunner

from simulators.cli import app
from simulators.upper.faults import FAULTS, Faults, fault_named
from simulators.upper.platform import UpperPlatform
from tests.simulators.test_cli import first_line
from tests.simulators.test_cli import running as command
from tests.simulators.upper.conftest import Running
from tests.simulators.upper.lower import CAMERA, Lower, codes, vehicle, vehicles

CUT = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError, requests.exceptions.JSONDecodeError)


async def _registered(running: Running, profile: str = "hour", **rest: object) -> tuple[UpperPlatform, Lower]:
    one = await running(profile, **rest)
    lower = Lower(one)
    await lower.register()
    return one, lower


def ids(one: UpperPlatform) -> list[str]:
    return [record.id for record in one.kept.of()]


@pytest.mark.parametrize(("fault", "status"), [("500", 500), ("503", 503)])
async def test_an_error_takes_nothing(fault: str, status: int, running: Running) -> None:
    one, lower = await _registered(running)
    one.faults.coming.append(fault_named(fault))
    assert (await lower.bring([1])).status_code == status
    assert ids(one) == []
    assert codes(await lower.bring([1])) == [0]


@pytest.mark.parametrize(("fault", "taken"), [("hang", 0), ("lost", 2), ("half", 2)])
async def test_a_broken_line_took_all_or_nothing(fault: str, taken: int, running: Running) -> None:
    one, lower = await _registered(running, hang_s=0.05)
    one.faults.coming.append(fault_named(fault))
    with pytest.raises(CUT):
        (await lower.bring([1, 2])).json()
    assert len(ids(one)) == taken
    await lower.bring([1, 2])
    counts = one.kept.counts()
    assert (counts.once, counts.repeats) == (2, taken)


async def test_wrong_numbers_come_for_what_was_taken(running: Running) -> None:
    one, lower = await _registered(running)
    one.faults.coming.append("wrong-ids")
    listed = (await lower.bring([1, 2])).json()["ResponseStatusListObject"]["ResponseStatusObject"]
    assert {entry["StatusCode"] for entry in listed} == {0}
    assert {entry["Id"] for entry in listed}.isdisjoint(ids(one))


async def test_busy_leaves_the_last_and_says_so(running: Running) -> None:
    one, lower = await _registered(running)
    one.faults.coming.append("busy")
    assert codes(await lower.bring([1, 2, 3])) == [0, 0, 2]
    assert len(ids(one)) == 2


@pytest.mark.parametrize(("profile", "status"), [("strict", 401), ("hour", 401)])
async def test_a_session_that_drops_in_mid_batch_keeps_half(profile: str, status: int, running: Running) -> None:
    one, lower = await _registered(running, profile)
    one.faults.coming.append("drop")
    assert (await lower.bring([1, 2, 3, 4])).status_code == status
    assert (len(ids(one)), one.sessions.names) == (2, [])
    assert (await lower.bring([1])).status_code == status
    await lower.register()
    await lower.bring([1, 2, 3, 4])
    assert (one.kept.counts().once, one.kept.counts().repeats) == (4, 2)


async def test_an_outage_cuts_every_line_and_forgets_nothing(running: Running) -> None:
    one, lower = await _registered(running)
    await lower.bring([1])
    await lower.post("/sim/away/on", {})
    with pytest.raises(CUT):
        await lower.bring([2])
    await lower.post("/sim/away/off", {})
    await lower.bring([2])
    port = one.port
    await one.stop()
    await one.start()
    assert (one.port, len(ids(one))) == (port, 2)
    assert (await lower.bring([3])).status_code == 401  # a platform that began anew knows nobody


async def test_a_registration_fails_where_that_was_asked_for(running: Running) -> None:
    one = await running("hour")
    lower = Lower(one)
    answer = await lower.post("/sim/fault/503?at=register&times=1", {})
    assert answer.json() == {"coming": ["503"]}
    assert (await lower.register()).status_code == 503
    assert (await lower.register()).status_code == 200
    assert (await lower.post("/sim/fault/nonsense", {})).status_code == 404


def test_the_same_seed_goes_wrong_in_the_same_way() -> None:
    def draw(seed: int) -> list[object]:
        faults = Faults(seed, 0.5)
        return [faults.next() for _ in range(200)]

    assert draw(3) == draw(3) != draw(4)
    assert set(draw(3)) == {None, *FAULTS}
    assert [Faults(1, 0.0).next() for _ in range(5)] == [None] * 5


async def test_what_was_kept_is_shown(running: Running) -> None:
    _, lower = await _registered(running)
    other = "33010600011190000002"
    body = {"MotorVehicleListObject": {"MotorVehicleObject": [vehicle(2), vehicle(1, other), vehicle(3)]}}
    await lower.post("/VIID/MotorVehicles", body)
    await lower.bring([2])
    order = await lower.get("/sim/order")
    assert order == {
        CAMERA: [vehicle(2)["MotorVehicleID"], vehicle(3)["MotorVehicleID"]],
        other: [vehicle(1, other)["MotorVehicleID"]],
    }
    shown = (await lower.get(f"/sim/kept?device={other}&full=1"))["objects"]
    picture = shown[0]["said"]["SubImageList"]["SubImageInfoObject"][0]["Data"]
    assert (shown[0]["times"], shown[0]["kind"], picture["size_bytes"]) == (1, "MotorVehicle", 6)
    assert "said" not in (await lower.get("/sim/kept"))["objects"][0]
    assert len((await lower.get("/sim/kept?from=3"))["objects"]) == 1


async def test_what_comes_otherwise_under_its_number_is_seen(running: Running) -> None:
    one, lower = await _registered(running)
    await lower.bring([1])
    changed = {"MotorVehicleListObject": {"MotorVehicleObject": [vehicle(1, PlateNo="浙A00001")]}}
    await lower.post("/VIID/MotorVehicles", changed)
    assert (one.kept.counts().once, one.kept.counts().differing) == (1, 1)


async def test_a_notification_is_kept_with_what_it_brings(running: Running) -> None:
    one, lower = await _registered(running, "strict")
    number, subscription = "330106000000042026112216080000001", "330106000000032026112216070000001"
    said = {"NotificationID": number, "SubscribeID": subscription, "Title": "t", "TriggerTime": "20261122160800"}
    said |= {"InfoIDs": vehicle(1)["MotorVehicleID"], "ExecuteOperation": 1}
    said |= {"MotorVehicleObjectList": {"MotorVehicleObject": [vehicle(1)]}}
    body = {"SubscribeNotificationListObject": {"SubscribeNotificationObject": [said]}}
    assert codes(await lower.post("/VIID/SubscribeNotifications", body)) == [0]
    assert [(record.kind, record.id, record.within) for record in one.kept.of()] == [
        ("SubscribeNotification", number, ""),
        ("MotorVehicle", vehicle(1)["MotorVehicleID"], number),
    ]


async def test_what_is_no_message_is_refused_with_a_reason(running: Running) -> None:
    one, lower = await _registered(running)
    answer = await lower.post("/VIID/MotorVehicles", [1])
    assert answer.json()["ResponseStatusObject"]["StatusCode"] == 7
    assert "no JSON object" in one.kept.refused[0]


async def test_a_measurement_counts_and_keeps_no_fields(running: Running) -> None:
    one, lower = await _registered(running, weigh=False)
    await lower.bring([1, 2])
    await lower.bring([1])
    assert [(record.times, record.said) for record in one.kept.of()] == [(2, None), (1, None)]


def test_the_command_serves_and_counts(tmp_path: Path) -> None:
    arguments = ["--profile", "lax", "--port", "0", "--secrets", str(tmp_path), "--fault", "500", "--json"]
    with command("upper-platform", *arguments) as process:
        told = first_line(process)
        url = f"{told['url']}/VIID/MotorVehicles"
        assert [requests.post(url, json=vehicles([1]), timeout=10).status_code for _ in range(2)] == [500, 200]
        process.terminate()
        assert first_line(process)["once"] == 1
        assert process.wait(20) == 0
    kept = tmp_path / told["password_file"]
    assert (kept.stat().st_mode & 0o777, kept.read_text()) == (0o600, UpperPlatform("lax").password)


@pytest.mark.parametrize("wrong", [["--profile", "no"], ["--fault", "no"]])
def test_the_command_says_what_there_is(wrong: list[str], tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["upper-platform", "--secrets", str(tmp_path), *wrong])
    assert shown.exit_code == 1
    assert "there are" in shown.stderr


def test_the_command_shows_an_example() -> None:
    assert "Example: gatehouse-sim upper-platform" in CliRunner().invoke(app, ["upper-platform", "--help"]).output
