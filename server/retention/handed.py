"""What erasing and time do to what upper platforms are owed: bodies go; that something was offered stays counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import and_, case, delete, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.retention import Class, Terms
from server.store.engine import stamp
from server.store.platform_tables import handover, retrieval

_AT_ONCE = 400
_TERMS: Mapping[str, Class] = MappingProxyType(
    {
        "alarm": "alarm",
        "vehicle": "vehicle",
        "behaviour": "video_index",
        "nonmotor": "video_index",
        "person": "video_index",
        "face": "video_index",
        "door": "door",
        "device": "door",
    }
)
# What was refused stays refused on the statement; what waited will not be sent.
_UNSENT = case((handover.c.state.in_(("waiting", "sent")), "withheld"), else_=handover.c.state)


async def blank(connection: AsyncConnection, platform: str, id_: bytes, why: str) -> None:
    """A record names somebody who is erased, or is past its term."""
    this = (handover.c.platform == platform, handover.c.id == id_)
    await connection.execute(update(handover).where(*this).values(state=_UNSENT, reason=why, body=None))


async def expire(connection: AsyncConnection, terms: Terms, held: Sequence[str], now: datetime, limit: int) -> int:
    """Records that waited, or were refused, for longer than their class is kept."""
    due = [
        and_(handover.c.data_class == name, handover.c.offered_at < stamp(terms.cutoff(of, now)))
        for name, of in _TERMS.items()
    ]
    old = (handover.c.body.is_not(None), handover.c.complex.not_in(held), or_(*due))
    rows = (await connection.execute(select(handover.c.platform, handover.c.id).where(*old).limit(limit))).all()
    for row in rows:
        await blank(connection, row.platform, row.id, "expired")
    return len(rows)


async def forget(connection: AsyncConnection, terms: Terms, held: Sequence[str], now: datetime, limit: int) -> int:
    """Rows of what was handed over, and of who looked back at what: as long as the audit's contents."""
    cutoff = stamp(terms.cutoff("audit", now))
    old = (handover.c.offered_at < cutoff, handover.c.body.is_(None), handover.c.complex.not_in(held))
    rows = (await connection.execute(select(handover.c.platform, handover.c.id).where(*old).limit(limit))).all()
    keys = [(row.platform, row.id) for row in rows]
    await connection.execute(delete(handover).where(tuple_(handover.c.platform, handover.c.id).in_(keys)))
    asked = (retrieval.c.asked_at < cutoff, retrieval.c.complex.not_in(held))
    ids = (await connection.execute(select(retrieval.c.id).where(*asked).limit(limit))).scalars().all()
    await connection.execute(delete(retrieval).where(retrieval.c.id.in_(ids)))
    return max(len(keys), len(ids))


async def sent_to(connection: AsyncConnection, facts: Sequence[bytes]) -> dict[str, list[str]]:
    """Which of the facts left for each platform, by ``platform:ID``; it is told by a person."""
    found: dict[str, dict[str, None]] = {}  # on two lines a fact left once more
    for start in range(0, len(facts), _AT_ONCE):
        left = handover.c.state.in_(("accepted", "sent", "refused"))
        some = facts[start : start + _AT_ONCE]
        named = or_(handover.c.id.in_(some), handover.c.fact.in_(some))
        query = select(handover.c.platform, handover.c.id, handover.c.fact)
        for row in await connection.execute(query.where(named, or_(left, handover.c.attempts > 0))):
            found.setdefault(f"platform:{row.platform}", {})[(row.fact or row.id).hex()] = None
    return {name: list(ids) for name, ids in found.items()}
