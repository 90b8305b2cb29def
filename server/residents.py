"""Changes of who may pass: in one transaction the rows, the documents made from them, and the audit."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.desired import BadDesired
from server.audit import Actor, Subject, record
from server.house import House
from server.store import access_list
from server.store.resident_rows import By, NotPossible


@asynccontextmanager
async def changing(
    house: House,
    actor: Actor,
    complex_id: str,
    action: str,
    on: Subject,
    *,
    reason: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> AsyncGenerator[tuple[AsyncConnection, By]]:
    """Change rows of a complex; afterwards its gateways are told. An exception undoes everything.

    Raises NotPossible where the documents would be larger than a gateway takes.
    """
    now = house.now()
    async with house.db.write() as connection:
        await access_list.adopt(connection, complex_id, now)
        yield connection, By(actor.who, now, complex_id)
        try:
            versions = await access_list.publish(connection, complex_id, actor.who, now)
        except BadDesired as error:
            raise NotPossible("too_many") from error  # each entry was looked at: it is their number
        told = {**(details or {}), **{f"{kind}_version": version for kind, version in versions.items()}}
        record(connection, actor, action, now, on=on, complex_id=complex_id, reason=reason, details=told)
    house.desired.ring({complex_id})
