"""A month's figures are frozen by one person and published by another; what is published is never changed."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ledger.month import days_of
from domain.revenue import NotNow
from server.books.months import Snapshot, snapshot
from server.store import public_rows
from server.store.area_views import PlaceView
from server.store.public_rows import Published
from server.web.formats import zone_of

GRACE = timedelta(days=31)  # after a quarter's end, until its months are late
_encode = msgspec.json.Encoder(order="deterministic").encode


def read_snapshot(body: bytes) -> Snapshot:
    return msgspec.json.decode(body, type=Snapshot)


async def freeze(connection: AsyncConnection, place: PlaceView, month: str, by: str, now: datetime) -> Published:
    """Freeze a month that is over, for a second person to publish. Raises NotNow, ValueError."""
    zone = zone_of(place.timezone)
    if now.astimezone(zone).date() <= days_of(month)[1]:
        raise NotNow("not_over", f"{month} is not over in {place.timezone}")
    says = await public_rows.account(connection, place.id)
    where = (place.id, place.name, place.timezone)
    made = await snapshot(connection, where, month, zone, shows_unpaid=says.shows_unpaid)
    body, versions = _encode(made), await public_rows.month(connection, place.id, month)
    published = [one for one in versions if one.published_at is not None]
    if published and _same(read_snapshot(published[0].body), made):
        raise NotNow("same", f"{month} is published with these figures")
    version = 1 + (published[0].version if published else 0)
    digest, head = hashlib.sha256(body).hexdigest(), (made.ledger_number, made.ledger_hash)
    frozen = Published(month, version, body, digest, *head, now, by, None, None)
    await public_rows.propose(connection, place.id, frozen)
    return frozen


async def publish(
    connection: AsyncConnection, place: PlaceView, month: str, digest: str, by: str, now: datetime
) -> Published:
    """Publish what waits, where it still is what the ledger says. ``digest``: of what the person saw. Raises NotNow."""
    versions = await public_rows.month(connection, place.id, month)
    waits = next((one for one in versions if one.published_at is None), None)
    if waits is None or waits.hash != digest:
        raise NotNow("moved", f"{month}: what waits is not what was shown")
    if waits.proposed_by == by:
        raise NotNow("same_person", f"{by} froze {month}: another person publishes it")
    frozen, zone = read_snapshot(waits.body), zone_of(place.timezone)
    where = (place.id, place.name, place.timezone)
    present = await snapshot(connection, where, month, zone, shows_unpaid=bool(frozen.unpaid))
    if not _same_money(frozen, present):
        raise NotNow("moved", f"{month}: the ledger has moved since it was frozen")
    await public_rows.publish(connection, place.id, waits, by, now)
    return waits


def _same_money(one: Snapshot, other: Snapshot) -> bool:
    """Whether two say the same of the ledger."""
    ours, theirs = one.figures, other.figures
    return (ours.accounts, ours.first, ours.last, one.last_hash) == (
        theirs.accounts,
        theirs.first,
        theirs.last,
        other.last_hash,
    )


def _same(one: Snapshot, other: Snapshot) -> bool:
    """Whether nothing is new, the chain's end apart."""
    return msgspec.structs.replace(one, ledger_number=0, ledger_hash="") == msgspec.structs.replace(
        other, ledger_number=0, ledger_hash=""
    )
