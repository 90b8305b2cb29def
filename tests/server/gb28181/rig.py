"""A lower side with quick timers beside a simulated platform, and records to offer it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from domain.events import Event
from domain.gb28181.catalogue import Item
from domain.gb28181.said import alarm_sn
from domain.wire import Header
from server.facts import Fact
from server.feeds.gb28181.directory import AllPresent, Directory
from server.feeds.gb28181.memory import Memory
from server.feeds.gb28181.sender import Gb28181Sender
from server.feeds.gb28181.session import Session
from server.feeds.gb28181.settings import Named, Settings
from server.feeds.gb28181.transactions import Timers
from server.feeds.sender import Again, Offer, Verdict
from simulators.gb28181.platform import Platform
from tests.rig import until

SERVER, OURS = "33010600002000000001", "33010600012000000001"
GROUP, BUILDING = "33010600012150000001", "33010600012160000001"
DOOR, SMOKE = "33010600011420000001", "33010600011340000001"
PASSWORD = "a word of the platform"  # pragma: allowlist secret
AT = datetime(2026, 11, 22, 8, 10, tzinfo=UTC)
QUICK = Timers(first_s=0.05, longest_s=0.2, give_up_s=0.8)
_DOOR = Item(code=DOOR, name="1号楼单元门", parent=BUILDING)
_SMOKE = Item(code=SMOKE, name="1号楼烟感", parent=BUILDING)
ITEMS = [
    Named(item=_DOOR, complex="garden", device="uhppoted:1", point="door/1"),
    Named(item=_SMOKE, complex="garden", device="zigbee2mqtt:smoke"),
    Named(item=Item(code=BUILDING, name="1号楼", parent=GROUP)),
    Named(item=Item(code=GROUP, name="阳光花园")),
]


class Away(AllPresent):
    """Presence that a test sets."""

    def __init__(self) -> None:
        self.gone: set[tuple[str, str]] = set()

    async def offline(self, devices: Sequence[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        return frozenset(self.gone)


def _retry_s(failures: int) -> float:
    return min(0.05 * failures, 0.2)


class Lower:
    """Ours: the sender, its session and what it knows."""

    def __init__(
        self,
        platform: Platform,
        password: str = PASSWORD,
        slow_s: float = 0.3,
        memory: Memory | None = None,
        now: Callable[[], datetime] = lambda: AT,
        **changed: Any,
    ) -> None:
        told: dict[str, Any] = {"host": "127.0.0.1", "port": platform.port, "server": SERVER, "ours": OURS}
        told |= {"items": ITEMS, "timers": QUICK, **changed}
        self.settings = Settings(**told)
        self.away = Away()
        self.directory = Directory(self.settings.items, self.away, memory)
        self.session = Session(self.settings, password, self.directory, now, _retry_s, slow_s=slow_s, memory=memory)
        self.sender = Gb28181Sender(self.session, self.directory)

    async def online(self) -> None:
        await until(lambda: self.session.is_online, 10)


@asynccontextmanager
async def platform_of(**habits: Any) -> AsyncIterator[Platform]:
    one = Platform(SERVER, PASSWORD)
    for name, value in habits.items():
        setattr(one.habits, name, value)
    await one.start()
    try:
        yield one
    finally:
        await one.stop()


@asynccontextmanager
async def kept(lower: Lower) -> AsyncIterator[Lower]:
    """Its session is held meanwhile."""
    keeping = asyncio.create_task(lower.sender.keep())
    try:
        yield lower
        assert not keeping.done(), keeping
    finally:
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping


@asynccontextmanager
async def joined(transport: str = "udp", **changed: Any) -> AsyncIterator[tuple[Platform, Lower]]:
    """A platform, and a lower side that is online there."""
    async with platform_of() as platform, kept(Lower(platform, transport=transport, **changed)) as lower:
        await lower.online()
        yield platform, lower


def offer(number: int, **fields: Any) -> Offer:
    """A record: of the door, forced open, where nothing else is said."""
    said = {"kind": "door", "device": "uhppoted:1", "point": "door/1", "state": "forced_open", **fields}
    event = Event(recorded_at=AT, **said)
    header = Header("g", "urgent", "e", number, number, "alarm", 1)
    return Offer(identity(number), event, Fact(event, "garden", header, 0, AT), "alarm", True)


def identity(number: int) -> bytes:
    """Of a record, as spread as a hash."""
    return hashlib.sha256(number.to_bytes(8, "big")).digest()[:16]


async def handed_over(lower: Lower, offers: Sequence[Offer], timeout_s: float = 30.0) -> dict[bytes, Verdict]:
    """As the worker does: what must wait comes again, in order, until there is a word for each."""
    settled: dict[bytes, Verdict] = {}
    async with asyncio.timeout(timeout_s):
        while waiting := [one for one in offers if one.id not in settled]:
            verdicts = await lower.sender.send(waiting[:20])
            pairs = zip(waiting, verdicts, strict=False)
            settled |= {one.id: verdict for one, verdict in pairs if not isinstance(verdict, Again)}
            if any(isinstance(verdict, Again) for verdict in verdicts):
                await asyncio.sleep(0.05)
    return settled


def expected(offers: Sequence[Offer], code: str = DOOR) -> list[tuple[str, str]]:
    """By what the platform knows them, in their order."""
    return [(code, str(alarm_sn(one.id))) for one in offers]
