"""Passes that are paid in advance: the money is owed in days, and each day that is over makes its part income."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ledger import Journal, Line
from domain.ledger.spread import earned_on
from server.books import desk
from server.books.desk import NotDone
from server.books.ledger import post
from server.cells import moves
from server.store.engine import Database
from server.store.schema import complex_, pass_term, vehicle_pass
from server.store.zones import zone_of

DEFERRED, INCOME = "deferred:pass", "income:parking:pass"
_MOST_DAYS = 3 * 366


async def sell(
    connection: AsyncConnection,
    shift: Mapping[Any, Any],
    plate: str,
    fen: int,
    days: tuple[date, date],
    request: str,
    now: datetime,
) -> dict[str, Any]:
    """Take cash for days of a pass that there is; the payment. Raises NotDone."""
    first, last = days
    if not 0 <= (last - first).days < _MOST_DAYS:
        raise NotDone("bad_days")
    here = (
        vehicle_pass.c.complex == shift["complex"],
        vehicle_pass.c.canonical == plate,
        vehicle_pass.c.ended_at.is_(None),
    )
    found = (await connection.execute(select(vehicle_pass.c.id).where(*here))).scalar()
    if found is None:
        raise NotDone("no_pass")
    row = await desk.take_for(connection, shift, "pass", fen, request, now)
    term = {"complex": shift["complex"], "id": request, "vehicle_pass": found, "out_trade_no": row["out_trade_no"]}
    same = (pass_term.c.complex == term["complex"], pass_term.c.id == request)
    if (await connection.execute(select(pass_term.c.id).where(*same))).first() is None:
        said = {"amount_fen": fen, "first_day": first.isoformat(), "last_day": last.isoformat()}
        await connection.execute(pass_term.insert().values(**term, **said))
    return row


async def earn(db: Database, now: datetime) -> int:
    """Book the days that are over of every pass, each once; how many."""
    async with db.read() as connection:
        away = await moves.away(connection)
        complexes = [one for one in await _waiting(connection, now) if one not in away]
    count = 0
    for complex_id in complexes:
        async with db.write(complex_id) as connection:
            count += await _earn(connection, complex_id, now)
    return count


async def _waiting(connection: AsyncConnection, now: datetime) -> list[str]:
    """Complexes where a day is over, by their own clock, that is not income yet: in between nobody writes."""
    unearned = or_(pass_term.c.earned_through.is_(None), pass_term.c.earned_through < pass_term.c.last_day)
    places = select(pass_term.c.complex, complex_.c.timezone).join(complex_, complex_.c.id == pass_term.c.complex)
    found: list[str] = []
    for row in (await connection.execute(places.where(unearned).distinct())).all():
        due = select(pass_term.c.id).where(pass_term.c.complex == row.complex, *_due(_yesterday(now, row.timezone)))
        if (await connection.execute(due.limit(1))).first() is not None:
            found.append(row.complex)
    return found


def _yesterday(now: datetime, zone: str) -> date:
    return now.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)


def _due(yesterday: date) -> tuple[Any, Any]:
    earned, day = pass_term.c.earned_through, yesterday.isoformat()
    return pass_term.c.first_day <= day, or_(earned.is_(None), (earned < pass_term.c.last_day) & (earned < day))


async def _earn(connection: AsyncConnection, complex_id: str, now: datetime) -> int:
    zone = await zone_of(connection, complex_id)
    yesterday = _yesterday(now, zone.key)
    due = select(pass_term).where(pass_term.c.complex == complex_id, *_due(yesterday))
    rows = (await connection.execute(due)).mappings()
    count = 0
    for row in rows.all():
        journals = _journals(row, yesterday, datetime.combine(yesterday, time(12), zone))
        await post(connection, complex_id, journals, now)
        through = min(yesterday, date.fromisoformat(row["last_day"]))
        same = (pass_term.c.complex == complex_id, pass_term.c.id == row["id"])
        await connection.execute(update(pass_term).where(*same).values(earned_through=through.isoformat()))
        count += len(journals)
    return count


def _journals(row: RowMapping, yesterday: date, at: datetime) -> list[Journal]:
    first, last = date.fromisoformat(row["first_day"]), date.fromisoformat(row["last_day"])
    through = row["earned_through"]
    day = first if through is None else date.fromisoformat(through) + timedelta(days=1)
    found: list[Journal] = []
    while day <= min(last, yesterday):
        fen = earned_on(row["amount_fen"], first, last, day)
        if fen:
            found.append(_journal(row["id"], day, fen, at))
        day += timedelta(days=1)
    return found


def _journal(term: str, day: date, fen: int, at: datetime) -> Journal:
    return Journal(
        source="pass",
        kind="earned",
        source_id=f"{term}/{day}",
        occurred_at=at,
        business_day=day,
        memo="",
        lines=(Line(DEFERRED, fen), Line(INCOME, -fen)),
    )
