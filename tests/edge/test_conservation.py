"""The gateway's own numbers: they add up whatever goes by rule, show a removed record, and hold up nobody."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from typer.testing import CliRunner

from domain.days import day_number
from domain.statements import CARRIED_ALL, Row, Statement, Untaken
from edge.commands.app import app
from edge.status import status
from edge.store import salvage
from edge.store.conservation import NotSettled, UntakenCount, reckon
from edge.store.file import FILE, open_store
from edge.store.keeper import set_aside
from edge.sync.statements import STATEMENTS, StatementPush
from edge.sync.transport import UplinkDown
from eventlog.log import Entry
from eventlog.sqlite import SqliteEventLog

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
TODAY = day_number(NOW, ZONE)


async def opened(folder: Path) -> SqliteEventLog:
    return await open_store(folder, lambda: NOW)


async def append(store: SqliteEventLog, count: int, day: int = TODAY, stream: str = "routine") -> None:
    await store.append([Entry(stream, b'{"n":%d}' % number, None, day) for number in range(count)])


def remove_by_hand(folder: Path, key_from_last: int = 0) -> None:
    with closing(sqlite3.connect(folder / FILE)) as db, db:
        newest = "SELECT key FROM record ORDER BY key DESC LIMIT 1 OFFSET ?"
        db.execute(f"DELETE FROM record WHERE key = ({newest})", (key_from_last,))


def rows_of(folder: Path, **acknowledged: int) -> dict[tuple[str, int], Row]:
    reckoned = reckon(folder / FILE, lambda: acknowledged)
    return {(row.stream, row.day): row for row in reckoned.rows}


async def test_books_say_what_became_of_each_days_records(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await append(store, 10, TODAY - 1)
    await append(store, 20)
    await append(store, 3, stream="urgent")
    await store.trim("routine", 4)
    await store.drop("routine", 12)
    rows = rows_of(tmp_path, routine=15, urgent=3)
    await store.close()
    epoch = rows["routine", TODAY].epoch
    assert rows["routine", TODAY - 1] == Row("routine", epoch, TODAY - 1, 10, 0, 0, 4, 6, 15)
    assert rows["routine", TODAY] == Row("routine", epoch, TODAY, 20, 18, 15, 0, 2, 15)
    assert rows["urgent", TODAY] == Row("urgent", epoch, TODAY, 3, 3, 0, 0, 0, 3)
    assert not any(row.unaccounted for row in rows.values())


async def test_a_record_removed_by_hand_is_unaccounted_on_its_day(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await append(store, 10, TODAY - 1)
    await append(store, 20)
    remove_by_hand(tmp_path, key_from_last=25)
    rows = rows_of(tmp_path)
    await store.close()
    assert (rows["routine", TODAY - 1].unaccounted, rows["routine", TODAY].unaccounted) == (1, 0)


async def test_a_stream_numbered_anew_keeps_both_counts(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await append(store, 10)
    old = await store.epoch("routine")
    await store.begin_epoch("routine", "e2")
    await append(store, 5)
    reckoned = reckon(tmp_path / FILE, lambda: {"routine": 10})
    await store.close()
    by_epoch = {row.epoch: row for row in reckoned.rows}
    assert (by_epoch["e2"].produced, by_epoch["e2"].unsent) == (15, 5)
    assert (by_epoch[old].produced, by_epoch[old].held) == (10, 0)
    assert reckoned.streams["routine"].epoch == "e2"
    assert not any(row.unaccounted for row in reckoned.rows)


async def test_the_log_takes_records_while_the_books_are_read(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await append(store, 10)
    is_reading, may_go_on = threading.Event(), threading.Event()

    def acknowledged() -> Mapping[str, int]:
        is_reading.set()
        assert may_go_on.wait(20)
        return {"routine": 10}

    reading = asyncio.create_task(asyncio.to_thread(reckon, tmp_path / FILE, acknowledged))
    assert await asyncio.to_thread(is_reading.wait, 20)
    await append(store, 7)
    await store.trim("routine", 5)
    may_go_on.set()
    (row,) = (await reading).rows
    assert (row.produced, row.held, row.trimmed) == (10, 10, 0), "one moment, before both"
    assert rows_of(tmp_path, routine=10)["routine", TODAY].held == 12
    await store.close()


async def test_a_watermark_beyond_the_snapshot_wants_a_newer_one(tmp_path: Path) -> None:
    """Else the centre would count records that this statement does not know: more there than were ever produced."""
    store = await opened(tmp_path)
    await append(store, 10)
    marks = iter([11, 10])
    assert reckon(tmp_path / FILE, lambda: {"routine": next(marks)}).streams["routine"].through == 10
    with pytest.raises(NotSettled):
        reckon(tmp_path / FILE, lambda: {"routine": 11})
    await store.close()


async def test_what_is_turned_away_is_counted_by_day_over_restarts(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    counts = {"messages": 50, "events": 40, "unchanged": 6, "undecodable": 1}
    first = UntakenCount()
    await store.write(first.statements(counts, NOW, ZONE))
    assert first.statements(counts, NOW, ZONE) == []
    await store.write(first.statements({**counts, "limited": 9}, NOW, ZONE))
    await store.write(UntakenCount().statements({"unchanged": 4}, NOW, ZONE))  # after a restart
    untaken = reckon(tmp_path / FILE).untaken
    assert untaken == [Untaken(TODAY, "limited", 9), Untaken(TODAY, "unchanged", 10), Untaken(TODAY, "undecodable", 1)]
    await store.write(first.statements({"limited": 10}, NOW + timedelta(days=60), ZONE))
    assert [entry.day for entry in reckon(tmp_path / FILE).untaken] == [TODAY + 60]
    await store.close()


async def test_what_is_carried_over_from_a_lost_store_is_told_by_its_old_epoch_and_day(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    old = await store.epoch("routine")
    await append(store, 10, TODAY - 1)
    await append(store, 10)
    await store.close()
    place = set_aside(tmp_path, NOW)
    store = await opened(tmp_path)
    await salvage.carry_records(place, FILE, store, {("routine", old): 7})
    reckoned = reckon(tmp_path / FILE)
    await store.close()
    of_routine = {
        entry.day: entry.count for entry in reckoned.carried if (entry.stream, entry.epoch) == ("routine", old)
    }
    assert of_routine == {TODAY - 1: 3, TODAY: 10, CARRIED_ALL: 0}
    assert {row.day: row.produced for row in reckoned.rows} == {TODAY - 1: 3, TODAY: 10}


class Centre:
    """Takes statements, or is away."""

    def __init__(self) -> None:
        self.is_away = False
        self.heard: list[Statement] = []

    async def send_json(self, method: str, path: str, content: Any) -> dict[str, Any]:
        assert (method, path) == ("POST", STATEMENTS)
        if self.is_away:
            raise UplinkDown("away")
        self.heard.append(msgspec.json.decode(msgspec.json.encode(content), type=Statement))
        return {}


async def test_a_statement_tells_what_changed_or_is_held_and_all_when_asked(tmp_path: Path) -> None:
    store, centre = await opened(tmp_path), Centre()
    await append(store, 10, TODAY - 9)
    await append(store, 10)
    push = StatementPush(tmp_path / FILE, lambda: {"routine": 10}, centre, ZONE, lambda: NOW)  # type: ignore[arg-type]
    await store.trim("routine", 10)
    await push.state()
    await push.state()
    centre.is_away = True
    push.ask()
    with pytest.raises(UplinkDown):
        await push.state()
    centre.is_away = False
    await push.state()
    await store.close()
    days = [{row.day for row in statement.rows} for statement in centre.heard]
    assert days == [{TODAY - 9, TODAY}, {TODAY}, {TODAY - 9, TODAY}]
    assert (centre.heard[0].zone, centre.heard[0].streams["routine"].through) == ("Asia/Shanghai", 10)


async def test_the_push_waits_until_the_centre_was_heard_and_states_when_asked(tmp_path: Path) -> None:
    store, centre = await opened(tmp_path), Centre()
    known: dict[str, int] = {}
    push = StatementPush(tmp_path / FILE, lambda: known, centre, ZONE, lambda: NOW, quiet_s=0.01)  # type: ignore[arg-type]
    running = asyncio.create_task(push.run())
    await asyncio.sleep(0)
    assert centre.heard == []
    known |= {"urgent": 0, "money": 0, "routine": 0}
    await heard(centre, 1)
    push.ask()
    await heard(centre, 2)
    running.cancel()
    await store.close()


async def heard(centre: Centre, count: int) -> None:
    async with asyncio.timeout(20):
        while len(centre.heard) < count:
            await asyncio.sleep(0.01)


async def test_the_command_prints_the_books_and_fails_where_they_do_not_add_up(tmp_path: Path) -> None:
    settings = tmp_path / "edge.toml"
    settings.write_text('data = "data"\n')
    store = await opened(tmp_path / "data")
    await append(store, 10, TODAY - 1)
    await append(store, 20)
    await status.remember(store, {"routine": 12})
    run = CliRunner().invoke
    good = await asyncio.to_thread(run, app, ["statement", "--config", str(settings), "--json"])
    said = json.loads(good.stdout)
    assert (good.exit_code, said["adds_up"]) == (0, True)
    assert [(row["day"], row["produced"], row["unsent"]) for row in said["rows"]] == [
        ("2026-11-23", 20, 18),
        ("2026-11-22", 10, 0),
    ]
    remove_by_hand(tmp_path / "data")
    bad = await asyncio.to_thread(run, app, ["statement", "--config", str(settings)])
    assert bad.exit_code == 1
    other = await asyncio.to_thread(run, app, ["statement", "--config", str(settings), "--day", "2026-11-22", "--json"])
    assert (other.exit_code, len(json.loads(other.stdout)["rows"])) == (0, 1)
    await store.close()
