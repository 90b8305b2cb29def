"""Puts a backup back: told before anything is touched, built beside what is there, compared, then put in place."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from obstore.store import ObjectStore

from domain.ids import content_name
from server.backup.file import BackupReader
from server.backup.manifest import BadBackup, Manifest
from server.backup.pictures import put_pictures, without_a_file
from server.backup.positions import LOG_POSITIONS, Renumbering
from server.backup.rows import Row, Tally
from server.backup.tables import LOG, Shape, Snapshot, Target
from server.backup.target import PostgresPlace, SqlitePlace, There
from server.store import migrate

Progress = Callable[[int], None]
Place = SqlitePlace | PostgresPlace

# A login that ended since would live again, a code that was used would be good again: everybody signs in anew.
NOT_RESTORED = frozenset({"login", "enrol_code"})
# Screens keep a position of ``live`` outside the database: what is told from now on lies above all they ever heard.
_LIVE_LEAP = 1_000_000


class Plan(msgspec.Struct, frozen=True):
    """Versions and contents of the file, the program and the target: what is said before anything is touched."""

    file: dict[str, Any]
    program: dict[str, str]
    target: There


class Restored(msgspec.Struct, frozen=True):
    """What was done."""

    rows: int
    events: int
    set_aside: str  # where what was there is now
    pictures: dict[str, int]
    sent_again: dict[str, int]  # feed -> deliveries that waited, and may have been sent since
    signed_out: int


async def plan(manifest: Manifest, place: Place) -> Plan:
    """Look at everything and touch nothing."""
    program = {"version": version("gatehouse"), "revision": migrate.newest()}
    return Plan(told(manifest), program, await place.look())


def told(manifest: Manifest) -> dict[str, Any]:
    """A backup for people: what made it and what it holds."""
    names = ("product", "revision", "engine", "taken_at", "events", "pictures", "pictures_missing", "rows")
    return {name: getattr(manifest, name) for name in names} | {"settings": sorted(manifest.settings)}


def may(planned: Plan, manifest: Manifest, *, replace: bool) -> None:
    """Raises BadBackup where the backup is of a newer program, or the target is not empty and is not to be replaced."""
    check_version(manifest)
    if planned.target.holds and not replace:
        held = ", ".join(f"{rows} {name}" for name, rows in sorted(planned.target.holds.items())[:6])
        raise BadBackup(
            f"{planned.target.where} is not empty ({held} …): add --replace; what is there is set aside, not deleted"
        )


def check_version(manifest: Manifest) -> None:
    """Raises BadBackup for a backup that a newer program made."""
    ours = version("gatehouse")
    if not migrate.knows(manifest.revision) or _numbers(manifest.product) > _numbers(ours):
        raise BadBackup(
            f"the backup is of version {manifest.product}, schema {manifest.revision}; this program is {ours}, schema "
            f"{migrate.newest()}: install {manifest.product} or newer"
        )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:3] if part.isdigit())


async def restore(
    backup: BackupReader, place: Place, there: There, objects: ObjectStore, now: datetime, progress: Progress
) -> Restored:
    """Build, compare, put in place. Raises BadBackup; what was there is as it was then."""
    await place.begin(backup.manifest.revision)
    signed_out = await fill(backup, place, progress)
    pictures = await _pictures(backup, place, objects, progress)
    sent_again = await _waiting(place)
    await place.migrate()
    set_aside = await place.put_in_place(now, there)
    manifest = backup.manifest
    return Restored(manifest.rows, manifest.events, set_aside, pictures, sent_again, signed_out)


async def fill(backup: BackupReader, place: Place, progress: Progress) -> int:
    """Every table as the backup has it, compared; how many logins are not carried over."""
    numbers = Renumbering() if (backup.manifest.engine, place.engine) == ("sqlite", "postgres") else None
    async with place.filling() as target:
        shapes = {shape.name: shape for shape in await target.shapes()}
        await target.empty(reversed(shapes))  # a migration may have put a row
        await target.begin_days(backup.manifest.log_days)
        await _fill_all(backup, target, shapes, numbers, progress)
        await target.set_counters(_counters(backup.manifest, numbers))
    async with place.reading() as found:
        await compare(backup.manifest, found, unlike=LOG_POSITIONS if numbers else ())
    async with place.filling() as target:
        await target.empty(sorted(NOT_RESTORED & shapes.keys()))
    return next((table.rows for table in backup.manifest.tables if table.name == "login"), 0)


async def _fill_all(
    backup: BackupReader, target: Target, shapes: dict[str, Shape], numbers: Renumbering | None, progress: Progress
) -> None:
    columns = {table.name: table.columns for table in backup.manifest.tables}
    if unknown := columns.keys() ^ shapes.keys():
        raise BadBackup(f"schema {backup.manifest.revision} and the backup differ in: {', '.join(sorted(unknown))}")
    for name, shape in shapes.items():
        if set(columns[name]) != set(shape.columns):
            raise BadBackup(f"{name}: the backup has {columns[name]}, the schema {list(shape.columns)}")
        rows = _numbered(name, columns[name], backup.rows(name), numbers)
        await target.fill(shape, columns[name], _counted(rows, progress))


def _counted(rows: Iterator[Sequence[Row]], progress: Progress) -> Iterator[Sequence[Row]]:
    for some in rows:
        yield some
        progress(len(some))


def _numbered(
    table: str, columns: list[str], rows: Iterator[list[list[Any]]], numbers: Renumbering | None
) -> Iterator[list[list[Any]]]:
    """The rows with the positions of the other engine's log; the log itself comes first, and they are learnt of it."""
    if numbers is None or table not in LOG_POSITIONS:
        yield from rows
        return
    at = columns.index(LOG_POSITIONS[table])
    received_at = columns.index("received_at") if table == LOG else 0
    for some in rows:
        for row in some:
            row[at] = numbers.learn(row[at], row[received_at]) if table == LOG else numbers.of(row[at])
        yield some


def _counters(manifest: Manifest, numbers: Renumbering | None) -> dict[str, int]:
    counters = dict(manifest.counters)
    counters["live"] = counters.get("live", 0) + _LIVE_LEAP
    if numbers is not None and LOG in counters:
        counters[LOG] = numbers.of(counters[LOG])
    return counters


async def compare(manifest: Manifest, found: Snapshot, unlike: Sequence[str] | dict[str, str] = ()) -> None:
    """Raises BadBackup where a table does not hold the rows that the manifest says; of those ``unlike``, as many."""
    wanted = {table.name: table for table in manifest.tables}
    for shape in await found.shapes():
        tally, order = Tally(), [shape.columns.index(name) for name in wanted[shape.name].columns]
        async for rows in found.rows(shape):
            for row in rows:
                tally.add_row([row[at] for at in order])
        said = wanted[shape.name]
        if tally.rows != said.rows or (shape.name not in unlike and tally.digest != said.digest):
            raise BadBackup(f"{shape.name}: {tally.rows} rows came back of {said.rows}, or not the same: damaged")


async def _pictures(backup: BackupReader, place: Place, objects: ObjectStore, progress: Progress) -> dict[str, int]:
    """Put those of the backup where they belong, and forget the listed ones that are nowhere: gateways offer them."""
    put = await put_pictures(backup.pictures(), objects, progress)
    async with place.reading() as found:
        listed, lost = await without_a_file(found, objects)
    async with place.filling() as target:
        await target.forget_pictures(lost)
    return {"listed": listed, "put": put, "not_there": len(lost)}


async def _waiting(place: Place) -> dict[str, int]:
    """feed -> how many deliveries wait in it."""
    waiting = Counter[str]()
    async with place.reading() as found:
        for shape in (shape for shape in await found.shapes() if shape.name == "delivery"):
            feed, state = shape.columns.index("feed"), shape.columns.index("state")
            async for rows in found.rows(shape):
                waiting.update(row[feed] for row in rows if row[state] == "waiting")
    return waiting


async def check(backup: BackupReader, beside: Path, progress: Progress) -> None:
    """Restore into a place of its own, which is removed again, bring it to the present schema, and let SQLite look at
    all of it. Raises BadBackup."""
    check_version(backup.manifest)
    with tempfile.TemporaryDirectory(prefix=".gatehouse-check-", dir=beside) as made:
        place = SqlitePlace(Path(made))
        await place.begin(backup.manifest.revision)
        await fill(backup, place, progress)
        await place.migrate()
        async with place.reading() as found:
            if damage := found.damage():
                raise BadBackup(f"restored, and not sound: {'; '.join(damage[:3])}")
        for name, body in backup.pictures():
            progress(_same(name, body))


def _same(name: str, body: bytes) -> int:
    if content_name(body) != name:
        raise BadBackup(f"picture {name} is damaged in the backup")
    return 1
