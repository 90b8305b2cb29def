"""The book of charges: a session that ended is priced once, and explained; a change is a new entry."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.parking import Session
from domain.tariff import BadStay, LotTariff, NoPrice, Plan
from server.batches import Batch
from server.store.bulk import insert, look_up
from server.store.engine import stamp, unstamp
from server.store.schema import charge, charge_passage, charge_session
from server.store.stays import Refolded, Tables, take

_TABLES = Tables(charge_passage, charge_session)
# An entry's columns, its number apart, and those that the next entry of its session needs to know.
_COLUMNS = tuple(name for name in charge.columns.keys() if name != "number")  # noqa: SIM118 - no mapping
_KEPT = tuple(name for name in _COLUMNS if name not in ("lines", "note", "booked_at"))
_ENTRIES = f"""SELECT {", ".join(f"charge.{name}" for name in _KEPT)} FROM wanted CROSS JOIN charge
WHERE charge.complex = wanted.complex AND charge.session = wanted.session ORDER BY charge.revision"""  # noqa: S608

Entry = dict[str, Any]  # by column; ``lines`` as JSON
Newest = Mapping[tuple[str, str], Entry]  # by complex and session
Interval = tuple[datetime, datetime]


class Charges:
    """The book. It keeps its own passages and sessions: no rebuild of a view bills twice."""

    name = "charges"

    def __init__(self, tariffs: Mapping[str, LotTariff], now: Callable[[], datetime]) -> None:
        self._tariffs, self._now = tariffs, now

    async def fold(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None:
        by_complex: defaultdict[str, list[Refolded]] = defaultdict(list)
        for changed in await take(connection, _TABLES, batches):
            if changed.complex in self._tariffs:
                by_complex[changed.complex].append(changed)
        last, entries = await _last(connection, by_complex), list[Entry]()
        for complex_id, changes in by_complex.items():
            tariff = self._tariffs[complex_id]
            entries += await _Booking(connection, complex_id, tariff, stamp(self._now()), last).entries(changes)
        rows = [tuple(entry[name] for name in _COLUMNS) for entry in entries]
        await insert(connection, charge, _COLUMNS, rows)


class _Booking:
    """The entries that one complex's changed sessions call for."""

    def __init__(
        self, connection: AsyncConnection, complex_id: str, tariff: LotTariff, booked_at: str, last: Newest
    ) -> None:
        self._connection, self._complex = connection, complex_id
        self._tariff, self._booked_at, self._last = tariff, booked_at, last

    async def entries(self, changes: list[Refolded]) -> list[Entry]:
        sessions = {session.id.hex(): session for changed in changes for session in changed.now}
        gone = {identity for changed in changes for identity in changed.before} - sessions.keys()
        found = [self._voided(self._newest(identity)) for identity in sorted(gone)]
        found += [await self._entry(session, self._newest(identity)) for identity, session in sessions.items()]
        return [entry for entry in found if entry]

    def _newest(self, session: str) -> Entry | None:
        return self._last.get((self._complex, session))

    async def _entry(self, session: Session, last: Entry | None) -> Entry | None:
        if session.state != "exited":
            return self._voided(last)
        plan = self._tariff.tariff.plan(self._tariff.class_of(session.color))
        if last is not None and self._is_of(last, session) and not (plan.looks_back and last["tariff"] == plan.version):
            return None
        entry = await self._priced(session, last)
        return None if entry is None or (last is not None and _says_the_same(last, entry)) else entry

    def _is_of(self, last: Entry, session: Session) -> bool:
        """Whether an entry prices the session as it is. It keeps its tariff, whatever version is in force later."""
        if session.entered_at is None or session.exited_at is None or last["reason"] == "voided":
            return False
        times = (stamp(session.entered_at), stamp(session.exited_at))
        known = (last["entered_at"], last["exited_at"], last["class"])
        return known == (*times, self._tariff.class_of(session.color))

    async def _priced(self, session: Session, last: Entry | None) -> Entry | None:
        if session.entered_at is None or session.exited_at is None:
            return None
        car_class = self._tariff.class_of(session.color)
        plan = self._tariff.tariff.plan(car_class)
        earlier = await _earlier(self._connection, self._complex, session, plan)
        stay = {"session": session.id.hex(), "plate": session.plate, "class": car_class}
        stay |= {"entered_at": stamp(session.entered_at), "exited_at": stamp(session.exited_at)}
        return self._numbered(last, {**stay, **_price(self._tariff, session, earlier)})

    def _voided(self, last: Entry | None) -> Entry | None:
        """A session that is no longer, or no longer ended: what was charged for it is taken back."""
        if last is None or last["reason"] == "voided":
            return None
        kept = {name: last[name] for name in ("session", "plate", "entered_at", "exited_at", "class", "tariff")}
        return self._numbered(last, {**kept, "amount_fen": 0, "lines": "[]", "reason": "voided", "note": None})

    def _numbered(self, last: Entry | None, entry: Entry) -> Entry:
        before_fen: int = 0 if last is None else last["amount_fen"]
        revision: int = 0 if last is None else last["revision"] + 1
        numbers = {"revision": revision, "change_fen": entry["amount_fen"] - before_fen}
        reason = entry["reason"] or ("priced" if last is None else "corrected")
        where = {"complex": self._complex, "booked_at": self._booked_at}
        return {**entry, **where, **numbers, "reason": reason}


async def _last(connection: AsyncConnection, changes: Mapping[str, list[Refolded]]) -> Newest:
    """The newest entry of each session concerned that has one."""
    keys = {
        (complex_id, identity)
        for complex_id, of_complex in changes.items()
        for changed in of_complex
        for identity in (*changed.before, *(session.id.hex() for session in changed.now))
    }
    rows = await look_up(connection, {"complex": "varchar", "session": "varchar"}, list(keys), _ENTRIES)
    entries = [dict(zip(_KEPT, row, strict=True)) for row in rows]
    return {(entry["complex"], entry["session"]): entry for entry in entries}


def _says_the_same(last: Entry, entry: Entry) -> bool:
    same = ("entered_at", "exited_at", "class", "amount_fen", "tariff")
    return last["reason"] != "voided" and all(last[name] == entry[name] for name in same)


async def _earlier(connection: AsyncConnection, complex_id: str, session: Session, plan: Plan) -> list[Interval]:
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


def _price(lot: LotTariff, session: Session, earlier: list[Interval]) -> Entry:
    """The fee and its explanation; a stay the plan has no price for is entered as such, for a person to decide."""
    plan = lot.tariff.plan(lot.class_of(session.color))
    if session.entered_at is None or session.exited_at is None:
        raise ValueError(f"session {session.id.hex()} has not ended")
    try:
        quote = lot.quote(session.color, session.entered_at, session.exited_at, earlier)
    except (NoPrice, BadStay) as error:
        return {"amount_fen": 0, "lines": "[]", "tariff": plan.version, "reason": "unpriced", "note": str(error)}
    lines = msgspec.json.encode(quote.lines).decode()
    return {"amount_fen": quote.fee_fen, "lines": lines, "tariff": quote.version, "reason": "", "note": None}


async def total_fen(connection: AsyncConnection) -> int:
    """What all sessions cost now, in fen."""
    return (await connection.execute(select(func.coalesce(func.sum(charge.c.change_fen), 0)))).scalar_one()
