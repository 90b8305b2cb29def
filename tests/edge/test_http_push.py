"""The HTTP listener: an answer only after the disk, bounds on everything, and who may speak for whom."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

from domain.desired_bodies import Device
from domain.events import Event
from edge.config import Limits
from edge.device_secrets import ASKED_OF_IT, DeviceSecret, DeviceSecrets
from edge.devices.driver import PEER, Answer, BadMessage, Driver, Message, Reading, Registry, Site
from edge.transports.http_pending import PendingCommands
from edge.transports.http_push import HttpPush, make
from tests.edge.http_bench import client, http_bench


def decode(message: Message, site: Site) -> Reading:
    """Whose light is on: in the message, or as the connection says."""
    try:
        said = json.loads(message.payload)
        device = said.get("id") or message.sender
    except (ValueError, AttributeError) as error:
        raise BadMessage(f"no lamp: {error}") from error
    ext = {"path": message.topic, "headers": dict(message.headers)}
    return Reading([Event(kind="input", device=f"lamp:{device}", source_event_id=str(said.get("n", 1)), ext=ext)])


def answer(message: Message, site: Site) -> Answer:
    return Answer(json.dumps({"done": json.loads(message.payload).get("n"), "deep": {"a": 1}}).encode(), carries=True)


LAMP = Driver("lamp", ("lamp-http",), decode, paths={"/lamps/**": "lamp-http", "/on/*/now": "lamp-http"}, answer=answer)
LAMPS = Registry([LAMP])


def lamps(make: Callable[..., Any] = make, **more: Any) -> Any:
    return lambda folder: http_bench(folder, make, LAMPS, **more)


@pytest.mark.parametrize("path", ["/lamps", "/lamps/a/b", "//Lamps/a/", "/on/7/now"])
async def test_a_push_is_in_the_log_when_it_is_answered(tmp_path: Path, path: str) -> None:
    async with lamps()(tmp_path) as (here, _), client(here) as session:
        async with session.post(f"{here.url}{path}", json={"id": "7", "n": 3}) as response:
            assert response.status == 200
            assert await response.json() == {"done": 3, "deep": {"a": 1}}
        (event,) = await here.events()
        assert event.device == "lamp:7"


class _TooEarly(HttpPush):
    """Answers before anything is durable: what must not be."""

    async def _offer(self, message: Message) -> Any:
        self._around.intake.offer(message, lambda: None)
        return aiohttp.web.Response()


@pytest.mark.parametrize(("transport", "status"), [(make, 503), (_TooEarly, 200)])
async def test_nothing_is_answered_before_it_is_durable(tmp_path: Path, transport: Any, status: int) -> None:
    """The positive control answers 200 while the disk hangs."""
    async with lamps(transport, committing=False, answer_s=0.1)(tmp_path) as (here, _), client(here) as session:
        async with session.post("/lamps", json={"id": "7"}) as response:
            assert response.status == status
        assert await here.events() == []


async def test_what_was_sent_away_comes_again_and_is_there_once(tmp_path: Path) -> None:
    async with lamps(committing=False, answer_s=0.1)(tmp_path) as (here, _), client(here) as session:
        async with session.post("/lamps", json={"id": "7"}) as response:
            assert response.status == 503
        committing = asyncio.create_task(here.intake.run())
        async with asyncio.timeout(20):
            while (await session.post("/lamps", json={"id": "7"})).status != 200:  # a busy disk: it comes once more
                pass
        assert len(await here.events()) == 1
        committing.cancel()


async def test_a_full_intake_sends_away(tmp_path: Path) -> None:
    small = Limits(queue_messages=2)
    async with lamps(committing=False, answer_s=0.05, limits=small)(tmp_path) as (here, _), client(here) as session:
        for number in range(4):
            async with session.post("/lamps", json={"id": "7", "n": number}) as response:
                assert response.status == 503
        assert here.intake.counts["sent_away"] == 4


async def test_a_refused_message_is_parked_and_not_repeated(tmp_path: Path) -> None:
    async with lamps()(tmp_path) as (here, _), client(here) as session:
        async with session.post("/lamps", data=b"\0\0nonsense") as response:
            assert response.status == 200
        (kept,) = await here.parked()
        assert (kept.reason, kept.payload, kept.topic) == ("undecodable", b"\0\0nonsense", "/lamps")


async def test_a_message_that_is_too_large_is_parked_by_its_beginning(tmp_path: Path) -> None:
    async with lamps(limits=Limits(message_bytes=100_000))(tmp_path) as (here, _), client(here) as session:
        async with session.post("/lamps", data=b"x" * 2_000_000) as response:
            assert response.status == 413
            assert "100000" in await response.text()
        (kept,) = await here.parked()
        assert (kept.reason, len(kept.payload)) == ("too_large", 65536)


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body)[2:-4]),  # no head: as some firmware understands the word
        ("deflate", bytes),  # says so, and does not
        ("", bytes),
    ],
)
async def test_a_deflated_body_is_inflated(tmp_path: Path, encoding: str, packed: Callable[[bytes], bytes]) -> None:
    async with lamps()(tmp_path) as (here, _), client(here) as session:
        body, headers = packed(b'{"id": "7"}'), {"Content-Encoding": encoding} if encoding else {}
        async with session.post("/lamps", data=body, headers=headers) as response:
            assert response.status == 200
        assert len(await here.events()) == 1


async def test_a_bomb_is_too_large(tmp_path: Path) -> None:
    bomb = zlib.compress(b" " * 50_000_000)
    async with lamps(limits=Limits(message_bytes=100_000))(tmp_path) as (here, _), client(here) as session:
        async with session.post("/lamps", data=bomb, headers={"Content-Encoding": "deflate"}) as response:
            assert response.status == 413
        assert [kept.reason for kept in await here.parked()] == ["too_large"]


async def test_nobody_elses_path_is_not_found(tmp_path: Path) -> None:
    async with lamps()(tmp_path) as (here, _), client(here) as session:
        for path in ("/", "/other", "/on/7", "/d", "/d/lamp:", "/d/vase:7", "/d/7"):
            async with session.post(path, json={"id": "7"}) as response:
                assert response.status == 404, path
        assert here.intake.counts["not_ours"] == 7


async def test_who_pushes_is_said_by_the_path_or_by_the_address(tmp_path: Path) -> None:
    async with lamps()(tmp_path) as (here, _), client(here) as session:
        for number, path in enumerate(("/lamps", "/d/lamp%3Aa%2F1/lamps/x", "/d/lamp:a%2F1")):
            await session.post(path, json={"n": number})
        here.list_devices(Device(id="lamp:9", address="http://127.0.0.1:81"), accept_unknown=True)
        await session.post("/lamps", json={"n": 3})
        here.list_devices(*(Device(id=f"lamp:{n}", address="127.0.0.1") for n in (1, 2)), accept_unknown=True)
        await session.post("/lamps", json={"n": 4})
        events = await here.events()
        assert [event.device for event in events] == ["lamp:", "lamp:a/1", "lamp:a/1", "lamp:9", "lamp:"]
        assert [event.ext["path"] for event in events[:3]] == ["/lamps", "/lamps/x", "/"]


async def test_what_is_parked_keeps_who_sent_it(tmp_path: Path) -> None:
    async with lamps()(tmp_path) as (here, _), client(here) as session:
        here.list_devices()
        await session.post("/d/lamp:7/lamps", json={"n": 1})
        (kept,) = await here.parked()
        assert (kept.reason, kept.as_message().sender) == ("unknown_device", "7")


async def test_a_driver_sees_what_it_needs_of_the_headers_and_no_more(tmp_path: Path) -> None:
    secret = {"Authorization": "Basic QTpC", "Cookie": "a=b", "User-Identify": "34020000001320000001"}
    async with lamps()(tmp_path) as (here, _), client(here) as session:
        await session.post("/lamps", json={"id": "7"}, headers=secret)
        (event,) = await here.events()
        shown = {"content-type": "application/json", "user-identify": secret["User-Identify"], PEER: "127.0.0.1"}
        assert event.ext["headers"] == shown


async def test_a_get_says_what_follows_its_path(tmp_path: Path) -> None:
    async with lamps()(tmp_path) as (here, _), client(here) as session:
        await session.get('/lamps?{"id":"7"}')
        (kept,) = await here.parked()
        assert kept.payload.startswith(b"%7B")


async def test_a_body_that_breaks_off_or_dawdles_is_counted(tmp_path: Path) -> None:
    async with lamps(body_s=0.1)(tmp_path) as (here, _), client(here):
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", here.config.listen.port)
            writer.write(b"POST /lamps HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            assert b"400" in await reader.readline()
            writer.close()
        assert here.intake.counts["body_broke"] == 2


async def test_only_so_many_at_one_time(tmp_path: Path) -> None:
    more: dict[str, Any] = {"requests": 2, "answer_s": 0.5, "committing": False}
    async with lamps(**more)(tmp_path) as (here, _), client(here) as session:
        bodies = [session.post("/lamps", json={"id": "7", "n": number}) for number in range(5)]
        statuses = sorted([response.status for response in await asyncio.gather(*bodies)])
        assert statuses == [503] * 5
        assert len(here.intake._queue._items) == 2  # pyright: ignore


# --- passwords ---


def _guard(folder: Path, device: str = "lamp:7") -> None:
    DeviceSecrets(folder, ASKED_OF_IT).keep(device, DeviceSecret("top:s3cret", "cam"))  # pragma: allowlist secret


@pytest.mark.parametrize("path", ["/lamps", "/d/lamp:7/lamps"])
async def test_a_device_with_a_password_must_show_it(tmp_path: Path, path: str) -> None:
    """By clients that are not ours, in both schemes; whether the path names the device or the message does."""
    _guard(tmp_path)
    async with lamps()(tmp_path) as (here, _), client(here):
        async with httpx.AsyncClient(base_url=here.url) as session:
            tries = (
                (None, 401),
                (httpx.DigestAuth("cam", "wrong"), 401),
                (httpx.DigestAuth("other", "top:s3cret"), 401),
                (httpx.BasicAuth("cam", "wrong"), 401),
                (httpx.DigestAuth("cam", "top:s3cret"), 200),
                (httpx.BasicAuth("cam", "top:s3cret"), 200),
            )
            for number, (auth, status) in enumerate(tries, 1):
                response = await session.post(path, json={"id": "7", "n": number}, auth=auth)
                assert response.status_code == status, auth
            response = await session.post(path.replace("7", "8"), json={"id": "8", "n": 1})
            assert response.status_code == 200  # nobody entered one for that lamp
        assert [event.source_event_id for event in await here.events()] == ["5", "6", "1"]
        assert here.intake.counts["unauthorised"] == 3


async def test_one_digest_opens_one_request(tmp_path: Path) -> None:
    """What was overheard on the wire is stale; the client that knows the password goes on with the same nonce."""
    _guard(tmp_path)
    async with lamps()(tmp_path) as (here, _), client(here):
        auth = httpx.DigestAuth("cam", "top:s3cret")
        async with httpx.AsyncClient(base_url=here.url) as session:
            first = await session.post("/d/lamp:7", json={"n": 1}, auth=auth)
            second = await session.post("/d/lamp:7", json={"n": 2}, auth=auth)
            assert (first.status_code, second.status_code, len(second.history)) == (200, 200, 0)
            overheard = {"Authorization": second.request.headers["Authorization"]}
            replayed = await session.post("/d/lamp:7", json={"n": 3}, headers=overheard)
            assert replayed.status_code == 401
            assert "stale=true" in replayed.headers["WWW-Authenticate"]


async def test_a_password_that_cannot_be_read_lets_nobody_in(tmp_path: Path) -> None:
    _guard(tmp_path)
    (file,) = (tmp_path / ASKED_OF_IT).iterdir()
    file.write_text("{")
    async with lamps()(tmp_path) as (here, _), client(here) as session:
        async with session.post("/lamps", json={"id": "7"}) as response:
            assert response.status == 503
        assert await here.events() == []


# --- commands that wait for a device to ask ---


async def test_a_command_goes_with_the_next_answer_and_once(tmp_path: Path) -> None:
    async with lamps()(tmp_path) as (here, transport), client(here) as session:
        assert transport.send("lamp:7", Answer(b'{"deep": {"open": true}}'))
        assert not transport.send("lamp:7", Answer(b"{}"))  # one at a time
        said: list[Any] = []
        for number, lamp in enumerate(("8", "7", "7")):
            async with session.post("/lamps", json={"id": lamp, "n": number}) as response:
                said.append(await response.json())
        bare, carrying, again = (entry["deep"] for entry in said)
        assert bare == again == {"a": 1}
        assert carrying == {"a": 1, "open": True}
        assert said[1]["done"] == 1


async def test_a_command_is_never_late() -> None:
    pending = PendingCommands(0.02)
    assert pending.put("lamp:7", Answer(b"{}"))
    await asyncio.sleep(0.03)
    assert pending.take("lamp:7") is None
    assert pending.put("lamp:7", Answer(b"{}"))
    assert pending.take("lamp:7") == Answer(b"{}")
