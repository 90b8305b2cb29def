"""What goes with time beside the log: refusals, the book's working rows, old orders and wishes, pictures of nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.retention import Hold, Terms
from server.retention import handed, holds
from server.retention.expiry import count
from server.retention.letting_go import disown
from server.store import item_blanks, plan_rows, provider_bill_rows, upload_rows
from server.store.care_tables import care_task, care_watch
from server.store.device_tables import device_import
from server.store.engine import Database, stamp
from server.store.item_tables import item_picture
from server.store.money_tables import payment
from server.store.patrol_tables import patrol_act
from server.store.payment_tables import payment_order, provider_notice
from server.store.plan_tables import site_plan
from server.store.resident_tables import credential, resident_import, vehicle_pass
from server.store.retention_tables import picture_use
from server.store.revenue_tables import revenue_document
from server.store.schema import (
    alert_action,
    charge,
    charge_passage,
    charge_session,
    cursor,
    delivery,
    desired_state,
    gateway,
    gateway_order,
    media,
    parking_passage,
    passage_correction,
    refusal,
)

_AT_ONCE = 500


class Beside:
    """Lets go of what lies beside the log, a few rows a transaction."""

    def __init__(self, db: Database, terms: Terms) -> None:
        self._db, self._terms = db, terms

    async def round(self, now: datetime) -> Counter[str]:
        """Everything that is due; what went, in numbers."""
        went = Counter[str]()
        steps = (
            _refusals,
            _orders,
            _wishes,
            _parked_deliveries,
            _handovers,
            _handed_over,
            _book_workings,
            _charges,
            _corrections,
            _item_phones,
            _items,
            _pictures,
            _residents,
            _site_plans,
            _bills,
            _provider_orders,
            _provider_notices,
            _rounds,
            _care,
        )
        for step in steps:
            name = step.__name__.strip("_")
            while gone := await self._step(step, name, now):
                went[name] += gone
                if gone < _AT_ONCE:
                    break
        return +went

    async def _step(self, step: Any, name: str, now: datetime) -> int:
        async with self._db.write() as connection:
            in_force = await holds.that_keep(connection, now)
            gone = await step(connection, self._terms, in_force, now)
            if gone:
                await count(connection, now.date().isoformat(), "beside", {name: gone})
        return gone


def _held_complexes(in_force: Sequence[Hold]) -> list[str] | None:
    """Complexes in which what names nobody may not go; None: nowhere may it."""
    if any(not hold.complex for hold in in_force):
        return None
    return sorted({hold.complex for hold in in_force})


async def _refusals(connection: AsyncConnection, terms: Terms, in_force: Sequence[Hold], now: datetime) -> int:
    """Bytes that were not taken may hold anything: they go with the records of doors."""
    held = _held_complexes(in_force)
    if held is None:
        return 0
    of_held = select(gateway.c.id).where(gateway.c.complex.in_(held))
    old = (refusal.c.received_at < stamp(terms.cutoff("door", now)), refusal.c.gateway.not_in(of_held))
    numbers = (await connection.execute(select(refusal.c.number).where(*old).limit(_AT_ONCE))).scalars().all()
    await connection.execute(delete(refusal).where(refusal.c.number.in_(numbers)))
    return len(numbers)


async def _orders(connection: AsyncConnection, terms: Terms, in_force: Sequence[Hold], now: datetime) -> int:
    held = _held_complexes(in_force)
    if held is None:
        return 0
    old = (gateway_order.c.expires_at < stamp(terms.cutoff("alarm", now)), gateway_order.c.complex.not_in(held))
    numbers = (await connection.execute(select(gateway_order.c.number).where(*old).limit(_AT_ONCE))).scalars().all()
    await connection.execute(delete(gateway_order).where(gateway_order.c.number.in_(numbers)))
    return len(numbers)


async def _wishes(connection: AsyncConnection, terms: Terms, in_force: Sequence[Hold], now: datetime) -> int:
    """Versions of desired state that a newer one replaced."""
    held = _held_complexes(in_force)
    if held is None:
        return 0
    newer = desired_state.alias()
    replaced = exists().where(
        newer.c.complex == desired_state.c.complex,
        newer.c.kind == desired_state.c.kind,
        newer.c.version > desired_state.c.version,
        newer.c.made_at < stamp(terms.cutoff("door", now)),  # the version was in force until then
    )
    query = select(desired_state.c.number).where(replaced, desired_state.c.complex.not_in(held)).limit(_AT_ONCE)
    numbers = (await connection.execute(query)).scalars().all()
    await connection.execute(delete(desired_state).where(desired_state.c.number.in_(numbers)))
    return len(numbers)


class _Sent(msgspec.Struct):
    time: datetime | None = None


async def _parked_deliveries(connection: AsyncConnection, terms: Terms, in_force: Sequence[Hold], now: datetime) -> int:
    """What a receiver refused for good: its body goes, its id stays."""
    if in_force:
        return 0
    query = select(delivery.c.feed, delivery.c.id, delivery.c.body)
    rows = await connection.execute(query.where(delivery.c.state == "parked", delivery.c.body.is_not(None)))
    cutoff, gone = terms.cutoff("alarm", now), 0
    for row in rows.all():
        time = msgspec.json.decode(row.body, type=_Sent).time
        if time is not None and time < cutoff:
            same = (delivery.c.feed == row.feed, delivery.c.id == row.id)
            await connection.execute(update(delivery).where(*same).values(body=None))
            gone += 1
    return gone


async def _book_workings(connection: AsyncConnection, terms: Terms, in_force: Sequence[Hold], now: datetime) -> int:
    """The book's passages and stays for which nothing was charged: with the records of vehicles.

    A stay that is not over is kept, and so is what came after it began: it is charged by that.
    """
    cutoff = stamp(terms.cutoff("vehicle", now))
    charged = exists().where(charge.c.complex == charge_session.c.complex, charge.c.session == charge_session.c.id)
    over = func.coalesce(charge_session.c.exited_at, charge_session.c.begun_at) < cutoff
    old: list[ColumnElement[bool]] = [over, charge_session.c.state != "inside", ~charged]
    old += [_not_held(hold, charge_session, charge_session.c.begun_at) for hold in in_force]
    columns = (charge_session.c.complex, charge_session.c.id)
    keys = (await connection.execute(select(*columns).where(*old).limit(_AT_ONCE))).all()
    for complex_id, identity in keys:
        same = (charge_session.c.complex == complex_id, charge_session.c.id == identity)
        await connection.execute(delete(charge_session).where(*same))
    return len(keys) + await _loose_passages(connection, cutoff, in_force)


async def _loose_passages(connection: AsyncConnection, cutoff: str, in_force: Sequence[Hold]) -> int:
    """Passages that no stay of their plate which is left began before."""
    stays = charge_session.alias()
    needed = exists().where(
        stays.c.complex == charge_passage.c.complex,
        stays.c.plate == charge_passage.c.plate,
        stays.c.begun_at <= charge_passage.c.occurred_at,
    )
    old: list[ColumnElement[bool]] = [charge_passage.c.occurred_at < cutoff, ~needed]
    old += [_not_held(hold, charge_passage, charge_passage.c.occurred_at) for hold in in_force]
    keys = (
        await connection.execute(select(charge_passage.c.complex, charge_passage.c.id).where(*old).limit(_AT_ONCE))
    ).all()
    for complex_id, identity in keys:
        same = (charge_passage.c.complex == complex_id, charge_passage.c.id == identity)
        await connection.execute(delete(charge_passage).where(*same))
    return len(keys)


async def _charges(connection: AsyncConnection, terms: Terms, in_force: Sequence[Hold], now: datetime) -> int:
    """Entries of the book, and the stays they price."""
    old: list[ColumnElement[bool]] = [charge.c.booked_at < stamp(terms.cutoff("money", now))]
    old += [_not_held(hold, charge, charge.c.entered_at) for hold in in_force]
    rows = (
        await connection.execute(
            select(charge.c.number, charge.c.complex, charge.c.session).where(*old).limit(_AT_ONCE)
        )
    ).all()
    await connection.execute(delete(charge).where(charge.c.number.in_([row.number for row in rows])))
    return len(rows)


async def _corrections(connection: AsyncConnection, terms: Terms, in_force: Sequence[Hold], now: datetime) -> int:
    """What people said of passages that are gone, with the book's entries."""
    held = _held_complexes(in_force)
    if held is None:
        return 0
    table, kept = passage_correction, list[ColumnElement[bool]]()
    for passages in (parking_passage, charge_passage):
        kept.append(exists().where(passages.c.complex == table.c.complex, passages.c.id == table.c.passage))
    old = (table.c.at < stamp(terms.cutoff("money", now)), table.c.complex.not_in(held), ~or_(*kept))
    numbers = (await connection.execute(select(table.c.number).where(*old).limit(_AT_ONCE))).scalars().all()
    await connection.execute(delete(table).where(table.c.number.in_(numbers)))
    return len(numbers)


def _not_held(hold: Hold, table: Any, at: Any) -> ColumnElement[bool]:
    """Rows of a plate that a hold does not cover; one that names a card, a person or a device may cover any."""
    covered: list[ColumnElement[bool]] = []
    if hold.complex:
        covered.append(table.c.complex == hold.complex)
    if hold.plate:
        covered.append(table.c.plate == hold.forms[0].partition(":")[2])
    if hold.since is not None:
        covered.append(at >= stamp(hold.since))
    if hold.until is not None:
        covered.append(at <= stamp(hold.until))
    return ~and_(*covered) if covered else or_(table.c.complex.is_(None))


async def _pictures(connection: AsyncConnection, terms: Terms, in_force: Sequence[Hold], now: datetime) -> int:
    """Pictures that no record names: their event never came, or went."""
    held = _held_complexes(in_force)
    if held is None or not await _are_counted(connection):
        return 0
    named = exists().where(picture_use.c.complex == media.c.complex, picture_use.c.sha256 == media.c.sha256)
    shown = exists().where(site_plan.c.complex == media.c.complex, site_plan.c.picture == media.c.sha256)
    document = revenue_document
    proves = exists().where(document.c.complex == media.c.complex, document.c.sha256 == media.c.sha256)
    of_item = exists().where(item_picture.c.complex == media.c.complex, item_picture.c.sha256 == media.c.sha256)
    closed = exists().where(alert_action.c.photo == media.c.sha256)  # goes with its alert
    unused = (~named, ~shown, ~proves, ~of_item, ~closed, media.c.complex.not_in(held))
    old = (media.c.received_at < stamp(terms.cutoff("video_index", now)), *unused)
    rows = (await connection.execute(select(media.c.complex, media.c.sha256).where(*old).limit(_AT_ONCE))).all()
    for complex_id in sorted({row.complex for row in rows}):
        await disown(connection, complex_id, [row.sha256 for row in rows if row.complex == complex_id])
    return len(rows)


async def _item_phones(connection: AsyncConnection, terms: Terms, in_force: Sequence[Hold], now: datetime) -> int:
    """Who reported is telephoned no more: their number goes with the records of doors, from when it was over."""
    held = _held_complexes(in_force)
    return 0 if held is None else await item_blanks.forget_phones(connection, terms.cutoff("door", now), held, _AT_ONCE)


async def _items(connection: AsyncConnection, terms: Terms, in_force: Sequence[Hold], now: datetime) -> int:
    """Words and pictures of items that are over, with the alarms; that there was one, and how long it took, stays."""
    held = _held_complexes(in_force)
    cutoff = terms.cutoff("alarm", now)
    return 0 if held is None else await item_blanks.blank_old(connection, cutoff, held, now, _AT_ONCE)


async def _residents(connection: AsyncConnection, terms: Terms, in_force: Sequence[Hold], now: datetime) -> int:
    """Cards, codes and plates that opened nothing any more as long ago as the records of doors; workbooks of nobody."""
    held = _held_complexes(in_force)
    if held is None:
        return 0
    cutoff = terms.cutoff("door", now)
    gone = 0
    for table, ended in ((credential, credential.c.revoked_at), (vehicle_pass, vehicle_pass.c.ended_at)):
        old = or_(ended < stamp(cutoff), table.c.until_day < cutoff.date().isoformat())
        keys = select(table.c.complex, table.c.id).where(old, table.c.complex.not_in(held)).limit(_AT_ONCE)
        for complex_id, identity in (await connection.execute(keys)).all():
            await connection.execute(delete(table).where(table.c.complex == complex_id, table.c.id == identity))
            gone += 1
    for table in (resident_import, device_import):
        await connection.execute(delete(table).where(table.c.made_at < stamp(now - timedelta(hours=1))))
    return gone


async def _site_plans(connection: AsyncConnection, _terms: Terms, _held: Sequence[Hold], now: datetime) -> int:
    """Plans that were removed so long ago that nobody can put them back; their pictures are nobody's then."""
    return await plan_rows.forget_removed(connection, now, _AT_ONCE)


async def _bills(connection: AsyncConnection, _terms: Terms, _held: Sequence[Hold], now: datetime) -> int:
    """Bytes of providers' files of days that nobody signed: the providers have them."""
    fetched = await provider_bill_rows.let_go(connection, now)
    return fetched + await upload_rows.let_go_old(connection, now, _AT_ONCE)


async def _provider_orders(connection: AsyncConnection, terms: Terms, in_force: Sequence[Hold], now: datetime) -> int:
    """How payments were asked for at their providers: a voucher of the payment, which stays with its journal."""
    held = _held_complexes(in_force)
    if held is None:
        return 0
    table = payment_order
    same = and_(payment.c.complex == table.c.complex, payment.c.out_trade_no == table.c.out_trade_no)
    old = (payment.c.asked_at < stamp(terms.cutoff("money", now)), payment.c.status != "pending")
    query = select(table.c.complex, table.c.out_trade_no).join(payment, same).where(*old, table.c.complex.not_in(held))
    rows = [(row.complex, row.out_trade_no) for row in await connection.execute(query.limit(_AT_ONCE))]
    await connection.execute(delete(table).where(tuple_(table.c.complex, table.c.out_trade_no).in_(rows)))
    return len(rows)


async def _provider_notices(connection: AsyncConnection, terms: Terms, in_force: Sequence[Hold], now: datetime) -> int:
    """What providers told: a voucher too. A notice that comes again so late is refused by its own time."""
    held = _held_complexes(in_force)
    if held is None:
        return 0
    table = provider_notice
    old = (table.c.received_at < stamp(terms.cutoff("money", now)), table.c.complex.not_in(held))
    query = select(table.c.complex, table.c.channel, table.c.id).where(*old).limit(_AT_ONCE)
    rows = [(row.complex, row.channel, row.id) for row in await connection.execute(query)]
    await connection.execute(delete(table).where(tuple_(table.c.complex, table.c.channel, table.c.id).in_(rows)))
    return len(rows)


async def _rounds(connection: AsyncConnection, terms: Terms, in_force: Sequence[Hold], now: datetime) -> int:
    """Who walked when, with what people did with alerts."""
    held = _held_complexes(in_force)
    if held is None:
        return 0
    table = patrol_act
    old = (table.c.at < stamp(terms.cutoff("alarm", now)), table.c.complex.not_in(held))
    rows = (await connection.execute(select(table.c.complex, table.c.key).where(*old).limit(_AT_ONCE))).all()
    keys = [(row.complex, row.key) for row in rows]
    await connection.execute(delete(table).where(tuple_(table.c.complex, table.c.key).in_(keys)))
    return len(keys)


async def _care(connection: AsyncConnection, terms: Terms, in_force: Sequence[Hold], now: datetime) -> int:
    """Visits that are done, and households that are no longer looked after, with the records of doors."""
    held = _held_complexes(in_force)
    if held is None:
        return 0
    gone, cutoff = 0, stamp(terms.cutoff("door", now))
    for table, ended in ((care_task, care_task.c.done_at), (care_watch, care_watch.c.ended_at)):
        old = (ended < cutoff, table.c.complex.not_in(held))
        found = (await connection.execute(select(table.c.complex, table.c.id).where(*old).limit(_AT_ONCE // 2))).all()
        keys = [(row.complex, row.id) for row in found]
        await connection.execute(delete(table).where(tuple_(table.c.complex, table.c.id).in_(keys)))
        gone += len(keys)
    return gone


async def _handovers(connection: AsyncConnection, terms: Terms, in_force: Sequence[Hold], now: datetime) -> int:
    """Bodies of what upper platforms did not take."""
    held = _held_complexes(in_force)
    return 0 if held is None else await handed.expire(connection, terms, held, now, _AT_ONCE)


async def _handed_over(connection: AsyncConnection, terms: Terms, in_force: Sequence[Hold], now: datetime) -> int:
    """What upper platforms were offered, and who looked back at records."""
    held = _held_complexes(in_force)
    return 0 if held is None else await handed.forget(connection, terms, held, now, _AT_ONCE)


async def _are_counted(connection: AsyncConnection) -> bool:
    """Whether the projection that knows which pictures are named has come as far as the others."""
    same = cursor.alias()
    behind = exists().where(same.c.reader == "pictures", same.c.shard == cursor.c.shard)
    behind = behind.where(same.c.position >= cursor.c.position)
    query = select(cursor.c.shard).where(cursor.c.reader == "alerts", ~behind).limit(1)
    return (await connection.execute(query)).first() is None
