"""``gatehouse-server payments``: what providers have in their books, fetched by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from server.cli_parts import DEFAULT_FOLDER, AsJson, Folder, fail, out, with_house
from server.house import House
from server.payments.bills import Bills
from server.store import provider_bill_rows

app = typer.Typer(no_args_is_help=True)
_PLAIN: dict[str, Any] = {"highlight": False, "markup": False, "soft_wrap": True}


@app.callback()
def payments() -> None:
    """Payments at WeChat Pay and Alipay."""


@app.command()
def bills(
    day: Annotated[str, typer.Option(help="The providers' day, as 2026-11-20.")],
    fetch: Annotated[bool, typer.Option("--fetch", help="Ask the providers for them now.")] = False,
    into: Annotated[Path | None, typer.Option(help="Write the bills into this folder, as they came.")] = None,
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Each merchant's bills of a day: which are here, and with --fetch what the providers give now.

    A day without trade is kept as an empty bill. What came before stays: a changed bill is another version.

    Example: gatehouse-server payments bills --day 2026-11-20 --fetch --into bills
    """
    try:
        on = date.fromisoformat(day)
    except ValueError as error:
        raise fail(f"--day {day}: no day; write it as 2026-11-20") from error
    said, kept = with_house(folder, lambda house: _bills(house, on, fetch=fetch))
    if into is not None:
        _write(into, kept)
    _show(said, kept, as_json=as_json)
    if any(one["outcome"] in ("away", "refused") for one in said):
        raise typer.Exit(1)


async def _bills(house: House, day: date, *, fetch: bool) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    asked = Bills(house.db, house.desk.calls, house.now)
    said = [msgspec.structs.asdict(one) for one in await asked.fetch(day)] if fetch else []
    async with house.db.read() as connection:
        kept = [dict(row) for row in await provider_bill_rows.of_day(connection, day.isoformat())]
    return said, kept


def _write(folder: Path, kept: list[dict[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for row in kept:
        if row["content"]:
            (folder / row["name"]).write_bytes(row["content"])


def _show(said: list[dict[str, Any]], kept: list[dict[str, Any]], *, as_json: bool) -> None:
    names = ("channel", "merchant", "day", "kind", "sha256", "name", "checked", "fetched_at")
    rows = [{**{name: row[name] for name in names}, "size_bytes": len(row["content"])} for row in kept]
    if as_json:
        print(msgspec.json.encode({"asked": said, "kept": rows}).decode())
        return
    for one in said:
        out.print(f"{one['channel']} {one['merchant']} {one['kind']}: {one['outcome']} {one['detail']}", **_PLAIN)
    for row in rows:
        what = f"{row['size_bytes']} bytes, {row['name']}" if row["size_bytes"] else "no trade"
        out.print(f"{row['channel']} {row['merchant']} {row['kind']}: {what}, {row['fetched_at']}", **_PLAIN)
    if not rows:
        out.print("no bills of that day are here; --fetch asks for them", **_PLAIN)


def codes(
    complex_id: Annotated[str, typer.Argument(metavar="COMPLEX", help="Whose codes.")],
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """The codes to pay by of a complex and of its exits, made where one is missing.

    Example: gatehouse-server payments codes sunny-garden
    """
    said = with_house(folder, lambda house: _codes(house, complex_id))
    if not said:
        raise fail(f"there is no complex {complex_id}")
    if as_json:
        print(msgspec.json.encode({"codes": said}).decode())
        return
    for one in said:
        out.print(f"{one['lane'] or 'complex'}: {one['url']}", **_PLAIN)


async def _codes(house: House, complex_id: str) -> list[dict[str, str]]:
    from server.audit import Subject, command_line, record
    from server.store import pay_code_rows
    from server.store.lane_settings import exits_of

    if complex_id not in {place.id for place in house.config.complexes}:
        return []
    now, by = house.now(), command_line()
    async with house.db.write() as connection:
        lanes = [lane for lane, _ in await exits_of(connection, complex_id)]
        if count := await pay_code_rows.make(connection, complex_id, lanes, by.who, now):
            on, told = Subject("complex", complex_id), {"count": count}
            record(connection, by, "payment.code_made", now, on=on, complex_id=complex_id, details=told)
        found = await pay_code_rows.of_complex(connection, complex_id)
    base = house.config.public_url.rstrip("/") or f"http://{house.config.host}:{house.config.port}"
    return [{"lane": row["lane"], "code": row["code"], "url": f"{base}/pay/{row['code']}"} for row in found]


app.command()(codes)
