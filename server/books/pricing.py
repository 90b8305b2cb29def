"""What a stay costs up to a moment, for who asks before it ends: by the same function as the book of charges."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.parking import Session
from domain.tariff import BadStay, LotTariff, counting
from domain.tariff.fee import Quote
from server.books.charges import earlier_stays
from server.store import coupon_rows, pass_rows


async def fee_upto(
    connection: AsyncConnection, complex_id: str, identity: str, lot: LotTariff, session: Session, upto: datetime
) -> Quote:
    """The fee of a session that began, by its pass, its coupons, its plate's earlier stays and the version in force
    at its entry.

    Raises BadStay, NoPrice.
    """
    if session.entered_at is None:
        raise BadStay("nobody saw it come in")
    version = lot.at(session.entered_at)
    if version is None:
        raise BadStay(f"no tariff was in force at {session.entered_at:%Y-%m-%d %H:%M}")
    plan, stay = version.plan_of(session.color, session.plate), (session.entered_at, upto)
    earlier = await earlier_stays(connection, complex_id, session, plan)
    passes = await pass_rows.of_cars(connection, {(complex_id, session.plate)})
    to_pay, name = await pass_rows.to_pay(connection, passes, complex_id, session.plate, stay)
    given = (await coupon_rows.of_stays(connection, [(complex_id, identity)])).get((complex_id, identity), ())
    coupons = counting((one for one in given if one.undone_at is None), upto)
    return lot.quote_parts(session.color, session.plate, stay, earlier, to_pay, name, coupons)
