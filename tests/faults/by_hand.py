"""A centre in real processes without broker or agent, and a gateway by hand that sends it what it likes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from domain.events import Event, Subject, encode_event
from domain.wire import pack
from server.gateway_auth import GatewayAuth
from server.store import address
from server.store.engine import Database
from tests.faults.chain import ended, pip_broker
from tests.rig import COMPLEX, Rig
from tests.server.centre import Gateway

EPOCH = "e1"
_BEGAN = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
_AGAIN_S = 0.05
# Nobody listens there: what is owed to the feed stays and can be counted.
FEED = '[[webhooks]]\nname = "city"\nurl = "http://127.0.0.1:9/"\n'
# What each batch of ``of_all_kinds`` leaves behind, by the reader that does it: a statement that counts.
LEFT_BY = {
    "alerts": "SELECT count(*) FROM alert WHERE rule = 'door_forced'",
    "doors": "SELECT CAST(coalesce(sum(granted), 0) AS bigint) FROM door",
    "parking": "SELECT count(*) FROM session WHERE state = 'exited'",
    "conservation": "SELECT CAST(coalesce(sum(count) / 5, 0) AS bigint) FROM batch_day",
    "orders": "SELECT count(*) FROM order_result",
    "charges": "SELECT count(*) FROM charge",
    "feed:city": "SELECT CAST(count(*) / 5 AS bigint) FROM delivery",
}


def of_all_kinds(number: int) -> list[Event]:
    """Five events of which every reader takes something; each is a fact of its own, by its number."""
    at = _BEGAN + timedelta(seconds=number)
    name, again = str(number), {"recorded_at": at, "time": at, "source_event_id": str(number)}
    car = {"kind": "plate", "subject": Subject(type="plate", id=f"粤B{number:05d}", plate_color="blue")}
    out = again | {"time": at + timedelta(hours=2)}
    return [
        Event(kind="access", device="u:1", point="door/1", result="granted", **again),
        Event(kind="door", device="u:2", point="door/1", state="forced_open", **again),
        Event(device="v:in", lane="in", direction="in", **car, **again),
        Event(device="v:out", lane="out", direction="out", **car, **out),
        Event(kind="command_result", device="gateway", state="confirmed", request_id=name, **again),
    ]


@asynccontextmanager
async def centre(folder: Path, database: str, program: list[str] | None = None, extra: str = "") -> AsyncIterator[Rig]:
    """A centre that is not started, in a migrated database or SQLite; ``program`` is another than the product."""
    rig = Rig(folder, pip_broker(), centre=program, extra_server=FEED + extra, database=database)
    rig.make_server_folder()
    async with ended(rig, enrolled=False):
        yield rig


@asynccontextmanager
async def gateway_of(rig: Rig, complex_id: str = COMPLEX) -> AsyncIterator[Gateway]:
    """A gateway that is enrolled at the running centre."""
    db = Database(address.of(rig.server_folder, rig.database))
    try:
        code, _ = await GatewayAuth(db, lambda: datetime.now(UTC), timedelta(minutes=5)).issue_code(complex_id)
    finally:
        await db.close()
    async with httpx.AsyncClient(base_url=rig.url, timeout=20.0) as client:
        gateway = Gateway(client)
        assert (await gateway.enrol(code)).status_code == 200
        yield gateway


class Sender:
    """Sends batch after batch of all kinds, each until it is acknowledged, whatever becomes of the centre."""

    def __init__(self, gateway: Gateway, pause_s: float = 0.05, limit_s: float = 60.0) -> None:
        self._gateway, self._pause_s, self._limit_s = gateway, pause_s, limit_s
        self._ends = False
        self.acknowledged = 0

    async def run(self) -> None:
        while not self._ends:
            await self.send(of_all_kinds(self.acknowledged + 1))
            self.acknowledged += 1
            await asyncio.sleep(self._pause_s)

    async def send(self, events: list[Event]) -> None:
        """One batch, behind the last one."""
        first = 1 + self.acknowledged * len(events)
        packed = pack(self._gateway.id, "routine", EPOCH, first, [encode_event(event) for event in events])
        async with asyncio.timeout(self._limit_s):
            while not await self._taken(packed):
                await asyncio.sleep(_AGAIN_S)

    async def _taken(self, packed: bytes) -> bool:
        with suppress(httpx.HTTPError):
            return (await self._gateway.post(packed)).status_code == 200
        return False

    def end(self) -> None:
        """No other batch after this one."""
        self._ends = True


def left(rig: Rig, readers: tuple[str, ...] = tuple(LEFT_BY)) -> dict[str, int]:
    """How many batches each reader has taken, by what it left."""
    return {reader: rig.centre_query(LEFT_BY[reader])[0][0] for reader in readers}
