"""Statements on how a platform of GB/T 28181 armed our devices, and on the dialogs that it began."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.gb28181.control import Guard
from server.store.engine import stamp, unstamp
from server.store.platform_tables import platform_dialog, platform_guard
from server.store.upsert import insert


class KeptDialog(NamedTuple):
    """A subscription; ``body`` is its protocol's own."""

    subject: str
    ends_at: datetime
    body: bytes


async def guards(connection: AsyncConnection, platform: str) -> dict[str, Guard]:
    """By the code of the device."""
    query = select(platform_guard).where(platform_guard.c.platform == platform)
    return {row.code: Guard(bool(row.is_armed), bool(row.is_alarming)) for row in await connection.execute(query)}


async def put_guards(connection: AsyncConnection, platform: str, changed: Mapping[str, Guard]) -> None:
    rows = [
        {"platform": platform, "code": code, "is_armed": int(one.is_armed), "is_alarming": int(one.is_alarming)}
        for code, one in sorted(changed.items())
    ]
    if not rows:
        return
    statement = insert(platform_guard)
    said = {name: statement.excluded[name] for name in ("is_armed", "is_alarming")}
    await connection.execute(statement.on_conflict_do_update(index_elements=["platform", "code"], set_=said), rows)


async def dialogs(connection: AsyncConnection, platform: str) -> list[KeptDialog]:
    query = select(platform_dialog).where(platform_dialog.c.platform == platform)
    return [KeptDialog(row.subject, unstamp(row.ends_at), row.body) for row in await connection.execute(query)]


async def put_dialogs(connection: AsyncConnection, platform: str, live: Sequence[KeptDialog]) -> None:
    """These, and no others."""
    await connection.execute(delete(platform_dialog).where(platform_dialog.c.platform == platform))
    rows = [
        {"platform": platform, "subject": one.subject, "ends_at": stamp(one.ends_at), "body": one.body} for one in live
    ]
    if rows:
        await connection.execute(insert(platform_dialog), rows)
