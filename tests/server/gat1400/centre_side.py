"""The sending side of the tests: a database, a few cameras with codes, facts of theirs, and a worker of a few lines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from obstore.store import MemoryStore

from domain.events import Event, Media, Subject
from domain.feeds.basis import Basis
from domain.feeds.classes import DataClass
from domain.ids import content_name, derive
from domain.viid.sources import Coded
from domain.wire import Header
from server.facts import Fact
from server.feeds.gat1400 import making
from server.feeds.gat1400.codes import DeviceCodes
from server.feeds.gat1400.pause import Pause
from server.feeds.gat1400.sender import Gat1400Sender
from server.feeds.gat1400.settings import Settings
from server.feeds.sender import Accepted, Again, Offer, Refused, Verdict
from server.media import MediaBox
from server.store import platform_rows
from server.store.engine import Database
from server.store.platform_rows import Platform
from server.store.platform_tables import platform_basis
from tests.server.engines import SQLITE, Engine, open_database

PLATFORM, GARDEN = "district", "garden"
OURS = "33010600011200000001"
NOW = datetime(2026, 11, 22, 8, 5, tzinfo=UTC)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"x" * 200
HEADER = Header(gateway="gw-1", stream="money", epoch="e1", first=1, last=1, retention="routine", size_bytes=1)


def camera(number: int) -> str:
    return f"3301060001119{number:07}"


class Side:
    """What sends: made anew by ``sender`` as a server that starts again is."""

    def __init__(self, folder: Path, db: Database) -> None:
        self.folder, self.db, self.clock_s = folder, db, 0.0
        self.box = MediaBox(MemoryStore(), db, lambda: NOW)

    async def begin(self, cameras: int = 4) -> None:
        codes = [((GARDEN, f"vzenith:{n}"), Coded(camera(n), tollgate="33010600011210000001")) for n in range(cameras)]
        await DeviceCodes(self.db, PLATFORM).replace(codes)
        await self.allow("vehicle", "device")
        await self.box.keep(content_name(JPEG), GARDEN, JPEG, "image/jpeg")

    async def allow(self, *classes: DataClass, area: str = "") -> None:
        """The platform's row, and its basis alone."""
        said: dict[str, Any] = {"since": NOW - timedelta(days=1), "until": NOW + timedelta(days=9)}
        basis = Basis(unit="市公安局", document="公函7", classes=frozenset(classes), **said)
        async with self.db.write() as connection:
            await connection.execute(platform_basis.delete())
            one = Platform(id=PLATFORM, name="区", kind="gat1400", address="", settings={}, area=area, is_on=True)
            await platform_rows.add(connection, one)
            await platform_rows.change(connection, one)
            await platform_rows.record_basis(connection, PLATFORM, basis, "wang", NOW)

    def sender(self, url: str, password: str = "", profile: str = "standard", **rest: Any) -> Gat1400Sender:
        settings = Settings(url, OURS, profile=profile, **rest)
        pause = Pause(lambda: self.clock_s, lambda: 0.5)
        return making.sender(
            PLATFORM, settings, lambda: password, self.db, self.box, self.folder, lambda: NOW, pause=pause
        )

    def own_profile(self, text: str, name: str = "own") -> str:
        (self.folder / "profiles").mkdir(exist_ok=True)
        (self.folder / "profiles" / f"{name}.toml").write_text(text)
        return name


@asynccontextmanager
async def side(folder: Path, engine: Engine = SQLITE) -> AsyncIterator[Side]:
    async with open_database(folder, engine) as db:
        one = Side(folder, db)
        await one.begin()
        yield one


def car(number: int, camera_number: int = 0, sha256: str = "", **rest: Any) -> Offer:
    """The ``number``-th car; each is another record."""
    picture = Media(role="scene", type="image/jpeg", bytes=len(JPEG), sha256=sha256 or content_name(JPEG))
    said: dict[str, Any] = {
        "kind": "plate",
        "subject": Subject(type="plate", id="浙A00000", plate_color="blue", plate_status="read"),
        "media": [picture],
        **rest,
    }
    at = NOW + timedelta(seconds=number // 3)
    event = Event(device=f"vzenith:{camera_number}", time=at, recorded_at=at, source_event_id=str(number), **said)
    return offer(event)


def offer(event: Event) -> Offer:
    fact = Fact(event, GARDEN, HEADER, 0, NOW)
    return Offer(derive(event.device, event.source_event_id), event, fact, "vehicle", urgent=False)


class Worker:
    """Offers until each is settled, those of a device in order: what server/feeds/platform_worker.py does of it."""

    def __init__(self, offers: Sequence[Offer], at_once: int = 40) -> None:
        self.waiting, self.settled, self._at_once = list(offers), dict[bytes, Verdict](), at_once

    async def turn(self, sender: Gat1400Sender) -> Sequence[Verdict]:
        now = self.waiting[: self._at_once]
        verdicts = await sender.send(now)
        self.settle(now, verdicts)
        return verdicts

    def settle(self, offers: Sequence[Offer], verdicts: Sequence[Verdict]) -> None:
        assert len(verdicts) == len(offers)
        done = {one.id for one, verdict in zip(offers, verdicts, strict=True) if not isinstance(verdict, Again)}
        self.settled |= {one.id: said for one, said in zip(offers, verdicts, strict=True) if one.id in done}
        self.waiting = [one for one in self.waiting if one.id not in done]

    async def until_done(self, sender: Gat1400Sender, side: Side, most: int = 400) -> None:
        """With the clock of the pauses moved on between attempts."""
        for _ in range(most):
            if not self.waiting:
                return
            await self.turn(sender)
            side.clock_s += 4_000
        raise AssertionError(f"{len(self.waiting)} still wait after {most} attempts: {self.waiting[0]}")


def accepted(verdicts: Sequence[Verdict]) -> list[bool]:
    return [isinstance(verdict, Accepted) for verdict in verdicts]


def refused(verdict: Verdict) -> str:
    assert isinstance(verdict, Refused), verdict
    return verdict.reason


def plain(offer: Offer, **changed: Any) -> Offer:
    return Offer(offer.id, msgspec.structs.replace(offer.event, **changed), offer.fact, offer.data_class, offer.urgent)
