"""Who gets in: curl, requests, httpx by digest; nobody without password, code, address and a fresh nonce."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import requests
from requests.auth import HTTPDigestAuth

from domain.viid.digest import Challenge, authorization, parse_challenge
from server.config import BadConfig, Complex, Config, load
from server.viid.settings import Peer, Settings, check
from tests.server.engines import SQLITE, Engine
from tests.server.viid.served import (
    LOWER,
    OTHER_UPPER,
    PASSWORD,
    UPPER,
    Caller,
    Served,
    served,
    vehicle,
    vehicles,
)

REGISTER = "/VIID/System/Register"
ON_SQLITE = pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])  # what is no matter of the engine


@pytest.fixture
async def centre(tmp_path: Path, engine: Engine) -> AsyncIterator[Served]:
    async with served(tmp_path, engine) as one:
        yield one


def body(code: str = LOWER) -> dict[str, dict[str, str]]:
    return {"RegisterObject": {"DeviceID": code}}


async def test_requests_and_httpx_register_and_push(centre: Served) -> None:
    url, head = centre.url + REGISTER, {"User-Identify": LOWER}
    auth = HTTPDigestAuth(LOWER, PASSWORD)
    answer = await asyncio.to_thread(requests.post, url, json=body(), auth=auth, headers=head, timeout=60)
    assert (answer.status_code, answer.json()["ResponseStatusObject"]["StatusCode"]) == (200, 0)
    pushed = vehicles(vehicle(1, centre.now()))
    answer = await asyncio.to_thread(
        requests.post, f"{centre.url}/VIID/MotorVehicles", json=pushed, headers=head, timeout=60
    )
    assert answer.json()["ResponseStatusListObject"]["ResponseStatusObject"][0]["StatusCode"] == 0
    caller = Caller(centre.url, UPPER)
    assert (await caller.register()).status_code == 200
    assert [row["who"] for row in await centre.audited("viid.registered")] == [LOWER, UPPER]


async def test_curl_registers_and_pushes(centre: Served, tmp_path: Path) -> None:
    """It asks for the challenge with an empty body."""
    said = f'{{"RegisterObject":{{"DeviceID":"{LOWER}"}}}}'
    head = ["-H", f"User-Identify: {LOWER}", "-H", "Content-Type: application/VIID+JSON;charset=UTF-8"]
    shown = ["curl", "-sS", "--digest", "-u", f"{LOWER}:{PASSWORD}", *head, "-d", said, centre.url + REGISTER]
    done = await asyncio.to_thread(subprocess.run, shown, capture_output=True, text=True, timeout=60)
    assert '"StatusCode":0' in done.stdout, done
    pushed = httpx.Request("POST", "http://x", json=vehicles(vehicle(1, centre.now()))).content
    (tmp_path / "pushed.json").write_bytes(pushed)
    push = ["curl", "-sS", *head, "-d", f"@{tmp_path}/pushed.json", f"{centre.url}/VIID/MotorVehicles"]
    done = await asyncio.to_thread(subprocess.run, push, capture_output=True, text=True, timeout=60)
    assert '"StatusCode":0' in done.stdout, done
    assert len(await centre.facts()) == 1


@ON_SQLITE
@pytest.mark.parametrize(
    ("code", "user", "password"),
    [
        (LOWER, LOWER, "wrong"),
        (LOWER, UPPER, PASSWORD),  # another's name with its right password: bound to the code
        (OTHER_UPPER, OTHER_UPPER, PASSWORD),  # its name is another
        ("33010600011200000099", "33010600011200000099", PASSWORD),
    ],
)
async def test_nobody_else_gets_in(code: str, user: str, password: str, centre: Served) -> None:
    caller = Caller(centre.url, code, user, password)
    answer = await caller.register()
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Digest ")
    assert (await caller.system("Keepalive")).status_code == 401
    assert await centre.audited("viid.registered") == []


@ON_SQLITE
async def test_a_stranger_is_answered_as_a_wrong_password_is(centre: Served) -> None:
    answers = [await Caller(centre.url, code, password="wrong").register() for code in (LOWER, "33010600011200000099")]
    first, second = (re.sub(r"\d{20}|\d{14}", "", answer.text) for answer in answers)
    assert first == second


@ON_SQLITE
async def test_a_name_of_its_own_is_taken(centre: Served) -> None:
    assert (await Caller(centre.url, OTHER_UPPER, "branch").register()).status_code == 200


async def _challenge(caller: Caller) -> Challenge:
    return parse_challenge((await caller.system("Register")).headers["WWW-Authenticate"])


async def _answered(caller: Caller, challenge: Challenge, uri: str = REGISTER) -> httpx.Response:
    header = authorization(challenge, caller.code, PASSWORD, "POST", uri, "c0ffee")
    return await caller.system("Register", headers={"Authorization": header})


async def test_an_answer_opens_once(centre: Served) -> None:
    caller = Caller(centre.url, LOWER)
    challenge = await _challenge(caller)
    assert (await _answered(caller, challenge)).status_code == 200
    again = await _answered(caller, challenge)
    assert (again.status_code, parse_challenge(again.headers["WWW-Authenticate"]).is_stale) == (401, True)


@ON_SQLITE
async def test_a_nonce_of_others_or_of_long_ago_opens_nothing(centre: Served) -> None:
    caller = Caller(centre.url, LOWER)
    challenge = await _challenge(caller)
    for nonce in ("0.0123456789abcdef.00000000000000000000000000000000", "x", challenge.nonce[:-1] + "z"):
        assert (await _answered(caller, Challenge("viid", nonce, "auth"))).status_code == 401
    centre.ahead = timedelta(minutes=6)
    assert (await _answered(caller, challenge)).status_code == 401
    assert (await _answered(caller, await _challenge(caller))).status_code == 200


@ON_SQLITE
@pytest.mark.parametrize(
    ("uri", "status"),
    [("http://view.example.invalid" + REGISTER, 200), ("/VIID/System/Keepalive", 401), (REGISTER + "x", 401)],
)
async def test_the_uri_counts_as_it_was_sent_if_its_path_is_this_one(uri: str, status: int, centre: Served) -> None:
    caller = Caller(centre.url, LOWER)
    assert (await _answered(caller, await _challenge(caller), uri)).status_code == status


@ON_SQLITE
async def test_guessing_is_not_even_looked_at(centre: Served) -> None:
    tries = [(await Caller(centre.url, LOWER, password="wrong").register()).status_code for _ in range(31)]
    assert tries == [401] * 30 + [403]
    assert (await Caller(centre.url, LOWER).register()).status_code == 403  # nor is the right one, for a minute
    centre.ahead = timedelta(seconds=61)
    assert (await Caller(centre.url, LOWER).register()).status_code == 200


async def test_a_session_ends_by_silence_and_by_farewell(centre: Served) -> None:
    caller = Caller(centre.url, LOWER)
    await caller.register()
    for _ in range(3):
        centre.ahead += timedelta(seconds=170)
        assert (await caller.system("Keepalive")).status_code == 200
    centre.ahead += timedelta(seconds=181)
    lost = await caller.system("Keepalive")
    assert (lost.status_code, lost.json()["ResponseStatusObject"]["StatusCode"]) == (401, 4)
    await caller.register()
    assert (await caller.system("UnRegister")).status_code == 200
    assert (await caller.post("/VIID/MotorVehicles", vehicles(vehicle(1, centre.now())))).status_code == 401
    assert await centre.facts() == []


@ON_SQLITE
async def test_a_session_goes_on_only_from_where_it_began(centre: Served) -> None:
    """A code is no secret: whoever knows it is elsewhere."""
    caller = Caller(centre.url, LOWER)
    await caller.register()
    assert (await caller.system("Keepalive", headers={"X-Forwarded-For": "192.0.2.66"})).status_code == 401


@ON_SQLITE
async def test_the_time_is_told(centre: Served) -> None:
    caller = Caller(centre.url, LOWER)
    assert (await caller.client.get("/VIID/System/Time")).status_code == 401
    await caller.register()
    for answer in (await caller.client.get("/VIID/System/Time"), await caller.client.post("/VIID/System/Time")):
        assert re.fullmatch(r"\d{14}", answer.json()["SystemTimeObject"]["LocalTime"])


@ON_SQLITE
async def test_upper_and_lower_are_two_things(centre: Served) -> None:
    upper, lower = Caller(centre.url, UPPER), Caller(centre.url, LOWER)
    await upper.register()
    await lower.register()
    assert (await upper.post("/VIID/MotorVehicles", vehicles(vehicle(1, centre.now())))).status_code == 403
    assert (await lower.client.get("/VIID/APEs")).status_code == 403
    assert (await lower.post("/VIID/Subscribes", {})).status_code == 403
    assert (await lower.post("/VIID/Dispositions", {})).status_code == 403


@ON_SQLITE
async def test_what_is_no_message_is_told_why(centre: Served) -> None:
    caller = Caller(centre.url, LOWER)
    await caller.register()
    for content, http, code in (
        (b"[1]", 400, 7),
        (b"\xff", 400, 7),
        (b"{}", 400, 8),
        (b"x" * (9 * 1024 * 1024), 413, 8),
    ):
        answer = await caller.client.post("/VIID/MotorVehicles", content=content)
        assert (answer.status_code, answer.json()["ResponseStatusObject"]["StatusCode"]) == (http, code)
    answer = await caller.post("/VIID/Cases", {"CaseListObject": {"CaseObject": [{}]}})
    assert (answer.status_code, answer.json()["ResponseStatusObject"]["StatusCode"]) == (404, 4)


def test_settings_that_contradict_themselves_are_refused(tmp_path: Path) -> None:
    def peer(**rest: object) -> Peer:
        return Peer(**{"code": LOWER, "kind": "lower", "password_file": "x", "complexes": ["garden"], **rest})  # type: ignore[arg-type]

    def said(*peers: Peer, code: str = UPPER) -> str:
        with pytest.raises(ValueError, match="viid") as raised:
            check(Settings(code, "330106000000", peers=list(peers)), ["garden", "river"])
        return str(raised.value)

    assert "two peers" in said(peer(), peer())
    assert "assigned by the police" in said(peer(), code="")
    assert "there is no complex" in said(peer(complexes=["hill"]))
    assert "name the one complex" in said(peer(complexes=["garden", "river"]))
    assert "no http" in said(peer(kind="upper", report_to="ftp://x"))
    (tmp_path / "server.toml").write_text('[viid]\ncode = "1"\n')
    with pytest.raises(BadConfig, match="viid"):
        load(tmp_path)


async def test_a_password_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    from server.bootstrap import open_house

    settings = Settings(UPPER, "330106000000", peers=[Peer(LOWER, "lower", "none.password", complexes=["garden"])])
    with pytest.raises(BadConfig, match=r"none\.password"):
        await open_house(tmp_path, Config(complexes=[Complex("garden", "花园")], viid=settings))


@pytest.mark.parametrize(
    ("address", "may"),
    [
        ("http://192.0.2.10:8120/VIID/SubscribeNotifications", True),
        ("http://192.0.2.10:8120/VIID/SubscribeNotifications/x", True),
        ("http://192.0.2.10:8120/VIID/SubscribeNotificationsX", False),
        ("http://192.0.2.10:8121/VIID/SubscribeNotifications", False),
        ("https://192.0.2.10:8120/VIID/SubscribeNotifications", False),
        ("http://192.0.2.10:8120@192.0.2.66/VIID/SubscribeNotifications", False),
        ("http://192.0.2.66/VIID/SubscribeNotifications", False),
        ("http://192.0.2.10:8120/", False),
    ],
)
def test_records_go_only_where_it_was_agreed(address: str, may: bool) -> None:
    allowed = "http://192.0.2.10:8120/VIID/SubscribeNotifications"
    peer = Peer(UPPER, "upper", "x", report_to=allowed)
    assert peer.may_be_told_at(address) is may
    assert not Peer(UPPER, "upper", "x").may_be_told_at(address)
