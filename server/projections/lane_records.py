"""What lanes and charge points say beside passages: who let a car through and why, when charging began and ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.events import Event
from domain.masking import masked_text
from domain.sketch import Sketch
from server.batches import Batch
from server.facts import Fact
from server.store.bulk import delete, insert_new
from server.store.engine import stamp
from server.store.lane_tables import charging_record, lane_decision

_DECISION, _RECORD = tuple(lane_decision.columns.keys()), tuple(charging_record.columns.keys())
_CHARGING = ("started", "stopped")
Row = tuple[Any, ...]


async def take(connection: AsyncConnection, batches: Sequence[Batch]) -> None:
    """Keep them; the same fact again changes nothing."""
    decisions: dict[tuple[str, bytes], Row] = {}
    records: dict[tuple[str, bytes], Row] = {}
    for batch in batches:
        for fact in batch.facts_where(_is_wanted):
            if (decision := _decision(fact.event)) is not None:
                decisions.setdefault((fact.complex, fact.id), (fact.complex, fact.id, *decision))
            if fact.event.kind == "charging" and fact.event.state in _CHARGING:
                records.setdefault((fact.complex, fact.id), (fact.complex, fact.id, *_record(fact)))
    await insert_new(connection, lane_decision, _DECISION, list(decisions.values()))
    await insert_new(connection, charging_record, _RECORD, list(records.values()))


async def forget(connection: AsyncConnection, facts: Sequence[Fact]) -> None:
    """Let go of what facts brought."""
    of_lanes = sorted({(fact.complex, fact.id) for fact in facts if fact.event.kind in ("plate", "barrier", "alarm")})
    await delete(connection, lane_decision, of_lanes)
    drawn = sorted({(fact.complex, fact.id) for fact in facts if fact.event.kind == "charging"})
    await delete(connection, charging_record, drawn)


def _is_wanted(sketch: Sketch) -> bool:
    match sketch.kind:
        case "plate":
            return sketch.result == "granted"
        case "barrier":
            return sketch.label in ("by_hand", "opening")
        case "charging":
            return sketch.state in _CHARGING
        case kind:
            return kind == "alarm"


def _decision(event: Event) -> Row | None:
    """Kind, time, lane, direction, reason, by."""
    kind, reason = _kind(event), event.reason or ""
    if not kind:
        return None
    if kind == "by_hand":
        reason = masked_text(event.text or "")
    lane = str(event.ext.get("lane") or event.lane or event.device)
    said = (lane, event.direction or "unknown", reason, str(event.ext.get("by") or ""))
    return (kind, stamp(event.occurred_at), *said)


def _kind(event: Event) -> str:
    match event.kind:
        case "plate" if event.result == "granted" and event.reason and event.direction == "out":
            return "plate"
        case "barrier" if event.label == "by_hand" and event.ok is not False:
            return "by_hand"
        case "barrier" if event.label == "opening" and event.code == "opened_by_hand":
            return "at_the_arm"
        case "alarm" if event.alarm == "tailgating":
            return "tailgate"
        case _:
            return ""


def _record(fact: Fact) -> Iterator[Any]:
    event = fact.event
    transaction, meter = event.ext.get("transaction"), event.metrics.get("energy_wh")
    yield from (event.device, event.point or "", event.state, stamp(event.occurred_at))
    yield transaction if isinstance(transaction, int) else None
    yield None if meter is None else round(meter)
