"""Parking as people see it: who is inside, every session, what is in doubt, openings by hand, how far gateways told."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.doubts import DoubtKind
from domain.events import Event
from domain.passages import picture_of
from server.batches import Batch, facts_of
from server.facts import Fact
from server.projections import lane_records
from server.store import corrections, doubt_rows
from server.store.bulk import look_up, upsert
from server.store.corrections import Key
from server.store.engine import stamp
from server.store.parking_tables import lane_opening, lane_watermark
from server.store.schema import PARKING_TABLES, parking_passage, session
from server.store.stays import Tables, recorrect, take

_TABLES = Tables(parking_passage, session)
_LANES = frozenset({"alarm", "barrier"})
_OPENING = ("complex", "id", "occurred_at", "lane", "direction", "by", "reason", "done")
_TOLD = ("complex", "gateway", "told_until")
_STOOD = """SELECT lane_watermark.complex, lane_watermark.gateway, lane_watermark.told_until
FROM wanted CROSS JOIN lane_watermark
WHERE lane_watermark.complex = wanted.complex AND lane_watermark.gateway = wanted.gateway"""


class Parking:
    """The parking projection."""

    name = "parking"
    tables: tuple[Table, ...] = PARKING_TABLES

    async def fold(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None:
        changed = await take(connection, _TABLES, batches)
        if changed:
            await doubt_rows.put(connection, changed)
        await _lanes(connection, facts_of(batches, _LANES))
        await _watermarks(connection, batches)
        await lane_records.take(connection, batches)

    async def recorrect(self, connection: AsyncConnection, keys: Sequence[Key]) -> None:
        """Fold again what people say something else of now; of an alarm it is said that it was looked at."""
        await doubt_rows.put(connection, await recorrect(connection, _TABLES, keys))
        await doubt_rows.settle_alarms(connection, keys, await corrections.amendments(connection, keys))


async def _lanes(connection: AsyncConnection, facts: Sequence[Fact]) -> None:
    openings = [_opening(fact) for fact in facts if is_opening(fact.event)]
    await upsert(connection, lane_opening, _OPENING, list({row[:2]: row for row in openings}.values()))
    found: list[tuple[Fact, DoubtKind]] = []
    for fact in facts:
        if (kind := doubt_kind(fact.event)) is not None:
            found.append((fact, kind))
    said = await corrections.amendments(connection, [(fact.complex, fact.id) for fact, _ in found])
    for fact, kind in found:  # few: each is something that should not be
        is_settled, picture = (fact.complex, fact.id) in said, picture_of(fact.event.media)
        await doubt_rows.put_alarm(connection, fact, kind, picture, is_settled=is_settled)


def is_opening(event: Event) -> bool:
    """Whether it says that a person opened a lane: from afar, or at the arm itself."""
    return event.kind == "barrier" and (event.label == "by_hand" or event.code == "opened_by_hand")


def doubt_kind(event: Event) -> DoubtKind | None:
    """What of a lane needs a person though no car was read."""
    return "opened_by_hand" if event.kind == "barrier" and event.code == "opened_by_hand" else None


def _opening(fact: Fact) -> tuple[object, ...]:
    event, is_afar = fact.event, fact.event.label == "by_hand"
    by, why = (str(event.ext.get("by") or ""), event.text or "") if is_afar else ("", "")
    lane, direction = event.lane or event.device, event.direction or "unknown"
    at = stamp(event.occurred_at)
    return fact.complex, fact.id, at, lane, direction, by[:200], why[:500], int(event.ok is not False)


async def _watermarks(connection: AsyncConnection, batches: Sequence[Batch]) -> None:
    """A stream comes in the order in which it was recorded: what is behind its newest record is here."""
    told: dict[tuple[str, str], str] = {}
    for batch in batches:
        if batch.header.stream == "money" and batch.bodies:
            key = (batch.complex, batch.header.gateway)
            told[key] = max(told.get(key, ""), stamp(max(batch.recorded_at)))
    stood = await look_up(connection, {"complex": "varchar", "gateway": "varchar"}, sorted(told), _STOOD)
    for complex_id, gateway, until in stood:
        told[complex_id, gateway] = max(told[complex_id, gateway], until)
    await upsert(connection, lane_watermark, _TOLD, [(*key, until) for key, until in told.items()])
