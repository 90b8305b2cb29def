"""The next card at a reader that nobody has: by it a card is enrolled without its number being typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, RowMapping, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.doors.credentials import canonical_card
from domain.events import Event
from server.store.engine import stamp
from server.store.resident_tables import credential, swipe_wait
from server.store.schema import alert, alert_action
from server.store.upsert import insert

_AT_MOST = 20
_RULES = ("access_denied", "credential_revoked")  # a card that was given back may be given out again
_NOTE = "刷卡登记"
_KEY = ("complex", "device", "point")


class Swipe(msgspec.Struct, frozen=True):
    """A card that opened nothing. ``alert`` names it; the number itself stays at the centre."""

    alert: str
    number: str
    at: datetime


async def wait_at(
    connection: AsyncConnection, reader: tuple[str, str, str], account: int, since: datetime, until: datetime
) -> None:
    """Somebody waits at a reader of a complex; who came there before waits no more."""
    where = dict(zip(_KEY, reader, strict=True))
    said = {"since": stamp(since), "until": stamp(until), "account": account}
    statement = insert(swipe_wait).values(**where, **said)
    await connection.execute(statement.on_conflict_do_update(index_elements=list(_KEY), set_=said))
    await connection.execute(delete(swipe_wait).where(swipe_wait.c.until < stamp(since)))


async def close_awaited(connection: AsyncConnection, raised: Sequence[Mapping[str, Any]], at: datetime) -> set[str]:
    """Of alerts that are new, those that somebody waits for: closed as enrolment by that person. Of each wait it is the
    first unknown card; whoever comes after it is an alert."""
    denied = [row for row in raised if row["rule"] in _RULES and row["lateness"] == "live"]
    if not denied:
        return set()
    query = select(swipe_wait).where(swipe_wait.c.complex.in_({row["complex"] for row in denied}))
    waits = {tuple(wait[name] for name in _KEY): wait for wait in (await connection.execute(query)).mappings()}
    found: set[str] = set()
    for row in denied if waits else ():
        key = (row["complex"], row["device"], row["point"] or "")
        wait = waits.get(key)
        if wait is not None and await _is_it(connection, row, wait):
            await _close(connection, row["id"], waits.pop(key), at)
            found.add(row["id"])
    return found


async def _is_it(connection: AsyncConnection, row: Mapping[str, Any], wait: RowMapping) -> bool:
    number = _number(row)
    is_in_time = wait["since"] <= row["received_at"] <= wait["until"]
    return is_in_time and number is not None and not await _is_known(connection, row["complex"], number)


async def _close(connection: AsyncConnection, identity: str, wait: RowMapping, at: datetime) -> None:
    done = {"alert": identity, "action": "close", "account": wait["account"], "at": stamp(at), "note": _NOTE}
    new = insert(alert_action).values(**done, request=f"enrol:{identity}")
    await connection.execute(new.on_conflict_do_nothing())
    await connection.execute(delete(swipe_wait).where(*(swipe_wait.c[name] == wait[name] for name in _KEY)))


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
    is_one = (alert.c.complex == complex_id, alert.c.rule.in_(_RULES), alert.c.lateness == "live", *more)
    columns = (alert.c.id, alert.c.event, alert.c.received_at)
    query = select(*columns).where(*is_one).order_by(alert.c.received_at, alert.c.id).limit(_AT_MOST)
    return list((await connection.execute(query)).mappings())


def _number(row: Mapping[Any, Any]) -> str | None:
    event = msgspec.json.decode(row["event"], type=Event)
    subject = event.subject
    is_card = subject is not None and event.method in ("card", None) and canonical_card(subject.id or "") != ""
    return subject.id if subject is not None and is_card else None


async def _is_known(connection: AsyncConnection, complex_id: str, number: str) -> bool:
    same = (credential.c.complex == complex_id, credential.c.canonical == canonical_card(number))
    alive = select(credential.c.id).where(*same, credential.c.revoked_at.is_(None))
    return (await connection.execute(alive)).first() is not None
