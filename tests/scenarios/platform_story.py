"""Any platform of GA/T 1400 over four days: faults, our death in mid-batch, three days away. Its clock is ours."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from obstore.store import MemoryStore

from domain.events import Event, Subject, encode_event
from domain.feeds.basis import Basis
from domain.feeds.statement import Statement
from domain.viid.sources import Coded
from domain.wire import pack
from eventlog.log import Record
from server.batches import Batch
from server.feeds.gat1400 import making
from server.feeds.gat1400.codes import DeviceCodes
from server.feeds.gat1400.pause import Pause
from server.feeds.gat1400.sender import Gat1400Sender
from server.feeds.gat1400.settings import Settings
from server.feeds.handing import Handing
from server.feeds.offering import Offering
from server.media import MediaBox
from server.store import handover_rows, platform_rows
from server.store.engine import Database, stamp
from server.store.platform_rows import Platform
from simulators.upper.faults import Fault, Faults
from simulators.upper.platform import UpperPlatform
from tests.rig import until
from tests.server.engines import Engine, open_database

PLATFORM, GARDEN, OURS = "district", "garden", "33010600011200000001"
BEGAN = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)
AWAY = timedelta(days=3)
CAMERAS = 4
_KINDS: list[Fault] = ["500", "503", "half", "lost", "wrong-ids", "busy", "drop"]


def camera(number: int) -> str:
    return f"3301060001119{number:07}"


class Clock:
    """Passes when told to."""

    def __init__(self) -> None:
        self.at = BEGAN

    def now(self) -> datetime:
        return self.at

    def seconds(self) -> float:
        return (self.at - BEGAN).total_seconds()

    def passes(self, **time: float) -> None:
        self.at += timedelta(**time)


class Told:
    """What a test looks at when the story is over."""

    def __init__(self, platform: UpperPlatform) -> None:
        self.platform = platform
        self.offered = self.waited = self.under_way = 0
        self.statements: list[Statement] = []


class Scene:
    """Our side: its log's reader, its hand-over, and how either dies and begins anew."""

    def __init__(self, folder: Path, db: Database, platform: UpperPlatform, kind: type[Handing]) -> None:
        self._folder, self._db, self._platform, self._kind = folder, db, platform, kind
        self.clock, self.told = Clock(), Told(platform)
        platform.now = platform.door.now = self.clock.now
        self._offering = Offering(self.clock.now)
        self._position = 0
        self._senders: list[Gat1400Sender] = []
        self.handing = self._begun()

    def _begun(self) -> Handing:
        settings = Settings(self._platform.url, OURS, profile=self._profile())
        pause = Pause(self.clock.seconds, lambda: 0.5)
        box, word = MediaBox(MemoryStore(), self._db, self.clock.now), self._platform.password
        sender = making.sender(
            PLATFORM, settings, lambda: word, self._db, box, self._folder, self.clock.now, pause=pause
        )
        self._senders.append(sender)
        return self._kind(PLATFORM, sender, self._db, self.clock.now, lambda _: 0.0, at_once=40)

    def _profile(self) -> str:
        """Whoever reads the first of a message alone is sent one; nobody is waited for long."""
        extends = "lax" if self._platform.profile.name == "lax" else "standard"
        (self._folder / "profiles").mkdir(exist_ok=True)
        (self._folder / "profiles" / "own.toml").write_text(f'extends = "{extends}"\n[peer]\ntimeout_s = 1\n')
        return "own"

    async def allowed(self) -> None:
        """The platform, its basis and its cameras' codes; one camera has none."""
        one = Platform(id=PLATFORM, name="市局", kind="gat1400", address="", settings={}, is_on=True)
        span = {"since": BEGAN - timedelta(days=1), "until": BEGAN + timedelta(days=30)}
        basis = Basis(unit="市公安局", document="公函7", classes=frozenset({"vehicle", "person"}), **span)
        codes = [((GARDEN, f"vzenith:{n}"), Coded(camera(n))) for n in range(CAMERAS)]
        await DeviceCodes(self._db, PLATFORM).replace(codes)
        async with self._db.write() as connection:
            await platform_rows.add(connection, one)
            await platform_rows.record_basis(connection, PLATFORM, basis, "wang", BEGAN)

    async def offer(self, count: int) -> None:
        """So many records of now, a batch, as the log's reader has it; every tenth is of a camera without a code."""
        bodies = [encode_event(self._event(self.told.offered + index)) for index in range(count)]
        self._position += 1
        packed = pack("gw-1", "routine", "e1", self.told.offered + 1, bodies)
        batch = Batch(Record(self._position, packed, GARDEN, stamp(self.clock.now())))
        async with self._db.write() as connection:
            await self._offering.fold(connection, [batch])
        self.told.offered += count

    def _event(self, number: int) -> Event:
        at = self.clock.now() + timedelta(milliseconds=50 * number)
        device = "vzenith:99" if number % 10 == 9 else f"vzenith:{number % CAMERAS}"
        common = {"device": device, "time": at, "recorded_at": at, "source_event_id": str(number)}
        if number % 3 == 0:
            return Event(kind="detection", label="person", **common)
        car = Subject(type="plate", id=f"浙A{number:05}", plate_color="blue", plate_status="read")
        return Event(kind="plate", subject=car, **common)

    async def dies_in_mid_batch(self) -> None:
        """As kill -9 has it: what was claimed has no answer; who comes next begins with that."""
        seen = len(self._platform.kept.records)
        hanging = asyncio.create_task(self.handing.step())
        await until(lambda: len(self._platform.kept.records) > seen or hanging.done(), 20, 0.001)
        hanging.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await hanging
        self.handing = self._begun()
        async with self._db.write() as connection:
            self.told.under_way += await handover_rows.release(connection, PLATFORM)

    async def handed_over(self, most: int = 400) -> None:
        """Until nothing waits."""
        for _ in range(most):
            if await self.handing.step() is None:
                return
            self.clock.passes(minutes=10)
        raise AssertionError(f"something waits after {most} transmissions: {await self.statement()}")

    async def away(self, batches: int, size: int) -> None:
        """Three days in which records come and nobody takes them; each day's counts are looked at on the way."""
        self._platform.is_away = True
        for _ in range(batches):
            await self.offer(size)
            assert await self.handing.step() in (False, True)  # True: we ourselves refused one without a code
            self.clock.passes(seconds=AWAY.total_seconds() / batches)
            self.told.waited = max(self.told.waited, (await self.statement()).total.waiting)
        self._platform.is_away = False

    async def statement(self) -> Statement:
        async with self._db.read() as connection:
            made = await handover_rows.of_day(connection, PLATFORM, "all", BEGAN, self.clock.now() + timedelta(days=1))
        self.told.statements.append(made)
        return made

    async def close(self) -> None:
        for sender in self._senders:
            await sender.close()


@asynccontextmanager
async def _scene(folder: Path, engine: Engine, profile: str, kind: type[Handing]) -> AsyncIterator[Scene]:
    """A yes that says nothing cannot say that somebody is busy: what such a platform drops no client can know."""
    among = [fault for fault in _KINDS if not (profile == "lax" and fault in ("busy", "drop"))]
    platform = UpperPlatform(profile, faults=Faults(7, 0.2, among), answer_s=0.005, hang_s=30)
    platform.faults.coming.extend([None, None, "hang"])
    await platform.start()
    try:
        async with open_database(folder, engine) as db:
            scene = Scene(folder, db, platform, kind)
            await scene.allowed()
            yield scene
            await scene.close()
    finally:
        await platform.stop()


async def story(
    folder: Path, engine: Engine, profile: str, size: int, kind: type[Handing] = Handing, deaths: int = 1
) -> Told:
    """From the first record to the last statement."""
    async with _scene(folder, engine, profile, kind) as scene:
        for _ in range(deaths):
            await scene.offer(size)
            await scene.dies_in_mid_batch()
        await scene.handed_over()
        await scene.away(6, size // 2)
        await scene.dies_in_mid_batch()
        await scene.handed_over()
        await scene.offer(size // 2)
        await scene.handed_over()
        await scene.statement()
        return scene.told
