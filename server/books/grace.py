"""Cars that paid and left within their grace: their stay is charged up to when the fee was reckoned, as their gateway
let them out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.tariff.fee import Line, Quote
from server.store.bulk import look_up
from server.store.engine import unstamp
from server.store.lane_settings import grace_of

Stay = tuple[str, str]  # a complex and a session
_PAID = """SELECT payment.complex, payment.session, max(payment.quoted_at) FROM wanted CROSS JOIN payment
WHERE payment.complex = wanted.complex AND payment.session = wanted.session
AND payment.status = 'paid' AND payment.quoted_at IS NOT NULL GROUP BY payment.complex, payment.session"""


class Grace(msgspec.Struct, frozen=True):
    """Up to when what was paid last of each stay was reckoned, and how long cars of a complex may take to leave."""

    paid_upto: Mapping[Stay, datetime]
    lasts: Mapping[str, timedelta]

    def upto(self, complex_id: str, session: str, exited_at: datetime) -> datetime:
        """The moment up to which a stay is charged."""
        paid = self.paid_upto.get((complex_id, session))
        if paid is not None and paid <= exited_at <= paid + self.lasts[complex_id]:
            return paid
        return exited_at

    def known(self, complex_id: str, session: str) -> bool:
        """Whether anything was paid: then a charge is looked at again, for the payment may be newer than it."""
        return (complex_id, session) in self.paid_upto


async def of_stays(connection: AsyncConnection, stays: Collection[Stay]) -> Grace:
    """By one statement for what was paid, and one a complex where something was."""
    rows: list[Any] = await look_up(connection, {"complex": "varchar", "session": "varchar"}, sorted(stays), _PAID)
    paid = {(complex_id, session): unstamp(at) for complex_id, session, at in rows}
    lasts = {complex_id: await grace_of(connection, complex_id) for complex_id in sorted({one for one, _ in paid})}
    return Grace(paid, lasts)


def explained(quote: Quote, upto: datetime, exited_at: datetime) -> Quote:
    """The same fee; where it was reckoned up to an earlier moment than the exit, a line says so."""
    if upto == exited_at:
        return quote
    zone = quote.lines[-1].end.tzinfo if quote.lines else upto.tzinfo
    rest = Line(upto.astimezone(zone), exited_at.astimezone(zone), "grace after paying", 0, 0)
    return msgspec.structs.replace(quote, lines=(*quote.lines, rest))
