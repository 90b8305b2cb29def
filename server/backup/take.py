"""Takes a backup: everything the database holds at one moment, beside servers that go on."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from obstore.store import ObjectStore

from domain.ids import content_name
from eventlog.postgres_days import DAY_BITS
from server.backup import postgres, sqlite
from server.backup.file import BackupWriter, written
from server.backup.manifest import FORMAT, BadBackup, Manifest, TableRows
from server.backup.positions import Renumbering
from server.backup.rows import Row
from server.backup.tables import LOG, Shape, Snapshot
from server.config import FILE as SETTINGS
from server.config import Config
from server.media import get_object
from server.store import address

_MOST_SETTINGS_BYTES = 1024 * 1024
_NOT_SETTINGS = ("gatehouse.db", "backup")

Progress = Callable[[int], None]


class Wanted:
    """What a backup is to hold beside the database."""

    def __init__(self, pictures: ObjectStore | None = None, settings: Path | None = None) -> None:
        """``pictures``: where they are, if they are wanted; ``settings``: the data folder whose files are wanted."""
        self.pictures, self.settings = pictures, settings


@asynccontextmanager
async def snapshot_of(folder: Path, config: Config) -> AsyncGenerator[Snapshot]:
    """The centre's database as it is now, on either engine. Raises BadBackup."""
    url = address.of(folder, config.database)
    if address.is_postgres(url):
        async with postgres.snapshot(url) as found:
            yield found
    else:
        with sqlite.snapshot(folder / address.FILE) as found:
            yield found


async def take(snapshot: Snapshot, path: Path, now: datetime, wanted: Wanted, progress: Progress) -> Manifest:
    """Write a backup of the snapshot; its manifest. Raises BadBackup; nothing is left under the name then."""
    revision = await snapshot.revision()
    if not revision:
        raise BadBackup("there is no centre in this database: gatehouse-server init")
    try:
        with written(path) as file:
            manifest = await _written(snapshot, file, revision, now, wanted, progress)
            file.manifest(manifest)
    except OSError as error:
        raise BadBackup(f"{path}: {error}") from error
    return manifest


async def _written(
    snapshot: Snapshot, file: BackupWriter, revision: str, now: datetime, wanted: Wanted, progress: Progress
) -> Manifest:
    log = _LogSeen()
    tables = [await _table(snapshot, shape, file, log, progress) for shape in await snapshot.shapes()]
    pictures, missing = await _pictures(snapshot, file, wanted.pictures, progress) if wanted.pictures else (None, 0)
    return Manifest(
        format=FORMAT,
        product=version("gatehouse"),
        revision=revision,
        engine=snapshot.engine,
        taken_at=now,
        tables=tables,
        counters=await snapshot.counters(),
        log_days=sorted(log.days),
        events=log.events,
        pictures=pictures,
        pictures_missing=missing,
        settings=_settings(file, wanted.settings) if wanted.settings else {},
    )


class _LogSeen:
    """What goes by of the log: its days and how many events."""

    def __init__(self) -> None:
        self.days: set[int] = set()
        self.events = 0
        self._numbers = Renumbering()

    def saw(self, shape: Shape, rows: list[Row]) -> None:
        at = {name: shape.columns.index(name) for name in ("position", "received_at", "first", "last")}
        for row in rows:
            position = self._numbers.learn(row[at["position"]], row[at["received_at"]])
            self.days.add(position >> DAY_BITS)
            self.events += row[at["last"]] - row[at["first"]] + 1


async def _table(snapshot: Snapshot, shape: Shape, file: BackupWriter, log: _LogSeen, progress: Progress) -> TableRows:
    with file.table(shape.name) as out:
        async for rows in snapshot.rows(shape):
            out.write(rows)
            if shape.name == LOG:
                log.saw(shape, list(rows))
            progress(len(rows))
    return TableRows(shape.name, list(shape.columns), out.tally.rows, out.tally.digest)


async def _pictures(
    snapshot: Snapshot, file: BackupWriter, objects: ObjectStore, progress: Progress
) -> tuple[int, int]:
    """Every picture that is listed, once; how many, and how many listed ones are not there."""
    kept, missing, seen = 0, 0, set[str]()
    shape = next(shape for shape in await snapshot.shapes() if shape.name == "media")
    async for rows in snapshot.rows(shape):
        for row in rows:
            name = row[shape.columns.index("sha256")]
            if name in seen:
                continue
            seen.add(name)
            try:
                file.picture(name, await get_object(objects, name))
                kept += 1
            except FileNotFoundError:
                missing += 1
            progress(1)
    return kept, missing


def _settings(file: BackupWriter, folder: Path) -> dict[str, str]:
    """server.toml and the files beside it: tariffs and secrets."""
    found: dict[str, str] = {}
    for path in _beside(folder):
        body = path.read_bytes()
        file.settings(path.name, body)
        found[path.name] = content_name(body)
    if SETTINGS not in found:
        raise BadBackup(f"{folder / SETTINGS} is not there")
    return found


def _beside(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        named = not path.name.startswith(_NOT_SETTINGS) and path.suffix not in (".part", ".zip")
        if named and path.is_file() and path.stat().st_size <= _MOST_SETTINGS_BYTES:
            yield path
