"""Gateways as the centre sees them, many in one process: enrolled, with batches made beforehand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import aiohttp
import msgspec
from joserfc import jwt
from joserfc.jwk import OKPKey

from benchmarks.events import plate, swipe
from benchmarks.line import Line
from domain.events import encode_event
from domain.wire import pack
from server.gateway_auth import GatewayAuth
from server.store.engine import Database
from tests.rig import COMPLEX


class Sender:
    """One gateway's key, token and batches: making them must not be what is measured."""

    def __init__(self, number: int, of: int, identity: str, key: OKPKey) -> None:
        """``of`` so many, so that no two have a plate, a card or a number in common."""
        self.number, self._of, self.id = number, of, identity
        now = datetime.now(UTC)
        claims = {"iss": identity, "aud": "gatehouse", "iat": now, "exp": now + timedelta(minutes=10)}
        token = jwt.encode({"alg": "Ed25519"}, claims, key, algorithms=["Ed25519"])
        self.headers = {"Authorization": f"Bearer {token}"}
        self.packed: list[bytes] = []

    def make(self, epoch: str, batches: int, batch_events: int) -> None:
        """Batches of an epoch of its own, to be sent in order."""
        start = datetime.now(UTC) - timedelta(hours=1)
        self.packed = []
        for first in range(0, batches * batch_events, batch_events):
            bodies = [self._event(first + offset, start) for offset in range(batch_events)]
            self.packed.append(pack(self.id, "routine", epoch, first + 1, bodies))

    def _event(self, number: int, start: datetime) -> bytes:
        at = start + timedelta(milliseconds=number * 7 + self.number)
        unique = number * self._of + self.number
        event = swipe(unique, at) if number % 5 else plate(unique, at)
        event = msgspec.structs.replace(event, device=f"{event.device}-{self.number}", recorded_at=at)
        return encode_event(event)

    async def send(self, url: str, times_s: list[float], every_s: float = 0.0) -> None:
        """All batches, one at a time; with ``every_s`` each at its moment, so that what waits counts as late."""
        line = await Line.to(url)
        due = time.perf_counter() + every_s * self.number / self._of
        for packed in self.packed:
            await asyncio.sleep(max(0.0, due - time.perf_counter()) if every_s else 0.0)
            began = due if every_s else time.perf_counter()
            status, said = await line.post("/v1/batches", packed, self.headers)
            assert status == 200, said
            times_s.append(time.perf_counter() - began)
            due += every_s
        line.close()


async def enrolled(
    session: aiohttp.ClientSession, url: str, database: str, count: int, complexes: Sequence[str] = (COMPLEX,)
) -> list[Sender]:
    """So many new gateways of the centre at ``url``, whose database is ``database``, over the complexes by turns."""
    db = Database(database)
    auth = GatewayAuth(db, lambda: datetime.now(UTC), timedelta(minutes=15))
    codes = [(await auth.issue_code(complexes[number % len(complexes)]))[0] for number in range(count)]
    await db.close()
    return [await _enrol(session, url, code, number, count) for number, code in enumerate(codes)]


async def _enrol(session: aiohttp.ClientSession, url: str, code: str, number: int, of: int) -> Sender:
    key = OKPKey.generate_key("Ed25519")
    body = {"code": code, "public_key": key.as_dict(private=False)}
    async with session.post(f"{url}/v1/enrol", json=body) as response:
        return Sender(number, of, (await response.json())["gateway"], key)


async def closed_loop(url: str, senders: Sequence[Sender]) -> tuple[float, list[float]]:
    """Everyone sends all it has, one batch at a time: seconds in all, and of each request, the fastest first."""
    times_s: list[float] = []
    began = time.perf_counter()
    await asyncio.gather(*(sender.send(url, times_s) for sender in senders))
    return time.perf_counter() - began, sorted(times_s)


async def paced(url: str, senders: Sequence[Sender], every_s: float) -> list[float]:
    """Everyone sends a batch every ``every_s``: seconds from when each was due, the fastest first."""
    times_s: list[float] = []
    await asyncio.gather(*(sender.send(url, times_s, every_s) for sender in senders))
    return sorted(times_s)
