"""``gatehouse-server bills keep, open, resolve, sign``: reconciliation at the centre, of a day after a day."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from domain.reconciliation import BadBill, BadCarry, Books, Item, Result
from domain.reconciliation import reconcile as reconcile_
from domain.reconciliation.money import yuan
from domain.reconciliation.rows import AnyFile
from server.books import reconciled
from server.books.day_close import books_of
from server.books.reconciled import Kept, NotDone
from server.cli_bills import NoBills, given, pairs
from server.cli_parts import DEFAULT_FOLDER, AsJson, Folder, fail, out, show, with_house
from server.house import House
from server.store import bill_rows
from server.store.our_side import NoComplex

Complex = Annotated[str, typer.Option("--complex", help="The complex whose money it is.")]
By = Annotated[str, typer.Option(help="The account on whose word it is done.")]
Day = Annotated[str, typer.Option(help="The providers' day, as 2026-11-20.")]


def keep(
    day: Day,
    complex_id: Complex,
    by: By,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE…", help="Bills and statements, in any order.")
    ] = None,
    local: Annotated[Path | None, typer.Option(help="Our side of the day, from a file.")] = None,
    from_store: Annotated[bool, typer.Option("--from-store", help="Our side from the centre's own tables.")] = False,
    no_bill: Annotated[list[str] | None, typer.Option(help="A channel without a bill that day.")] = None,
    merchant: Annotated[list[str] | None, typer.Option(help="CHANNEL=NUMBER: only this merchant's bills.")] = None,
    bank_columns: Annotated[Path | None, typer.Option(help="What the bank calls its columns (YAML).")] = None,
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Reconcile a day with what earlier days left open, and keep the report and its items.

    Keeping the same again changes nothing; another result is a new version beside the old.

    Example: gatehouse-server bills keep --complex garden --day 2026-11-20 --by wang --from-store trade.csv
    """
    if (local is None) != from_store:
        raise fail("say where our side comes from: --local FILE, or --from-store")
    try:
        on, ours, read, without = given(day, local, files or [], no_bill or [], merchant or [], bank_columns)

        async def keep_it(it: House) -> Kept:
            books = ours or await _stored(it, complex_id, on, read, merchant or [])

            def judged(before: list[Item]) -> Result:
                return reconcile_(on, books, read, before=before, without=without)

            return await reconciled.keep(it.db, complex_id, on, judged, by, it.now())

        kept = with_house(folder, keep_it)
    except (BadBill, BadCarry, NoBills, NotDone, NoComplex) as error:
        raise fail(str(error)) from error
    show(msgspec.structs.asdict(kept), as_json=as_json)


async def _stored(house: House, complex_id: str, day: date, read: list[AnyFile], merchant: list[str]) -> Books:
    """Our side from the tables, for what the bills name."""
    books = await books_of(house.db, complex_id, day, read)
    return msgspec.structs.replace(books, merchants={**books.merchants, **pairs(merchant, "--merchant")})


def list_open(complex_id: Complex, folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """Every item that nobody has closed, the oldest first.

    Example: gatehouse-server bills open --complex garden
    """

    async def look(house: House) -> tuple[list[Item], date]:
        async with house.db.read() as connection:
            return await bill_rows.open_now(connection, complex_id), house.now().date()

    items, today = with_house(folder, look)
    aged = [msgspec.structs.replace(item, age_days=(today - date.fromisoformat(item.since)).days) for item in items]
    if as_json:
        print(msgspec.json.encode(aged).decode())
        return
    plain: dict[str, Any] = {"highlight": False, "markup": False, "soft_wrap": True}
    for item in aged:
        sums = " / ".join("-" if value is None else yuan(value) for value in (item.bill_fen, item.local_fen))
        out.print(f"{item.age_days:4} days  {item.channel} {item.key}  {item.kind}  {sums}  {item.action}", **plain)
    out.print(f"{len(aged)} open", **plain)


def resolve(
    channel: Annotated[str, typer.Argument(help="As `bills open` shows it.")],
    key: Annotated[str, typer.Argument(help="As `bills open` shows it.")],
    complex_id: Complex,
    by: By,
    how: Annotated[str, typer.Option(help="How it was closed.")],
    document: Annotated[str, typer.Option(help="The journal or paper that it rests on.")],
    folder: Folder = DEFAULT_FOLDER,
) -> None:
    """Close an item; who does that does not sign a report that tells of it.

    Example: gatehouse-server bills resolve wechat PK2611200006 --complex garden --by wang --how 已退款 --document J-17
    """

    async def end(house: House) -> None:
        async with house.db.write(complex_id) as connection:
            await reconciled.resolve(connection, complex_id, (channel, key), how, document, by, house.now())

    try:
        with_house(folder, end)
    except NotDone as error:
        raise fail(str(error)) from error
    out.print(f"{channel} {key} is closed", highlight=False, markup=False)


def sign(
    day: Day,
    complex_id: Complex,
    by: By,
    though: Annotated[str, typer.Option(help="Why not to wait for gateways that may still tell of the day.")] = "",
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Sign the newest report of a day; it stays as it was signed.

    Example: gatehouse-server bills sign --complex garden --day 2026-11-20 --by li
    """

    async def signed(house: House) -> str:
        async with house.db.write(complex_id) as connection:
            return await reconciled.sign(connection, complex_id, date.fromisoformat(day), by, house.now(), though)

    try:
        found = with_house(folder, signed)
    except (NotDone, ValueError) as error:
        raise fail(str(error)) from error
    show({"day": day, "hash": found, "signed_by": by}, as_json=as_json)


def add_to(app: typer.Typer) -> None:
    """Beside ``bills reconcile``, which needs no house."""
    app.command()(keep)
    app.command(name="open")(list_open)
    app.command()(resolve)
    app.command()(sign)
