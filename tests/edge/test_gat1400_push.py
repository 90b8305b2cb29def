"""GA/T 1400 through the listener, by clients that are not ours: curl and requests register by digest and push."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.auth import HTTPDigestAuth

from domain.desired_bodies import Device
from edge.device_secrets import ASKED_OF_IT, DeviceSecret, DeviceSecrets
from edge.devices.driver import discover
from edge.transports.http_push import make
from edge.transports.http_sessions import Asking, Sessions
from tests.edge.devices.samples import json_of, sample
from tests.edge.http_bench import HttpBench, client, http_bench

DEVICE, PASSWORD = "44030000001210000001", "视图库-2026"  # pragma: allowlist secret
HEADERS = {"Content-Type": "application/VIID+JSON;charset=UTF-8", "User-Identify": DEVICE}
REGISTER, KEEPALIVE, CARS = "/VIID/System/Register", "/VIID/System/Keepalive", "/VIID/MotorVehicles"


def guarded(here: HttpBench, device: str = DEVICE) -> None:
    """The camera is listed, and must show its password."""
    here.list_devices(Device(id=f"gat1400:{DEVICE}"), Device(id=f"gat1400:{device}"))
    DeviceSecrets(here.folder, ASKED_OF_IT).keep(f"gat1400:{device}", DeviceSecret(PASSWORD, DEVICE))


async def post(here: HttpBench, path: str, file: str, **more: Any) -> requests.Response:
    """By requests, in a thread: it blocks."""
    body = sample("gat1400", file).payload
    return await asyncio.to_thread(
        requests.post, here.url + path, data=body, headers=more.pop("headers", HEADERS), timeout=10, **more
    )


async def register(here: HttpBench, password: str = PASSWORD) -> int:
    return (await post(here, REGISTER, "register.json", auth=HTTPDigestAuth(DEVICE, password))).status_code


def code_of(response: requests.Response) -> str:
    body = response.json()
    found = body.get("ResponseStatusObject") or body["ResponseStatusListObject"]["ResponseStatusObject"][0]
    return found["StatusCode"]


async def test_a_camera_registers_keeps_alive_pushes_and_leaves(tmp_path: Path) -> None:
    async with http_bench(tmp_path, make) as (here, _), client(here):
        guarded(here)
        assert (await post(here, CARS, "motor-vehicle.json")).status_code == 401
        assert await register(here) == 200
        for path, file in ((KEEPALIVE, "keepalive.json"), (CARS, "motor-vehicle.json"), (CARS, "motor-vehicle.json")):
            response = await post(here, path, file)
            assert (response.status_code, code_of(response)) == (200, "0")
        (plate,) = await here.events("plate")  # sent twice, told once
        assert plate.subject is not None and plate.subject.id == "粤B8K6Q2"
        farewell = {"UnRegisterObject": {"DeviceID": DEVICE}}
        left = await asyncio.to_thread(
            requests.post, f"{here.url}/VIID/System/UnRegister", json=farewell, headers=HEADERS, timeout=10
        )
        assert left.status_code == 200
        assert (await post(here, KEEPALIVE, "keepalive.json")).status_code == 401
        assert [event.state for event in await here.events("availability")] == ["online", "offline"]


async def test_who_does_not_know_the_password_registers_nothing(tmp_path: Path) -> None:
    async with http_bench(tmp_path, make) as (here, _), client(here):
        guarded(here)
        assert await register(here, "wrong") == 401
        assert (await post(here, KEEPALIVE, "keepalive.json")).status_code == 401
        for headers in ({}, {"User-Identify": "44030000001210000009"}):  # whatever it says of itself
            assert (await post(here, CARS, "motor-vehicle.json", headers=headers)).status_code == 401
        assert await here.events() == [] and await here.parked() == []
        assert here.intake.counts["unauthorised"] == 1


async def test_without_a_password_everybody_is_believed(tmp_path: Path) -> None:
    """The positive control of the tests above: it is the password that keeps them out."""
    async with http_bench(tmp_path, make) as (here, _), client(here):
        assert (await post(here, CARS, "motor-vehicle.json")).status_code == 200
        assert len(await here.events("plate")) == 1


async def test_a_system_speaks_for_cameras_that_have_its_password(tmp_path: Path) -> None:
    camera = "44030000001190000007"
    body = json_of("gat1400", "motor-vehicle.json")
    body["MotorVehicleListObject"]["MotorVehicleObject"][0]["DeviceID"] = camera
    async with http_bench(tmp_path, make) as (here, _), client(here):
        guarded(here)
        assert await register(here) == 200
        kept = DeviceSecrets(here.folder, ASKED_OF_IT)
        for password, status in (("its own", 401), (PASSWORD, 200)):
            guarded(here, camera)
            kept.keep(f"gat1400:{camera}", DeviceSecret(password))
            sent = await asyncio.to_thread(requests.post, here.url + CARS, json=body, headers=HEADERS, timeout=10)
            assert sent.status_code == status


async def test_curl_registers_and_pushes(tmp_path: Path) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    async with http_bench(tmp_path, make) as (here, _), client(here):
        guarded(here)

        async def push(path: str, file: str, *more: str) -> Any:
            said = ["--silent", "--fail", "--data-binary", "@-", "--header", f"User-Identify: {DEVICE}", *more]
            pipe = asyncio.subprocess.PIPE
            process = await asyncio.create_subprocess_exec(curl, *said, here.url + path, stdin=pipe, stdout=pipe)
            out, _ = await asyncio.wait_for(process.communicate(sample("gat1400", file).payload), 10)
            return process.returncode, json.loads(out or b"null")

        assert (await push(CARS, "motor-vehicle.json"))[0] == 22  # --fail: 401
        assert (await push(REGISTER, "register.json", "--digest", "--user", f"{DEVICE}:{PASSWORD}"))[0] == 0
        code, said = await push(CARS, "motor-vehicle.json")
        status = said["ResponseStatusListObject"]["ResponseStatusObject"][0]
        assert (code, status["StatusCode"], status["RequestURL"]) == (0, "0", CARS)
        assert len(await here.events("plate")) == 1


def test_a_session_ends_by_silence_and_holds_at_its_address_alone() -> None:
    sessions = Sessions(discover())
    device = f"gat1400:{DEVICE}"

    def asking(path: str, address: str = "192.0.2.9") -> Asking:
        return Asking("gat1400", path, address, DEVICE)

    sessions.admitted(asking(CARS), [device], 0.0)
    assert not sessions.holds(asking(CARS), device, 1.0)  # a password shown elsewhere opens none
    sessions.admitted(asking(REGISTER), [device], 0.0)
    assert sessions.holds(asking(CARS), device, 299.0)
    assert not sessions.holds(asking(CARS, "192.0.2.10"), device, 1.0)
    assert not sessions.holds(asking(REGISTER), device, 1.0)  # registering again shows it again
    sessions.admitted(asking(KEEPALIVE), [device], 299.0)
    assert sessions.holds(asking(CARS), device, 598.0)
    assert not sessions.holds(asking(CARS), device, 600.0)
    assert sessions.caller(asking(CARS)) == device
