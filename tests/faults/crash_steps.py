"""The log's own statements, replayed on a disk that crashes before every single step: what survives each crash."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import apsw
import msgspec

from eventlog.log import Entry
from eventlog.sqlite import SqliteEventLog
from tests.faults.crash_disk import CrashDisk, PowerCut
from tests.faults.log_writer import STREAM, body
from tests.faults.story import Story, choose

Done = str | int  # a statement, or the number up to which was then acknowledged
_CHECKPOINT = "PRAGMA wal_autocheckpoint=12"  # pages: in so short a life too, the log is carried into the file


class Losses(msgspec.Struct):
    """Over all crashes: how many there were, acknowledged records gone, and files that SQLite calls damaged."""

    steps: int = 0
    records: int = 0
    damaged: int = 0


def crash_at_each_step(story: Story, synchronous: str = "FULL") -> Losses:
    """Crash before each step, twice: only synced bytes remain, or some of the others too, drawn by the seed."""
    losses, chance = Losses(), story.chance("torn")
    with tempfile.TemporaryDirectory(prefix="gatehouse-crash-") as name:
        done = [_CHECKPOINT, *_recorded(Path(name), choose(30, 200))]
        script = [_with_sync(each, synchronous) for each in done]
        whole, _ = _replayed(script, Path(name) / "whole", None)
        for step in range(whole.steps):
            disk, acknowledged = _replayed(script, Path(name) / "work", step)
            for torn in (None, chance):
                _count(losses, disk, Path(name) / "after", torn, acknowledged)
        losses.steps = whole.steps
    story.tell(steps=losses.steps, crashes=2 * losses.steps, lost=losses.records, damaged=losses.damaged)
    return losses


def _with_sync(done: Done, synchronous: str) -> Done:
    return done.replace("synchronous=FULL", f"synchronous={synchronous}") if isinstance(done, str) else done


def _recorded(folder: Path, appends: int) -> list[Done]:
    """What the product's log says to SQLite over its first appends, and when it acknowledged."""
    done: list[Done] = []
    with _listening(done):
        asyncio.run(_append(folder / "recorded.db", done, appends))
    return done


async def _append(file: Path, done: list[Done], appends: int) -> None:
    log = await SqliteEventLog.open(file, "epoch-1")
    number = 0
    for size in range(1, appends + 1):
        numbers = range(number + 1, number + 1 + size % 7 + 1)
        await log.append([Entry(STREAM, body(each), b"%016d" % each) for each in numbers])
        number = numbers[-1]
        done.append(number)
    await log.close()


@contextmanager
def _listening(done: list[Done]) -> Iterator[None]:
    """Take down the statements of the first connection that is opened: the writer's."""
    connect, opened = sqlite3.connect, list[sqlite3.Connection]()

    def listened(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection = connect(*args, **kwargs)
        if not opened:
            connection.set_trace_callback(done.append)
        opened.append(connection)
        return connection

    sqlite3.connect = listened  # type: ignore[assignment]
    try:
        yield
    finally:
        sqlite3.connect = connect


def _replayed(script: Sequence[Done], folder: Path, crash_at: int | None) -> tuple[CrashDisk, int]:
    """The disk after the script, or after as much as there was before the crash; and what was acknowledged by then."""
    _emptied(folder)
    disk, acknowledged = CrashDisk(crash_at), 0
    connection = None
    with contextlib.suppress(PowerCut):
        connection = apsw.Connection(str(folder / "log.db"), vfs=disk.name)
        for done in script:
            if isinstance(done, int):
                acknowledged = done
            else:
                connection.execute(done).fetchall()
    if crash_at is not None and connection is not None:
        with contextlib.suppress(PowerCut, apsw.Error):
            connection.close()
    return disk, acknowledged


def _count(losses: Losses, disk: CrashDisk, folder: Path, torn: Any, acknowledged: int) -> None:
    _emptied(folder)
    disk.after(folder, torn)
    try:
        losses.records += max(0, acknowledged - _kept(folder / "log.db"))
    except sqlite3.DatabaseError:
        losses.damaged += 1
        losses.records += acknowledged


def _kept(file: Path) -> int:
    """How many records, whole and in order, are there. Raises sqlite3.DatabaseError for a damaged file."""
    if not file.exists():
        return 0
    with closing(sqlite3.connect(file)) as db:
        if db.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("integrity_check")
        if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'record'").fetchone():
            return 0
        bodies = [row[0] for row in db.execute("SELECT body FROM record ORDER BY key")]
    return len(bodies) if bodies == [body(number) for number in range(1, len(bodies) + 1)] else 0


def _emptied(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
