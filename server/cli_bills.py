"""``gatehouse-server bills``: a day's money found, or listed by cause."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
import yaml
from rich.console import Console
from rich.progress import Progress

from domain.reconciliation import (
    BadBill,
    BadCarry,
    BankColumns,
    Books,
    Item,
    Result,
    items_of,
    opened_before,
    read_books,
    read_file,
    reconcile,
    report,
)
from domain.reconciliation.money import fine_yuan, yuan
from domain.reconciliation.rows import AnyFile

app = typer.Typer(no_args_is_help=True)
out, err = Console(), Console(stderr=True)

_EXAMPLE = (
    "Example: gatehouse-server bills reconcile --day 2026-11-20 --local local.json --bill trade.csv --bill fund.csv "
    "--bill alipay.zip --bill bank.csv --json"
)
_PLAIN: dict[str, Any] = {"highlight": False, "markup": False, "soft_wrap": True}
_CHANNELS = ("wechat", "alipay")
Pairs = dict[str, str]


def alone() -> None:
    """The command by itself: it needs no house, and a city's bills need the memory."""
    program = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    program.add_typer(app, name="bills")
    program.callback()(lambda: None)
    program(prog_name="gatehouse-server")


class NoBills(Exception):
    """Arguments and files that fit nothing; the message says which."""


@app.callback()
def bills() -> None:
    """Bills of providers and banks, held against our own books."""


@app.command(name="reconcile", epilog=_EXAMPLE)
def reconcile_day(
    day: Annotated[str, typer.Option(help="The providers' day, as 2026-11-20.")],
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE…", help="Bills and statements, any order.")
    ] = None,
    bill: Annotated[list[Path] | None, typer.Option(help="A bill or statement; the same as FILE.")] = None,
    local: Annotated[
        Path | None, typer.Option(help="Our side of the day; else bills are held against each other.")
    ] = None,
    before: Annotated[
        Path | None, typer.Option(help="The report (JSON) of the day before: its open items go on.")
    ] = None,
    no_bill: Annotated[
        list[str] | None, typer.Option(help="A channel without a bill: it had no trade that day.")
    ] = None,
    merchant: Annotated[
        list[str] | None, typer.Option(help="CHANNEL=NUMBER: only this merchant's bills are ours.")
    ] = None,
    sha1: Annotated[list[str] | None, typer.Option(help="FILE=HASH as the provider gave it with the download.")] = None,
    bank_columns: Annotated[Path | None, typer.Option(help="What the bank calls its columns (YAML).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for scripts.")] = False,
) -> None:
    """Match passages, charges, bills and the bank; list what is open, by cause.

    Nothing is kept: the same files give the same report, in any order and however often. Open items are no error; a
    file that is refused is, and nothing of it is used.
    """
    paths = [*(files or []), *(bill or [])]
    try:
        on = _day(day)
        books = None if local is None else _ours(local, pairs(merchant or [], "--merchant"))
        earlier = [] if before is None else _before(before, on)
        read = _read_all(paths, pairs(sha1 or [], "--sha1"), _columns(bank_columns))
        result = reconcile(on, books, read, before=earlier, without=_without(no_bill or []))
    except (BadBill, BadCarry, NoBills) as error:
        err.print(str(error), style="red", **_PLAIN)
        raise typer.Exit(1) from error
    if as_json:
        typer.echo(msgspec.json.encode(report(result)))
        return
    _show(result)


def given(
    day: str, local: Path | None, files: list[Path], no_bill: list[str], merchant: list[str], bank_columns: Path | None
) -> tuple[date, Books | None, list[AnyFile], list[str]]:
    """What a day is reconciled from, as it was typed. Raises NoBills or BadBill."""
    books = None if local is None else _ours(local, pairs(merchant, "--merchant"))
    return _day(day), books, _read_all(files, {}, _columns(bank_columns)), _without(no_bill)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise NoBills(f"--day {text}: no day; write it as 2026-11-20") from error


def pairs(given: Iterable[str], option: str) -> Pairs:
    """``NAME=VALUE`` as typed. Raises NoBills."""
    found: Pairs = {}
    for text in given:
        name, sign, value = text.rpartition("=")
        if not sign or not name or not value:
            raise NoBills(f"{option} {text}: expected NAME=VALUE")
        found[name] = value
    return found


def _without(channels: list[str]) -> list[str]:
    if strange := [channel for channel in channels if channel not in _CHANNELS]:
        raise NoBills(f"--no-bill {strange[0]}: there are {', '.join(_CHANNELS)}")
    return channels


def _ours(path: Path, merchants: Pairs) -> Books:
    books = read_books(path.name, _content(path))
    return msgspec.structs.replace(books, merchants={**books.merchants, **merchants})


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NoBills(f"{path}: {error.strerror or error}") from error


def _before(path: Path, day: date) -> list[Item]:
    try:
        found_on, items = items_of(_content(path))
        return opened_before(items, day, date.fromisoformat(found_on))
    except (msgspec.DecodeError, ValueError) as error:
        raise NoBills(f"{path}: no report of an earlier day (bills reconcile --json): {error}") from error


def _columns(path: Path | None) -> BankColumns:
    if path is None:
        return BankColumns()
    try:
        return msgspec.convert(yaml.safe_load(_content(path)), BankColumns)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise NoBills(f"{path}: no columns of a bank (docs/bills.md): {error}") from error


def _read_all(paths: list[Path], sha1: Pairs, columns: BankColumns) -> list[AnyFile]:
    """Every file, or the reasons of all that are refused."""
    if strange := sorted(sha1.keys() - {path.name for path in paths} - {str(path) for path in paths}):
        raise NoBills(f"--sha1 {strange[0]}: no such file was given")
    read: list[AnyFile] = []
    refused: list[str] = []
    with Progress(console=err, transient=True) as progress:
        for path in progress.track(paths, description="reading"):
            try:
                read.append(_read(path, sha1.get(str(path), sha1.get(path.name, "")), columns))
            except (BadBill, NoBills) as error:
                refused.append(str(error))
    if refused:
        raise NoBills("\n".join(refused))
    return read


def _read(path: Path, sha1: str, columns: BankColumns) -> AnyFile:
    try:
        with path.open("rb") as stream:
            return read_file(path.name, stream, sha1=sha1, columns=columns)
    except OSError as error:
        raise NoBills(f"{path}: {error.strerror or error}") from error


def _show(result: Result) -> None:
    """What is open, line by line; what is closed, in sums."""
    wide = max((len(item.key) for item in result.open), default=0)
    for item in result.open:
        sums = f"bill {_yuan(item.bill_fen)}, ours {_yuan(item.local_fen)}"
        since = f", since {item.since}" if item.since else ""
        out.print(f"{item.channel:8}{item.key:{wide}}  {item.kind}: {sums}{since}", **_PLAIN)
        out.print(f"{'':8}{item.action}{f' ({item.note})' if item.note else ''}", **_PLAIN)
    for channel, sums in result.totals.items():
        said = {name: yuan(sums[f"{name}_fen"]) for name in ("bill", "explained", "open", "superseded", "coupons")}
        text = ", ".join(f"{name} {value}" for name, value in said.items())
        out.print(f"{channel}: {text}, fees {fine_yuan(sums['fee_units'])}", **_PLAIN)
    for each in result.not_judged:
        text = f"{each['channel']}: {each['payments']} payments, {yuan(each['fen'])}: no bill or no books, not judged"
        out.print(text, **_PLAIN)
    found = report(result)
    out.print(f"{len(result.items)} items, {len(result.open)} open; report {found['hash']}", **_PLAIN)


def _yuan(value: int | None) -> str:
    return "-" if value is None else yuan(value)
