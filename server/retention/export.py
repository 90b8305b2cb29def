"""Everything that names one plate, card or person, found and put into one file that a person can read."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

import msgspec

from domain.events import to_plain
from domain.subjects import Subject
from server.media import MediaBox
from server.retention import search
from server.retention.search import Hit, Seen
from server.store.engine import Database, stamp

# What rows of these tables are called; the others are shown by their own name.
_APART = frozenset({"parking_passage", "charge_passage", "charge_session"})  # the book's and the projection's workings


class FoundAll(msgspec.Struct, frozen=True):
    """What a search found: events, and rows of tables."""

    events: list[Seen]
    hits: list[Hit]

    @property
    def pictures(self) -> list[str]:
        """Pictures that the events name."""
        names = [media.sha256 for seen in self.events for media in seen.fact.event.media if media.sha256]
        return list(dict.fromkeys(names))

    @property
    def counts(self) -> dict[str, int]:
        """How much of what."""
        counts = Counter(f"event:{seen.fact.event.kind}" for seen in self.events)
        counts += Counter(hit.table.name for hit in self.hits)
        counts["pictures"] = len(self.pictures)
        return dict(sorted(counts.items()))


async def find(
    db: Database, subject: Subject, complexes: Collection[str] = (), progress: Callable[[], None] = lambda: None
) -> FoundAll:
    """Look through everything."""
    seen = [one async for one in search.events(db, subject, complexes, progress)]
    return FoundAll(seen, [hit async for hit in search.rows(db, subject, complexes)])


def as_plain(found: FoundAll) -> dict[str, Any]:
    """What was found as JSON, bytes apart: what a table holds as JSON in bytes is shown as such."""
    events = [
        {"complex": seen.fact.complex, "origin": origin_of(seen), "received_at": stamp(seen.fact.received_at)}
        | {"event": to_plain(seen.fact.event)}
        for seen in found.events
    ]
    tables: dict[str, list[dict[str, Any]]] = {}
    for hit in found.hits:
        if hit.table.name not in _APART:
            tables.setdefault(hit.table.name, []).append({str(k): _shown(v) for k, v in hit.row.items()})
    return {"counts": found.counts, "events": events, "rows": tables, "pictures": found.pictures}


def origin_of(seen: Seen) -> str:
    """The name by which a record is corrected."""
    origin = seen.origin
    return f"{origin.gateway}/{origin.stream}/{origin.epoch}/{origin.sequence}"


def _shown(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return value.hex()


async def export(found: FoundAll, media: MediaBox, subject: Subject, now: datetime) -> bytes:
    """One ZIP: a summary to read, everything as JSON, and the pictures."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("summary.txt", _summary(found, subject, now))
        file.writestr("export.json", msgspec.json.format(msgspec.json.encode(as_plain(found))))
        for name in found.pictures:
            try:
                file.writestr(f"pictures/{name}.jpg", await media.get(name))
            except FileNotFoundError:
                continue  # it never came, or is past its term
    return out.getvalue()


def _summary(found: FoundAll, subject: Subject, now: datetime) -> str:
    lines = [f"Gatehouse: 关于 {subject.value.strip()} 的全部记录 / everything recorded of it", f"{stamp(now)}", ""]
    lines += [f"{name:24} {count}" for name, count in found.counts.items()]
    lines += ["", "时间 / time                小区 / complex   地点 / place   记录 / record"]
    for seen in sorted(found.events, key=lambda one: one.fact.event.occurred_at):
        event = seen.fact.event
        what = " ".join(word for word in (event.kind, event.direction, event.result, event.alarm, event.state) if word)
        where = event.place or event.lane or event.device
        lines.append(f"{stamp(event.occurred_at)}   {seen.fact.complex}   {where}   {what}")
    return "\n".join(lines) + "\n"
