"""``gatehouse-server subject``: find, export, correct and erase what names one plate, card or person."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer
from rich.progress import Progress

from domain.subjects import BadSubject, Kind, Subject
from server.cli_parts import DEFAULT_FOLDER, AsJson, Folder, err, fail, out, with_house
from server.cli_parts import show as show_content
from server.cli_retention import By, Paper, Reason, typed, why
from server.house import House
from server.retention import export as exports
from server.retention import rights
from server.retention.corrections import Correction, NoRecord
from server.retention.erase import Report
from server.retention.holds import Why
from server.retention.rights import Tell

app = typer.Typer(no_args_is_help=True)
T = TypeVar("T")
Plate = Annotated[str, typer.Option(help="A plate; - reads it from standard input, where nobody sees it.")]
Card = Annotated[str, typer.Option(help="A card's number, or -.")]
Person = Annotated[str, typer.Option(help="A person's name, or -.")]
ComplexId = Annotated[str, typer.Option("--complex", help="Only in this complex; none: in every one.")]


@app.callback()
def subject() -> None:
    """The rights of one plate, card or person."""


@app.command()
def find(
    reason: Reason,
    document: Paper,
    plate: Plate = "",
    card: Card = "",
    person: Person = "",
    complex_id: ComplexId = "",
    by: By = "",
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Where they stand: events, alerts, stays, charges, pictures, refusals, wishes, orders; the look-up is recorded.

    Example: gatehouse-server subject find --plate - --reason 本人申请 --document 申请2026-3
    """
    whom, said = _whom(plate, card, person), _why(reason, document, by)
    found = _with_progress(folder, lambda house, tell: rights.look(house, whom, complex_id, said, tell))
    plain = exports.as_plain(found)
    show_content(plain if as_json else plain["counts"] | {"origins": _origins(found)}, as_json=as_json)


@app.command(name="export")
def export_all(
    to: Annotated[Path, typer.Option(help="The ZIP to write.")],
    reason: Reason,
    document: Paper,
    plate: Plate = "",
    card: Card = "",
    person: Person = "",
    complex_id: ComplexId = "",
    by: By = "",
    folder: Folder = DEFAULT_FOLDER,
) -> None:
    """Everything that names them in one ZIP: a summary, JSON, and the pictures.

    Example: gatehouse-server subject export --plate - --to copy.zip --reason 本人申请 --document 申请2026-3
    """
    whom, said = _whom(plate, card, person), _why(reason, document, by)
    content = _with_progress(folder, lambda house, tell: rights.export(house, whom, complex_id, said, tell))
    to.touch(mode=0o600)
    to.write_bytes(content)
    out.print(f"{to}: {len(content)} bytes")


@app.command()
def correct(
    origin: Annotated[str, typer.Option(help="The record, as find shows it: gateway/stream/epoch/sequence.")],
    field: Annotated[str, typer.Option(help="plate, card, person, direction, time or note")],
    value: Annotated[str, typer.Option(help="What it should read; - reads it from standard input.")],
    reason: Reason,
    document: Paper,
    plate: Plate = "",
    card: Card = "",
    person: Person = "",
    complex_id: ComplexId = "",
    by: By = "",
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Say beside a record what it should read; the record stays as it was read.

    Example: gatehouse-server subject correct --plate 京A12345 --origin gw-1/money/e1/7 --field plate --value 京A12346
    """
    whom, said = _whom(plate, card, person), _why(reason, document, by)
    try:
        wanted = Correction(origin, field, typed(value))
        number = _with_progress(folder, lambda house, tell: rights.correct(house, whom, complex_id, wanted, said, tell))
    except (NoRecord, ValueError) as error:
        raise fail(str(error)) from error
    show_content({"correction": number}, as_json=as_json)


@app.command()
def delete(
    reason: Reason,
    document: Paper,
    plate: Plate = "",
    card: Card = "",
    person: Person = "",
    complex_id: ComplexId = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: it cannot be undone.")] = False,
    by: By = "",
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Erase them up to now, here and at the gateways, and look whether anything is left; exit 1 where something is.

    Example: gatehouse-server subject delete --plate - --reason 本人申请 --document 申请2026-3 --yes
    """
    whom, said = _whom(plate, card, person), _why(reason, document, by)
    if not yes:
        typer.confirm("This cannot be undone. Erase?", abort=True)
    report: Report = _with_progress(folder, lambda house, tell: rights.erase(house, whom, complex_id, said, tell))
    show_content(msgspec.to_builtins(report), as_json=as_json)
    if not report.is_clean:
        raise typer.Exit(1)


@app.command()
def status(
    erasure: Annotated[str, typer.Argument(help="The erasure's id.")],
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """What an erasure did, and what each gateway has answered; exit 1 while one has not.

    Example: gatehouse-server subject status erasure-0123456789abcdef
    """
    found = with_house(folder, lambda house: rights.status(house.db, erasure))
    if found is None:
        raise fail(f"no erasure {erasure!r}")
    show_content(found, as_json=as_json)
    if not all("remaining=0" in said for said in found["gateways"].values()):
        raise typer.Exit(1)


@app.command()
def reapply(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """After an older copy of the database was put back: erase again all that erasures.json in the data folder names.

    Example: gatehouse-server subject reapply --data server-data
    """
    try:
        went = _with_progress(folder, lambda house, tell: house.eraser.apply_list(tell))
    except ValueError as error:
        raise fail(str(error)) from error
    show_content(dict(went) or {"records": 0}, as_json=as_json)


def _with_progress(folder: Path, action: Callable[[House, Tell], Coroutine[Any, Any, T]]) -> T:
    with Progress(console=err, transient=True) as progress:
        task = progress.add_task("looking", total=None)

        def tell(what: str = "looking") -> None:
            progress.update(task, description=what, advance=1)

        async def run(house: House) -> T:
            return await action(house, tell)

        return with_house(folder, run)


def _why(reason: str, document: str, by: str) -> Why:
    try:
        return why(reason, document, by)
    except ValueError as error:
        raise fail(str(error)) from error


def _whom(plate: str, card: str, person: str) -> Subject:
    named: dict[Kind, str] = {"plate": plate, "card": card, "person": person}
    given: list[Kind] = [kind for kind, value in named.items() if value]
    if len(given) != 1:
        raise typer.BadParameter("name one: --plate, --card or --person")
    (kind,) = given
    found = Subject(kind, typed(named[kind]))
    try:
        _ = found.form
    except BadSubject as error:
        raise fail(str(error)) from error
    return found


def _origins(found: exports.FoundAll) -> list[str]:
    return [exports.origin_of(seen) for seen in found.events]
