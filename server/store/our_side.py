"""Our side of a day out of the centre's own tables: what docs/bills.md calls ``--local``, for one complex.

A business day is the place's own. What is charged is of the cars that left on it, and of those that paid on it or that
the bills name; a shift belongs to the day it was counted on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Row, Table, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.reconciliation import Books
from domain.reconciliation.books import Charge, Deposit, Payment, Refund, Shift
from server.store.charging_rows import of_day as charging_of_day
from server.store.engine import stamp, unstamp
from server.store.exit_rows import exits
from server.store.schema import bill_setting, cash_deposit, cash_shift, charge, complex_, payment, refund
from server.store.settlement import Settlement, of_sessions

_AT_ONCE = 500
_NEAR_MIDNIGHT = timedelta(minutes=5)
_MADE = {"processing": "PROCESSING", "success": "SUCCESS", "failed": "FAILED"}  # of refunds; the others are words yet
Rows = Sequence[Row[Any]]


class NoComplex(Exception):
    """A complex that is not known here."""


class Orders:
    """What the bills name: order numbers and refund numbers."""

    def __init__(self, orders: Collection[str] = (), refunds: Collection[str] = ()) -> None:
        self.orders, self.refunds = orders, refunds


async def zone_of(connection: AsyncConnection, complex_id: str) -> ZoneInfo:
    """Raises NoComplex."""
    found = (await connection.execute(select(complex_.c.timezone).where(complex_.c.id == complex_id))).first()
    if found is None:
        raise NoComplex(f"no complex {complex_id}")
    return ZoneInfo(found.timezone or "Asia/Shanghai")


def span_of(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When a day of a place begins, and when the next one does."""
    first, after = (datetime.combine(one, time(), zone) for one in (day, day + timedelta(days=1)))
    return first.astimezone(UTC), after.astimezone(UTC)


async def our_side(
    connection: AsyncConnection,
    complex_id: str,
    day: date,
    named: Orders,
    *,
    merchants: Mapping[str, str] | None = None,
) -> Books:
    """What the tables say of a day, beside what the bills name. Raises NoComplex."""
    zone = await zone_of(connection, complex_id)
    side = _Side(connection, complex_id, *span_of(day, zone), zone)
    shifts = await side.shifts()
    payments = await side.payments(named.orders, [row.id for row in shifts])
    charges = await side.charges({row.session for row in payments if row.session})
    payments = await side.with_others(payments, [row.session for row in charges])
    refunds = await side.refunds(named.refunds)
    drawn = await charging_of_day(connection, complex_id, *span_of(day, zone))
    cars = {row.session: row for row in charges}
    stand = await side.stand(sorted(cars))
    exit_passages, left = await exits(connection, complex_id, *span_of(day, zone), zone)
    paid = _paid(payments)
    return Books(
        business_day=day,
        zone=zone,
        charges=[*_charges(cars, stand, left, side.is_of_day, zone), *_drawn(drawn, paid)],
        payments=[_payment(row, cars.keys() | {one.id for one in drawn}, zone) for row in payments],
        refunds=[_refund(row, zone) for row in refunds],
        shifts=[_shift(row, side.is_of_day) for row in await side.with_shifts(shifts, payments)],
        exit_passages=exit_passages,
        deposits=[Deposit(row.id, row.amount_fen, unstamp(row.at).astimezone(zone)) for row in await side.deposits()],
        merchants=dict(merchants if merchants is not None else await merchants_of(connection, complex_id)),
    )


async def merchants_of(connection: AsyncConnection, complex_id: str) -> dict[str, str]:
    """Whose bills are ours, by channel, where somebody has said it."""
    table = bill_setting
    query = select(table.c.value).where(table.c.complex == complex_id, table.c.name == "merchants")
    found: dict[str, str] | None = (await connection.execute(query)).scalar()
    return found or {}


class _Side:
    """The rows of a complex that concern a day."""

    def __init__(
        self, connection: AsyncConnection, complex_id: str, first: datetime, after: datetime, zone: ZoneInfo
    ) -> None:
        self._connection, self._complex, self._zone = connection, complex_id, zone
        self._first, self._after, self._late = stamp(first), stamp(after), stamp(after + _NEAR_MIDNIGHT)

    def is_of_day(self, at: str | None) -> bool:
        return at is not None and self._first <= at < self._after

    async def payments(self, orders: Collection[str], shifts: Collection[str]) -> Rows:
        """Those that came in the day, those that the bills name, and the cash of the shifts."""
        in_the_day = payment.c.paid_at >= self._first, payment.c.paid_at < self._late
        found = list(await self._all(payment, *in_the_day))
        found += await self._among(payment, payment.c.out_trade_no, orders)
        found += await self._among(payment, payment.c.shift, shifts)
        return _once(found, "out_trade_no")

    async def with_others(self, payments: Rows, sessions: Collection[str]) -> Rows:
        """And every other payment of the sessions: a charge may have been paid in parts."""
        more = await self._among(payment, payment.c.session, sessions)
        return sorted(_once([*payments, *more], "out_trade_no"), key=lambda row: row.out_trade_no)

    async def charges(self, sessions: Collection[str]) -> Rows:
        """The newest entry of each session that left in the day, or of those named."""
        found = list(await self._all(charge, charge.c.exited_at >= self._first, charge.c.exited_at < self._after))
        ids = {row.session for row in found} | set(sessions)
        found = await self._among(charge, charge.c.session, sorted(ids))
        newest = {row.session: row for row in sorted(found, key=lambda row: row.revision)}
        return [newest[session] for session in sorted(newest)]

    async def stand(self, sessions: Sequence[str]) -> dict[str, Settlement]:
        """How each session stands now."""
        found: dict[str, Settlement] = {}
        for start in range(0, len(sessions), _AT_ONCE):
            found |= await of_sessions(self._connection, self._complex, sessions[start : start + _AT_ONCE])
        return found

    async def refunds(self, numbers: Collection[str]) -> Rows:
        at = or_(
            (refund.c.done_at >= self._first) & (refund.c.done_at < self._late),
            (refund.c.approved_at >= self._first) & (refund.c.approved_at < self._late),
        )
        found = [*await self._all(refund, at), *await self._among(refund, refund.c.out_refund_no, numbers)]
        made = [row for row in _once(found, "out_refund_no") if row.status in _MADE]
        return sorted(made, key=lambda row: row.out_refund_no)

    async def shifts(self) -> Rows:
        """Those that were counted in the day."""
        return await self._all(cash_shift, cash_shift.c.closed_at >= self._first, cash_shift.c.closed_at < self._after)

    async def with_shifts(self, shifts: Rows, payments: Rows) -> Rows:
        """And those that took cash and are counted on another day, or not yet."""
        known = {row.id for row in shifts}
        others = sorted({row.shift for row in payments if row.shift and row.shift not in known})
        return [*shifts, *await self._among(cash_shift, cash_shift.c.id, others)]

    async def deposits(self) -> Rows:
        return await self._all(cash_deposit, cash_deposit.c.at >= self._first, cash_deposit.c.at < self._after)

    async def _all(self, table: Table, *where: ColumnElement[bool]) -> Rows:
        keys = list(table.primary_key.columns)
        query = select(table).where(table.c.complex == self._complex, *where).order_by(*keys)
        return (await self._connection.execute(query)).all()

    async def _among(self, table: Table, column: ColumnElement[Any], keys: Collection[str]) -> Rows:
        found: list[Row[Any]] = []
        wanted = sorted(keys)
        for start in range(0, len(wanted), _AT_ONCE):
            found += await self._all(table, column.in_(wanted[start : start + _AT_ONCE]))
        return found


def _once(rows: Iterable[Row[Any]], key: str) -> list[Row[Any]]:
    return list({getattr(row, key): row for row in rows}.values())


def _paid(payments: Rows) -> Counter[str]:
    """What came for each session."""
    found: Counter[str] = Counter()
    for row in payments:
        if row.status == "paid" and row.session:
            found[row.session] += row.amount_fen
    return found


def _charges(
    cars: Mapping[str, Row[Any]], stand: Mapping[str, Settlement], left: set[str], is_of_day: Any, zone: ZoneInfo
) -> Iterator[Charge]:
    """A car that left on another day has no exit here: that day's own passages have it."""
    for session, row in cars.items():
        is_here = is_of_day(row.exited_at) or session in left
        at = unstamp(row.exited_at).astimezone(zone) if is_here else None
        due_fen = _due_fen(stand[session])
        yield Charge(session, due_fen, _status(row, stand[session], due_fen), session, at)


def _due_fen(one: Settlement) -> int:
    """What is to be paid: the charge without what was let off."""
    return max(0, one.charged_fen - one.waived_fen - one.discounted_fen - one.written_off_fen)


def _status(row: Row[Any], one: Settlement, due_fen: int) -> str:
    """A charge whose payment was given back is paid: the refund is an item of its own."""
    if row.reason in ("voided", "unpriced"):
        return row.reason.upper()
    if one.paid_fen >= due_fen:
        return "WRITTEN_OFF" if one.written_off_fen else "CLOSED"
    return "DEBT" if one.debt_fen > 0 else "AWAITING_PAYMENT"


def _drawn(drawn: Iterable[Any], paid: Counter[str]) -> Iterator[Charge]:
    """What charging of cars costs: a session that ended is due, and has no passage."""
    for one in drawn:
        if one.fee_fen or paid[one.id]:
            yield Charge(one.id, one.fee_fen, "CLOSED")


def _payment(row: Row[Any], known: Collection[str], zone: ZoneInfo) -> Payment:
    """A payment of a session that nobody charged yet is of none."""
    of = row.session if row.session in known else None
    at = unstamp(row.paid_at).astimezone(zone) if row.paid_at else None
    return Payment(row.out_trade_no, row.channel, row.amount_fen, row.status.upper(), of, at, row.shift)


def _refund(row: Row[Any], zone: ZoneInfo) -> Refund:
    at = row.done_at or row.approved_at
    when = unstamp(at).astimezone(zone) if at else None
    return Refund(row.out_refund_no, row.channel, row.amount_fen, _MADE[row.status], row.out_trade_no, when)


def _shift(row: Row[Any], is_of_day: Any) -> Shift:
    counted = row.counted_fen if is_of_day(row.closed_at) else None
    return Shift(row.id, row.opening_float_fen, counted, row.payouts_fen, row.person)
