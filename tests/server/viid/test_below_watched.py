"""Cars of libraries below us are held against the watch lists: whoever ordered hears, each once, and nobody else."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

import server.watch.below
from domain.events import Event
from domain.watch.entries import Entry
from server.audit import Actor
from server.batches import Batch, Unpacker
from server.store import schema, watch_hit_rows, watch_rows
from server.store.scope import CITY as EVERYWHERE
from server.store.scope import of_complexes
from server.store.watch_rows import Sender
from server.store.watch_tables import TABLES, watch_hit, watch_owed
from server.viid.settings import Peer
from server.watch import book
from server.watch.hits import WatchHits
from tests.server import rows
from tests.server.engines import SQLITE, Engine
from tests.server.viid.cascade_side import CAMERA_BELOW, Side, cascade
from tests.server.viid.served import LOWER, PASSWORD, Caller, codes, vehicle, vehicles

ON_SQLITE = pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])
PLATE = "浙A12345"
WORDS = {"unit": "西湖分局", "document": "西公布控7号", "purpose": "被盗车辆"}
DAY = timedelta(days=1)
BY = Actor("wu", "security_officer", 1)
BELOW = [Peer(LOWER, "lower", "viid.password", complexes=["garden"])]


def now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def with_library(folder: Path, engine: Engine) -> AsyncIterator[tuple[Side, Caller]]:
    """A centre with a library above and one below, and an officer of the garden."""
    async with cascade(folder, engine, below=BELOW) as side:
        async with side.house.db.write() as connection:
            await rows.add_person(connection, "wu", "security_officer", of_complexes("garden"))
            await rows.add_person(connection, "far", "security_officer", of_complexes("river"))
            await rows.add_person(connection, "patrol", "patrol", of_complexes("garden"))
            await rows.add_person(connection, "root", "operator", EVERYWHERE)
        caller = Caller(side.url, LOWER, password=PASSWORD)
        assert (await caller.register()).status_code == 200
        yield side, caller


async def place(side: Side, **times: datetime) -> str:
    """An order of our own in the garden; the entry's id."""
    spans: dict[str, Any] = {"begins": now() - DAY, "ends": now() + DAY, **times}
    asked = book.Order(Entry(plate=PLATE, **WORDS, **spans), ["garden"], Sender("account", "wu"), "o1")
    async with side.house.db.write() as connection:
        await book.place(connection, side.house.seal, asked, BY, now())
        (kept,) = await watch_rows.of_order(connection, Sender("account", "wu"), "o1")
    return kept.id


async def push(caller: Caller, *several: dict[str, Any]) -> None:
    assert codes(await caller.post("/VIID/MotorVehicles", vehicles(*several))) == [0] * len(several)


async def told_of(side: Side) -> dict[str, int]:
    """By account, how many hits it sees."""
    async with side.house.db.read() as connection:
        names = (await connection.execute(select(schema.account.c.username))).scalars().all()
        found = {name: await watch_hit_rows.page(connection, name, EVERYWHERE) for name in names}
    return {name: len(its) for name, its in found.items() if its}


async def steps(side: Side, action: str) -> list[dict[str, Any]]:
    return [row for row in await side.rows(schema.audit) if row["action"] == action]


async def test_a_hit_goes_to_who_ordered_it_and_to_the_officer_with_the_picture(tmp_path: Path, engine: Engine) -> None:
    async with with_library(tmp_path, engine) as (side, caller):
        await side.allow("disposition", "vehicle")
        number = await side.asks.dispose(PLATE, now() - timedelta(minutes=1))
        await push(caller, vehicle(1, now()), vehicle(2, now(), PlateNo="浙B54321"))
        (owed,) = await side.wait_for(watch_owed, lambda found: found and found[0]["state"] == "accepted")
        (told,) = side.told("DispositionNotification")
        (hit,) = await side.rows(watch_hit)
        assert told.said is not None and owed["disposition"] == number
        assert told.said["DispositionID"] == number
        within = told.said["MotorVehicleObject"]
        assert (within["PlateNo"], within["DeviceID"]) == (PLATE, CAMERA_BELOW)
        assert within["MotorVehicleID"] == told.said["CntObjectID"]
        assert len(within["SubImageList"]["SubImageInfoObject"]) == 1
        assert (hit["label"], hit["device"], hit["how"]) == ("motor_vehicle", f"gat1400:{CAMERA_BELOW}", "exact")
        assert await told_of(side) == {"wu": 1}, "no patrol, no operator, no officer of another complex"
        (row,) = await steps(side, "watch.hit")
        assert msgspec.json.decode(row["details"])["by"] == LOWER
        assert not any(PLATE in str(row) for row in await side.rows(schema.audit))


async def test_our_own_order_is_heard_of_by_its_sender_and_leaves_no_word_elsewhere(
    tmp_path: Path, engine: Engine
) -> None:
    async with with_library(tmp_path, engine) as (side, caller):
        identity = await place(side)
        await push(caller, vehicle(1, now()))
        (hit,) = await side.wait_for(watch_hit, len)
        await side.settled()
        assert hit["entry"] == identity and await told_of(side) == {"wu": 1}
        assert await side.rows(watch_owed) == [], "nobody above ordered it"
        assert await foreign(side, identity, hit["id"], "watch_hit") == set()


async def foreign(side: Side, *words: str) -> set[str]:
    """Tables beside those of watch lists in which something of it stands; readers' cursors bear their own names."""
    found = set[str]()
    ours = TABLES | {"audit", "desired_state", "cursor"}
    async with side.house.db.read() as connection:
        for table in schema.metadata.sorted_tables:
            if table.name not in ours:
                rows_of = (await connection.execute(select(table))).all()
                found |= {str(table.name) for row in rows_of if any(word in str(tuple(row)) for word in words)}
    return found


@ON_SQLITE
async def test_what_is_pushed_again_is_one_hit_also_to_a_reader_that_begins_anew(
    tmp_path: Path, engine: Engine
) -> None:
    async with with_library(tmp_path, engine) as (side, caller):
        await place(side)
        again = vehicle(1, now())
        for _ in range(3):
            await push(caller, again)
        await side.wait_for(watch_hit, len)
        await side.settled()
        await fold_anew(side)
        assert len(await side.rows(watch_hit)) == len(await steps(side, "watch.hit")) == 1


async def fold_anew(side: Side) -> None:
    """All of the log once more, as after a crash before the cursor was kept."""
    reader, unpacker = WatchHits(side.house.acting.duties, now), Unpacker()
    for shard in side.house.log.partitions:
        batches = [unpacker.batch(record) for record in await side.house.log.read(shard, 0, 1_000)]
        async with side.house.db.write() as connection:
            await reader.fold(connection, batches)


@ON_SQLITE
async def test_the_control_a_hit_without_a_derived_id_is_told_again(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = itertools.count()
    right = server.watch.below._told

    def broken(event: Event, found: Any) -> Event:
        return msgspec.structs.replace(right(event, found), source_event_id=f"hit/{next(numbers)}")

    async def never(*_: object) -> bool:
        return False

    monkeypatch.setattr(server.watch.below, "_told", broken)
    monkeypatch.setattr(watch_hit_rows, "is_told", never)
    async with with_library(tmp_path, engine) as (side, caller):
        await place(side)
        await push(caller, vehicle(1, now()))
        await side.wait_for(watch_hit, len)
        await side.settled()
        await fold_anew(side)
        assert len(await side.rows(watch_hit)) == 2


@ON_SQLITE
async def test_the_control_a_centre_that_does_not_look_below_misses_it(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.watch.below, "is_below", lambda _: False)
    async with with_library(tmp_path, engine) as (side, caller):
        await place(side)
        await push(caller, vehicle(1, now()))
        await side.settled()
        assert await side.rows(watch_hit) == []


@ON_SQLITE
async def test_a_car_that_stands_is_one_hit_a_minute(tmp_path: Path, engine: Engine) -> None:
    async with with_library(tmp_path, engine) as (side, caller):
        await place(side)
        at = now() - timedelta(minutes=3)
        seconds = (0, 20, 40, 90)
        await push(caller, *(vehicle(n, at + timedelta(seconds=s)) for n, s in enumerate(seconds)))
        await push(caller, vehicle(9, at, "33010600011190000002"))
        await side.wait_for(watch_hit, lambda found: len(found) >= 3)
        await side.settled()
        hits = await side.rows(watch_hit)
        assert sorted(one["device"][-1] for one in hits) == ["1", "1", "2"]


@ON_SQLITE
@pytest.mark.parametrize(
    ("said", "how"),
    [
        ({}, "exact"),
        ({"PlateReliability": "60"}, "doubtful"),
        ({"PlateNo": "浙A1234S"}, "doubtful"),
        ({"IsDecked": 1}, "doubtful"),
        ({"PlateNo": "浙A-2345"}, None),
        ({"PlateNo": "无车牌"}, None),
        ({"PlateNo": "浙A54321"}, None),
    ],
)
async def test_what_is_no_sure_reading_is_a_doubt_or_nothing(
    said: dict[str, Any], how: str | None, tmp_path: Path, engine: Engine
) -> None:
    async with with_library(tmp_path, engine) as (side, caller):
        await place(side)
        await push(caller, vehicle(1, now(), **said))
        await side.settled()
        assert [one["how"] for one in await side.rows(watch_hit)] == ([how] if how else [])


@ON_SQLITE
async def test_a_plate_on_what_was_taken_for_a_two_wheeler_is_looked_for_too(tmp_path: Path, engine: Engine) -> None:
    async with with_library(tmp_path, engine) as (side, caller):
        await side.allow("disposition")
        await side.asks.dispose(PLATE, now() - timedelta(minutes=1))
        said = vehicle(1, now())
        number = said.pop("MotorVehicleID")
        said["NonMotorVehicleID"] = f"{number[:41]}0300001"
        body = {"NonMotorVehicleListObject": {"NonMotorVehicleObject": [said]}}
        assert codes(await caller.post("/VIID/NonMotorVehicles", body)) == [0]
        await side.wait_for(watch_owed, lambda found: found and found[0]["state"] == "accepted")
        (told,) = side.told("DispositionNotification")
        assert told.said is not None and told.said["NonMotorVehicleObject"]["PlateNo"] == PLATE


@ON_SQLITE
async def test_what_comes_late_is_a_hit_of_its_own_moment_and_said_to_be_late(tmp_path: Path, engine: Engine) -> None:
    async with with_library(tmp_path, engine) as (side, caller):
        await place(side)
        at = (now() - timedelta(hours=2)).replace(microsecond=0)
        await push(caller, vehicle(1, at))
        await side.wait_for(watch_hit, len)
        async with side.house.db.read() as connection:
            (shown,) = await watch_hit_rows.page(connection, "wu", EVERYWHERE)
            (unsent,) = await watch_hit_rows.unsent(connection)
        assert (shown.at, shown.time_quality, shown.lateness) == (at, "replay", "late")
        assert unsent.is_late


@ON_SQLITE
@pytest.mark.parametrize(
    "times",
    [{"begins": now() - timedelta(hours=1)}, {"begins": now() - DAY, "ends": now() + timedelta(seconds=1.5)}],
    ids=["seen before the order began", "the order ended before it arrived"],
)
async def test_late_or_not_only_what_the_order_covers_is_a_hit(
    times: dict[str, datetime], tmp_path: Path, engine: Engine
) -> None:
    """It counts when the car was seen and when it is known here, both."""
    async with with_library(tmp_path, engine) as (side, caller):
        if "ends" in times:
            times = {**times, "ends": now() + timedelta(seconds=1.5)}
        await place(side, **times)
        if "ends" in times:
            await side.wait_for(schema.watch_entry, lambda found: all(row["closed_at"] for row in found))
        await push(caller, vehicle(1, now() - timedelta(hours=2)))
        await side.settled()
        assert await side.rows(watch_hit) == []


@ON_SQLITE
async def test_withdrawn_no_car_is_looked_for_any_more_and_another_complex_never_looked(
    tmp_path: Path, engine: Engine
) -> None:
    async with with_library(tmp_path, engine) as (side, caller):
        identity = await place(side)
        async with side.house.db.write() as connection:
            kept = await watch_rows.one(connection, EVERYWHERE, "garden", identity)
            assert kept is not None
            await book.withdraw(connection, side.house.seal, [kept], BY, "已找到", now())
            elsewhere = book.Order(
                Entry(plate=PLATE, **WORDS, begins=now() - DAY, ends=now() + DAY),
                ["river"],
                Sender("account", "wu"),
                "o2",
            )
            await book.place(connection, side.house.seal, elsewhere, BY, now())
        await push(caller, vehicle(1, now()))
        await side.settled()
        assert await side.rows(watch_hit) == []


async def test_where_nobody_is_looked_for_a_glance_is_all(tmp_path: Path) -> None:
    """A library's cars cost the reader no turn to write then."""
    async with with_library(tmp_path, SQLITE) as (side, caller):
        await push(caller, vehicle(1, now()))
        await side.settled()
        reader = WatchHits(side.house.acting.duties, now)
        assert not await concerns(side, reader)
        await place(side)
        assert await concerns(side, reader)


async def concerns(side: Side, reader: WatchHits) -> bool:
    batches = [
        Batch(record) for shard in side.house.log.partitions for record in await side.house.log.read(shard, 0, 1_000)
    ]
    async with side.house.db.read() as connection:
        return await reader.concerns(connection, batches)
