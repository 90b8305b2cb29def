"""``gatehouse-server conservation``: whether every record that was produced is here, or it is known where it went."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from domain.conservation import Judged
from domain.days import date_of
from server.bootstrap import close_house, open_house
from server.config import BadConfig, load
from server.conservation import Balance
from server.gateway_auth import Gateway
from server.house import House
from server.store.failures import DatabaseBusy
from server.store.schema import gateway as gateway_table

_FAILED = 1
_NUMBERS = ("produced", "received", "unsent", "waiting", "dropped", "explained", "left_behind")
_STYLES = {"broken": "red", "open": "yellow", "balanced": ""}
out = Console()


def conservation(
    gateway: Annotated[str, typer.Option(help="Only this gateway, as the gateways page shows it.")] = "",
    day: Annotated[str, typer.Option(help="Only this day of the site, such as 2026-11-23.")] = "",
    ask: Annotated[bool, typer.Option("--ask", help="Also ask for new statements; they come within seconds.")] = False,
    folder: Annotated[
        Path, typer.Option("--data", "-d", help="The data folder; its server.toml holds the settings.")
    ] = Path("server-data"),
    as_json: Annotated[bool, typer.Option("--json", help="JSON for scripts.")] = False,
) -> None:
    """Hold what gateways stated of each day against the log; exit 1 where something does not add up.

    What is found is also raised as an alert, as the hourly comparison would.

    Example: gatehouse-server conservation --gateway gw-0123456789ab --day 2026-11-23
    """
    wanted = _date(day)
    try:
        found = asyncio.run(_compared(folder, gateway, is_asked=ask))
    except (BadConfig, DatabaseBusy) as error:
        raise _fail(str(error)) from error
    if gateway and not found:
        raise _fail(f"no gateway {gateway!r} is enrolled here")
    lines = [_line(one.gateway, row) for one in found for row in one.days if wanted in (None, date_of(row.day))]
    _show(lines, as_json=as_json)
    if any(line.verdict == "broken" for line in lines):
        raise typer.Exit(_FAILED)


def _fail(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(_FAILED)


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no date such as 2026-11-23", param_hint="--day") from error


async def _compared(folder: Path, gateway: str, *, is_asked: bool) -> list[Balance]:
    house = await open_house(folder, load(folder))
    try:
        chosen = [one for one in await _gateways(house) if gateway in ("", one.id)]
        if is_asked:
            for one in chosen:
                await house.conservation.ask(one.id, complex_id=one.complex)
        return [await house.conservation.check(one) for one in chosen]
    finally:
        await close_house(house)


async def _gateways(house: House) -> list[Gateway]:
    query = select(gateway_table.c.id, gateway_table.c.complex).order_by(gateway_table.c.id)
    async with house.db.read() as connection:
        return [Gateway(row.id, row.complex) for row in await connection.execute(query)]


class Line(msgspec.Struct, frozen=True):
    """A day of a gateway's stream, as it is printed."""

    gateway: str
    day: str
    stream: str
    verdict: str
    numbers: dict[str, int]
    differences: dict[str, int]


def _line(gateway: str, row: Judged) -> Line:
    numbers = {name: getattr(row, name) for name in _NUMBERS}
    return Line(gateway, str(date_of(row.day)), row.stream, row.verdict, numbers, row.differences)


def _show(lines: list[Line], *, as_json: bool) -> None:
    if as_json:
        print(msgspec.json.encode(lines).decode())
        return
    table = Table("gateway", "day", "stream", "verdict", *_NUMBERS, "differences")
    for line in lines:
        differences = ", ".join(f"{name} {count}" for name, count in line.differences.items())
        numbers = (str(count) for count in line.numbers.values())
        table.add_row(
            line.gateway, line.day, line.stream, line.verdict, *numbers, differences, style=_STYLES[line.verdict]
        )
    out.print(table)
