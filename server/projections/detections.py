"""What cameras told, as it began: each fact once, with where in the picture it was and by which rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.events import Event
from domain.sketch import Sketch
from server.batches import Batch
from server.facts import Fact
from server.store.bulk import insert_new
from server.store.camera_tables import DETECTION_TABLES, detection
from server.store.engine import stamp

_COLUMNS = ("complex", "fact", "position", "device", "occurred_at", "label", "rule", "picture", "said")
_BEGINS = frozenset({"instant", "start"})
_MOST_SIGNS = 200
Row = tuple[object, ...]


class Detections:
    """The projection of detections. An end or a later clip is no row of its own."""

    name = "detections"
    tables: tuple[Table, ...] = DETECTION_TABLES

    async def fold(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None:
        await fold_in(connection, batches)


async def fold_in(connection: AsyncConnection, batches: Sequence[Batch]) -> None:
    """Add what batches tell; of a fact that is told twice the first counts."""
    found = {row[:2]: row for batch in reversed(batches) for row in reversed([*_told_in(batch)])}
    await insert_new(connection, detection, _COLUMNS, list(found.values()))


def _told_in(batch: Batch) -> Iterator[Row]:
    """The rows of a batch's detections, in its order."""
    for fact in batch.facts_where(_begins):
        if fact.event.kind == "detection" and fact.event.phase in _BEGINS:
            yield _row(fact, batch.position)


def _begins(sketch: Sketch) -> bool:
    return sketch.kind == "detection" and sketch.phase in _BEGINS


def _row(fact: Fact, position: int) -> Row:
    event = fact.event
    at, said = stamp(event.occurred_at), msgspec.json.encode(_said(event)).decode()
    words = (event.label or "")[:_MOST_SIGNS], (event.rule or "")[:_MOST_SIGNS]
    return fact.complex, fact.id.hex(), position, event.device, at, *words, _picture(event), said


def _picture(event: Event) -> str | None:
    found = {media.role: media.sha256 for media in reversed(event.media) if media.sha256}
    return found.get("scene") or found.get("thumbnail")


def _said(event: Event) -> dict[str, Any]:
    """Bounded, whatever a camera says; what it does not say is left out."""
    said: dict[str, Any] = {
        "zones": [zone[:_MOST_SIGNS] for zone in event.zones[:16]],
        "track": _text(event.ext.get("track")),
        "confidence": event.confidence,
        "reason_code": _text(event.reason_code),
        "direction": _text(event.direction),
        "travel": _text(event.travel),
        "metrics": dict(list(event.metrics.items())[:16]),
        "box": _box(event.ext),
        "below": _share(event.ext.get("below")),
        "asked": _text(event.source_event_id) if event.label == "snapshot" else None,
    }
    return {name: value for name, value in said.items() if value not in (None, [], {}, "")}


def _text(value: object) -> str:
    return value[:_MOST_SIGNS] if isinstance(value, str) else ""


def _box(ext: Mapping[str, Any]) -> list[float] | None:
    """Left, top, right, bottom as shares of the picture; None for anything else."""
    said = ext.get("box")
    if not isinstance(said, list):
        return None
    shares = [share for one in cast("list[object]", said) if (share := _share(one)) is not None]
    is_box = len(shares) == len(cast("list[object]", said)) == 4 and shares[0] < shares[2] and shares[1] < shares[3]
    return shares if is_box else None


def _share(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= 1 else None
