"""A server that is told to stop while screens listen and batches come: it ends soon, and what it answered is kept."""

from __future__ import annotations

import asyncio
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx

from domain.events import Event, encode_event
from domain.wire import pack
from simulators.broker import NatsBroker
from simulators.products import ask
from tests.rig import COMPLEX, Rig, until
from tests.server.centre import Gateway

GONE_WITHIN_S = 5.0  # a promise: docs/operate.md
SCREENS = 5


async def listen(client: httpx.AsyncClient, heard: list[bool]) -> None:
    """A screen, until the server ends its stream."""
    async with client.stream("GET", "/live", timeout=60) as answer:
        assert answer.status_code == 200
        heard.append(True)
        async for _ in answer.aiter_raw():
            pass


async def pour(gateway: Gateway) -> int:
    """Batches one after the other until nobody answers; the last sequence that was acknowledged."""
    acknowledged = 0
    body = encode_event(Event(kind="door", device="d", state="open", recorded_at=datetime.now(UTC)))
    while True:
        try:
            answer = await gateway.post(pack(gateway.id, "routine", "e1", acknowledged + 1, [body] * 50))
        except httpx.HTTPError:
            return acknowledged
        if answer.status_code != 200:
            return acknowledged
        acknowledged = answer.json()["watermark"]


async def test_a_stop_ends_streams_and_keeps_what_was_answered(tmp_path: Path) -> None:
    rig = Rig(tmp_path, NatsBroker())
    try:
        await rig.start_server()
        code = await ask("gatehouse-server", "enrol-code", "--data", str(rig.server_folder), "--complex", COMPLEX)
        async with httpx.AsyncClient(base_url=rig.url) as screens, httpx.AsyncClient(base_url=rig.url) as line:
            account = {"username": rig.account["username"], "password": rig.account["password"], "next": "/"}
            assert (await screens.post("/login", data=account)).status_code in (200, 302, 303)
            gateway, heard = Gateway(line), list[bool]()
            assert (await gateway.enrol(code["code"])).status_code == 200
            listening = [asyncio.create_task(listen(screens, heard)) for _ in range(SCREENS)]
            pouring = asyncio.create_task(pour(gateway))
            await until(lambda: len(heard) == SCREENS and rig.centre_count() >= 200)
            began = time.monotonic()
            rig.server.send(signal.SIGTERM)
            await until(lambda: not rig.server.running, GONE_WITHIN_S)
            acknowledged = await asyncio.wait_for(pouring, 10)
            await asyncio.wait(listening, timeout=10)
        assert all(task.done() for task in listening)
        assert time.monotonic() - began < 2 * GONE_WITHIN_S
        assert rig.centre_query("SELECT last FROM mark WHERE stream = 'routine'")[0][0] >= acknowledged >= 200
        assert rig.server.exit_status in (0, -signal.SIGTERM), "uvicorn ends by the signal itself once it has stopped"
    finally:
        rig.stop_all()
