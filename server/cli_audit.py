"""``gatehouse-server audit``: whether it still is what was written, its head to keep, its rows to take out."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.progress import Progress

from server.audit import command_line, record
from server.audit_book import BadHeads, Verified, read_heads, verify
from server.audit_export import CsvWriter
from server.cli_parts import DEFAULT_FOLDER, AsJson, Folder, err, fail, show, with_house
from server.house import House
from server.store import audit_rows
from server.store.audit_rows import Filter, Head
from server.store.engine import stamp
from server.store.scope import CITY

app = typer.Typer(no_args_is_help=True)


@app.callback()
def audit() -> None:
    """Who saw, changed and took out what: an append-only chain of rows (docs/audit.md)."""


@app.command(name="verify")
def verify_chain(
    head: Annotated[
        list[Path] | None, typer.Option(help="Heads that were written down: lines of `audit head --json`.")
    ] = None,
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Walk the chain; exit 1 where a row was changed, removed, moved or blanked, and say which is the first.

    Rows that were cut off at the end are seen only against a head from before: give one by --head.

    Example: gatehouse-server audit verify --head heads.jsonl
    """
    try:
        heads = {number: text for path in head or [] for number, text in read_heads(path).items()}
    except BadHeads as error:
        raise fail(str(error)) from error
    with Progress(console=err, transient=True) as progress:
        task = progress.add_task("verifying the audit", total=None)

        async def walk(house: House) -> Verified:
            return await verify(house.db, heads, lambda n, of: progress.update(task, completed=n, total=of))

        found = with_house(folder, walk)
    show({"rows": found.rows, "fault": found.fault, "hash": found.head.hash}, as_json=as_json)
    if found.fault:
        raise fail(found.fault)


@app.command(name="head")
def tell_head(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """The number and hash of the last row: to be kept where nobody who runs this server can change it.

    Example: gatehouse-server audit head --json >> /mnt/auditor/heads.jsonl
    """

    async def look(house: House) -> Head:
        async with house.db.read() as connection:
            return await audit_rows.head(connection)

    show(msgspec.structs.asdict(with_house(folder, look)), as_json=as_json)


@app.command(name="export")
def export(
    since: Annotated[str, typer.Option(help="From this day or moment on, such as 2026-11-01.")] = "",
    until: Annotated[str, typer.Option(help="Before this day or moment.")] = "",
    complex_id: Annotated[str, typer.Option("--complex", help="Only this complex.")] = "",
    by: Annotated[str, typer.Option(help="Who takes it out; else the account that types.")] = "",
    reason: Annotated[str, typer.Option(help="What for; it stays in the audit.")] = "",
    folder: Folder = DEFAULT_FOLDER,
) -> None:
    """Rows as CSV on standard output, the oldest first; that it was done is a row itself.

    Example: gatehouse-server audit export --since 2026-11-01 --reason "quarterly review" > audit.csv
    """
    if not reason.strip():
        raise fail("say what for: --reason; the row stays in the audit")
    chosen = Filter(complex=complex_id, since=_moment(since, "--since"), until=_moment(until, "--until"))

    async def write_out(house: House) -> int:
        async with house.db.write() as connection:
            told = {name: value for name, value in msgspec.structs.asdict(chosen).items() if value}
            record(connection, command_line(by), "audit.exported", house.now(), reason=reason, details=told)
        writer = CsvWriter(sys.stdout)
        async with house.db.read() as connection:
            return await writer.write_all(connection, CITY, chosen)

    typer.echo(f"{with_house(folder, write_out)} rows", err=True)


def _moment(text: str, option: str) -> str:
    if not text:
        return ""
    try:
        return stamp(datetime.fromisoformat(text).astimezone())
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no day or moment such as 2026-11-01", param_hint=option) from error
