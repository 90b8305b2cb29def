"""The book of charges: a session that ended is priced once, and explained; a change is a new entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.parking import Session
from domain.plates import PlateColor
from domain.tariff import BadStay, NoPrice, Plan, Tariff, fee
from server.facts import Fact
from server.store.engine import stamp, unstamp
from server.store.schema import charge, charge_passage, charge_session
from server.store.stays import Refolded, Tables, take

_TABLES = Tables(charge_passage, charge_session)
# Plans a tariff may have beside its default, by the colour of the plate they are for.
_CLASS_OF_COLOR: Mapping[PlateColor, str] = {"yellow": "large", "green": "nev", "yellow_green": "nev_large"}


class LotTariff(msgspec.Struct, frozen=True):
    """A complex's tariff, and the class of cars that no other plan is for."""

    tariff: Tariff
    default: str

    def class_of(self, color: PlateColor) -> str:
        """The class a plate's colour puts a car in."""
        found = _CLASS_OF_COLOR.get(color, self.default)
        return found if found in self.tariff.plans else self.default


class Charges:
    """The book. It keeps its own passages and sessions: no rebuild of a view bills twice."""

    name = "charges"

    def __init__(self, tariffs: Mapping[str, LotTariff], now: Callable[[], datetime]) -> None:
        self._tariffs, self._now = tariffs, now

    async def fold(self, connection: AsyncConnection, facts: list[Fact]) -> None:
        for changed in await take(connection, _TABLES, facts):
            tariff = self._tariffs.get(changed.complex)
            if tariff is not None:
                await self._book(connection, changed, tariff)

    async def _book(self, connection: AsyncConnection, changed: Refolded, tariff: LotTariff) -> None:
        now = {session.id.hex(): session for session in changed.now}
        gone = [identity for identity in changed.before if identity not in now]
        for identity in gone:
            await self._void(connection, changed.complex, identity)
        for identity, session in now.items():
            if session.state == "exited":
                await self._price(connection, changed.complex, session, tariff)
            else:
                await self._void(connection, changed.complex, identity)

    async def _price(self, connection: AsyncConnection, complex_id: str, session: Session, tariff: LotTariff) -> None:
        last = await _last(connection, complex_id, session.id.hex())
        if last is not None and _is_of(last, session):
            return
        if session.entered_at is None or session.exited_at is None:
            return
        car_class = tariff.class_of(session.color)
        plan = tariff.tariff.plan(car_class)
        earlier = await _earlier(connection, complex_id, session, plan)
        priced = _priced(plan, session.entered_at, session.exited_at, earlier)
        stay = {"plate": session.plate, "class": car_class}
        stay |= {"entered_at": stamp(session.entered_at), "exited_at": stamp(session.exited_at)}
        await self._enter(connection, complex_id, session.id.hex(), last, {**stay, **priced})

    async def _void(self, connection: AsyncConnection, complex_id: str, identity: str) -> None:
        """A session that is no longer, or no longer ended: what was charged for it is taken back."""
        last = await _last(connection, complex_id, identity)
        if last is None or last.reason == "voided":
            return
        columns = dict(zip(charge.columns.keys(), last, strict=True))
        kept = {name: columns[name] for name in ("plate", "entered_at", "exited_at", "class", "tariff")}
        await self._enter(
            connection, complex_id, identity, last, {**kept, "amount_fen": 0, "lines": [], "reason": "voided"}
        )

    async def _enter(
        self, connection: AsyncConnection, complex_id: str, identity: str, last: Row[Any] | None, entry: dict[str, Any]
    ) -> None:
        reason = entry.pop("reason", "priced" if last is None else "corrected")
        before_fen: int = 0 if last is None else last.amount_fen
        revision: int = 0 if last is None else last.revision + 1
        numbers = {"revision": revision, "change_fen": entry["amount_fen"] - before_fen}
        where = {"complex": complex_id, "session": identity, "reason": reason, "booked_at": stamp(self._now())}
        await connection.execute(charge.insert().values({**where, **numbers, **entry}))


async def _last(connection: AsyncConnection, complex_id: str, identity: str) -> Row[Any] | None:
    query = select(charge).where(charge.c.complex == complex_id, charge.c.session == identity)
    return (await connection.execute(query.order_by(charge.c.revision.desc()).limit(1))).first()


def _is_of(last: Row[Any], session: Session) -> bool:
    """Whether an entry already prices the session as it is."""
    if session.entered_at is None or session.exited_at is None or last.reason == "voided":
        return False
    return (last.entered_at, last.exited_at) == (stamp(session.entered_at), stamp(session.exited_at))


async def _earlier(
    connection: AsyncConnection, complex_id: str, session: Session, plan: Plan
) -> list[tuple[datetime, datetime]]:
    """The plate's earlier stays, where the plan looks back at them."""
    if not plan.looks_back or session.entered_at is None:
        return []
    table = charge_session
    query = select(table.c.entered_at, table.c.exited_at).where(
        table.c.complex == complex_id,
        table.c.plate == session.plate,
        table.c.state == "exited",
        table.c.exited_at <= stamp(session.entered_at),
    )
    rows = await connection.execute(query.order_by(table.c.entered_at))
    return [(unstamp(row.entered_at), unstamp(row.exited_at)) for row in rows]


def _priced(
    plan: Plan, entered_at: datetime, exited_at: datetime, earlier: list[tuple[datetime, datetime]]
) -> dict[str, Any]:
    """The fee and its explanation; a stay the plan has no price for is entered as such, for a person to decide."""
    try:
        quote = fee(plan, entered_at, exited_at, stays=earlier)
    except (NoPrice, BadStay) as error:
        return {"amount_fen": 0, "lines": [], "tariff": plan.version, "reason": "unpriced", "note": str(error)}
    return {"amount_fen": quote.fee_fen, "lines": msgspec.to_builtins(quote.lines), "tariff": quote.version}


async def total_fen(connection: AsyncConnection) -> int:
    """What all sessions cost now, in fen."""
    return (await connection.execute(select(func.coalesce(func.sum(charge.c.change_fen), 0)))).scalar_one()
