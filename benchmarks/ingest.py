"""The centre on SQLite with fsync: fifty gateways at once, events acknowledged a second, and the readers behind."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from joserfc import jwt
from joserfc.jwk import OKPKey

from benchmarks.events import plate, swipe
from domain.events import encode_event
from domain.wire import pack
from server.gateway_auth import GatewayAuth
from server.store import address
from server.store.engine import Database
from simulators.broker import NatsBroker
from tests.rig import COMPLEX, Rig, until

_GATEWAYS, _BATCHES, _BATCH_EVENTS, _REACH = 50, 16, 500, 60_000


class _Gateway:
    """One gateway's key, token, and batches made beforehand: the generator must not be what is measured."""

    def __init__(self, number: int, batches: int) -> None:
        self.key = OKPKey.generate_key("Ed25519")
        self.number, self.batches, self.id = number, batches, ""
        self.packed: list[bytes] = []

    async def enrol(self, session: aiohttp.ClientSession, rig: Rig, code: str) -> None:
        body = {"code": code, "public_key": self.key.as_dict(private=False)}
        async with session.post(f"{rig.url}/v1/enrol", json=body) as response:
            self.id = (await response.json())["gateway"]
        self.packed = [self._pack(index) for index in range(self.batches)]
        now = datetime.now(UTC)
        claims = {"iss": self.id, "aud": "gatehouse", "iat": now, "exp": now + timedelta(minutes=5)}
        self.headers = {
            "Authorization": f"Bearer {jwt.encode({'alg': 'Ed25519'}, claims, self.key, algorithms=['Ed25519'])}"
        }

    def _pack(self, index: int) -> bytes:
        first, start = index * _BATCH_EVENTS, datetime.now(UTC) - timedelta(hours=1)
        bodies = [self._event(first + offset, start) for offset in range(_BATCH_EVENTS)]
        return pack(self.id, "routine", "bench", first + 1, bodies)

    def _event(self, number: int, start: datetime) -> bytes:
        at = start + timedelta(milliseconds=number * 7 + self.number)
        unique = number * _GATEWAYS + self.number  # a plate, a card, a number of its own for each gateway
        event = swipe(unique, at) if number % 5 else plate(unique, at)
        event = msgspec.structs.replace(event, device=f"{event.device}-{self.number}", recorded_at=at)
        return encode_event(event)

    async def send(self, session: aiohttp.ClientSession, url: str, times_s: list[float]) -> None:
        for packed in self.packed:
            began = time.perf_counter()
            async with session.post(f"{url}/v1/batches", data=packed, headers=self.headers) as response:
                assert response.status == 200, await response.text()
                await response.read()
            times_s.append(time.perf_counter() - began)


async def run(scale: float) -> list[dict[str, Any]]:
    """Closed loop of fifty gateways, each one batch at a time; then how long the readers need to catch up."""
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-bench-"))
    rig = Rig(folder, NatsBroker())
    try:
        await rig.start_server()
        return await _measure(rig, max(2, int(_BATCHES * scale)))
    finally:
        rig.stop_all()
        shutil.rmtree(folder, ignore_errors=True)


async def _measure(rig: Rig, batches: int) -> list[dict[str, Any]]:
    gateways = [_Gateway(number, batches) for number in range(_GATEWAYS)]
    times_s: list[float] = []
    connector = aiohttp.TCPConnector(limit=_GATEWAYS)
    async with aiohttp.ClientSession(connector=connector) as session:
        for gateway, code in zip(gateways, await _codes(rig), strict=True):
            await gateway.enrol(session, rig, code)
        began = time.perf_counter()
        await asyncio.gather(*(gateway.send(session, rig.url, times_s) for gateway in gateways))
        seconds = time.perf_counter() - began
    events = _GATEWAYS * batches * _BATCH_EVENTS
    assert rig.centre_count() == events, "not every acknowledged event is there"
    await until(lambda: _caught_up(rig), 300.0, 0.1)
    behind_s = time.perf_counter() - began
    times_s.sort()
    rate, all_rate = round(events / seconds), round(events / behind_s)
    return [
        {
            "what": f"{_GATEWAYS} gateways, SQLite FULL, readers running",
            "figure": rate,
            "unit": "events/s",
            "reach": _REACH,
            "reached": rate >= _REACH,
            "p50_ms": round(times_s[len(times_s) // 2] * 1000),
            "p99_ms": round(times_s[int(len(times_s) * 0.99)] * 1000),
        },
        {"what": "until alerts, doors, parking and charges stand", "figure": all_rate, "unit": "events/s"},
    ]


async def _codes(rig: Rig) -> list[str]:
    db = Database(address.sqlite(rig.server_folder / address.FILE))
    auth = GatewayAuth(db, lambda: datetime.now(UTC), timedelta(minutes=15))
    codes = [(await auth.issue_code(COMPLEX))[0] for _ in range(_GATEWAYS)]
    await db.close()
    return codes


def _caught_up(rig: Rig) -> bool:
    ((head,),) = rig.centre_query("SELECT max(position) FROM batch")
    rows = rig.centre_query("SELECT position FROM cursor")
    return len(rows) >= 4 and all(position >= head for (position,) in rows)
