"""``gatehouse-server platform-codes`` and ``platform-settings``: of upper platforms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.viid.sources import Coded
from server.audit import Subject, command_line, record
from server.cli_parts import DEFAULT_FOLDER, AsJson, Folder, fail, out, show, with_house
from server.feeds.gat1400.codes import BadCodes, DeviceCodes, Key, read_codes
from server.feeds.platform_settings import CHECKS, BadSettings, check
from server.house import House
from server.store import platform_rows

_MOST_BYTES = 64 * 1024 * 1024


def platform_codes(
    platform: Annotated[str, typer.Argument(help="An upper platform, by its id.")],
    sheet: Annotated[Path | None, typer.Argument(help="A CSV with the head complex,device,code: replaces all.")] = None,
    by: Annotated[str, typer.Option("--by", help="Who does it, for the audit book.")] = "",
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Enter the codes that the police assigned to devices, or list what is entered.

    Example: gatehouse-server platform-codes district codes.csv
    """
    rows = _read(sheet) if sheet is not None else None

    async def run(house: House) -> dict[Key, Coded]:
        if rows is not None:
            await _replace(house, platform, rows, by)
        return await DeviceCodes(house.db, platform).all()

    _show(with_house(folder, run), as_json=as_json)


def platform_settings(
    platform: Annotated[
        str, typer.Argument(help="An upper platform of the kind gat1400, cascade, gb28181 or mqtt, by its id.")
    ],
    file: Annotated[Path | None, typer.Argument(help="Its settings as TOML: replaces all.")] = None,
    by: Annotated[str, typer.Option("--by", help="Who does it, for the audit book.")] = "",
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Enter how a platform is spoken to over GA/T 1400, GB/T 28181 or MQTT, or show that; its secret stays in its file.

    Example: gatehouse-server platform-settings district district.toml
    """
    said = _toml(file) if file is not None else None

    async def run(house: House) -> dict[str, Any]:
        return await _settle(house, platform, said, by)

    try:
        show(with_house(folder, run), as_json=as_json)
    except (BadSettings, UnknownPlatform) as error:
        raise fail(str(error)) from error


class UnknownPlatform(Exception):
    """No such platform, or one of another kind."""


def _toml(file: Path) -> dict[str, Any]:
    try:
        return msgspec.toml.decode(file.read_bytes(), type=dict[str, Any])
    except OSError as error:
        raise fail(f"{file}: {error.strerror or error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise fail(f"{file}: {error}") from error


async def _settle(house: House, id_: str, said: dict[str, Any] | None, by: str) -> dict[str, Any]:
    async with house.db.write() as connection:
        found = await platform_rows.find(connection, id_)
        if found is None or found.kind not in CHECKS:
            kinds = " or ".join(sorted(CHECKS))
            raise UnknownPlatform(f"no platform {id_!r} of the kind {kinds}: add it on the page of upper platforms")
        if said is None:
            return found.settings
        check(found.kind, said, found.address, house.folder)
        await platform_rows.put_settings(connection, id_, said)
        on = Subject("platform", id_)
        record(connection, command_line(by), "platform.settings", house.now(), on=on, details={"keys": sorted(said)})
    return said


def _read(sheet: Path) -> list[tuple[Key, Coded]]:
    try:
        if sheet.stat().st_size > _MOST_BYTES:
            raise fail(f"{sheet}: more than {_MOST_BYTES} bytes")
        return read_codes(sheet.read_text(encoding="utf-8"))
    except OSError as error:
        raise fail(f"{sheet}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise fail(f"{sheet}: not UTF-8 at byte {error.start}: save it as CSV UTF-8") from error
    except BadCodes as error:
        raise fail(f"{sheet}: {error}") from error


async def _replace(house: House, platform: str, rows: list[tuple[Key, Coded]], by: str) -> None:
    def noted(connection: AsyncConnection) -> None:
        on = Subject("platform", platform)
        record(connection, command_line(by), "platform.codes", house.now(), on=on, details={"devices": len(rows)})

    await DeviceCodes(house.db, platform).replace(rows, noted)


def _show(found: dict[Key, Coded], *, as_json: bool) -> None:
    lines = [
        {"complex": key[0], "device": key[1], **msgspec.to_builtins(coded)} for key, coded in sorted(found.items())
    ]
    if as_json:
        print(msgspec.json.encode(lines).decode())
        return
    table = Table("complex", "device", "code", "name", "tollgate")
    for line in lines:
        table.add_row(line["complex"], line["device"], line["code"], line.get("name", ""), line.get("tollgate", ""))
    out.print(table)
