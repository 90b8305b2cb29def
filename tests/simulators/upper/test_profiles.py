"""Each of the seven profiles does what was seen of the server that it stands for."""

from __future__ import annotations

import asyncio
import subprocess
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import requests

from simulators.upper.platform import UpperPlatform
from simulators.upper.profiles import PROFILES, profile_named
from tests.simulators.upper.conftest import Running
from tests.simulators.upper.lower import CODE, Lower, codes, vehicle, vehicles

ASKING = [name for name, one in PROFILES.items() if one.authenticates and not one.redirects]
NORMAL = ["strict", "go", "hour", "code-0"]


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def on(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def test_there_are_seven() -> None:
    assert list(PROFILES) == ["strict", "go", "hour", "code-0", "unwrapped", "lax", "redirecting"]
    with pytest.raises(ValueError, match="there are strict, go"):
        profile_named("goo")


@pytest.mark.parametrize("profile", NORMAL)
async def test_requests_registers_by_digest_and_its_objects_are_kept_once(profile: str, running: Running) -> None:
    lower = Lower(await running(profile))
    answer = await (lower.register_by_hand() if profile == "go" else lower.register())
    assert answer.status_code == 200
    assert set(codes(await lower.bring([1, 2]))) == {0}
    await lower.bring([2, 3])
    counts = await lower.get("/sim/counts")
    assert (counts["once"], counts["repeats"], counts["differing"]) == (3, 1, 0)
    assert counts["sessions"] == [CODE]


@pytest.mark.parametrize("profile", [name for name in ASKING if name != "go"])
async def test_httpx_and_curl_register_too(profile: str, running: Running) -> None:
    one = await running(profile)
    url, body = f"{one.url}/VIID/System/Register", {"RegisterObject": {"DeviceID": CODE}}
    async with httpx.AsyncClient(auth=httpx.DigestAuth(CODE, one.password)) as client:
        assert (await client.post(url, json=body)).status_code == 200
    one.sessions.close_all()
    said = f'{{"RegisterObject":{{"DeviceID":"{CODE}"}}}}'
    command = ["curl", "-sS", "--digest", "-u", f"{CODE}:{one.password}", "-d", said, "-w", "%{http_code}", url]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=20)
    assert done.stdout.endswith("200"), done
    assert one.sessions.names == [CODE]


async def test_one_asks_in_single_quotes_and_wants_the_algorithm_back(running: Running) -> None:
    """What makes this profile a trap: requests, httpx and curl take the quotes for a part of the nonce."""
    lower = Lower(await running("go"))
    challenge = (await lower.system("Register")).headers["WWW-Authenticate"]
    assert challenge.startswith("Digest realm='myrealm',qop='auth',nonce='")
    assert (await lower.register_by_hand(algorithm="")).status_code == 400
    assert (await lower.register_by_hand()).status_code == 200


@pytest.mark.parametrize(
    ("profile", "status"), [("strict", 401), ("go", 400), ("hour", 401), ("code-0", 401), ("unwrapped", 401)]
)
async def test_a_wrong_password_is_turned_away(profile: str, status: int, running: Running) -> None:
    one = await running(profile)
    if profile == "go":
        header = {"Authorization": f'Digest username="{CODE}", realm="myrealm", nonce="x", uri="/", response="0"'}
        answer = await asyncio.to_thread(
            requests.post,
            f"{one.url}/VIID/System/Register",
            json={"RegisterObject": {"DeviceID": CODE}},
            headers=header,
            timeout=10,
        )
    else:
        answer = await Lower(one, "wrong").register()
    assert answer.status_code == status
    assert one.sessions.names == []
    assert one.door.counts["wrong_password"] == 1


@pytest.mark.parametrize("profile", ["code-0", "unwrapped"])
async def test_a_stranger_is_told_so_in_its_own_way(profile: str, running: Running) -> None:
    one = await running(profile)
    one.door.devices = frozenset({"33010600011200000009"})
    answer = await Lower(one).register()
    told = answer.json()
    if profile == "code-0":
        assert (answer.status_code, told["ResponseStatusObject"]["StatusCode"]) == (404, 0)
    else:
        assert (answer.status_code, told["StatusCode"]) == (200, 3)
    assert one.sessions.names == []


async def _registered(running: Running, profile: str, clock: Clock) -> tuple[UpperPlatform, Lower]:
    one = await running(profile, now=clock)
    one.sessions.open(CODE, clock())
    return one, Lower(one)


async def test_sixty_seconds_of_silence_end_a_session(running: Running) -> None:
    clock = Clock()
    one, lower = await _registered(running, "go", clock)
    for _ in range(3):
        clock.on(59)
        answer = await lower.system("Keepalive")
        assert answer.json()["ResponseStatusObject"]["StatusCode"] == "0"  # as text
        assert answer.headers["Connection"] == "close"
    clock.on(61)
    assert (await lower.bring([1])).status_code == 403
    assert one.kept.counts().once == 0


async def test_an_hour_ends_a_session_whatever_was_kept_alive(running: Running) -> None:
    clock = Clock()
    _, lower = await _registered(running, "hour", clock)
    for _ in range(59):
        clock.on(60)
        assert (await lower.system("Keepalive")).status_code == 200
    clock.on(61)
    assert (await lower.system("Keepalive")).status_code == 401


async def test_a_lost_session_may_be_a_code_of_an_answer_200(running: Running) -> None:
    clock = Clock()
    _, lower = await _registered(running, "code-0", clock)
    clock.on(151)
    answer = await lower.system("Keepalive")
    assert (answer.status_code, answer.json()["ResponseStatusObject"]["StatusCode"]) == (200, 4)
    assert (await lower.bring([1])).status_code == 401


async def test_the_lengths_of_sessions_scale(running: Running) -> None:
    clock = Clock()
    one = await running("go", now=clock, session_scale=0.01)
    one.sessions.open(CODE, clock())
    clock.on(0.7)
    assert (await Lower(one).system("Keepalive")).status_code == 403


async def test_one_answers_each_batch_in_another_shape(running: Running) -> None:
    one, lower = await _registered(running, "unwrapped", Clock())
    shapes = [(await lower.bring([serial, serial + 50])).json() for serial in range(6)]
    assert len({str(sorted(shape)) + str(type(next(iter(shape.values())))) for shape in shapes}) >= 4
    assert {tuple(sorted(shape)) for shape in shapes} >= {("ResponseStatus",), ("ResponseStatusObject",)}
    assert one.kept.counts().once == 12


async def test_lax_asks_nobody_and_reads_only_the_first(running: Running) -> None:
    one = await running("lax")
    answer = await Lower(one).bring([1, 2, 3])
    assert (answer.status_code, answer.content) == (200, b"")
    assert (one.kept.counts().once, one.kept.counts().unread) == (1, 2)


async def test_redirecting_sends_a_registration_on_and_only_that(running: Running) -> None:
    one = await running("redirecting")
    lower = Lower(one)
    answer = await lower.system("Register", follow=False)
    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        f"http://127.0.0.1:{one.behind_port}/VIID/System/Register",
    )
    assert (await lower.bring([1])).status_code == 403
    lower.url = f"http://127.0.0.1:{one.behind_port}"
    assert (await lower.register()).status_code == 200
    assert codes(await lower.bring([1])) == [0]
    old = one.behind_port
    await one.move()
    assert one.behind_port != old


async def test_strict_looks_at_every_object(running: Running) -> None:
    one, lower = await _registered(running, "strict", Clock())
    without_color = {key: value for key, value in vehicle(2).items() if key != "PlateColor"}
    other_source = vehicle(3, SourceID=vehicle(4)["SourceID"])
    body = {"MotorVehicleListObject": {"MotorVehicleObject": [vehicle(1), without_color, other_source]}}
    assert codes(await lower.post("/VIID/MotorVehicles", body)) == [0, 8, 8]
    assert [one.id for one in one.kept.of()] == [vehicle(1)["MotorVehicleID"]]
    assert "PlateColor missing" in one.kept.refused[0]


async def test_strict_calls_what_it_knows_a_conflict(running: Running) -> None:
    _, lower = await _registered(running, "strict", Clock())
    await lower.bring([1])
    again, mixed = await lower.bring([1]), await lower.bring([1, 2])
    assert (again.status_code, mixed.status_code) == (409, 200)
    assert codes(mixed) == [1, 0]


async def test_strict_asks_for_a_session_and_a_farewell_by_digest(running: Running) -> None:
    one = await running("strict")
    lower = Lower(one)
    assert (await lower.post("/VIID/MotorVehicles", vehicles([1]))).status_code == 401
    await lower.register()
    assert (await lower.system("UnRegister")).status_code == 401
    assert (await lower.system("UnRegister", digest=True)).status_code == 200
    assert one.sessions.names == []


async def test_time_is_asked_by_get_or_by_post(running: Running) -> None:
    strict, go = await running("strict"), await running("go")
    assert "SystemTimeObject" in await Lower(strict).get("/VIID/System/Time")
    assert (await Lower(go).system("Time")).json()["SystemTimeObject"]["LocalTime"].endswith("+08:00")
    answer = await asyncio.to_thread(requests.get, f"{go.url}/VIID/System/Time", timeout=10)
    assert answer.status_code == 405
