"""gatehouse-server: what a city operator types."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import msgspec
import structlog
import typer
from rich.progress import Progress
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.places import BadHours
from eventlog.log import LogBroken
from server import (
    cli_audit,
    cli_backup,
    cli_bill_book,
    cli_bills,
    cli_cells,
    cli_desired,
    cli_doctor,
    cli_ledger,
    cli_payments,
    cli_public,
    cli_readers,
    cli_retention,
    cli_subject,
    cli_tariff,
    own_loop,
)
from server.audit import Subject, command_line, record
from server.cli_conservation import conservation
from server.cli_parts import DEFAULT_FOLDER, AsJson, Folder, err, fail, out, settings, show, with_house
from server.cli_platforms import platform_codes, platform_settings
from server.config import BadConfig, Config
from server.configured import utc_now
from server.enrol_link import enrol_link
from server.house import House
from server.readers import quiet_projections
from server.rebuild import Rebuilt, rebuild
from server.refill import Verified
from server.report import report
from server.store.failures import DatabaseBusy
from server.store.people import ROLES, UsernameTaken, add_account
from server.store.scope import CITY, BadScope, Scope, read_scope

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The Gatehouse server of a city.",
)
app.add_typer(cli_tariff.app, name="tariff")
cli_bill_book.add_to(cli_bills.app)
app.add_typer(cli_bills.app, name="bills")
app.add_typer(cli_payments.app, name="payments")
cli_public.add_to(cli_ledger.app)
app.add_typer(cli_ledger.app, name="ledger")
app.add_typer(cli_desired.app, name="desired")
app.add_typer(cli_audit.app, name="audit")
app.add_typer(cli_readers.app, name="readers")
app.add_typer(cli_retention.app, name="retention")
app.add_typer(cli_subject.app, name="subject")
app.command()(cli_desired.order)
app.command()(conservation)
app.command()(platform_codes)
app.command()(platform_settings)
app.command()(cli_backup.backup)
app.command()(cli_backup.restore)
app.command()(cli_doctor.doctor)
app.command()(cli_cells.directory)
app.command()(cli_cells.move_complex)
FIRST_OPERATOR = "operator"


@app.command(name="init")
def initialise(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """Make the database and the first operator account; its password is shown once.

    Example: gatehouse-server init --data server-data
    """
    if not (folder / "server.toml").exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / "server.toml").write_text('host = "127.0.0.1"\nport = 8000\n')
    _make_account(folder, FIRST_OPERATOR, "operator", CITY, as_json=as_json)


@app.command(name="add-account")
def add_person(
    username: Annotated[str, typer.Argument(help="The name to log in with.")],
    role: Annotated[str, typer.Option(help=", ".join(ROLES))] = "patrol",
    scopes: Annotated[
        list[str] | None, typer.Option("--scope", help="What they see: city, area:ID or complex:ID.")
    ] = None,
    complexes: Annotated[list[str] | None, typer.Option("--complex", help="Short for --scope complex:ID.")] = None,
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """An account for a person; its password is shown once. Both options may be given several times, one must be.

    Example: gatehouse-server add-account wang --role street --scope area:yanjiang
    """
    words = [*(scopes or []), *(f"complex:{name}" for name in complexes or [])]
    if not words:
        raise fail("say what they see: --scope city for everything, --scope area:ID, or --complex ID")
    try:
        scope = read_scope(words)
    except BadScope as error:
        raise fail(str(error)) from error
    _make_account(folder, username, role, scope, as_json=as_json)


def _make_account(folder: Path, username: str, role: str, scope: Scope, *, as_json: bool) -> None:
    password = secrets.token_urlsafe(12)
    try:
        with_house(folder, lambda house: add_account(house.db, username, password, role, scope, house.now()))
    except (UsernameTaken, ValueError) as error:
        raise fail(str(error)) from error
    show({"username": username, "password": password}, as_json=as_json)


@app.command(name="serve")
def serve_forever(
    folder: Folder = DEFAULT_FOLDER,
    only_requests: Annotated[bool, typer.Option("--only-requests", help="Leave the log's readers to `work`.")] = False,
    share_port: Annotated[
        bool, typer.Option("--share-port", help="Others of us may listen beside. PostgreSQL.")
    ] = False,
) -> None:
    """Serve gateways and people until told to stop.

    Example: gatehouse-server serve --data server-data
    """
    from server.serve import serve  # all pages and routes: no other command needs them, and they take half a second

    config = _several(folder) if only_requests or share_port else settings(folder)
    part = "requests" if only_requests else "all"
    _run(serve(folder, config, lambda url: print(f"ready {url}", flush=True), part, share_port=share_port))


@app.command(name="work")
def work_forever(folder: Folder = DEFAULT_FOLDER) -> None:
    """Read the log and serve nobody until told to stop: for a city, beside processes that serve. PostgreSQL only.

    Example: gatehouse-server work --data server-data
    """
    from server.serve import work

    _run(_until_told(work(folder, _several(folder), lambda: print("ready", flush=True))))


def _several(folder: Path) -> Config:
    """The settings, where several processes may share the work."""
    config = settings(folder)
    if not config.database:
        raise fail("SQLite has one process: leave the option out, or set `database` in server.toml (docs/server.md)")
    return config


def _run(server: Coroutine[Any, Any, None]) -> None:
    _log_to_stderr()
    try:
        own_loop.run(server)
    except* (BadConfig, BadHours, DatabaseBusy, LogBroken) as errors:
        raise fail(str(errors.exceptions[0])) from errors


async def _until_told(work: Coroutine[Any, Any, None]) -> None:
    task, loop = asyncio.ensure_future(work), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _log_to_stderr() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


@app.command()
def enrol_code(
    complex_id: Annotated[str, typer.Option("--complex", help="The complex the gateway will belong to.")],
    folder: Folder = DEFAULT_FOLDER,
    count: Annotated[
        int, typer.Option(help="Several: only the codes are printed, a line each.", min=1, max=20_000)
    ] = 1,
    as_json: AsJson = False,
) -> None:
    """A one-time code by which a gateway enrols (15 minutes, one use).

    Example: gatehouse-server enrol-code --complex sunny-garden
    """
    config = settings(folder)
    known = [place.id for place in config.complexes]
    if complex_id not in known:
        raise fail(f"no complex {complex_id!r} in {folder}/server.toml; there are: {', '.join(known) or 'none'}")
    if count > 1:
        for code in with_house(folder, lambda house: house.gateways.issue_codes([complex_id] * count)):
            print(code)
        return
    code, expires_at = with_house(folder, lambda house: house.gateways.issue_code(complex_id))
    told = {"code": code, "expires_at": expires_at.isoformat(timespec="seconds")}
    if config.public_url:
        told["link"] = _enrol_link(folder, config, code)
    show(told, as_json=as_json)


def _enrol_link(folder: Path, config: Config, code: str) -> str:
    try:
        return enrol_link(folder, config, code).text()
    except BadConfig as error:
        raise fail(str(error)) from error


@app.command()
def replace_gateway(
    gateway: Annotated[str, typer.Argument(help="The gateway whose key must end, as the gateways page shows it.")],
    folder: Folder = DEFAULT_FOLDER,
) -> None:
    """End a gateway's key, when its box was replaced or stolen; its records stay.

    Example: gatehouse-server replace-gateway gw-0123456789ab
    """
    with_house(folder, lambda house: house.gateways.replace(gateway))
    out.print(f"{gateway}: its key is dead")


@app.command(name="rebuild")
def rebuild_projection(
    name: Annotated[str, typer.Argument(help="alerts, doors, parking, orders, conservation, pictures or detections")],
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Drop a projection and fold it again from the log; exit 1 if the rows are not the same.

    Example: gatehouse-server rebuild parking
    """
    found = quiet_projections(settings(folder))
    if name not in found:
        raise fail(f"no projection {name!r}; there are {', '.join(found)}. Books and feeds are never rebuilt.")
    with Progress(console=err, transient=True) as progress:
        task = progress.add_task(f"rebuilding {name}", total=None)

        def note(connection: AsyncConnection, made: Rebuilt) -> None:
            on, told = Subject("projection", name), msgspec.structs.asdict(made)
            record(connection, command_line(), "projection.rebuilt", utc_now(), on=on, details=told)

        rebuilt: Rebuilt = with_house(
            folder, lambda house: rebuild(found[name], house.db, house.log, lambda n: progress.advance(task, n), note)
        )
    same = rebuilt.before == rebuilt.after
    show({**msgspec.structs.asdict(rebuilt), "same": same}, as_json=as_json)
    if not same:
        raise typer.Exit(1)


@app.command()
def verify(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """Walk the log; what is damaged or lost is asked for again at the gateways that keep it. Exit 1 where it was.

    Example: gatehouse-server verify --data server-data
    """
    with Progress(console=err, transient=True) as progress:
        task = progress.add_task("verifying the log", total=None)

        async def walk(house: House) -> Verified:
            walked = await house.refill.verify(lambda: progress.advance(task))
            async with house.db.write() as connection:
                told = msgspec.structs.asdict(walked)
                record(connection, command_line(), "log.verified", house.now(), details=told)
            return walked

        found = with_house(folder, walk)
    show({"damaged_or_lost_ranges": found.ranges, "sequences_asked_for": found.sequences}, as_json=as_json)
    if found.ranges:
        raise typer.Exit(1)


@app.command(name="report")
def show_report(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """What the centre holds, in numbers.

    Example: gatehouse-server report --json
    """
    show(with_house(folder, lambda house: report(house.db)), as_json=as_json)


def main() -> None:
    app()
