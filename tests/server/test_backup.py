"""A backup comes back whole, on the same engine or the other; what is damaged or newer touches nothing."""

from __future__ import annotations

import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from domain.events import Event, encode_event
from domain.wire import pack, read_header
from eventlog.log import Arrival
from eventlog.shards import shard_of
from server.audit import command_line, record
from server.backup import restore as restoring
from server.backup import take as taking
from server.backup.file import opened
from server.backup.manifest import BadBackup, Manifest
from server.backup.positions import LOG_POSITIONS, Renumbering
from server.backup.target import PostgresPlace, SqlitePlace, place_of
from server.bootstrap import close_house, open_house
from server.config import Config
from server.house import House
from server.objects import open_objects
from server.store import schema
from tests.server.engines import POSTGRES, SQLITE, Engine
from tests.server.filled import fill_city
from tests.server.rows import GARDEN

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WAYS = [(SQLITE, SQLITE), (POSTGRES, POSTGRES), (SQLITE, POSTGRES), (POSTGRES, SQLITE)]


def nothing(_count: int) -> None:
    """Nobody looks at the progress."""


@asynccontextmanager
async def opened_house(folder: Path, config: Config) -> AsyncIterator[House]:
    house = await open_house(folder, config)
    try:
        yield house
    finally:
        await close_house(house)


def arrival(first: int, count: int) -> Arrival:
    bodies = [encode_event(Event(kind="door", device="d", state="open", recorded_at=NOW)) for _ in range(count)]
    packed = pack("gw-a", "routine", "e1", first, bodies)
    return Arrival(read_header(packed), packed, GARDEN)


async def everything(house: House) -> dict[str, list[Any]]:
    """All rows of all tables, without positions, which may be numbered anew."""
    found: dict[str, list[Any]] = {}
    async with house.db.read() as connection:
        for table in schema.metadata.sorted_tables:
            columns = [column for column in table.columns if LOG_POSITIONS.get(table.name) != column.name]
            rows = [tuple(row) for row in await connection.execute(select(*columns))]
            found[table.name] = sorted(rows, key=repr)
    return found


async def read_all(house: House) -> list[bytes]:
    shard = shard_of(GARDEN)
    return [record.body for record in await house.log.read(shard, 0, 100) if record.body]


async def taken(folder: Path, config: Config, file: Path, **wanted: Any) -> Manifest:
    async with taking.snapshot_of(folder, config) as snapshot:
        return await taking.take(snapshot, file, NOW, taking.Wanted(**wanted), nothing)


async def put_back(file: Path, folder: Path, database: str, *, replace: bool = False) -> restoring.Restored:
    place = place_of(folder, database)
    with opened(file) as backup:
        planned = await restoring.plan(backup.manifest, place)
        restoring.may(planned, backup.manifest, replace=replace)
        objects = open_objects(folder, Config())
        return await restoring.restore(backup, place, planned.target, objects, NOW, nothing)


@pytest.mark.parametrize(("source", "target"), WAYS, ids=lambda engine: engine.name)
async def test_everything_comes_back_on_either_engine(source: Engine, target: Engine, tmp_path: Path) -> None:
    old, new, file = tmp_path / "old", tmp_path / "new", tmp_path / "b.zip"
    with source.database() as database, target.database() as other:
        config = Config(database=database)
        async with opened_house(old, config) as house:
            await fill_city(house)
            for number in range(3):  # a chain: it comes back link by link, or not at all
                async with house.db.write() as connection:
                    record(connection, command_line(), "log.verified", NOW, details={"ranges": number})
            await house.log.append([arrival(1, 3), arrival(4, 2)])
            before, log = await everything(house), await read_all(house)
            manifest = await taken(old, config, file, pictures=open_objects(old, config))
        with opened(file) as backup:
            await restoring.check(backup, tmp_path, nothing)
        restored = await put_back(file, new, other)
        assert manifest.pictures == restored.pictures["put"] == restored.pictures["listed"] > 0
        assert restored.rows == sum(len(rows) for rows in before.values())
        async with opened_house(new, Config(database=other)) as house:
            after = await everything(house)
            assert {name: rows for name, rows in after.items() if name not in restoring.NOT_RESTORED} == {
                name: rows for name, rows in before.items() if name not in restoring.NOT_RESTORED
            }
            assert await read_all(house) == log
            assert await house.log.watermarks("gw-a") == {("routine", "e1"): 5}
            head = await house.log.head(shard_of(GARDEN))
            receipts = await house.log.append([arrival(3, 3), arrival(6, 2)])
            assert [receipt.outcome for receipt in receipts] == ["known", "stored"]
            assert await house.log.head(shard_of(GARDEN)) > head


async def test_a_target_that_holds_something_is_set_aside_only_when_told(engine: Engine, tmp_path: Path) -> None:
    folder, file = tmp_path / "centre", tmp_path / "b.zip"
    with engine.database() as database:
        config = Config(database=database)
        async with opened_house(folder, config) as house:
            await house.log.append([arrival(1, 3)])
            await taken(folder, config, file)
            await house.log.append([arrival(4, 3)])
            with pytest.raises(BadBackup, match=r"in use|servers are there"):
                await put_back(file, folder, database, replace=True)
            assert await house.log.watermarks("gw-a") == {("routine", "e1"): 6}
        with pytest.raises(BadBackup, match=r"not empty .*batch.*--replace"):
            await put_back(file, folder, database)
        restored = await put_back(file, folder, database, replace=True)
        assert "replaced" in restored.set_aside
        async with opened_house(folder, config) as house:
            assert await house.log.watermarks("gw-a") == {("routine", "e1"): 3}


async def test_logins_are_not_carried_and_screens_hear_no_number_again(engine: Engine, tmp_path: Path) -> None:
    folder, new, file = tmp_path / "old", tmp_path / "new", tmp_path / "b.zip"
    with engine.database() as database, engine.database() as other:
        config = Config(database=database)
        async with opened_house(folder, config) as house:
            await fill_city(house)
            async with house.db.write() as connection:
                await connection.execute(schema.live.insert().values(complex=GARDEN, kind="alert", ref="a1", at="t"))
                login = {"digest": "d", "account": 1, "csrf": "c", "created_at": "t", "expires_at": "u"}
                await connection.execute(schema.login.insert().values(login))
            await taken(folder, config, file)
        assert (await put_back(file, new, other)).signed_out == 1
        async with opened_house(new, Config(database=other)) as house:
            assert (await everything(house))["login"] == []
            async with house.db.write() as connection:
                await connection.execute(schema.live.insert().values(complex=GARDEN, kind="alert", ref="a1", at="t"))
            async with house.db.read() as connection:
                newest = (await connection.execute(select(schema.live.c.position))).scalars().all()
            assert max(newest) > 1_000_000


async def test_pictures_that_are_nowhere_are_forgotten_so_that_gateways_offer_them(tmp_path: Path) -> None:
    old, new, file = tmp_path / "old", tmp_path / "new", tmp_path / "b.zip"
    async with opened_house(old, Config()) as house:
        await fill_city(house)
        listed = {row[0] for row in (await everything(house))["media"]}
        await taken(old, Config(), file)
    restored = await put_back(file, new, "")
    assert restored.pictures == {"listed": len(listed), "put": 0, "not_there": len(listed)}
    async with opened_house(new, Config()) as house:
        assert await house.media.known(GARDEN, list(listed)) == []


async def made(tmp_path: Path) -> Path:
    file = tmp_path / "b.zip"
    async with opened_house(tmp_path / "old", Config()) as house:
        await house.log.append([arrival(number, 1) for number in range(1, 40)])
        await taken(tmp_path / "old", Config(), file)
    return file


async def test_a_damaged_file_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    file = await made(tmp_path)
    body = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as archive:
        at = archive.getinfo("tables/batch").header_offset + 100
    body[at] ^= 1
    (tmp_path / "flipped.zip").write_bytes(body)
    (tmp_path / "cut.zip").write_bytes(body[: len(body) // 2])
    for name in ("flipped.zip", "cut.zip"):
        with pytest.raises(BadBackup):
            await put_back(tmp_path / name, tmp_path / "new", "")
    assert not (tmp_path / "new" / "gatehouse.db").exists()


async def test_a_newer_backup_is_refused_before_anything_is_touched(tmp_path: Path) -> None:
    file = await made(tmp_path)
    with opened(file) as backup:
        manifest = backup.manifest
    place = SqlitePlace(tmp_path / "new")
    for newer in ({"product": "9.0.0"}, {"revision": "9999"}):
        planned = await restoring.plan(manifest, place)
        with pytest.raises(BadBackup, match="install"):
            restoring.may(planned, msgspec.structs.replace(manifest, **newer), replace=True)
    assert not (tmp_path / "new").exists()


async def test_a_row_too_few_is_seen(tmp_path: Path) -> None:
    """The positive control of the comparison."""
    file = await made(tmp_path)
    with opened(file) as backup:
        tables = [
            msgspec.structs.replace(table, rows=table.rows + 1) if table.name == "mark" else table
            for table in backup.manifest.tables
        ]
        backup.manifest = msgspec.structs.replace(backup.manifest, tables=tables)
        with pytest.raises(BadBackup, match="mark"):
            await restoring.check(backup, tmp_path, nothing)
    assert [path.name for path in tmp_path.iterdir() if "check" in path.name] == []


def test_the_days_of_a_log_keep_its_order() -> None:
    numbers = Renumbering()
    days = ["2026-11-20", "2026-11-20", "2026-11-22", "2026-11-21", "2026-11-23"]
    at = [3, 5, 6, 9, 10]
    new = [numbers.learn(position, f"{day}T00:00:00+00:00") for position, day in zip(at, days, strict=True)]
    assert new == sorted(new)
    assert [numbers.of(position) for position in at] == new
    assert numbers.of(0) == 0
    assert new[1] < numbers.of(5) + 1 <= new[2], "a cursor stands between the same two batches"
    assert numbers.of(4) > new[0] and numbers.of(4) < new[1]


def test_every_position_of_the_log_is_known_as_one() -> None:
    """A new table with a position of the log belongs into LOG_POSITIONS, else a move to PostgreSQL leaves it behind."""
    their_own = {"live"}
    named = {table.name for table in schema.metadata.sorted_tables if "position" in table.columns}
    assert named == LOG_POSITIONS.keys() | their_own


async def test_a_killed_restore_leaves_what_was_there(tmp_path: Path) -> None:
    file, folder = await made(tmp_path), tmp_path / "centre"
    async with opened_house(folder, Config()) as house:
        await house.log.append([arrival(1, 7)])
    with opened(file) as backup:
        await SqlitePlace(folder).begin(backup.manifest.revision)  # and here it dies
    async with opened_house(folder, Config()) as house:
        assert await house.log.watermarks("gw-a") == {("routine", "e1"): 7}
    await put_back(file, folder, "", replace=True)
    assert not list(folder.glob("*.restoring*"))


async def test_postgres_is_built_beside_and_moved_at_once(tmp_path: Path) -> None:
    file = await made(tmp_path)
    with POSTGRES.database() as database:
        config = Config(database=database)
        async with opened_house(tmp_path / "new", config) as house:
            await house.log.append([arrival(1, 7)])
        place = PostgresPlace(database)
        with opened(file) as backup:
            await place.begin(backup.manifest.revision)
            await restoring.fill(backup, place, nothing)  # and here it dies
        async with opened_house(tmp_path / "new", config) as house:
            assert await house.log.watermarks("gw-a") == {("routine", "e1"): 7}
        await put_back(file, tmp_path / "new", database, replace=True)
        async with opened_house(tmp_path / "new", config) as house:
            assert await house.log.watermarks("gw-a") == {("routine", "e1"): 39}
            day = (NOW - timedelta(days=1)).date()
            assert await house.log.drop_days(day) == [], "days are those on which batches came"  # type: ignore[attr-defined]
