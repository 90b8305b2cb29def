"""``gatehouse-server backup`` and ``restore``: the whole centre in one file, and back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.progress import Progress

from domain.ids import content_name
from server.audit import command_line, record
from server.backup import restore as restoring
from server.backup import take as taking
from server.backup.file import BackupReader, opened
from server.backup.manifest import BadBackup, Manifest
from server.backup.target import place_of
from server.cli_parts import DEFAULT_FOLDER, AsJson, Folder, err, fail, settings, show, with_house
from server.config import FILE as SETTINGS
from server.config import BadConfig, Config
from server.configured import utc_now
from server.house import House
from server.objects import open_objects
from server.store import migrate
from server.store.failures import DatabaseBusy

File = Annotated[Path, typer.Argument(help="The backup: one file.")]


def backup(
    file: File,
    with_pictures: Annotated[bool, typer.Option("--with-pictures", help="Pictures too.")] = False,
    with_settings: Annotated[
        bool, typer.Option("--with-settings", help="server.toml and the files beside it too: tariffs, secrets.")
    ] = False,
    check: Annotated[bool, typer.Option("--check/--no-check", help="Restore it into a place of its own.")] = True,
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Everything the centre's database holds at this moment in one file, beside running servers; checked by restoring.

    Not in it unless asked for: pictures, server.toml, tariffs, secrets.

    Example: gatehouse-server backup /var/backups/gatehouse.zip --with-pictures
    """
    config = settings(folder)

    async def run(progress: Callable[[int], None]) -> Manifest:
        pictures = open_objects(folder, config) if with_pictures else None
        wanted = taking.Wanted(pictures, folder if with_settings else None)
        now = utc_now()
        async with taking.snapshot_of(folder, config) as snapshot:
            manifest = await taking.take(snapshot, file, now, wanted, progress)
        if check:
            with opened(file) as reader:
                await restoring.check(reader, file.resolve().parent, progress)
        return manifest

    manifest = _run(run, "rows")
    if manifest.revision == migrate.newest():  # else a running server is of another version: its schema stays as it is
        told = {"pictures": manifest.pictures, "settings": with_settings, "events": manifest.events}
        _record(folder, "centre.backed_up", told)
    size = {"file": str(file), "size_bytes": file.stat().st_size, "checked": check}
    show(size | restoring.told(manifest), as_json=as_json)
    if not with_settings and not as_json:
        err.print("Not in it: server.toml, tariffs, secrets (--with-settings). Keep them elsewhere.", style="yellow")


def restore(
    file: File,
    check: Annotated[bool, typer.Option("--check", help="Only restore into a place of its own, and compare.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is there and what would be done.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Set aside what the target holds.")] = False,
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Put a backup back. All servers must be stopped. Versions are told before anything is touched.

    Where the data folder has no server.toml, the one of the backup is used, if it is in it.

    Example: gatehouse-server restore /var/backups/gatehouse.zip --data server-data
    """
    try:
        with opened(file) as reader:
            if check:
                _run(lambda progress: restoring.check(reader, file.resolve().parent, progress), "rows")
                show({"file": str(file), "checked": True} | restoring.told(reader.manifest), as_json=as_json)
                return
            _restore(reader, folder, replace=replace, dry_run=dry_run, as_json=as_json)
    except BadBackup as error:
        raise fail(str(error)) from error


def _restore(reader: BackupReader, folder: Path, *, replace: bool, dry_run: bool, as_json: bool) -> None:
    config = _settings_of(reader, folder, dry_run=dry_run)
    place = place_of(folder, config.database)
    planned = _run(lambda _: restoring.plan(reader.manifest, place), "looking")
    _tell(planned)
    restoring.may(planned, reader.manifest, replace=replace)
    done: dict[str, Any] = {"plan": msgspec.to_builtins(planned)}
    if not dry_run:
        objects, now = open_objects(folder, config), utc_now()
        restored = _run(
            lambda progress: restoring.restore(reader, place, planned.target, objects, now, progress), "rows"
        )
        done |= msgspec.to_builtins(restored)
        _record(folder, "centre.restored", {"taken_at": f"{reader.manifest.taken_at:%Y-%m-%dT%H:%M:%SZ}"})
        _say_what_follows(reader.manifest, restored)
    show(done if as_json else {key: value for key, value in done.items() if key != "plan"}, as_json=as_json)


def _settings_of(reader: BackupReader, folder: Path, *, dry_run: bool) -> Config:
    """The target's own settings; where there are none, the backup's. No file that is there is written over."""
    if not (folder / SETTINGS).exists() and SETTINGS in reader.manifest.settings and not dry_run:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, sha256 in reader.manifest.settings.items():
            _write_setting(reader, folder, name, sha256)
    return settings(folder)


def _write_setting(reader: BackupReader, folder: Path, name: str, sha256: str) -> None:
    body, path = reader.settings(name), folder / name
    if Path(name).name != name or content_name(body) != sha256:
        raise BadBackup(f"settings/{name} is damaged in the backup")
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(body)
        err.print(f"{path}: from the backup")


def _tell(planned: restoring.Plan) -> None:
    file, there = planned.file, planned.target
    taken = f"{file['taken_at']:%Y-%m-%d %H:%M:%S} UTC"
    made = f"version {file['product']}, schema {file['revision']}, {file['engine']}, taken {taken}"
    holds = ", ".join(f"{rows} {name}" for name, rows in sorted(there.holds.items())) or "nothing"
    for line in (
        f"backup:  {made}: {file['events']} events, {file['rows']} rows",
        f"program: version {planned.program['version']}, schema {planned.program['revision']}",
        f"target:  {there.where} ({there.engine}), schema {there.revision or 'none'}, holds {holds}",
    ):
        err.print(line, highlight=False, soft_wrap=True, markup=False)


def _say_what_follows(manifest: Manifest, restored: restoring.Restored) -> None:
    at = f"{manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC"
    lines = [f"What people did after {at} is gone: accounts, replaced gateways, wishes, actions."]
    lines += [
        f"Feed {feed}: {count} deliveries wait that may have been sent since; they are sent again under the same ids."
        for feed, count in sorted(restored.sent_again.items())
    ]
    if restored.sent_again:
        lines.append("What gateways send again is also delivered again, under the same ids: receivers fold by id.")
    for line in lines:
        err.print(line, style="yellow", highlight=False, soft_wrap=True, markup=False)


def _record(folder: Path, action: str, details: dict[str, Any]) -> None:
    """A row in the audit: who took everything out, or put an older copy in its place."""

    async def record_it(house: House) -> None:
        async with house.db.write() as connection:
            record(connection, command_line(), action, house.now(), details=details)

    with_house(folder, record_it)


@contextmanager
def _shown(what: str) -> Generator[Callable[[int], None]]:
    with Progress(console=err, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda count: progress.advance(task, count)


def _run(work: Callable[[Callable[[int], None]], Coroutine[Any, Any, Any]], what: str) -> Any:
    try:
        with _shown(what) as progress:
            return asyncio.run(work(progress))
    except (BadBackup, BadConfig, DatabaseBusy) as error:
        raise fail(str(error)) from error
