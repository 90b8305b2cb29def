"""``gatehouse-server readers``: who stands still at a record, and setting that record aside."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from eventlog.shards import SHARD_NAMES
from server.audit import Subject, command_line, record
from server.cli_parts import DEFAULT_FOLDER, AsJson, Folder, fail, out, with_house
from server.cli_parts import show as show_content
from server.house import House
from server.shard_reader import save_cursor
from server.store import reader_rows
from server.store.reader_rows import NotWaiting, SetAside, Waits

app = typer.Typer(invoke_without_command=True)


@app.callback()
def readers(context: typer.Context, folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """Readers that stand still at a record, and what was set aside; exit 1 where one stands still.

    Example: gatehouse-server readers --data server-data
    """
    if context.invoked_subcommand is not None:
        return
    waiting, aside = with_house(folder, _look)
    if as_json:
        print(msgspec.json.encode({"waiting": waiting, "set_aside": aside}).decode())
    else:
        _show(waiting, aside)
    if waiting:
        raise typer.Exit(1)


async def _look(house: House) -> tuple[list[Waits], list[SetAside]]:
    async with house.db.read() as connection:
        return await reader_rows.waits(connection), await reader_rows.were_set_aside(connection)


def _show(waiting: list[Waits], aside: list[SetAside]) -> None:
    table = Table("reader", "shard", "position", "state", "gateway", "stream", "sequences", "since", "why")
    for one in waiting:
        why = f"{one.error} ({one.attempts} attempts)"
        table.add_row(*_record(one, "waits"), one.since.isoformat(timespec="seconds"), why, style="red")
    for one in aside:
        why = f"{one.by}: {one.reason}"
        table.add_row(*_record(one, "set aside"), one.at.isoformat(timespec="seconds"), why)
    out.print(table if waiting or aside else "every reader goes on; nothing was ever set aside")


def _record(one: Waits | SetAside, state: str) -> tuple[str, ...]:
    sequences = "" if one.first is None else f"{one.first}-{one.last}"
    return one.reader, one.shard, str(one.position), state, one.gateway or "", one.stream or "", sequences


@app.command()
def skip(
    reader: Annotated[str, typer.Argument(help="The reader, as `readers` shows it.")],
    shard: Annotated[str, typer.Argument(help="The shard it waits in.")],
    position: Annotated[int, typer.Argument(help="The record it waits at.")],
    reason: Annotated[str, typer.Option(help="Why this record may be left out. It is shown for ever.")],
    by: Annotated[str, typer.Option(help="Who decides so; else the account that types.")] = "",
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Let a reader pass by the one record it waits at: for this reader all its events are as if they had not come.

    Of the book of charges: stays in it are not charged. The record stays in the log, and is listed for ever.

    Example: gatehouse-server readers skip doors 3 1284 --reason "firmware sends a door twice, ticket 17"
    """
    if not reason.strip():
        raise fail("--reason: say why; it is shown for ever")
    if shard not in SHARD_NAMES:
        raise fail(f"no shard {shard!r}; they are 0 to {SHARD_NAMES[-1]}")

    async def set_aside(house: House) -> SetAside:
        who, now, why = command_line(by), house.now(), reason.strip()
        async with house.db.write(shard=shard) as connection:
            kept = await reader_rows.keep_aside(connection, reader, shard, position, why, who.who, now)
            await save_cursor(connection, reader, shard, position)
            on = Subject("record", f"{reader} {shard}/{position}")
            record(connection, who, "record.set_aside", now, on=on, complex_id=kept.complex or None, reason=why)
        return kept

    try:
        kept: dict[str, Any] = msgspec.to_builtins(with_house(folder, set_aside))
    except NotWaiting as error:
        raise fail(str(error)) from error
    show_content(kept, as_json=as_json)
