"""A session at a platform: its digest, its keep-alive, what ends it, and how seldom a closed door is knocked at."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from domain.viid import digest
from server.feeds.gat1400.pause import Pause
from server.feeds.gat1400.session import NotNow
from tests.rig import until
from tests.server.gat1400.centre_side import car, side
from tests.server.gat1400.peer import Peer, answering, peer

QUICK = 'extends = "standard"\n[peer]\nkeepalive_s = 1\ntimeout_s = 1\n'
CHALLENGES = [
    'Digest realm="viid", qop="auth", nonce="b7c1", opaque="9c2b", algorithm=MD5',
    "Digest realm='viid',qop='auth',nonce='b7c1'",
    'Digest realm="viid",nonce="YWI9PQ=="',
]


@pytest.mark.parametrize("challenge", CHALLENGES)
@pytest.mark.parametrize("absolute", [False, True])
async def test_it_proves_the_password_by_the_uri_it_asks_for(tmp_path: Path, challenge: str, absolute: bool) -> None:
    there = Peer()
    proofs: list[dict[str, str]] = []

    def door() -> web.Response:
        said = digest.parse_authorization(there.headers[-1].get("Authorization", ""))
        if not said:
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        proofs.append(said)
        return web.json_response({"ResponseStatusObject": {"StatusCode": "0"}})

    there.system["Register"] = door
    async with peer(there), side(tmp_path) as here:
        own = here.own_profile(f'extends = "standard"\n[peer]\nabsolute_uri = {str(absolute).lower()}')
        sender = here.sender(there.url + "/", "secret", own, username="district")
        await sender.session.online()
        await sender.close()
    (said,) = proofs
    assert digest.proves(said, "secret", "POST") and not digest.proves(said, "other", "POST")
    assert said["uri"] == (there.url if absolute else "") + "/VIID/System/Register"
    assert (said["username"], said["algorithm"]) == ("district", "MD5")
    assert there.requests["UnRegister"] == 1


WRONG = {
    "a wrong password": answering(401, **{"WWW-Authenticate": CHALLENGES[0]}),
    "no challenge to answer": answering(401),
    "an unknown device by 400": answering(400),
    "an unknown device by 404 with code 0": answering(404, {"StatusCode": 0}),
    "an unknown device by 200 with code 3": answering(200, {"ResponseStatusObject": {"StatusCode": 3}}),
    "forbidden": answering(403),
}
ILL = {
    "overloaded": answering(503),
    "busy": answering(200, {"ResponseStatusObject": {"StatusCode": 2}}),
    "broken": answering(500),
}


@pytest.mark.parametrize("what", [*WRONG, *ILL])
async def test_a_door_that_stays_closed_is_knocked_at_seldom(tmp_path: Path, what: str) -> None:
    there = Peer()
    there.system["Register"] = WRONG.get(what) or ILL[what]
    async with peer(there), side(tmp_path) as here:
        sender = here.sender(there.url, "secret")
        for _ in range(60):  # an hour, asked each minute
            await sender.send([car(1)])
            here.clock_s += 60
        assert sender.session.state == ("not_known" if what in WRONG else "offline")
        await sender.close()
    assert there.requests["Register"] <= (8 if what in WRONG else 40)
    assert there.requests["MotorVehicles"] == 0


async def test_it_is_kept_alive_and_taken_leave_of(tmp_path: Path) -> None:
    async with peer(Peer()) as there, side(tmp_path) as here:
        sender = here.sender(there.url, profile=here.own_profile(QUICK))
        keeping = asyncio.create_task(sender.keep())
        await until(lambda: there.requests["Keepalive"] >= 2)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        assert (there.requests["Register"], there.requests["Time"], there.requests["UnRegister"]) == (1, 1, 1)


@pytest.mark.parametrize(
    "lost",
    [answering(401), answering(403), answering(400), answering(200, {"ResponseStatusObject": {"StatusCode": 4}})],
)
async def test_a_keepalive_that_is_not_known_registers_again(tmp_path: Path, lost: Any) -> None:
    there = Peer()
    there.system["Keepalive"] = lost
    async with peer(there), side(tmp_path) as here:
        sender = here.sender(there.url, profile=here.own_profile(QUICK))
        keeping = asyncio.create_task(sender.keep())
        await until(lambda: there.requests["Register"] >= 2)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def test_a_session_that_is_lost_is_opened_again_and_the_message_sent_once_more(tmp_path: Path) -> None:
    there = Peer()
    answers = iter([(401, None), (200, {"ResponseStatusObject": {"StatusCode": 0}})])
    async with peer(there), side(tmp_path) as here:
        sender = here.sender(there.url, profile=here.own_profile('extends = "standard"\n[peer]\ndirectory = false'))
        there.judge = lambda _: next(answers)
        (verdict,) = await sender.send([car(1)])
        await sender.close()
    assert type(verdict).__name__ == "Accepted"
    assert (there.requests["Register"], there.requests["MotorVehicles"]) == (2, 2)


async def test_a_registration_that_is_sent_on_goes_on_there_and_falls_back(tmp_path: Path) -> None:
    front, behind = Peer(), Peer()
    async with peer(front), peer(behind), side(tmp_path) as here:
        front.system["Register"] = answering(302, Location=f"{behind.url}/VIID/System/Register")
        sender = here.sender(front.url)
        await sender.send([car(1)])
        assert (front.requests["MotorVehicles"], behind.requests["MotorVehicles"]) == (0, 1)
        front.system.clear()
        sender.session.lost("a test")
        await sender.send([car(2)])
        assert (front.requests["MotorVehicles"], behind.requests["MotorVehicles"]) == (1, 1)
        await sender.close()


@pytest.mark.parametrize("there", ["https://x.example.invalid.", "ftp://x", "/VIID/System/Register"])
async def test_it_is_not_sent_around_for_ever_nor_anywhere(tmp_path: Path, there: str) -> None:
    front = Peer()
    front.system["Register"] = answering(302, Location=there)
    async with peer(front), side(tmp_path) as here:
        sender = here.sender(front.url)
        with pytest.raises(NotNow):
            await sender.session.online()
        await sender.close()
    assert front.requests["Register"] <= 3


async def test_their_clock_is_read_and_stops_nothing(tmp_path: Path) -> None:
    there = Peer()
    there.system["Time"] = answering(200, {"SystemTimeObject": {"LocalTime": "20261122160507"}})
    async with peer(there), side(tmp_path) as here:
        sender = here.sender(there.url)
        await sender.session.online()
        assert sender.session.clock_off_s == 7.0
        await sender.close()


def test_pauses_grow_differ_and_end() -> None:
    clock = [0.0]
    pause = Pause(lambda: clock[0], lambda: 0.5)
    assert pause.left_s == 0
    waits: list[float] = []
    for _ in range(12):
        pause.ill()
        waits.append(pause.left_s)
    assert waits == sorted(waits) and waits[0] < 3 and waits[-1] <= 300
    pause.over()
    assert pause.left_s == 0
    pause.wrong()
    assert pause.left_s >= 300
    clock[0] += 10_000
    for _ in range(12):
        pause.wrong()
    assert pause.left_s <= 3_600 * 1.25
