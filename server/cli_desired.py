"""``gatehouse-server desired`` and ``order``: wishes for a complex's gateways, and single actions of its devices."""

from __future__ import annotations

import getpass
import secrets
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer
import yaml
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.desired import CONFIDENTIAL, BadDesired
from domain.orders import MAX_LIFE, Argument, Order
from domain.tariff import BadTariff, read_tariff
from domain.tariff.coverage import faults
from server.audit import Subject, command_line, record
from server.cli_digest import digest
from server.cli_parts import DEFAULT_FOLDER, AsJson, Folder, fail, out, with_house
from server.cli_parts import show as show_content
from server.house import House
from server.store import desired_rows, desired_views, order_rows, rule_rows, tariff_rows
from server.store.order_rows import NoGateway

app = typer.Typer(no_args_is_help=True)
T = TypeVar("T")

ComplexId = Annotated[str, typer.Argument(metavar="COMPLEX", help="A complex of server.toml.")]


class Refused(Exception):
    """What was asked cannot be done; the message says why."""


@app.callback()
def desired() -> None:
    """Desired state: what a complex's gateways shall go by, in versions."""


@app.command()
def put(
    complex_id: ComplexId,
    kind: Annotated[
        str,
        typer.Argument(help="devices, credentials, doors, lanes, passes, plate_lists, tariffs or policy"),
    ],
    file: Annotated[Path, typer.Argument(help="The document, YAML or JSON; a tariff is a plan file.", exists=True)],
    folder: Folder = DEFAULT_FOLDER,
    by: Annotated[str, typer.Option(help="Who wishes so; else the account that types.")] = "",
    as_json: AsJson = False,
) -> None:
    """Keep the next version of a document. A running server hands it down within two seconds.

    Example: gatehouse-server desired put sunny-garden credentials cards.yaml
    """

    async def keep(house: House) -> dict[str, Any]:
        _known(house, complex_id)
        if kind in CONFIDENTIAL:
            raise Refused(f"{kind} are placed by a security officer, by an order with its document and its end: /watch")
        if kind == rule_rows.KIND:
            raise Refused(f"{kind} are published with a reason, from a moment on: /rules/{complex_id}")
        content = _content(file)
        async with house.db.write() as connection:
            if kind == "tariffs":
                await _check_tariff(connection, complex_id, content)
            author = by or getpass.getuser()
            now = house.now()
            version, new = await desired_rows.put(connection, complex_id, kind, content, author, now)
            told = {"version": version, "new": new}
            on = Subject(kind, str(version))
            record(connection, command_line(by), "desired.put", now, on=on, complex_id=complex_id, details=told)
        return {"complex": complex_id, "kind": kind, "version": version, "new": new}

    show_content(_done(folder, keep), as_json=as_json)


@app.command()
def show(complex_id: ComplexId, folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """The newest version of each document, and what each gateway has made of it.

    Example: gatehouse-server desired show sunny-garden
    """

    async def look(house: House) -> list[dict[str, Any]]:
        _known(house, complex_id)
        async with house.db.read() as connection:
            found = await desired_views.overview(connection, complex_id)
        async with house.db.write() as connection:
            record(connection, command_line(), "desired.seen", house.now(), complex_id=complex_id)
        return found

    rows = _done(folder, look)
    if as_json:
        print(msgspec.json.encode(rows).decode())
        return
    table = Table("kind", "wanted", "made", "by", "gateway", "applied", "refused")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row.values()))
    out.print(table)


app.command()(digest)


def order(
    complex_id: ComplexId,
    device: Annotated[str, typer.Argument(help="The device's identity, such as uhppoted:405419896.")],
    name: Annotated[str, typer.Argument(help="What to do: door.open, barrier.open, barrier.close, display.voice …")],
    arg: Annotated[list[str] | None, typer.Option(help="An argument, key=value, such as point=door/1.")] = None,
    expires_s: Annotated[float, typer.Option(help="Seconds until it must not be done any more.", min=1)] = 15.0,
    gateway: Annotated[str, typer.Option(help="Which gateway, where the complex has several.")] = "",
    by: Annotated[str, typer.Option(help="Who orders it; else the account that types.")] = "",
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Order one action, done at most once and never after it has expired. The gateways page shows what became of it.

    Example: gatehouse-server order sunny-garden uhppoted:405419896 door.open --arg point=door/1 --arg card=8165538
    """

    async def place(house: House) -> dict[str, Any]:
        _known(house, complex_id)
        now = house.now()
        ends = now + min(timedelta(seconds=expires_s), MAX_LIFE)
        new = Order(secrets.token_hex(16), device, name, now, ends, by or getpass.getuser(), _arguments(arg or []))
        async with house.db.write() as connection:
            chosen = await order_rows.place(connection, complex_id, new, gateway or None)
            told = {"device": device, "name": name, "gateway": chosen}
            on = Subject("order", new.id)
            record(connection, command_line(by), "order.placed", now, on=on, complex_id=complex_id, details=told)
        return {"order": new.id, "gateway": chosen, "expires_at": ends.isoformat(timespec="seconds")}

    show_content(_done(folder, place), as_json=as_json)


def _done(folder: Path, action: Callable[[House], Coroutine[Any, Any, T]]) -> T:
    """Do it; what cannot be done is said, exit 1."""
    try:
        return with_house(folder, action)
    except (BadDesired, BadTariff, NoGateway, Refused, ValueError) as error:
        raise fail(str(error)) from error


def _known(house: House, complex_id: str) -> None:
    """Raises Refused for a complex that is not in the settings."""
    known = [place.id for place in house.config.complexes]
    if complex_id not in known:
        raise Refused(f"no complex {complex_id!r} in server.toml; there are: {', '.join(known) or 'none'}")


async def _check_tariff(connection: AsyncConnection, complex_id: str, content: object) -> None:
    """Raises Refused for a tariff with a hole or overlapping bands, and where people publish it on its page."""
    if (await tariff_rows.published(connection, [complex_id])).get(complex_id):
        raise Refused(f"the tariff of {complex_id} is published on its page, by two people: draft a version there")
    wrong = faults(read_tariff(content))
    if wrong:
        raise Refused("\n".join(f"tariffs: {one.path}: {one.text}" for one in wrong))


def _content(file: Path) -> object:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise Refused(f"{file} is neither YAML nor JSON: {error}") from error


def _arguments(given: list[str]) -> dict[str, Argument]:
    pairs = [text.partition("=") for text in given]
    wrong = [key + value for key, equals, value in pairs if not (key and equals)]
    if wrong:
        raise Refused(f"{wrong[0]!r} is not key=value")
    return {key: value for key, _, value in pairs}
