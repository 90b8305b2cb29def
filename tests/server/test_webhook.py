"""The first feed: every fact once, again while the far end is ill, and what it refuses parked."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from domain.events import Event
from server.config import Config, Webhook
from server.store.schema import delivery
from tests.server.centre import GARDEN, Centre, centre
from tests.server.engines import Engine

NOW = datetime.now(UTC)
SECRET = b"not a secret"
Events = list[dict[str, Any]]


class FarEnd:
    """What a webhook's receiver saw; ``judge`` answers a request's events with a status."""

    def __init__(self, judge: Callable[[Events], int] = lambda _: 204) -> None:
        self.judge, self.taken, self.requests = judge, Events(), 0
        self.signed: list[bool] = []

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.requests += 1
        events: Events = msgspec.json.decode(body)
        stamp = request.headers["X-Gatehouse-Timestamp"].encode()
        expected = hmac.new(SECRET, stamp + b"." + body, hashlib.sha256).hexdigest()
        self.signed.append(request.headers["X-Gatehouse-Signature"] == f"sha256={expected}")
        status = self.judge(events)
        if status < 300:
            self.taken += events
        return web.Response(status=status)


@asynccontextmanager
async def feeding(folder: Path, engine: Engine, far_end: FarEnd, kinds: list[str]) -> AsyncIterator[Centre]:
    app = web.Application()
    app.router.add_post("/events", far_end.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    (folder / "hook.secret").write_bytes(SECRET + b"\n")
    hook = Webhook("test", f"http://127.0.0.1:{port}/events", "hook.secret", kinds)
    async with centre(folder, engine, Config(complexes=[GARDEN], webhooks=[hook])) as here:
        yield here
    await runner.cleanup()


def fact(number: int, kind: str = "input") -> Event:
    return Event(kind=kind, device="x:1", source_event_id=str(number), time=NOW)


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def states(here: Centre) -> list[str]:
    return [row["state"] for row in sorted(await here.rows(delivery), key=lambda row: row["number"])]


async def test_every_fact_once_in_order_signed(tmp_path: Path, engine: Engine) -> None:
    far_end = FarEnd()
    async with feeding(tmp_path, engine, far_end, []) as here:
        one, other = await here.gateway(), await here.gateway()
        await one.send(*(fact(n) for n in range(120)))
        await other.send(*(fact(n) for n in range(120)))
        await here.settled()
        await until(lambda: len(far_end.taken) >= 120)
        await here.wait_for(delivery, lambda rows: all(row["state"] == "sent" for row in rows))
    numbers = [event["data"]["source_event_id"] for event in far_end.taken]
    assert numbers == [str(n) for n in range(120)]
    assert all(far_end.signed)
    first = far_end.taken[0]
    assert (first["specversion"], first["type"]) == ("1.0", "gatehouse.input")
    assert first["source"] == "/complexes/garden/devices/x:1"


async def test_only_the_kinds_asked_for(tmp_path: Path, engine: Engine) -> None:
    far_end = FarEnd()
    async with feeding(tmp_path, engine, far_end, ["alarm"]) as here:
        gateway = await here.gateway()
        await gateway.send(fact(1), fact(2, "alarm"))
        await here.settled()
        await until(lambda: far_end.taken)
    assert [event["type"] for event in far_end.taken] == ["gatehouse.alarm"]


async def test_what_an_ill_far_end_missed_comes_when_it_is_well(tmp_path: Path, engine: Engine) -> None:
    far_end = FarEnd(lambda _: 503)
    async with feeding(tmp_path, engine, far_end, []) as here:
        gateway = await here.gateway()
        await gateway.send(*(fact(n) for n in range(5)))
        await until(lambda: far_end.requests >= 2)
        assert await states(here) == ["waiting"] * 5
        far_end.judge = lambda _: 200
        await until(lambda: len(far_end.taken) == 5)


async def test_a_refused_fact_is_parked_alone(tmp_path: Path, engine: Engine) -> None:
    far_end = FarEnd(lambda events: 400 if any(e["data"]["source_event_id"] == "3" for e in events) else 200)
    async with feeding(tmp_path, engine, far_end, []) as here:
        gateway = await here.gateway()
        await gateway.send(*(fact(n) for n in range(8)))
        rows = await here.wait_for(
            delivery, lambda rows: len(rows) == 8 and all(row["state"] != "waiting" for row in rows)
        )
    assert [row["state"] for row in sorted(rows, key=lambda row: row["number"])] == ["sent"] * 3 + ["parked"] + [
        "sent"
    ] * 4
    (parked,) = [row for row in rows if row["state"] == "parked"]
    assert b'"source_event_id":"3"' in parked["body"]
    assert parked["error"].startswith("400")


class Locked(Exception):
    """What a database might raise."""


async def test_whatever_goes_wrong_in_a_sender_is_tried_again(tmp_path: Path, engine: Engine) -> None:
    far_end, calls = FarEnd(), 0
    async with feeding(tmp_path, engine, far_end, []) as here:
        gateway = await here.gateway()
        await gateway.send(fact(0))  # all has begun: a house that cannot write while it begins ends, and is begun anew
        await here.settled()
        await here.wait_for(delivery, lambda rows: [row["state"] for row in rows] == ["sent"])
        write = here.house.db.write

        def sometimes(*args: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls % 3 == 1:  # a reader that fails writes that it waits: that may succeed
                raise Locked("database is locked")
            return write(*args, **named)

        here.house.db.write = sometimes  # type: ignore[method-assign]
        await gateway.send(*(fact(n) for n in range(1, 4)))
        await here.wait_for(delivery, lambda rows: len(rows) == 4 and all(row["state"] == "sent" for row in rows))
        assert calls > 2
