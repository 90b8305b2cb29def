"""``gatehouse-server tariff``: price a stay under a tariff file, with every line of the explanation."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from domain.tariff import BadStay, BadTariff, NoPrice, Plan, Quote, Within, fee_within, fees
from domain.tariff.examples import example_stays, priced
from domain.tariff.export import To, export
from server.tariff_check import Problem, examine
from server.tariff_file import BadFile, sound_tariff

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


class _WithinRow(msgspec.Struct):
    """An entry of --within."""

    lot: str
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
    within: Annotated[
        Path | None, typer.Option(help="A JSON list of {lot, entry, exit}: times of the stay in lots within the lot.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Price one stay, or the stays of one plate in order. A plan with a hole, or bands that overlap, is refused.

    With --stays, fee_fen is the total of all stays and stays_fen has the fee of each; --entry and --exit then add one
    more stay, unless they repeat one of the list or span it.
    """
    if bool(entry) != bool(exit) or not (entry or stays):
        raise typer.BadParameter("give --entry and --exit, or --stays, or all three")
    try:
        plan = sound_tariff(plan_file).plan(class_name)
        quotes = _quotes(plan, _intervals(plan, entry, exit, stays), within)
    except (BadFile, BadTariff, BadStay, NoPrice) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    if as_json:
        _show_json(plan, quotes, several=stays is not None)
    else:
        _show_table(plan, quotes)


@app.command()
def check(plan_file: Annotated[Path, typer.Argument(metavar="PLAN.yaml", help="A tariff file.", exists=True)]) -> None:
    """Say what is wrong with a tariff, line by line, and what example stays come to. Exit 1 where it is not sound.

    Example: gatehouse-server tariff check tariff.yaml
    """
    found = examine(plan_file.read_text(encoding="utf-8-sig", errors="replace"))
    for one in found.problems:
        typer.echo(f"{plan_file}:{one.line or 1}: {_told(one)}", err=True)
    for name, plan in found.tariff.plans.items() if found.tariff else ():
        _show_examples(name, plan)
    if not found.is_sound:
        raise typer.Exit(1)


def _told(one: Problem) -> str:
    said = f"{one.path}: {one.text}" if one.path else one.text
    return said if one.is_wrong else f"note: {said}"


def _show_examples(name: str, plan: Plan) -> None:
    table = Table("stay", "from", "to", "fee", title=f"{name}, version {plan.version[:12]}")
    today = datetime.now(UTC).astimezone(ZoneInfo(plan.timezone)).date()
    for one in priced(plan, example_stays(plan, today)):
        fee = one.problem if one.quote is None else f"{one.quote.fee_fen // 100}.{one.quote.fee_fen % 100:02} yuan"
        stay = (f"{one.example.entry:%F %R}", f"{one.example.exit:%F %R}")
        table.add_row(one.example.name.replace("_", " "), *stay, fee)
    Console().print(table)


@app.command("export")
def export_(
    plan_file: Annotated[Path, typer.Argument(metavar="PLAN.yaml", help="A tariff file.")],
    to: Annotated[To, typer.Option("--to", help="cds: Curb Data Specification; apds: ISO/TS 5206-1.")],
) -> None:
    """Write a tariff in a standard of others; what it has no words for is listed as lost, on the error output.

    Example: gatehouse-server tariff export --to cds tariff.yaml > policies.json
    """
    try:
        made = export(sound_tariff(plan_file), to)
    except (BadFile, BadTariff) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    for loss in made.losses:
        typer.echo(f"lost: {loss}", err=True)
    typer.echo(msgspec.json.format(msgspec.json.encode(made.document)).decode())


def _quotes(plan: Plan, stays: list[Interval], within: Path | None) -> list[Quote]:
    """The fees; with times in inner lots, of the one stay there is."""
    if within is None:
        return fees(plan, stays)
    if len(stays) != 1:
        raise BadFile(f"{within}: times in inner lots are of one stay, and there are {len(stays)}")
    return [fee_within(plan, *stays[0], _read_within(within, ZoneInfo(plan.timezone)))]


def _read_within(path: Path, zone: ZoneInfo) -> list[Within]:
    try:
        rows = msgspec.json.decode(path.read_bytes(), type=list[_WithinRow])
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror or error}") from error
    except msgspec.DecodeError as error:
        raise BadFile(f"{path} is no JSON list of {{lot, entry, exit}}: {error}") from error
    return [Within(row.lot, _time(row.entry, zone, f"{path}"), _time(row.exit, zone, f"{path}")) for row in rows]


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
    if time.tzinfo is not None:
        return time
    here = time.replace(tzinfo=zone)
    if here.utcoffset() != here.replace(fold=1).utcoffset():  # an hour that is not there, or is there twice
        offset = f"{here.replace(fold=1):%z}"
        like = f"{time:%Y-%m-%dT%H:%M:%S}{offset[:3]}:{offset[3:]}"
        raise BadFile(f"{where}: the clocks of {zone.key} change at {text.strip()!r}: say its offset, like {like}")
    return here


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
