"""Coupons are given to cars inside, taken back for a while, and told to the gateways: within what was allotted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.masking import masked_text
from server.books.desk import NotDone
from server.cells import moves
from server.store import coupon_rows, desired_rows, settlement
from server.store.coupon_rows import Allotment, account_of
from server.store.coupon_tables import coupon, coupon_allotment, coupon_issuer
from server.store.engine import Database, stamp, unstamp
from server.store.schema import desired_state, session
from server.store.upsert import insert
from server.store.zones import zone_of

KIND, ITSELF = "coupons", "gatehouse"
MOST_A_STAY = 3
UNDO_WITHIN = timedelta(minutes=10)
_TIDY_AFTER = timedelta(days=1)  # so long the gateways' document may name stays that have ended
Entry = dict[str, Any]


async def give(
    connection: AsyncConnection, allotment: Allotment, stay: str, identity: str, by: str, now: datetime
) -> bool:
    """Give one to a car inside; whether it is new: the same ``identity`` again is the same coupon. Raises NotDone."""
    if await _known(connection, allotment, identity):
        return False
    zone = await zone_of(connection, allotment.complex)
    today = now.astimezone(zone).date()
    if not allotment.is_open(today):
        raise NotDone("not_open")
    begun_by = await _begun_by(connection, allotment.complex, stay)
    await _check_stay(connection, allotment, stay)
    if not (await coupon_rows.used(connection, [allotment], today, zone))[allotment.id].left(allotment):
        raise NotDone("used_up")
    row = {"complex": allotment.complex, "id": identity, "issuer": allotment.issuer, "allotment": allotment.id}
    row |= {"passage": begun_by, "session": stay, "given_at": stamp(now), "given_by": by}
    done = await connection.execute(insert(coupon).values(**row).on_conflict_do_nothing())
    return bool(done.rowcount)


async def _known(connection: AsyncConnection, allotment: Allotment, identity: str) -> bool:
    same = (coupon.c.complex == allotment.complex, coupon.c.id == identity)
    found = (await connection.execute(select(coupon.c.allotment).where(*same))).scalar()
    if found is not None and found != allotment.id:
        raise NotDone("not_open")
    return found is not None


async def _begun_by(connection: AsyncConnection, complex_id: str, stay: str) -> bytes:
    """The passage that a stay of a car inside began with. Raises NotDone."""
    same = (session.c.complex == complex_id, session.c.id == stay, session.c.state == "inside")
    found = (await connection.execute(select(session.c.begun_by).where(*same))).scalar()
    if found is None:
        raise NotDone("not_inside")
    return bytes(found)


async def _check_stay(connection: AsyncConnection, allotment: Allotment, stay: str) -> None:
    """One of an issuer on a stay, few on any; none where money came already, for it would have to go back."""
    same = (coupon.c.complex == allotment.complex, coupon.c.session == stay, coupon.c.undone_at.is_(None))
    there = list((await connection.execute(select(coupon.c.issuer).where(*same))).scalars())
    if allotment.issuer in there:
        raise NotDone("given")
    if len(there) >= MOST_A_STAY:
        raise NotDone("enough")
    await _check_unpaid(connection, allotment.complex, stay)


async def _check_unpaid(connection: AsyncConnection, complex_id: str, stay: str) -> None:
    stands = await settlement.of_session(connection, complex_id, stay)
    if stands.asked or stands.paid_fen > stands.refunded_fen:
        raise NotDone("paid")


async def take_back(
    connection: AsyncConnection,
    complex_id: str,
    identity: str,
    by: str,
    why: str,
    now: datetime,
    issuer: str = "",
) -> bool:
    """Take one back while its car is inside and has not paid; whether it was not yet. ``issuer``: by whoever gave it,
    for some minutes. Raises NotDone."""
    same = (coupon.c.complex == complex_id, coupon.c.id == identity)
    row = (await connection.execute(select(coupon).where(*same))).mappings().first()
    if row is None or (issuer and row["issuer"] != issuer):
        raise NotDone("no_coupon")
    if row["undone_at"] is not None:
        return False
    if issuer and now > unstamp(row["given_at"]) + UNDO_WITHIN:
        raise NotDone("too_late")
    if row["session"] is not None:
        await _begun_by(connection, complex_id, row["session"])
        await _check_unpaid(connection, complex_id, row["session"])
    said = {"undone_at": stamp(now), "undone_by": by, "undone_why": masked_text(why)}
    await connection.execute(update(coupon).where(*same).values(**said))
    return True


async def publish(connection: AsyncConnection, complex_id: str, by: str, now: datetime) -> None:
    """The gateways' document says what cars inside have. Raises BadDesired where those are more than it takes."""
    await desired_rows.put(connection, complex_id, KIND, {KIND: await entries(connection, complex_id)}, by, now)


async def entries(connection: AsyncConnection, complex_id: str) -> list[Entry]:
    """What was given to cars inside, as the gateways' document has it."""
    of = and_(coupon_allotment.c.complex == coupon.c.complex, coupon_allotment.c.id == coupon.c.allotment)
    whose = and_(coupon_issuer.c.complex == coupon.c.complex, coupon_issuer.c.id == coupon.c.issuer)
    stay = and_(session.c.complex == coupon.c.complex, session.c.id == coupon.c.session, session.c.state == "inside")
    columns = (coupon.c.id, session.c.plate, session.c.entered_at, coupon.c.given_at, coupon.c.issuer)
    what = (coupon_allotment.c.name, coupon_allotment.c.kind, coupon_allotment.c.amount, coupon_issuer.c.household)
    query = select(*columns, *what).join(coupon_allotment, of).join(coupon_issuer, whose).join(session, stay)
    query = query.where(coupon.c.complex == complex_id, coupon.c.undone_at.is_(None))
    rows = (await connection.execute(query.order_by(coupon.c.given_at, coupon.c.id))).mappings()
    return [_entry(row) for row in rows]


def _entry(row: Mapping[Any, Any]) -> Entry:
    said = {name: row[name] for name in ("id", "plate", "entered_at", "given_at", "name", "kind", "amount")}
    return said | {"account": account_of(row["issuer"], row["household"])}


async def tell(db: Database, now: datetime) -> int:
    """Documents that lag behind are written anew: a plate was corrected, or stays in them ended long ago; how many."""
    async with db.read() as connection:
        away = await moves.away(connection)
        there = set((await connection.execute(select(coupon_issuer.c.complex).distinct())).scalars()) - away
        late = [one for one in sorted(there) if await _lags(connection, one, now)]
    for complex_id in late:
        async with db.write(complex_id) as connection:
            await publish(connection, complex_id, ITSELF, now)
    return len(late)


async def _lags(connection: AsyncConnection, complex_id: str, now: datetime) -> bool:
    """Whether the document lacks something, or has what is false. What has ended may stay in it for a day."""
    wanted, newest = await entries(connection, complex_id), await _newest(connection, complex_id)
    had: list[Entry] = msgspec.json.decode(newest.body)[KIND] if newest else []
    if any(one not in had for one in wanted):
        return True
    extra = {one["id"] for one in had if one not in wanted}
    if not extra:
        return False
    ended = select(coupon.c.id).join(session, and_(session.c.complex == complex_id, session.c.id == coupon.c.session))
    same = (coupon.c.complex == complex_id, coupon.c.id.in_(extra), coupon.c.undone_at.is_(None))
    rows = await connection.execute(ended.where(*same, session.c.state == "exited"))
    return len(extra) > len(rows.all()) or now > unstamp(newest.made_at) + _TIDY_AFTER


async def _newest(connection: AsyncConnection, complex_id: str) -> Any:
    same = (desired_state.c.complex == complex_id, desired_state.c.kind == KIND)
    query = select(desired_state.c.body, desired_state.c.made_at).where(*same)
    return (await connection.execute(query.order_by(desired_state.c.version.desc()).limit(1))).first()
