"""Upper platforms: nothing leaves without a basis, each record arrives once, in order, whatever the far end does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.events import Event, Media, Subject
from domain.feeds.basis import Basis
from domain.feeds.classes import DataClass
from domain.subjects import Subject as Whom
from server.feeds.handing import Handing
from server.feeds.resting import Resting
from server.feeds.sender import Accepted, Again, Offer, Refused, Verdict
from server.retention import erase_beside, search
from server.store import handover_rows, platform_rows
from server.store.engine import Database
from server.store.platform_rows import Platform
from server.store.platform_tables import handover, platform
from server.store.schema import audit
from tests.faults.mutants.settles_first import SettlesFirst
from tests.server.centre import CONFIG, Centre, centre
from tests.server.engines import SQLITE, Engine

NOW = datetime.now(UTC)
ON_SQLITE = pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])


class Socket:
    """A real one, listening where the platform should be: it counts who calls, and reads what they say."""

    def __init__(self) -> None:
        self.calls, self.read, self.port = 0, b"", 0

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        head = await reader.readuntil(b"\r\n\r\n")
        size = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        self.read += await reader.readexactly(size)
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


@asynccontextmanager
async def listening() -> AsyncGenerator[Socket]:
    socket = Socket()
    server = await asyncio.start_server(socket.take, "127.0.0.1", 0)
    socket.port = server.sockets[0].getsockname()[1]
    async with server:
        yield socket


class FarEnd:
    """A protocol whose far end keeps what it took by id, in the order in which it came first."""

    def __init__(self, judge: Callable[[Offer], Verdict] = lambda _: Accepted()) -> None:
        self.judge, self.taken, self.times = judge, list[Offer](), 0

    async def keep(self) -> None:
        return None

    async def send(self, offers: Sequence[Offer]) -> Sequence[Verdict]:
        self.times += 1
        return [self._one(offer) for offer in offers]

    def _one(self, offer: Offer) -> Verdict:
        verdict = self.judge(offer)
        if isinstance(verdict, Accepted) and all(one.id != offer.id for one in self.taken):
            self.taken.append(offer)
        return verdict

    @property
    def numbers(self) -> list[str | None]:
        return [offer.event.source_event_id for offer in self.taken]


def alarm(number: int) -> Event:
    return Event(kind="alarm", device="x:1", source_event_id=str(number), time=NOW, alarm="fire")


def swipe(number: int) -> Event:
    subject = Subject(type="card", id="778899", name="王小明")
    said: dict[str, Any] = {"subject": subject, "result": "granted", "media": [Media(role="face", sha256="ab" * 32)]}
    return Event(kind="access", device="x:1", source_event_id=str(number), time=NOW, **said)


async def add_platform(db: Database, address: str = "http://platform.example.invalid/", **more: Any) -> None:
    said: dict[str, Any] = {"kind": "webhook", "is_on": True, "made_at": "2026", "made_by": "wang"} | more
    said |= {"session_at": "2026", "settings": {}}
    async with db.write() as connection:
        assert await platform_rows.add(connection, Platform(id="city", name="市局", address=address, **said))


async def allow(db: Database, *classes: DataClass, **more: Any) -> int:
    said: dict[str, Any] = {"since": NOW - timedelta(days=1), "until": NOW + timedelta(days=9)} | more
    basis = Basis(unit="市公安局", document="公函7", classes=frozenset(classes), **said)
    async with db.write() as connection:
        return await platform_rows.record_basis(connection, "city", basis, "wang", NOW)


async def actions(here: Centre, action: str) -> list[dict[str, Any]]:
    return [msgspec.json.decode(row["details"]) for row in await here.rows(audit, action=action)]


def all_in(state: str, count: int) -> Callable[[list[dict[str, Any]]], bool]:
    return lambda rows: len(rows) == count and all(row["state"] == state for row in rows)


async def test_with_no_basis_recorded_nothing_leaves(tmp_path: Path, engine: Engine) -> None:
    """A real socket is watched; then a basis is recorded, and the same socket is called: the watch works."""
    async with listening() as socket, centre(tmp_path, engine) as here:
        db, gateway = here.house.db, await here.gateway()
        await add_platform(db, f"http://127.0.0.1:{socket.port}/")
        await here.wait_for(platform, lambda rows: rows[0]["session"] == "silent")
        await gateway.send(alarm(1), swipe(2))
        await here.settled()
        assert await here.rows(handover) == []
        assert not socket.calls
        await allow(db, "door")
        await here.wait_for(platform, lambda rows: rows[0]["session"] in ("opening", "open"))
        await gateway.send(alarm(3), swipe(4))
        (row,) = await here.wait_for(handover, all_in("accepted", 1))
        assert (row["data_class"], row["body"]) == ("door", None)
        assert socket.calls
        await here.settled()
        assert len(await here.rows(handover)) == 1  # the alarm's class is not on the basis
    assert b'"kind":"access"' in socket.read
    assert not any(word.encode() in socket.read for word in ("王小明", "778899", "ab" * 32, "fire"))


@ON_SQLITE
async def test_a_basis_that_ends_closes_the_feed_and_withholds_what_waits(tmp_path: Path, engine: Engine) -> None:
    async with listening() as socket, centre(tmp_path, engine) as here:
        db, gateway = here.house.db, await here.gateway()
        await add_platform(db, f"http://127.0.0.1:{socket.port}/", is_on=False)
        number = await allow(db, "alarm")
        async with db.write() as connection:
            await platform_rows.turn(connection, "city", is_on=True)
            assert await platform_rows.end_basis(connection, "city", number, "wang", "期满", NOW)
        await gateway.send(alarm(1))
        await here.settled()
        assert await here.rows(handover) == []
        assert not socket.calls


@asynccontextmanager
async def owed(folder: Path, engine: Engine, *events: Event) -> AsyncGenerator[Centre]:
    """A centre where a platform of no protocol that runs here is owed these, and each test hands over itself."""
    async with centre(folder, engine, CONFIG) as here:
        await add_platform(here.house.db, kind="by_hand")
        await allow(here.house.db, "alarm", "door", "vehicle")
        gateway = await here.gateway()
        await gateway.send(*events)
        await here.settled()
        yield here


def handing(here: Centre, far_end: FarEnd, kind: type[Handing] = Handing, at_once: int = 10) -> Handing:
    return kind("city", far_end, here.house.db, lambda: datetime.now(UTC), lambda _: 0.01, at_once)


async def emptied(one: Handing, most: int = 50) -> None:
    for _ in range(most):
        if await one.step() is None:
            return
    raise AssertionError(f"not empty after {most} transmissions")


async def test_alarms_first_then_the_oldest_each_once(tmp_path: Path, engine: Engine) -> None:
    events = [*(swipe(n) for n in range(25)), *(alarm(n) for n in range(100, 103))]
    async with owed(tmp_path, engine, *events) as here:
        far_end = FarEnd()
        await emptied(handing(here, far_end))
        assert far_end.numbers == [str(n) for n in (100, 101, 102, *range(25))]
        assert all_in("accepted", 28)(await here.rows(handover))
        sent, answered = await actions(here, "handover.sent"), await actions(here, "handover.answered")
        assert sum(one["count"] for one in sent) == sum(one["accepted"] for one in answered) == 28
        assert all(len(one["ids_sha256"]) == 64 for one in sent)


def of(device: str, number: int) -> Event:
    return msgspec.structs.replace(swipe(number), device=device)


async def taken_beside_a_blocked_device(folder: Path, engine: Engine, most: int = 30) -> list[str | None]:
    """A platform that takes nothing of x:1 now, of which more waits than goes in one transmission."""

    def judge(offer: Offer) -> Verdict:
        return Again("busy") if offer.event.device == "x:1" else Accepted()

    events = [of("x:2", 1), *(of("x:1", number) for number in range(100, 106)), of("x:2", 2), of("x:3", 3)]
    async with owed(folder, engine, *events) as here:
        far_end = FarEnd(judge)
        one = handing(here, far_end, at_once=4)
        one._resting = Resting(lambda _: 60.0)
        for _ in range(most):
            await one.step()
        return far_end.numbers


async def test_others_do_not_wait_behind_a_device_of_which_nothing_is_taken(tmp_path: Path, engine: Engine) -> None:
    assert await taken_beside_a_blocked_device(tmp_path, engine) == ["1", "2", "3"]


@ON_SQLITE
async def test_control_with_no_rest_they_would_wait_for_ever(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Resting, "now", lambda _: [])
    assert await taken_beside_a_blocked_device(tmp_path, engine) == ["1"]


def test_a_device_rests_longer_each_time_until_something_of_it_is_taken() -> None:
    clock = [0.0]
    resting = Resting(float, lambda: clock[0])
    for tries, ends_s in ((1, 1.0), (2, 3.0), (3, 6.0)):
        resting.note({("garden", "x:1")}, [("garden", "x:2")])
        assert resting.now() == [("garden", "x:1")], tries
        clock[0] = ends_s
        assert resting.now() == []
    resting.note((), [("garden", "x:1")])
    resting.note({("garden", "x:1")}, [("garden", "x:2")])
    clock[0] += 1.0
    assert resting.now() == []


async def lost_over_a_death(folder: Path, engine: Engine, kind: type[Handing]) -> set[str]:
    """Which of 25 records never arrive, where the process dies in the midst of each second transmission."""
    async with owed(folder, engine, *(swipe(n) for n in range(25))) as here:
        far_end = FarEnd()
        for _ in range(2):
            dying = handing(here, FarEnd(dies), kind)
            with pytest.raises(Died):
                await dying.step()
            async with here.house.db.write() as connection:
                await handover_rows.release(connection, "city")
            await handing(here, far_end, kind).step()
        await emptied(handing(here, far_end, kind))
        assert len(far_end.numbers) == len(set(far_end.numbers))
        return {str(n) for n in range(25)} - {one for one in far_end.numbers if one}


class Died(BaseException):
    """As kill -9: nothing that would be done after it is done."""


def dies(_: Offer) -> Verdict:
    raise Died


@ON_SQLITE
async def test_a_death_between_sending_and_the_answer_loses_nothing(tmp_path: Path, engine: Engine) -> None:
    assert await lost_over_a_death(tmp_path, engine, Handing) == set()


@ON_SQLITE
async def test_control_settled_before_the_answer_is_caught(tmp_path: Path, engine: Engine) -> None:
    """The positive control."""
    assert await lost_over_a_death(tmp_path, engine, SettlesFirst)


def no_seventh(offer: Offer) -> Verdict:
    return Refused("no such lane") if offer.event.source_event_id == "7" else Accepted()


async def test_an_outage_loses_nothing_and_the_statement_adds_up(tmp_path: Path, engine: Engine) -> None:
    async with owed(tmp_path, engine, *(swipe(n) for n in range(20))) as here:
        far_end = FarEnd(lambda _: Again("503"))
        one = handing(here, far_end, at_once=50)
        assert [await one.step() for _ in range(3)] == [False] * 3
        (row,) = await here.rows(platform)
        assert (row["session"], row["answer"]) == ("ill", "503")
        far_end.judge = no_seventh
        await emptied(one)
        assert far_end.numbers == [str(n) for n in range(20) if n != 7]
        since = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
        async with here.house.db.read() as connection:
            made = await handover_rows.of_day(connection, "city", "d", since, since + timedelta(days=2))
        assert (made.total.offered, made.total.accepted, made.total.refused, made.total.waiting) == (20, 19, 1, 0)
        assert made.reasons == (("refused", "no such lane", 1),)
        (refused,) = await here.rows(handover, state="refused")
        assert refused["body"]  # for whoever looks why


@ON_SQLITE
async def test_a_class_switched_off_is_withheld(tmp_path: Path, engine: Engine) -> None:
    async with owed(tmp_path, engine, swipe(1), alarm(2)) as here:
        async with here.house.db.write() as connection:
            await platform_rows.switch(connection, "city", "door", "wang", NOW, is_on=False)
        far_end = FarEnd()
        await emptied(handing(here, far_end))
        assert far_end.numbers == ["2"]
        (row,) = await here.rows(handover, state="withheld")
        assert (row["reason"], row["body"]) == ("class_off", None)
        assert await actions(here, "handover.withheld") == [{"count": 1, "class_off": 1}]


@ON_SQLITE
async def test_a_sender_that_breaks_its_word_loses_nothing(tmp_path: Path, engine: Engine) -> None:
    async with owed(tmp_path, engine, swipe(1), swipe(2)) as here:

        class Careless(FarEnd):
            async def send(self, offers: Sequence[Offer]) -> Sequence[Verdict]:
                return [Accepted()]

        assert await handing(here, Careless()).step() is False
        assert all_in("waiting", 2)(await here.rows(handover))


def refuses_the_third(offer: Offer) -> Verdict:
    return Refused("no") if offer.event.source_event_id == "3" else Again("503")


@ON_SQLITE
async def test_who_is_erased_is_in_no_handover_any_more(tmp_path: Path, engine: Engine) -> None:
    """What waited is withheld, what was refused loses its body; the statement still adds up."""
    car = Event(kind="plate", device="x:1", time=NOW, subject=Subject(type="plate", id="京A12345"), source_event_id="1")
    other = msgspec.structs.replace(car, subject=Subject(type="plate", id="京B54321"), source_event_id="2")
    gone = msgspec.structs.replace(car, source_event_id="3")
    async with owed(tmp_path, engine, car, other, gone) as here:
        far_end = FarEnd(refuses_the_third)
        await handing(here, far_end).step()
        house = here.house
        subject = Whom("plate", "京A12345")
        went = await erase_beside.erase(house.db, subject, [], "erasure-1", datetime.now(UTC))
        assert went["handover"] == 2
        rows = {row["state"]: row for row in await here.rows(handover)}
        assert {state: bool(row["body"]) for state, row in rows.items()} == {
            "withheld": False,
            "refused": False,
            "waiting": True,
        }
        assert [hit async for hit in search.rows(house.db, subject, []) if hit.table is handover] == []
