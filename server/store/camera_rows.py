"""What is drawn on cameras' pictures: the newest document ``scenes``, and who made a camera's entry what it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store import desired_rows
from server.store.camera_tables import camera_change
from server.store.engine import stamp
from server.store.reach_views import newest
from server.store.schema import desired_state

KIND = "scenes"
_SHOWN = 30
Entry = dict[str, Any]


class Entries(msgspec.Struct, frozen=True):
    """The entries of all cameras of a complex; ``version`` 0: nobody has drawn anything."""

    cameras: Mapping[str, Entry]
    version: int


class Change(msgspec.Struct, frozen=True):
    """A version of a camera's entry; ``body`` None: by the settings of its box again."""

    version: int
    body: bytes | None
    made_at: datetime
    made_by: str
    reason: str
    undid: int | None = None

    @property
    def entry(self) -> Entry | None:
        return None if self.body is None else msgspec.json.decode(self.body, type=Entry)


async def current(connection: AsyncConnection, complex_id: str) -> Entries:
    version = await newest(connection, complex_id, KIND)
    if version is None:
        return Entries({}, 0)
    found = await desired_rows.document(connection, complex_id, KIND, version)
    return Entries(found.body.get("cameras", {}), version)


async def made_at(connection: AsyncConnection, complex_id: str, version: int) -> datetime | None:
    """When a version of the document was written, by whomever."""
    same = (desired_state.c.complex == complex_id, desired_state.c.kind == KIND, desired_state.c.version == version)
    found = (await connection.execute(select(desired_state.c.made_at).where(*same))).scalar()
    return datetime.fromisoformat(found) if found else None


async def put(
    connection: AsyncConnection, complex_id: str, entries: Mapping[str, Entry], by: str, now: datetime
) -> int:
    """The next version of the document. Raises BadDesired: of which camera, where, and what is wrong."""
    version, _ = await desired_rows.put(connection, complex_id, KIND, {"cameras": dict(entries)}, by, now)
    return version


async def note(connection: AsyncConnection, complex_id: str, device: str, change: Change) -> None:
    row = {"complex": complex_id, "device": device, **msgspec.structs.asdict(change), "made_at": stamp(change.made_at)}
    await connection.execute(camera_change.insert().values(row))


async def changes(connection: AsyncConnection, complex_id: str, device: str) -> list[Change]:
    """The newest first."""
    query = select(camera_change).where(camera_change.c.complex == complex_id, camera_change.c.device == device)
    rows = await connection.execute(query.order_by(camera_change.c.version.desc()).limit(_SHOWN))
    return [msgspec.convert(row, Change) for row in rows.mappings()]
