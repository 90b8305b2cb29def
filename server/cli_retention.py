"""``gatehouse-server retention``: what is kept how long, what went, and what is held."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer
from rich.progress import Progress
from rich.table import Table

from domain.retention import Hold
from domain.subjects import BadSubject
from server.cli_parts import DEFAULT_FOLDER, AsJson, Folder, err, fail, out, with_house
from server.cli_parts import show as show_content
from server.house import House
from server.retention import holds
from server.retention.holds import NoHold, Why

app = typer.Typer(no_args_is_help=True)
_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]
Reason = Annotated[str, typer.Option(help="Why.")]
Paper = Annotated[str, typer.Option("--document", help="The number of the document it rests on.")]
By = Annotated[str, typer.Option(help="On whose word; else the account that types.")]
Time = Annotated[datetime | None, typer.Option(formats=_FORMATS, help="In UTC.")]


@app.callback()
def retention() -> None:
    """How long records are kept, and what is held longer."""


@app.command()
def status(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """Terms, the oldest batch, holds in force, and what went on which day.

    Example: gatehouse-server retention status --data server-data
    """
    found = with_house(folder, lambda house: house.retention.status())
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    show_content({name: value for name, value in found.items() if name != "expired"}, as_json=False)
    table = Table("day", "class", "what", "count")
    for row in found["expired"]:
        table.add_row(*(str(row[name]) for name in ("day", "class", "what", "count")))
    out.print(table)


@app.command()
def run(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """Let go of everything that is past its term now; a running server does so every hour.

    Example: gatehouse-server retention run --data server-data
    """
    with Progress(console=err, transient=True) as progress:
        task = progress.add_task("letting go", total=None)
        went = with_house(folder, lambda house: house.retention.round(lambda: progress.advance(task)))
    show_content(dict(went) or {"records": 0}, as_json=as_json)


@app.command()
def hold(
    reason: Reason,
    document: Paper,
    complex_id: Annotated[str, typer.Option("--complex")] = "",
    plate: Annotated[str, typer.Option(help="A plate; - reads it from standard input.")] = "",
    card: Annotated[str, typer.Option(help="A card; - reads it from standard input.")] = "",
    person: Annotated[str, typer.Option(help="A name; - reads it from standard input.")] = "",
    device: Annotated[str, typer.Option()] = "",
    since: Time = None,
    until: Time = None,
    ends: Annotated[datetime | None, typer.Option(formats=_FORMATS, help="It is lifted by itself then (UTC).")] = None,
    by: By = "",
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Keep what fits all that is named, whatever its term, until it is lifted.

    Example: gatehouse-server retention hold --plate - --reason 查案 --document 公函2026-7
    """
    names = {name: typed(value) for name, value in (("plate", plate), ("card", card), ("person", person))}

    async def place(house: House) -> int:
        held = Hold(complex_id, **names, device=device, since=_utc(since), until=_utc(until))
        _ = held.forms
        async with house.db.write() as connection:
            return await holds.place(connection, held, why(reason, document, by), house.now(), _utc(ends))

    try:
        show_content({"hold": with_house(folder, place)}, as_json=as_json)
    except (ValueError, BadSubject) as error:
        raise fail(str(error)) from error


@app.command()
def lift(
    number: Annotated[int, typer.Argument(help="The hold's number, as `retention holds` shows it.")],
    reason: Reason,
    document: Paper,
    by: By = "",
    folder: Folder = DEFAULT_FOLDER,
) -> None:
    """End a hold; what it kept goes with the next round, if its term is over.

    Example: gatehouse-server retention lift 3 --reason 结案 --document 公函2026-19
    """

    async def end(house: House) -> None:
        async with house.db.write() as connection:
            await holds.lift(connection, number, why(reason, document, by), house.now())

    try:
        with_house(folder, end)
    except (NoHold, ValueError) as error:
        raise fail(str(error)) from error
    out.print(f"hold {number} is lifted")


@app.command(name="holds")
def list_holds(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """Every hold there was, the newest first.

    Example: gatehouse-server retention holds
    """

    async def look(house: House) -> list[dict[str, Any]]:
        async with house.db.read() as connection:
            return [msgspec.to_builtins(one) for one in await holds.all_of(connection)]

    found = with_house(folder, look)
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    for one in found:
        said = {"document": one["document"], "ends": one["ends_at"], "lifted": one["lifted_at"]}
        show_content({"hold": one["number"], **one["hold"], **said}, as_json=False)


def why(reason: str, document: str, by: str) -> Why:
    return Why(reason, document, by or getpass.getuser())


def typed(value: str) -> str:
    """A value, or a line of standard input for "-": what stands in the arguments of a program everybody can read."""
    return typer.get_text_stream("stdin").readline().strip() if value == "-" else value


def _utc(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at
