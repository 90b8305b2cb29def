"""The book of charges: a session that ended is priced once, and explained; a change is a new entry."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.parking import Session
from domain.tariff import BadStay, Coupon, Discount, LotTariff, NoPrice, Plan, counting, that_count
from server.batches import Batch
from server.books import grace, no_entry
from server.books.charge_journals import book, discounts_in
from server.books.grace import Grace
from server.books.lots import Lots
from server.books.no_entry import NoEntry
from server.store import coupon_rows, pass_rows
from server.store.bulk import insert, look_up
from server.store.corrections import Key
from server.store.engine import stamp, unstamp
from server.store.pass_rows import Passes
from server.store.schema import charge, charge_passage, charge_session
from server.store.stays import Refolded, Tables, recorrect, take

_TABLES = Tables(charge_passage, charge_session)
# An entry's columns, its number apart, and those that the next entry of its session needs to know.
_COLUMNS = tuple(name for name in charge.columns.keys() if name != "number")  # noqa: SIM118 - no mapping
_KEPT = tuple(name for name in _COLUMNS if name not in ("lines", "note", "booked_at", "discount_change_fen"))
_ENTRIES = f"""SELECT {", ".join(f"charge.{name}" for name in _KEPT)}, CAST(charge.lines AS varchar)
FROM wanted CROSS JOIN charge WHERE charge.complex = wanted.complex AND charge.session = wanted.session
ORDER BY charge.revision"""  # noqa: S608 - names of ours

Entry = dict[str, Any]  # by column; ``lines`` as JSON
Newest = Mapping[tuple[str, str], Entry]  # by complex and session
Interval = tuple[datetime, datetime]


class Charges:
    """The book. It keeps its own passages and sessions: no rebuild of a view bills twice."""

    name = "charges"

    def __init__(self, lots: Lots, now: Callable[[], datetime], no_entry: Mapping[str, NoEntry] | None = None) -> None:
        """``no_entry``: what an exit without an entry costs, by complex; an open item where none is said."""
        self.lots, self._now, self._no_entry = lots, now, no_entry or {}

    async def fold(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None:
        await self._enter(connection, await take(connection, _TABLES, batches))

    async def recorrect(self, connection: AsyncConnection, keys: Sequence[Key]) -> None:
        """Charge again what people say something else of now."""
        await self._enter(connection, await recorrect(connection, _TABLES, keys))

    async def again(self, connection: AsyncConnection, complex_id: str, session: str) -> None:
        """Charge a session again: what is known of its payments is newer than its charge."""
        table = charge_session
        query = select(table.c.begun_by).where(table.c.complex == complex_id, table.c.id == session)
        begun_by = (await connection.execute(query)).scalar()
        if begun_by is not None:
            await self.recorrect(connection, [(complex_id, bytes(begun_by))])

    async def lessen(self, connection: AsyncConnection, refolded: Sequence[Refolded]) -> None:
        """Charge stays again that a pass covers which was entered, or extended, after the car had left: less, where it
        is less. Nobody is asked for more because somebody changed a list later."""
        await self._enter(connection, refolded, only_less=True)

    async def _enter(
        self, connection: AsyncConnection, refolded: Sequence[Refolded], *, only_less: bool = False
    ) -> None:
        by_complex: defaultdict[str, list[Refolded]] = defaultdict(list)
        tariffs = await self.lots.of(connection, {changed.complex for changed in refolded})
        for changed in refolded:
            if changed.complex in tariffs:
                by_complex[changed.complex].append(changed)
        await coupon_rows.follow(connection, refolded)
        passes = await pass_rows.of_cars(connection, {(one.complex, one.plate) for one in refolded})
        mates = await pass_rows.mates(connection, passes, [one for of in by_complex.values() for one in of])
        for changed in mates:
            by_complex[changed.complex].append(changed)
        passes = await pass_rows.with_cars(connection, passes, {(one.complex, one.plate) for one in mates})
        last, entries = await _last(connection, by_complex), list[Entry]()
        paid = await grace.of_stays(connection, _stays(by_complex))
        given = await coupon_rows.of_stays(connection, _stays(by_complex))
        for complex_id, changes in by_complex.items():
            booking = _Booking(connection, complex_id, tariffs[complex_id], stamp(self._now()), last)
            booking.no_entry, booking.grace = self._no_entry.get(complex_id, "open"), paid
            booking.only_less = only_less
            booking.given = given
            entries += await booking.entries(changes, passes)
        await book(connection, entries, self._now())
        rows = [tuple(entry[name] for name in _COLUMNS) for entry in entries]
        await insert(connection, charge, _COLUMNS, rows)


class _Booking:
    """The entries that one complex's changed sessions call for."""

    def __init__(
        self, connection: AsyncConnection, complex_id: str, tariff: LotTariff, booked_at: str, last: Newest
    ) -> None:
        self._connection, self._complex = connection, complex_id
        self._tariff, self._booked_at, self._last = tariff, booked_at, last
        self._passes = Passes({}, {})
        self.no_entry: NoEntry = "open"
        self.grace = Grace({}, {})
        self.only_less = False
        self.given: Mapping[tuple[str, str], list[Coupon]] = {}

    async def entries(self, changes: list[Refolded], passes: Passes) -> list[Entry]:
        self._passes = passes
        sessions = {session.id.hex(): session for changed in changes for session in changed.now}
        gone = {identity for changed in changes for identity in changed.before} - sessions.keys()
        found = [self._voided(self._newest(identity)) for identity in sorted(gone)]
        found += [await self._entry(session, self._newest(identity)) for identity, session in sessions.items()]
        return [entry for entry in found if entry]

    def _newest(self, session: str) -> Entry | None:
        return self._last.get((self._complex, session))

    async def _entry(self, session: Session, last: Entry | None) -> Entry | None:
        if session.accepted:
            return self._without_entry(session, last)
        if session.state != "exited":
            return self._voided(last)
        lot = self._in_force(session)
        if lot is None:  # it came in before anything was charged here
            return self._voided(last)
        plan = lot.plan_of(session.color, session.plate)
        known = last is not None and self._is_of(last, session, lot)
        again = plan.looks_back or self._passes.shares(self._complex, session.plate)  # other stays count too
        again = again or self.only_less or self.grace.known(self._complex, session.id.hex())
        again = again or self._has_coupons(session, last)
        if known and last is not None and not (again and last["tariff"] == plan.version):
            return None
        entry = await self._priced(session, last, lot)
        if entry is None or (last is not None and _says_the_same(last, entry)):
            return None
        return None if self.only_less and (last is None or entry["change_fen"] >= 0) else entry

    def _has_coupons(self, session: Session, last: Entry | None) -> bool:
        """Whether coupons count, or counted, for what it costs: another stay may have them now."""
        return (self._complex, session.id.hex()) in self.given or bool(last and discounts_in(last["lines"]))

    def _without_entry(self, session: Session, last: Entry | None) -> Entry | None:
        """An exit of which a person said that it stays without an entry. What was entered stays, whatever is set later.

        A reading that nobody said that of is not charged: it may be another car's.
        """
        at = session.exited_at and stamp(session.exited_at)
        if last is not None and last["reason"] != "voided" and last["entered_at"] == last["exited_at"] == at:
            return None
        lot = None if session.exited_at is None else self._tariff.at(session.exited_at)
        if lot is None:
            return self._voided(last)
        stay = {"session": session.id.hex(), "plate": session.plate, "entered_at": at, "exited_at": at}
        stay["class"] = lot.class_of(session.color, session.plate)
        return self._numbered(last, {**stay, **no_entry.price(self.no_entry, lot, session)})

    def _in_force(self, session: Session) -> LotTariff | None:
        """The version that a stay is billed with: that of its entry."""
        return None if session.entered_at is None else self._tariff.at(session.entered_at)

    def _is_of(self, last: Entry, session: Session, lot: LotTariff) -> bool:
        """Whether an entry prices the session as it is. It keeps its tariff, whatever version is in force later."""
        if session.entered_at is None or session.exited_at is None or last["reason"] == "voided":
            return False
        times = (stamp(session.entered_at), stamp(session.exited_at))
        known = (last["entered_at"], last["exited_at"], last["class"])
        return known == (*times, lot.class_of(session.color, session.plate))

    async def _priced(self, session: Session, last: Entry | None, lot: LotTariff) -> Entry | None:
        if session.entered_at is None or session.exited_at is None:
            return None
        car_class = lot.class_of(session.color, session.plate)
        plan = lot.tariff.plan(car_class)
        earlier = await earlier_stays(self._connection, self._complex, session, plan)
        stay = {"session": session.id.hex(), "plate": session.plate, "class": car_class}
        stay |= {"entered_at": stamp(session.entered_at), "exited_at": stamp(session.exited_at)}
        upto = self.grace.upto(self._complex, session.id.hex(), session.exited_at)
        times = (session.entered_at, upto)
        to_pay, name = await pass_rows.to_pay(self._connection, self._passes, self._complex, session.plate, times)
        given = self.given.get((self._complex, session.id.hex()), ())
        covered = _Covered(earlier, to_pay, name, upto, counting(given, session.exited_at))
        return self._numbered(last, {**stay, **_price(self._tariff, session, plan, covered)})

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
        before = None if last is None else last["journal"]
        moved = discounts_in(entry["lines"])
        moved.subtract(discounts_in(last["lines"]) if last else {})
        numbers |= {"discount_change_fen": moved.total()}
        return {**entry, **where, **numbers, "reason": reason, "journal": before, "discounts": moved}


def _stays(changes: Mapping[str, list[Refolded]]) -> set[tuple[str, str]]:
    return {
        (complex_id, session.id.hex())
        for complex_id, of in changes.items()
        for changed in of
        for session in changed.now
    }


async def _last(connection: AsyncConnection, changes: Mapping[str, list[Refolded]]) -> Newest:
    """The newest entry of each session concerned that has one."""
    keys = {
        (complex_id, identity)
        for complex_id, of_complex in changes.items()
        for changed in of_complex
        for identity in (*changed.before, *(session.id.hex() for session in changed.now))
    }
    rows = await look_up(connection, {"complex": "varchar", "session": "varchar"}, list(keys), _ENTRIES)
    entries = [dict(zip((*_KEPT, "lines"), row, strict=True)) for row in rows]
    return {(entry["complex"], entry["session"]): entry for entry in entries}


def _says_the_same(last: Entry, entry: Entry) -> bool:
    same = ("entered_at", "exited_at", "class", "amount_fen", "tariff")
    if last["reason"] == "voided" or any(entry["discounts"].values()):
        return False
    return all(last[name] == entry[name] for name in same)


async def earlier_stays(connection: AsyncConnection, complex_id: str, session: Session, plan: Plan) -> list[Interval]:
    """The plate's earlier stays, where the plan looks back at them; those that still count of all there ever were."""
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
    return that_count(plan, [(unstamp(row.entered_at), unstamp(row.exited_at)) for row in rows], session.entered_at)


class _Covered(NamedTuple):
    """What else counts for a fee: the plate's earlier stays, which stretches of this one its pass leaves to pay, up to
    when it is reckoned, and what coupons take off."""

    earlier: list[Interval]
    to_pay: list[Interval]
    name: str
    upto: datetime
    coupons: tuple[Discount, ...] = ()


def _price(lot: LotTariff, session: Session, plan: Plan, covered: _Covered) -> Entry:
    """The fee and its explanation; a stay the plan has no price for is entered as such, for a person to decide."""
    if session.entered_at is None or session.exited_at is None:
        raise ValueError(f"session {session.id.hex()} has not ended")
    try:
        times = (session.entered_at, covered.upto)
        parts = (covered.earlier, covered.to_pay, covered.name, covered.coupons)
        quote = lot.quote_parts(session.color, session.plate, times, *parts)
        quote = grace.explained(quote, covered.upto, session.exited_at)
    except (NoPrice, BadStay) as error:
        return {"amount_fen": 0, "lines": "[]", "tariff": plan.version, "reason": "unpriced", "note": str(error)}
    lines = msgspec.json.encode(quote.lines).decode()
    return {"amount_fen": quote.fee_fen, "lines": lines, "tariff": quote.version, "reason": "", "note": None}


async def total_fen(connection: AsyncConnection) -> int:
    """What all sessions cost now, in fen."""
    return (await connection.execute(select(func.coalesce(func.sum(charge.c.change_fen), 0)))).scalar_one()
