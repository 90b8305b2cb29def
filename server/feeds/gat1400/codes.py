"""The codes of twenty digits that a platform's office gave our devices."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.viid.ids import BadId, checked_code
from domain.viid.sheet import wrong_in
from domain.viid.sources import Coded
from server.store.bulk import look_up
from server.store.engine import Database
from server.store.viid_number_tables import platform_code

Key = tuple[str, str]  # complex, device
_NEEDED = ("complex", "device", "code")
_PLAIN = tuple(name for name in Coded.__struct_fields__ if name not in ("code", "extra"))
_MOST_ROWS = 200_000
_OF_DEVICES = """SELECT p.complex, p.device, p.code, CAST(p.said AS VARCHAR) FROM wanted CROSS JOIN platform_code p
WHERE p.platform = wanted.platform AND p.complex = wanted.complex AND p.device = wanted.device"""


class BadCodes(ValueError):
    """A sheet of codes that cannot be taken: which line, and why."""


class DeviceCodes:
    """Of one platform."""

    def __init__(self, db: Database, platform: str) -> None:
        self._db, self._platform = db, platform

    async def of(self, keys: Collection[Key]) -> dict[Key, Coded]:
        """Those of the devices that have one."""
        async with self._db.read() as connection:
            return await codes_of(connection, self._platform, keys)

    async def all(self) -> dict[Key, Coded]:
        async with self._db.read() as connection:
            return await codes_where(connection, self._platform)

    async def replace(
        self, rows: Sequence[tuple[Key, Coded]], noted: Callable[[AsyncConnection], None] | None = None
    ) -> None:
        """These instead of all that were there; ``noted`` writes into the audit book within the same transaction."""
        async with self._db.write() as connection:
            await connection.execute(delete(platform_code).where(platform_code.c.platform == self._platform))
            if rows:
                await connection.execute(platform_code.insert(), [self._row(key, coded) for key, coded in rows])
            if noted is not None:
                noted(connection)

    def _row(self, key: Key, coded: Coded) -> dict[str, Any]:
        said = msgspec.to_builtins(coded)
        code = said.pop("code")
        return {"platform": self._platform, "complex": key[0], "device": key[1], "code": code, "said": said}


async def codes_where(connection: AsyncConnection, platform: str, *which: Any) -> dict[Key, Coded]:
    """A platform's codes that fit, within a transaction."""
    query = select(platform_code).where(platform_code.c.platform == platform, *which)
    return {
        (row["complex"], row["device"]): msgspec.convert({**row["said"], "code": row["code"]}, Coded)
        for row in (await connection.execute(query)).mappings()
    }


async def codes_of(connection: AsyncConnection, platform: str, keys: Collection[Key]) -> dict[Key, Coded]:
    """Those of some devices, however many: asked for with every message."""
    asked = [(platform, *key) for key in sorted(keys)]
    columns = {"platform": "varchar", "complex": "varchar", "device": "varchar"}
    rows = await look_up(connection, columns, asked, _OF_DEVICES)
    return {
        (complex_, device): msgspec.convert({**msgspec.json.decode(said), "code": code}, Coded)
        for complex_, device, code, said in rows
    }


def read_codes(text: str) -> list[tuple[Key, Coded]]:
    """A sheet as CSV with a head: complex, device, code, and what catalogues say; other columns are a city's own.

    Raises BadCodes.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    missing = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
    if missing:
        raise BadCodes(f"the head has no {', '.join(missing)}; it needs {', '.join(_NEEDED)}")
    found: dict[Key, Coded] = {}
    for number, row in enumerate(reader, 2):
        key, coded = _read_row(row, number)
        if key in found:
            raise BadCodes(f"line {number}: {key[1]} of {key[0]} stands there twice")
        if len(found) == _MOST_ROWS:
            raise BadCodes(f"more than {_MOST_ROWS} devices in one sheet")
        found[key] = coded
    return list(found.items())


def _read_row(row: Mapping[Any, Any], number: int) -> tuple[Key, Coded]:
    said = {str(name).strip(): value.strip() for name, value in row.items() if isinstance(value, str)}
    plain = {name: said[name] for name in _PLAIN if said.get(name)}
    extra = {name: value for name, value in said.items() if value and name not in (*_PLAIN, *_NEEDED)}
    try:
        checked_code(said["code"])
        if plain.get("tollgate"):
            checked_code(plain["tollgate"], "tollgate")
        coded = msgspec.convert({**plain, "code": said["code"], "extra": extra}, Coded, strict=False)
    except (BadId, msgspec.ValidationError) as error:
        raise BadCodes(f"line {number}: {error}") from error
    if wrong := wrong_in(coded):
        raise BadCodes(f"line {number}: {wrong}")
    return (said["complex"], said["device"]), coded
