"""Coupons as the book of charges and the pages ask for them: who may give what, what was given, to whose stay."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Select, and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.tariff import Coupon, Discount
from domain.tariff.coupons import WAITS
from domain.tariff.discounts import Kind
from server.store.bulk import look_up
from server.store.coupon_tables import coupon, coupon_allotment, coupon_issuer
from server.store.engine import stamp, unstamp
from server.store.schema import charge_session
from server.store.stays import Refolded

Stay = tuple[str, str]  # a complex and a session
# returned: its stay is none, or had ended before it was given
State = Literal["given", "used", "undone", "returned"]
_KEYS = {"complex": "varchar", "session": "varchar"}
_OF = """JOIN coupon_allotment AS allotment
ON allotment.complex = coupon.complex AND allotment.id = coupon.allotment
JOIN coupon_issuer AS issuer ON issuer.complex = coupon.complex AND issuer.id = coupon.issuer"""
_GIVEN = f"""SELECT coupon.complex, coupon.session, coupon.id, coupon.given_at, coupon.undone_at, coupon.issuer,
issuer.household, allotment.name, allotment.kind, allotment.amount FROM wanted CROSS JOIN coupon {_OF}
WHERE coupon.complex = wanted.complex AND coupon.session = wanted.session"""  # noqa: S608 - names of ours
_BY_PASSAGE = """SELECT coupon.complex, coupon.id, coupon.passage, coupon.session FROM wanted CROSS JOIN coupon
WHERE coupon.complex = wanted.complex AND coupon.passage = wanted.passage"""


class Allotment(msgspec.Struct, frozen=True):
    """What an issuer may give: so many of a kind, within its days."""

    complex: str
    id: str
    issuer: str
    name: str
    kind: Kind
    amount: int
    per_day: int | None
    per_month: int
    from_day: str
    until_day: str | None
    ended_at: str | None
    issuer_ended_at: str | None
    household: str | None

    def is_open(self, today: date) -> bool:
        is_within = self.from_day <= today.isoformat() <= (self.until_day or "9")
        return is_within and self.ended_at is None and self.issuer_ended_at is None


class Used(msgspec.Struct, frozen=True):
    """How many coupons of an allotment count against its day and its month."""

    today: int
    month: int

    def left(self, of: Allotment) -> int:
        a_day = of.per_month if of.per_day is None else of.per_day
        return max(0, min(a_day - self.today, of.per_month - self.month))


def account_of(issuer: str, household: str | None) -> str:
    """Below ``discount:`` in the ledger: a shop's are its own to pay, a household's are the complex's to bear."""
    return f"{'coupon' if household else 'merchant'}:{issuer}"


async def follow(connection: AsyncConnection, changed: Sequence[Refolded]) -> None:
    """Let coupons follow their passages: to the stay that each is part of now; to none where it was no car."""
    there = await _complexes(connection, {one.complex for one in changed})
    now: dict[tuple[str, bytes], str | None] = {}
    for one in changed:
        if one.complex in there:
            now |= {(one.complex, passage.id): None for passage in one.passages}
    for one in changed:
        stays = (stay for stay in one.now if one.complex in there and stay.state != "voided")
        now |= {(one.complex, passage): stay.id.hex() for stay in stays for passage in stay.passage_ids}
    if not now:
        return
    found = await look_up(connection, {"complex": "varchar", "passage": "bytea"}, list(now), _BY_PASSAGE)
    for complex_id, identity, passage, before in found:
        stay = now[complex_id, bytes(passage)]
        if stay != before:
            same = (coupon.c.complex == complex_id, coupon.c.id == identity)
            await connection.execute(update(coupon).where(*same).values(session=stay))


async def _complexes(connection: AsyncConnection, complexes: Collection[str]) -> set[str]:
    """Which of these have coupons at all."""
    query = select(coupon_issuer.c.complex).where(coupon_issuer.c.complex.in_(complexes)).distinct()
    return set((await connection.execute(query)).scalars())


async def of_stays(connection: AsyncConnection, stays: Collection[Stay]) -> Mapping[Stay, list[Coupon]]:
    """What was given to these stays, by one statement."""
    found: defaultdict[Stay, list[Coupon]] = defaultdict(list)
    for row in await look_up(connection, _KEYS, sorted(stays), _GIVEN) if stays else []:
        found[row[0], row[1]].append(_coupon(row[2:]))
    return dict(found)


def _coupon(row: Sequence[Any]) -> Coupon:
    identity, given_at, undone_at, issuer, household, name, kind, amount = row
    taken_off = Discount(name, kind, amount, account_of(issuer, household))
    return Coupon(identity, taken_off, unstamp(given_at), unstamp(undone_at) if undone_at else None)


def _allotments() -> Select[Any]:
    columns = [coupon_allotment.c[name] for name in Allotment.__struct_fields__ if name in coupon_allotment.c]
    of_issuer = (coupon_issuer.c.ended_at.label("issuer_ended_at"), coupon_issuer.c.household)
    same = and_(coupon_issuer.c.complex == coupon_allotment.c.complex, coupon_issuer.c.id == coupon_allotment.c.issuer)
    query = select(*columns, *of_issuer).join(coupon_issuer, same)
    return query.order_by(coupon_allotment.c.made_at, coupon_allotment.c.id)


async def allotments(connection: AsyncConnection, complex_id: str, issuer: str = "") -> list[Allotment]:
    """All of a complex, also those that have ended; or an issuer's."""
    query = _allotments().where(coupon_allotment.c.complex == complex_id)
    if issuer:
        query = query.where(coupon_allotment.c.issuer == issuer)
    return [msgspec.convert(row, Allotment) for row in (await connection.execute(query)).mappings()]


def with_stay(query: Any) -> Any:
    """And the book's stay of each coupon, where it has one."""
    same = and_(charge_session.c.complex == coupon.c.complex, charge_session.c.id == coupon.c.session)
    return query.outerjoin(charge_session, same)


async def used(connection: AsyncConnection, of: Iterable[Allotment], today: date, zone: ZoneInfo) -> dict[str, Used]:
    """How much of each allotment is used, by the complex's own days."""
    day, month = (stamp(datetime.combine(at, time(), zone)) for at in (today, today.replace(day=1)))
    found: dict[str, Used] = {}
    for one in of:
        same = (coupon.c.complex == one.complex, coupon.c.allotment == one.id, coupon.c.given_at >= month)
        query = with_stay(select(coupon.c.given_at, coupon.c.undone_at, coupon.c.session, charge_session.c.exited_at))
        rows = (await connection.execute(query.where(*same))).all()
        live = [row.given_at for row in rows if state_of(row) in ("given", "used")]
        found[one.id] = Used(sum(at >= day for at in live), len(live))
    return found


def state_of(row: Any) -> State:
    """Of a coupon's ``given_at``, ``undone_at`` and ``session``, with ``exited_at`` of the book's stay."""
    left = unstamp(row.exited_at) if row.exited_at else None
    undone_at = unstamp(row.undone_at) if row.undone_at else None
    if undone_at is not None and (left is None or undone_at <= left):
        return "undone"
    if row.session is None or (left is not None and unstamp(row.given_at) > left + WAITS):
        return "returned"
    return "given" if left is None else "used"
