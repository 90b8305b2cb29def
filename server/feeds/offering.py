"""Offers facts to upper platforms: what a basis covers becomes a row of what is owed, in one transaction with the
cursor, each once. Without a basis nothing is written, so nothing can leave.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.events import Event
from domain.feeds.basis import Cover
from domain.feeds.classes import class_of, is_urgent
from domain.ids import derive
from domain.wire import Header
from server.batches import Batch, facts_of
from server.facts import Fact
from server.store import handover_rows, platform_rows
from server.store.engine import stamp
from server.store.platform_rows import Platform
from server.store.scope import complexes_in

_KINDS = frozenset({"alarm", "plate", "access", "door", "detection", "availability"})


class Kept(msgspec.Struct, frozen=True):
    """A fact as it waits for a platform: already without what the basis does not cover."""

    event: Event
    header: Header
    index: int
    received_at: datetime


Lines = Callable[[Fact], Sequence[str]]  # on which lines a fact is asked for


class Narrowing(Protocol):
    """A protocol by which only that goes up which was asked for, on one line or several."""

    async def lines(self, connection: AsyncConnection, one: Platform, facts: Sequence[Fact]) -> Lines: ...


class _Owed(NamedTuple):
    """A platform that something may go to, and whose complexes; None: the whole city's."""

    of: Platform
    cover: Cover
    complexes: frozenset[str] | None


def kept_fact(row: Any) -> Fact:
    """The fact of a row of ``handover``; its id is in the row, for what was cut away may have been part of it."""
    kept = msgspec.json.decode(row.body, type=Kept)
    return Fact(kept.event, row.complex, kept.header, kept.index, kept.received_at, row.fact or row.id)


class Offering:
    """A reader of the log that acts on others, for all platforms: a slow one only lets its rows wait."""

    name = "platforms"
    adopts = True  # what came from another cell is owed by that one: noted, so that no repeat is offered here

    def __init__(self, now: Callable[[], datetime], narrow: Mapping[str, Narrowing] | None = None) -> None:
        """``narrow``: by kinds of platforms, where one is owed only what it asked for."""
        self._now, self._narrow = now, narrow or {}

    async def fold(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None:
        owed = await _owed(connection, self._now())
        if not owed:
            return
        own = facts_of([batch for batch in batches if not batch.is_adopted], _KINDS)
        others = facts_of([batch for batch in batches if batch.is_adopted], _KINDS)
        for one in owed:
            await self._offer(connection, one, others, "elsewhere")
            await self._offer(connection, one, own, "waiting")

    async def concerns(self, connection: AsyncConnection, batches: Sequence[Batch]) -> bool:
        return bool(await _owed(connection, self._now()))

    async def _offer(self, connection: AsyncConnection, owed: _Owed, facts: Sequence[Fact], state: str) -> None:
        rows = await self._rows(connection, owed, facts)
        if not rows:
            return
        number = await handover_rows.newest(connection, owed.of.id)
        said = {"offered_at": stamp(self._now()), "state": state}
        numbered = [row | said | {"number": number + 1 + index} for index, row in enumerate(rows)]
        if state == "elsewhere":
            numbered = [row | {"body": None} for row in numbered]
        await handover_rows.offer(connection, numbered)

    async def _rows(self, connection: AsyncConnection, owed: _Owed, facts: Sequence[Fact]) -> list[dict[str, Any]]:
        covered = [(fact, row) for fact in facts if (row := _row(owed, fact)) is not None]
        narrowing = self._narrow.get(owed.of.kind)
        if narrowing is None or not covered:
            return [row for _, row in covered]
        lines = await narrowing.lines(connection, owed.of, [fact for fact, _ in covered])
        return [_on_line(row, fact, line) for fact, row in covered for line in lines(fact)]


async def _owed(connection: AsyncConnection, now: datetime) -> list[_Owed]:
    found = list[_Owed]()
    for one in await platform_rows.every(connection):
        cover = await platform_rows.cover_of(connection, one.id, now)
        if one.is_on and cover.classes:
            found.append(_Owed(one, cover, await complexes_in(connection, platform_rows.scope_of(one))))
    return found


def _row(owed: _Owed, fact: Fact) -> dict[str, Any] | None:
    data_class = class_of(fact.event)
    if data_class is None or (owed.complexes is not None and fact.complex not in owed.complexes):
        return None
    event = owed.cover.cut(fact.event, data_class)
    if event is None:
        return None
    kept = Kept(event, fact.header, fact.index, fact.received_at)
    return {
        "platform": owed.of.id,
        "id": fact.id,
        "complex": fact.complex,
        "device": event.device,
        "data_class": data_class,
        "urgent": int(is_urgent(fact.event)),
        "attempts": 0,
        "body": msgspec.json.encode(kept),
        "line": None,
        "fact": None,
    }


def _on_line(row: dict[str, Any], fact: Fact, line: str) -> dict[str, Any]:
    """What is owed on a line is handed over, and counted, by itself."""
    return row | {"id": derive(fact.id.hex(), line), "line": line, "fact": fact.id}
