"""The next card at a reader that nobody has: by it a card is enrolled without its number being typed."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.doors.credentials import canonical_card
from domain.events import Event
from server.store.engine import stamp
from server.store.resident_tables import credential
from server.store.schema import alert

_AT_MOST = 20
_RULE = "access_denied"


class Swipe(msgspec.Struct, frozen=True):
    """A card that opened nothing. ``alert`` names it; the number itself stays at the centre."""

    alert: str
    number: str
    at: datetime


async def next_unknown(
    connection: AsyncConnection, complex_id: str, reader: tuple[str, str], since: datetime
) -> Swipe | None:
    """The first of them that came after ``since``."""
    device, point = reader
    here = (alert.c.device == device, alert.c.point == point if point else alert.c.point.is_(None))
    rows = await _denied(connection, complex_id, *here, alert.c.received_at >= stamp(since))
    for row in rows:
        number = _number(row)
        if number and not await _is_known(connection, complex_id, number):
            return Swipe(row["id"], number, datetime.fromisoformat(row["received_at"]))
    return None


async def number_of(connection: AsyncConnection, complex_id: str, identity: str, since: str) -> str | None:
    """The number of a swipe of the complex that was shown a little while ago."""
    rows = await _denied(connection, complex_id, alert.c.id == identity, alert.c.received_at >= since)
    return next((number for row in rows if (number := _number(row))), None)


async def _denied(connection: AsyncConnection, complex_id: str, *more: ColumnElement[bool]) -> list[RowMapping]:
    is_one = (alert.c.complex == complex_id, alert.c.rule == _RULE, alert.c.lateness == "live", *more)
    columns = (alert.c.id, alert.c.event, alert.c.received_at)
    query = select(*columns).where(*is_one).order_by(alert.c.received_at, alert.c.id).limit(_AT_MOST)
    return list((await connection.execute(query)).mappings())


def _number(row: RowMapping) -> str | None:
    event = msgspec.json.decode(row["event"], type=Event)
    subject = event.subject
    is_card = subject is not None and event.method in ("card", None) and canonical_card(subject.id or "") != ""
    return subject.id if subject is not None and is_card else None


async def _is_known(connection: AsyncConnection, complex_id: str, number: str) -> bool:
    same = (credential.c.complex == complex_id, credential.c.canonical == canonical_card(number))
    alive = select(credential.c.id).where(*same, credential.c.revoked_at.is_(None))
    return (await connection.execute(alive)).first() is not None
