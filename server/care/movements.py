"""A reader of the log that keeps, of each household that is looked after, when something moved last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.care.watch import Movement, latest
from domain.doors.credentials import canonical_card
from server.batches import Batch, facts_of
from server.facts import Fact
from server.store import care_rows
from server.store.care_rows import Watched

_KINDS = frozenset({"door", "access"})


class Movements:
    """Nothing is read where nobody asked for it, and of what is read one time a household is kept."""

    name = "care"

    async def fold(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None:
        watched = await care_rows.watched_in(connection, {batch.complex for batch in batches})
        if not watched:
            return
        theirs = {one.complex for one in watched}
        facts = facts_of((batch for batch in batches if batch.complex in theirs), _KINDS)
        await care_rows.moved(connection, moved(watched, facts))

    async def concerns(self, connection: AsyncConnection, batches: Sequence[Batch]) -> bool:
        return bool(await care_rows.watched_in(connection, {batch.complex for batch in batches}))


def moved(watched: Iterable[Watched], facts: Sequence[Fact]) -> Mapping[tuple[str, str], datetime]:
    """By complex and name, the latest movement among the facts."""
    found: dict[tuple[str, str], datetime] = {}
    for one in watched:
        its = [Movement(fact.event.occurred_at, fact.received_at) for fact in facts if is_of(one, fact)]
        at = latest(its)
        if at is not None:
            found[one.complex, one.id] = at
    return found


def is_of(one: Watched, fact: Fact) -> bool:
    """Whether a fact is a movement of the household. What a broker retained is a state of before."""
    event = fact.event
    if fact.complex != one.complex or event.retained:
        return False
    if one.device:
        is_move = event.kind == "door" or event.result == "granted"
        return is_move and (event.device, event.point or "door") == (one.device, one.point)
    return event.kind == "access" and event.result == "granted" and _is_theirs(one, fact)


def _is_theirs(one: Watched, fact: Fact) -> bool:
    """By the entry that a gateway went by, or by the number of the card."""
    entry, subject = fact.event.ext.get("card"), fact.event.subject
    if isinstance(entry, str) and entry in one.entries:
        return True
    number = subject.id if subject is not None and subject.type == "card" else None
    return bool(number) and canonical_card(str(number)) in one.numbers
