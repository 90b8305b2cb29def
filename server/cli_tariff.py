"""``gatehouse-server tariff``: price a stay under a tariff file, with every line of the explanation."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from domain.tariff import BadStay, BadTariff, NoPrice, Plan, Quote, fees
from server.tariff_file import BadFile, load_tariff

app = typer.Typer(no_args_is_help=True)

_EXAMPLE = (
    'Example: gatehouse-server tariff quote tariff.yaml --class small --entry "2026-11-18 09:00" '
    '--exit "2026-11-18 11:30" --json'
)

Interval = tuple[datetime, datetime]


class _StayRow(msgspec.Struct):
    """An entry of --stays; other keys, an expected fee for one, are left alone."""

    entry: str
    exit: str


@app.callback()
def tariff() -> None:
    """Tariffs: what a stay costs under a plan, and why."""


@app.command(epilog=_EXAMPLE)
def quote(
    plan_file: Annotated[Path, typer.Argument(metavar="PLAN.yaml", help="A tariff file with plans by class.")],
    class_name: Annotated[str, typer.Option("--class", help="A key of the file's plans.")],
    entry: Annotated[str, typer.Option(help="When the car came in; without a zone: the plan's.")] = "",
    exit: Annotated[str, typer.Option(help="When it left.")] = "",
    stays: Annotated[
        Path | None, typer.Option(help="A JSON list of {entry, exit}: stays of one plate, in order.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Price one stay, or the stays of one plate in order.

    With --stays, fee_fen is the total of all stays and stays_fen has the fee of each; --entry and --exit then add one
    more stay, unless they repeat one of the list or span it.
    """
    if bool(entry) != bool(exit) or not (entry or stays):
        raise typer.BadParameter("give --entry and --exit, or --stays, or all three")
    try:
        plan = load_tariff(plan_file).plan(class_name)
        quotes = fees(plan, _intervals(plan, entry, exit, stays))
    except (BadFile, BadTariff, BadStay, NoPrice) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    if as_json:
        _show_json(plan, quotes, several=stays is not None)
    else:
        _show_table(plan, quotes)


def _intervals(plan: Plan, entry: str, exit: str, stays: Path | None) -> list[Interval]:
    zone = ZoneInfo(plan.timezone)
    listed = _read_stays(stays, zone) if stays else []
    if not entry:
        return listed
    asked = (_time(entry, zone, "--entry"), _time(exit, zone, "--exit"))
    return listed if _is_covered(asked, listed) else sorted([*listed, asked])


def _is_covered(asked: Interval, listed: list[Interval]) -> bool:
    """Whether the stay asked for is one of those listed, or all of them from the first entry to the last exit."""
    return bool(listed) and (asked in listed or asked == (listed[0][0], listed[-1][1]))


def _read_stays(path: Path, zone: ZoneInfo) -> list[Interval]:
    try:
        rows = msgspec.json.decode(path.read_bytes(), type=list[_StayRow])
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror or error}") from error
    except msgspec.DecodeError as error:
        raise BadFile(f"{path} is no JSON list of {{entry, exit}}: {error}") from error
    return [
        (_time(row.entry, zone, f"{path}: [{index}].entry"), _time(row.exit, zone, f"{path}: [{index}].exit"))
        for index, row in enumerate(rows)
    ]


def _time(text: str, zone: ZoneInfo, where: str) -> datetime:
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise BadFile(f"{where}: {text!r} is no time; write 2026-11-18 09:00 or 2026-11-18T09:00:00+08:00") from error
    return time if time.tzinfo else time.replace(tzinfo=zone)


def _show_json(plan: Plan, quotes: list[Quote], *, several: bool) -> None:
    document: dict[str, object] = {
        "fee_fen": sum(each.fee_fen for each in quotes),
        "lines": [line for each in quotes for line in each.lines],
        "version": plan.version,
    }
    if several:
        document["stays_fen"] = [each.fee_fen for each in quotes]
    typer.echo(msgspec.json.encode(document).decode())


def _show_table(plan: Plan, quotes: list[Quote]) -> None:
    table = Table()
    for name in ("from", "to", "rule"):
        table.add_column(name, no_wrap=name != "rule")
    for name in ("units", "fen"):
        table.add_column(name, justify="right")
    for each in quotes:
        for line in each.lines:
            table.add_row(f"{line.start:%F %T}", f"{line.end:%F %T}", line.rule, str(line.units), str(line.fen))
        table.add_section()
    fee_fen = sum(each.fee_fen for each in quotes)
    table.add_row("", "", f"fee: {fee_fen // 100}.{fee_fen % 100:02} yuan", "", str(fee_fen))
    Console().print(table)
    Console().print(f"version {plan.version}", soft_wrap=True)
