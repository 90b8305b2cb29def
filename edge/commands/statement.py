"""``gatehouse-edge statement``: the gateway's own numbers, and whether they add up."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Column, Table

from domain.days import date_of
from domain.statements import Row, Untaken
from edge.config import BadConfig, load
from edge.status.beside import NoLog
from edge.status.box_status import watermarks
from edge.store.conservation import NotSettled, Reckoning, reckon
from edge.store.file import FILE

_FAILED = 1
_COLUMNS = ("day", "stream", "epoch", "produced", "held", "unsent", "trimmed", "dropped", "unaccounted")
_WHOLE = ("day", "stream")
out = Console()


def statement(
    config: Annotated[
        Path, typer.Option("--config", "-c", envvar="GATEHOUSE_EDGE_CONFIG", help="The settings file.")
    ] = Path("edge.toml"),
    day: Annotated[str, typer.Option(help="Only this day of the site, such as 2026-11-23.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="JSON for scripts.")] = False,
) -> None:
    """What was recorded each day, and what became of it; exit 1 where a record is neither held nor let go by rule.

    Also what was turned away (parked, limited, unchanged, repeats): it became no record and is in no balance.

    Example: gatehouse-edge statement --day 2026-11-23
    """
    reckoned = _of_day(_reckoned(config), day)
    if as_json:
        print(msgspec.json.encode(_plain(reckoned)).decode())
    else:
        _show(reckoned)
    if any(row.unaccounted for row in reckoned.rows):
        raise typer.Exit(_FAILED)


def _reckoned(config: Path) -> Reckoning:
    try:
        folder = load(config).folder
        return reckon(folder / FILE, lambda: watermarks(folder))
    except (BadConfig, NotSettled, NoLog) as error:
        typer.echo(str(error), err=True)
    except sqlite3.Error as error:
        typer.echo(f"the log cannot be read: {error}; did the agent ever run on these settings?", err=True)
    raise typer.Exit(_FAILED)


def _of_day(reckoned: Reckoning, day: str) -> Reckoning:
    if not day:
        return reckoned
    try:
        wanted = date.fromisoformat(day)
    except ValueError as error:
        raise typer.BadParameter(f"{day!r} is no date such as 2026-11-23", param_hint="--day") from error
    rows = [row for row in reckoned.rows if date_of(row.day) == wanted]
    untaken = [entry for entry in reckoned.untaken if date_of(entry.day) == wanted]
    return Reckoning(reckoned.streams, rows, untaken)


def _plain(reckoned: Reckoning) -> dict[str, object]:
    untaken = [{"day": str(date_of(one.day)), "reason": one.reason, "count": one.count} for one in reckoned.untaken]
    return {
        "adds_up": not any(row.unaccounted for row in reckoned.rows),
        "rows": _lines(reckoned.rows),
        "untaken": untaken,
    }


def _lines(rows: Sequence[Row]) -> list[dict[str, object]]:
    return [_line(row) for row in rows]


def _line(row: Row) -> dict[str, object]:
    fields = {name: getattr(row, name) for name in _COLUMNS}
    return {**fields, "day": str(date_of(row.day)), "through": row.through}


def _show(reckoned: Reckoning) -> None:
    table = Table(*(Column(name, no_wrap=name in _WHOLE, overflow="ellipsis") for name in _COLUMNS))
    for row in reckoned.rows:
        line = _line(row)
        table.add_row(*(str(line[name]) for name in _COLUMNS), style="red" if row.unaccounted else "")
    out.print(table)
    if reckoned.untaken:
        out.print("turned away, in no balance: " + ", ".join(_said(one) for one in reckoned.untaken), highlight=False)


def _said(one: Untaken) -> str:
    return f"{date_of(one.day):%m-%d} {one.reason} {one.count}"
