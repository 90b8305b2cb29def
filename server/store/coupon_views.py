"""What pages show of coupons: what was given, what became of it and what it took off; issuers with their month."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import RowMapping, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store import coupon_rows
from server.store.coupon_rows import Allotment, State, Used, account_of, state_of, with_stay
from server.store.coupon_tables import coupon, coupon_allotment, coupon_issuer, merchant_bill
from server.store.engine import stamp, unstamp
from server.store.schema import charge, charge_session, payment, refund, session

MOST_SHOWN, MOST_ROWS = 200, 100_000
_LEAST_SIGNS, _MOST_CARS = 4, 5


class Given(msgspec.Struct, frozen=True):
    """A coupon, and what it took off: None while its car is inside."""

    id: str
    issuer: str
    issuer_name: str
    name: str
    session: str | None
    plate: str
    state: State
    given_at: datetime
    given_by: str
    fen: int | None
    undone_by: str | None
    undone_why: str | None


class Bill(msgspec.Struct, frozen=True):
    """What a shop was billed for a month. ``receipt``: it is settled."""

    issuer: str
    month: str
    amount_fen: int
    made_by: str
    receipt: int | None


class Offer(msgspec.Struct, frozen=True):
    """An allotment, and what is left of it today."""

    of: Allotment
    used: Used
    is_open: bool

    @property
    def left(self) -> int:
        return self.used.left(self.of) if self.is_open else 0


class IssuerView(msgspec.Struct, frozen=True):
    """An issuer with a month: how many of its coupons are in which state, and what they took off."""

    id: str
    name: str
    household: str | None
    has_page: bool
    ended_at: datetime | None
    ended_why: str | None
    offers: list[Offer]
    counts: dict[str, int]
    fen: int
    bills: list[Bill]


async def offers(
    connection: AsyncConnection, complex_id: str, now: datetime, zone: ZoneInfo, issuer: str = ""
) -> list[Offer]:
    """Allotments with what is left; of a complex, or of an issuer."""
    today = now.astimezone(zone).date()
    of = await coupon_rows.allotments(connection, complex_id, issuer)
    used = await coupon_rows.used(connection, of, today, zone)
    return [Offer(one, used[one.id], one.is_open(today)) for one in of]


async def issuers(
    connection: AsyncConnection, complex_id: str, given: Sequence[Given], now: datetime, zone: ZoneInfo
) -> list[IssuerView]:
    """All of a complex, those that have ended last; ``given``: the coupons of the month that is shown."""
    query = select(coupon_issuer).where(coupon_issuer.c.complex == complex_id)
    rows = (
        await connection.execute(query.order_by(coupon_issuer.c.ended_at.is_not(None), coupon_issuer.c.name))
    ).mappings()
    counts, fen = defaultdict[str, Counter[str]](Counter), Counter[str]()
    for one in given:
        counts[one.issuer][one.state] += 1
        fen[one.issuer] += one.fen or 0
    its_bills, of = await bills(connection, complex_id), await offers(connection, complex_id, now, zone)
    return [_issuer(row, of, counts, fen, its_bills) for row in rows]


def _issuer(
    row: RowMapping, of: list[Offer], counts: dict[str, Counter[str]], fen: Counter[str], its_bills: list[Bill]
) -> IssuerView:
    identity = row["id"]
    return IssuerView(
        id=identity,
        name=row["name"],
        household=row["household"],
        has_page=row["digest"] is not None,
        ended_at=unstamp(row["ended_at"]) if row["ended_at"] else None,
        ended_why=row["ended_why"],
        offers=[one for one in of if one.of.issuer == identity],
        counts=dict(counts[identity]),
        fen=fen[identity],
        bills=[one for one in its_bills if one.issuer == identity],
    )


async def bills(connection: AsyncConnection, complex_id: str) -> list[Bill]:
    """The newest months first; money that was given back settles nothing."""
    paid = and_(payment.c.complex == merchant_bill.c.complex, payment.c.out_trade_no == merchant_bill.c.out_trade_no)
    back = and_(refund.c.complex == payment.c.complex, refund.c.out_trade_no == payment.c.out_trade_no)
    columns = [merchant_bill.c[name] for name in ("issuer", "month", "amount_fen", "made_by")]
    query = select(*columns, payment.c.receipt, refund.c.status.label("given_back"))
    query = query.outerjoin(payment, paid).outerjoin(refund, back).where(merchant_bill.c.complex == complex_id)
    rows = await connection.execute(query.order_by(merchant_bill.c.month.desc(), merchant_bill.c.issuer))
    return [_bill(row) for row in rows.mappings()]


def _bill(row: RowMapping) -> Bill:
    receipt = None if row["given_back"] == "success" else row["receipt"]
    return Bill(row["issuer"], row["month"], row["amount_fen"], row["made_by"], receipt)


async def given(
    connection: AsyncConnection,
    complex_id: str,
    days: tuple[date, date],
    zone: ZoneInfo,
    issuer: str = "",
    most: int = MOST_ROWS,
) -> list[Given]:
    """Coupons given from a day until another (not included), the newest first."""
    first, after = (stamp(datetime.combine(day, time(), zone)) for day in days)
    whose = and_(coupon_issuer.c.complex == coupon.c.complex, coupon_issuer.c.id == coupon.c.issuer)
    what = and_(coupon_allotment.c.complex == coupon.c.complex, coupon_allotment.c.id == coupon.c.allotment)
    columns = (coupon, coupon_issuer.c.name.label("issuer_name"), coupon_issuer.c.household, coupon_allotment.c.name)
    query = with_stay(select(*columns, charge_session.c.plate, charge_session.c.exited_at))
    query = query.join(coupon_issuer, whose).join(coupon_allotment, what)
    query = query.where(coupon.c.complex == complex_id, coupon.c.given_at >= first, coupon.c.given_at < after)
    if issuer:
        query = query.where(coupon.c.issuer == issuer)
    rows = (
        (await connection.execute(query.order_by(coupon.c.given_at.desc(), coupon.c.id).limit(most))).mappings().all()
    )
    plates = await _plates(connection, complex_id, rows)
    sums = await _taken_off(connection, complex_id, rows)
    return [_given(row, plates, sums) for row in rows]


def _given(row: RowMapping, plates: dict[str, str], sums: dict[tuple[str, str], int]) -> Given:
    state = state_of(_Row(row["given_at"], row["undone_at"], row["session"], row["exited_at"]))
    account = f"discount:{account_of(row['issuer'], row['household'])}"
    fen = sums.get((row["session"], account), 0) if state == "used" else None
    return Given(
        id=row["id"],
        issuer=row["issuer"],
        issuer_name=row["issuer_name"],
        name=row["name"],
        session=row["session"],
        plate=row["plate"] or plates.get(row["session"], ""),
        state=state,
        given_at=unstamp(row["given_at"]),
        given_by=row["given_by"],
        fen=fen,
        undone_by=row["undone_by"],
        undone_why=row["undone_why"],
    )


class _Row(msgspec.Struct):
    given_at: str
    undone_at: str | None
    session: str | None
    exited_at: str | None


async def _plates(connection: AsyncConnection, complex_id: str, rows: Sequence[RowMapping]) -> dict[str, str]:
    """Of stays that the book of charges has not heard of yet."""
    missing = sorted({row["session"] for row in rows if row["session"] and not row["plate"]})[:MOST_SHOWN]
    query = select(session.c.id, session.c.plate).where(session.c.complex == complex_id, session.c.id.in_(missing))
    return {row.id: row.plate for row in await connection.execute(query)} if missing else {}


async def _taken_off(
    connection: AsyncConnection, complex_id: str, rows: Sequence[RowMapping]
) -> dict[tuple[str, str], int]:
    """By session and account, by the newest explanation of each charge."""
    wanted, found = sorted({row["session"] for row in rows if row["session"]}), dict[tuple[str, str], int]()
    for start in range(0, len(wanted), 500):
        for key, fen in await _discounts(connection, complex_id, wanted[start : start + 500]):
            found[key] = found.get(key, 0) + fen
    return found


async def _discounts(
    connection: AsyncConnection, complex_id: str, sessions: Sequence[str]
) -> list[tuple[tuple[str, str], int]]:
    """Each line of the newest explanations that the ledger books as a discount."""
    newer = charge.alias()
    newest = select(func.max(newer.c.revision)).where(
        newer.c.complex == complex_id, newer.c.session == charge.c.session
    )
    query = select(charge.c.session, charge.c.lines).where(
        charge.c.complex == complex_id,
        charge.c.session.in_(sessions),
        charge.c.revision == newest.correlate(charge).scalar_subquery(),
    )
    lines = [(row.session, line) for row in await connection.execute(query) for line in row.lines]
    return [((of, line["account"]), -line["fen"]) for of, line in lines if line.get("account")]


def day_after(day: date) -> date:
    return day + timedelta(days=1)


async def cars(connection: AsyncConnection, complex_id: str, signs: str) -> list[dict[str, Any]]:
    """Cars inside whose plates have these signs; none for fewer than four, for nobody looks through who is here."""
    if len(signs) < _LEAST_SIGNS:
        return []
    inside = (session.c.complex == complex_id, session.c.state == "inside")
    query = select(session.c.id, session.c.plate, session.c.entered_at)
    query = query.where(*inside, session.c.plate.contains(signs, autoescape=True)).order_by(session.c.begun_at.desc())
    rows = (await connection.execute(query.limit(_MOST_CARS))).mappings()
    return [{"id": row["id"], "plate": row["plate"], "entered_at": unstamp(row["entered_at"])} for row in rows]
