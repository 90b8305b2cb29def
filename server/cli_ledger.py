"""``gatehouse-server ledger``: whether the books add up, what stands in which account, which journals make it so."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import msgspec
import typer
from rich.progress import Progress
from sqlalchemy import select

from domain.ledger import Booked
from server.audit import Subject, command_line, record
from server.books.ledger_check import Verified, verify
from server.books.ledger_check import rebuild as rebuild_sums
from server.books.ledger_days import DayNotOver
from server.books.ledger_days import lock as lock_day
from server.cli_parts import DEFAULT_FOLDER, AsJson, Folder, err, fail, out, show, with_house
from server.house import House
from server.store import ledger_rows
from server.store.schema import complex_
from server.web.formats import yuan

app = typer.Typer(help="The ledger: double entry, append-only, chained by hash.", no_args_is_help=True)

Complex = Annotated[str, typer.Option("--complex", help="The complex whose money it is.")]
One = Annotated[str, typer.Option("--complex", help="One complex; all where none is named.")]
_PLAIN: dict[str, Any] = {"highlight": False, "markup": False, "soft_wrap": True}


@app.command(name="verify")
def verify_ledger(complex_id: One = "", folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """Walk each chain, compare the sums, and hold charges, payments and refunds against it. Exit 1 at a fault.

    Example: gatehouse-server ledger verify --data server-data
    """
    with Progress(console=err, transient=True) as progress:
        task = progress.add_task("walking the ledger", total=None)

        async def walk(house: House) -> list[Verified]:
            async with house.db.read() as connection:
                complexes = await _complexes(house, complex_id)
                return [await verify(connection, one, lambda n: progress.advance(task, n)) for one in complexes]

        found = with_house(folder, walk)
    if as_json:
        print(msgspec.json.encode([_with_difference(one) for one in found]).decode())
    for one in () if as_json else found:
        out.print(f"{one.complex}: {one.journals} journals, {len(one.faults)} faults, hash {one.hash}", **_PLAIN)
        for fault in one.faults:
            out.print(f"  {fault}", **_PLAIN)
    if any(one.faults for one in found):
        raise typer.Exit(1)


def _with_difference(one: Verified) -> dict[str, Any]:
    return {**msgspec.to_builtins(one), "difference_fen": one.sums.difference_fen}


@app.command()
def rebuild(complex_id: One = "", folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """Make the sums by day anew from the lines. Exit 1 where they were others.

    Example: gatehouse-server ledger rebuild --data server-data
    """

    async def made(house: House) -> dict[str, list[str]]:
        return {one: await _rebuilt(house, one) for one in await _complexes(house, complex_id)}

    found = with_house(folder, made)
    show({one: differing or "the same" for one, differing in found.items()}, as_json=as_json)
    if any(found.values()):
        raise typer.Exit(1)


async def _rebuilt(house: House, complex_id: str) -> list[str]:
    async with house.db.write(complex_id) as connection:
        differing = await rebuild_sums(connection, complex_id)
        told = {"differing": len(differing)}
        on = Subject("ledger", complex_id)
        record(connection, command_line(), "ledger.rebuilt", house.now(), on=on, complex_id=complex_id, details=told)
        return differing


@app.command()
def balances(
    complex_id: Complex,
    since: Annotated[str, typer.Option(help="From this day, as 2026-11-01.")] = "",
    until: Annotated[str, typer.Option(help="To this day, included.")] = "",
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """What each account moved by; in fen, debit positive.

    Example: gatehouse-server ledger balances --complex garden --since 2026-11-01 --until 2026-11-30
    """
    first, last = _day(since), _day(until)

    async def look(house: House) -> dict[str, int]:
        async with house.db.read() as connection:
            return await ledger_rows.balances(connection, complex_id, first, last)

    show(dict(with_house(folder, look)), as_json=as_json)


@app.command()
def journals(
    complex_id: Complex,
    after: Annotated[int, typer.Option(help="Those after this number.")] = 0,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=10_000)] = 50,
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Journals in their order, with their lines.

    Example: gatehouse-server ledger journals --complex garden --after 100 --limit 20
    """

    async def look(house: House) -> list[Booked]:
        async with house.db.read() as connection:
            return await ledger_rows.some(connection, complex_id, after, limit)

    found = with_house(folder, look)
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    for one in found:
        said = one.journal
        corrects = f"  corrects {said.corrects}" if said.corrects else ""
        out.print(f"{one.number}  {said.business_day}  {said.source} {said.kind} {said.source_id}{corrects}", **_PLAIN)
        for line in said.lines:
            out.print(f"    {yuan(line.fen):>14}  {line.account}", **_PLAIN)


@app.command()
def lock(
    complex_id: Complex,
    day: Annotated[str, typer.Option(help="The day, as 2026-11-20; it must be over.")],
    by: Annotated[str, typer.Option(help="On whose word.")],
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Lock a day for good: what comes later is booked on the first open day after it.

    Example: gatehouse-server ledger lock --complex garden --day 2026-11-20 --by li
    """
    on = _day(day)
    if on is None:
        raise fail("say which day, as 2026-11-20")

    async def locked(house: House) -> tuple[int, str]:
        async with house.db.write(complex_id) as connection:
            end = await lock_day(connection, complex_id, on, by, house.now())
            told, where = {"number": end[0], "hash": end[1]}, Subject("ledger", day)
            who, now = command_line(by), house.now()
            record(connection, who, "ledger.locked", now, on=where, complex_id=complex_id, details=told)
            return end

    try:
        number, last = with_house(folder, locked)
    except DayNotOver as error:
        raise fail(str(error)) from error
    show({"day": day, "journals": number, "hash": last}, as_json=as_json)


async def _complexes(house: House, chosen: str) -> list[str]:
    if chosen:
        return [chosen]
    async with house.db.read() as connection:
        return list((await connection.execute(select(complex_.c.id).order_by(complex_.c.id))).scalars())


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise fail(f"{text!r} is no day: say it as 2026-11-20") from error
