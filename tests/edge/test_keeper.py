"""A store that fails: full, unreadable, corrupt. What was acknowledged stays, and it is said what befell it."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.intake import parked
from edge.store import epochs, salvage
from edge.store.epochs import EpochNote
from edge.store.file import FILE, open_store
from edge.store.happenings import Salvaged
from edge.store.keeper import Keeper, finish_setting_aside, open_fit, set_aside
from edge.store.reserve import Reserve
from edge.sync.recover import recover
from eventlog.log import Entry, LogBroken, LogBusy, LogFull, LogRefused
from eventlog.sqlite import SqliteEventLog
from tests.edge.test_push import CountingCentre, entry

NOW = datetime(2026, 3, 20, tzinfo=UTC)


def now() -> datetime:
    return NOW


class Bench:
    def __init__(self, folder: Path, store: SqliteEventLog) -> None:
        self.folder, self.store = folder, store
        self.made_room = 0
        self.reserve = Reserve(folder, 1_000_000)
        self.keeper = Keeper(folder, store, self.reserve, self._make_room, now, lambda failures: 0.01 * failures)

    async def _make_room(self) -> None:
        self.made_room += 1


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    store = await open_store(tmp_path, now)
    yield Bench(tmp_path, store)
    await store.close()


async def test_a_full_disk_gets_the_reserve_and_the_state_is_shown_until_it_can_be_written(bench: Bench) -> None:
    bench.reserve.hold()
    await bench.keeper.mend(LogFull("no room"))
    assert (bench.keeper.state, bench.keeper.is_fit, bench.reserve.is_held) == ("full", False, False)
    assert bench.made_room == 1
    await bench.keeper.mend(LogFull("still none"))
    assert [happened.what for happened in bench.keeper.happened()] == ["full"], "said once"
    bench.keeper.fit_again()
    assert (bench.keeper.state, bench.keeper.is_fit) == ("ok", True)


async def test_a_lock_is_waited_for_and_a_bad_statement_is_nobodys_to_mend(bench: Bench) -> None:
    await bench.keeper.mend(LogBusy("locked"))
    with pytest.raises(LogRefused, match="no such table"):
        await bench.keeper.mend(LogRefused("no such table: nowhere"))
    assert bench.keeper.state == "ok"


async def test_after_a_fault_the_store_is_reopened_and_said_to_be(bench: Bench) -> None:
    await bench.store.append([entry(1)])
    bench.store.sound = False
    await bench.keeper.mend(LogBroken("disk I/O error"))
    assert bench.keeper.state == "reopening", "until an append went through"
    assert await bench.store.append([entry(2)]) == [2]
    bench.keeper.fit_again()
    assert bench.keeper.is_fit
    assert [(one.what, one.detail) for one in bench.keeper.happened()] == [("reopened", "disk I/O error")]


def damage_tree(path: Path) -> None:
    """Overwrite interior pages of the file, not the first."""
    with path.open("r+b") as file:
        for page in range(2, 8):
            file.seek(page * 4096)
            file.write(b"\xff" * 64)


async def filled(folder: Path, count: int = 300) -> None:
    store = await open_store(folder, now)
    park = parked.Parked(NOW, "undecodable", "x", "frigate", "frigate/x", b"\x00bytes")
    for first in range(1, count, 50):
        await store.append([entry(number) for number in range(first, first + 50)])
    await store.append([], [park.statement])
    await store.close()
    with closing(sqlite3.connect(folder / FILE)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def test_a_corrupt_store_is_set_aside_with_its_date_and_another_begins(tmp_path: Path) -> None:
    await filled(tmp_path)
    (tmp_path / FILE).write_bytes(b"x" * 40_000)
    store, happened = await open_fit(tmp_path, now)
    assert [one.what for one in happened] == ["set_aside"]
    (place,) = tmp_path.glob("corrupt-20260320T*")
    assert (place / FILE).read_bytes() == b"x" * 40_000, "the bytes are kept for a person"
    assert await store.append([entry(1)]) == [1]
    await store.close()


async def test_damage_met_while_running_sets_the_store_aside_and_doors_keep_their_tables(tmp_path: Path) -> None:
    await filled(tmp_path)
    store = await open_store(tmp_path, now)
    keeper = Keeper(tmp_path, store, Reserve(tmp_path, 0), _nothing, now, lambda _: 0.01)
    old_epoch = await store.epoch("routine")
    damage_tree(tmp_path / FILE)
    assert salvage.damage(tmp_path / FILE)
    store.sound = False
    await keeper.mend(LogBroken("damage"))
    assert keeper.state == "set_aside"
    assert await store.epoch("routine") != old_epoch
    assert await store.append([entry(9)]) == [1]
    assert [row.payload for row in await parked.listed(store, 9)] == [b"\x00bytes"]
    await store.close()


async def _nothing() -> None:
    return


class Marks(CountingCentre):
    """The centre's side of a recovery: up to where it has the old epoch."""

    def __init__(self, epoch: str, last: int) -> None:
        super().__init__()
        self.epoch, self.last = epoch, last

    async def send_json(self, method: str, path: str, content: object) -> dict[str, object]:
        assert path == "/v1/watermarks"
        return {"watermarks": [{"stream": "routine", "epoch": self.epoch, "last": self.last}]}


async def test_only_what_the_centre_lacks_is_carried_over_and_only_once(tmp_path: Path) -> None:
    await filled(tmp_path)
    old = await open_store(tmp_path, now)
    epoch = await old.epoch("routine")
    await old.close()
    place = set_aside(tmp_path, NOW)
    with closing(sqlite3.connect(place / FILE)) as db, db:
        db.execute("UPDATE record SET body = CAST('{}' AS BLOB) WHERE key & 0xffff IN (150, 200)")
    store = await open_store(tmp_path, now)
    told: list[tuple[str, Salvaged]] = []

    async def tell(name: str, found: Salvaged) -> None:
        told.append((name, found))

    for _ in range(2):
        await recover(tmp_path, store, Marks(epoch, 120), tell, lambda _: 0.01)  # type: ignore[arg-type]
    assert told == [(place.name, Salvaged(recovered=178, known=120, unreadable=2))]
    assert await store.head("routine") == 178
    (place / "salvaged.json").unlink()  # as after a kill just before it was written
    await recover(tmp_path, store, Marks(epoch, 120), tell, lambda _: 0.01)  # type: ignore[arg-type]
    assert await store.head("routine") == 178, "nothing is carried over twice"
    await store.close()


@pytest.mark.parametrize(("is_noted", "recovered"), [(True, 180), (False, 300)])
async def test_a_store_that_cannot_say_its_epoch_is_known_by_the_note_beside_it(
    tmp_path: Path, is_noted: bool, recovered: int
) -> None:
    """The centre has heard of the epoch of now meanwhile, which says nothing of the lost one."""
    await filled(tmp_path)
    old = await open_store(tmp_path, now)
    epoch = await old.epoch("routine")
    await old.close()
    if is_noted:
        EpochNote(tmp_path).put("routine", epoch)
    place = set_aside(tmp_path, NOW)
    assert (place / epochs.FILE).exists() == is_noted
    assert not (tmp_path / epochs.FILE).exists(), "the next log has a name of its own"
    with (place / FILE).open("r+b") as file:
        file.write(bytes(4096))  # the schema, and with it every table by name
    store = await open_store(tmp_path, now)
    marks = {("routine", await store.epoch("routine")): 250} | ({("routine", epoch): 120} if is_noted else {})
    found = await salvage.carry_records(place, FILE, store, marks)
    assert found.recovered == await store.head("routine") == recovered
    await store.close()


async def test_the_newest_record_counts_as_unreadable_though_nothing_says_how_many_there_were(tmp_path: Path) -> None:
    """The schema is gone, and with it the row with the head; of the newest record the key alone is left."""
    await filled(tmp_path)
    old = await open_store(tmp_path, now)
    epoch = await old.epoch("routine")
    EpochNote(tmp_path).put("routine", epoch)
    newest = (await old.query("SELECT body FROM record ORDER BY key DESC LIMIT 1"))[0][0]
    await old.close()
    place = set_aside(tmp_path, NOW)
    file = (place / FILE).read_bytes()
    assert file.count(newest) == 1
    (place / FILE).write_bytes(bytes(4096) + file[4096:].replace(newest, newest[:-1] + b"?"))
    store = await open_store(tmp_path, now)
    found = await salvage.carry_records(place, FILE, store, {("routine", epoch): 120})
    assert found == Salvaged(recovered=179, known=120, unreadable=1)
    await store.close()


@pytest.mark.parametrize("word", [b"produced", b"CREATE TABLE"])
async def test_a_byte_in_the_schema_that_is_no_text_sets_the_store_aside(tmp_path: Path, word: bytes) -> None:
    """sqlite3 then cannot make a string of a column's name, or of SQLite's own words, and says so each in its way."""
    await filled(tmp_path)
    file = (tmp_path / FILE).read_bytes()
    assert word in file
    (tmp_path / FILE).write_bytes(file.replace(word, word[:-1] + b"\xf3"))
    store, happened = await open_fit(tmp_path, now)
    assert [each.what for each in happened] == ["set_aside"]
    assert len(list(tmp_path.glob("corrupt-*/log.db"))) == 1
    await store.append([Entry("routine", b"{}")])
    await store.close()


async def test_a_row_with_a_text_that_is_none_is_left_and_the_others_carried_over(tmp_path: Path) -> None:
    await filled(tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE)) as db, db:
        marks = [("urgent", "e1", 5), ("money", "e2", 5), ("routine", "e3", 5)]
        db.executemany("INSERT OR REPLACE INTO acknowledged(stream, epoch, sequence) VALUES(?, ?, ?)", marks)
        db.execute("UPDATE acknowledged SET epoch = CAST(x'6580' AS TEXT) WHERE epoch = 'e2'")
    with closing(salvage.OldStore(tmp_path / FILE)) as old:
        rows = {name: rows for name, _, rows in old.tables()}
    assert {row[1] for row in rows["acknowledged"]} == {"e1", "e3"}


def test_a_note_that_cannot_be_read_or_written_is_none(tmp_path: Path) -> None:
    note = EpochNote(tmp_path)
    note.put("routine", "e1")
    note.put("money", "e2")
    assert epochs.read(tmp_path / epochs.FILE) == {"routine": "e1", "money": "e2"}
    (tmp_path / f"{epochs.FILE}.part").mkdir()  # nothing can be written aside
    note.put("money", "e3")
    assert epochs.read(tmp_path / epochs.FILE) == {}
    (tmp_path / epochs.FILE).write_bytes(b"\xff not a note")
    assert epochs.read(tmp_path / epochs.FILE) == {}


async def test_a_kill_while_setting_aside_leaves_no_store_without_its_write_ahead_log(tmp_path: Path) -> None:
    await filled(tmp_path)
    store = await open_store(tmp_path, now)
    await store.append([Entry("routine", b"{}")])  # in the write-ahead log alone
    names = sorted(path.name for path in tmp_path.glob(f"{FILE}*"))
    place = tmp_path / "corrupt-20260320T000000000000Z"
    place.mkdir()
    for name in names:
        (place / name).hardlink_to(tmp_path / name)
    (tmp_path / "setting-aside").write_bytes(place.name.encode())
    (tmp_path / FILE).unlink()  # killed here
    await store.close_anyhow()
    finish_setting_aside(tmp_path)
    assert list(tmp_path.glob(f"{FILE}*")) == []
    assert sorted(path.name for path in place.iterdir()) == names
