"""What a retrieval finds in the log, and the package that is taken out: watermarked records and a list of hashes."""

from __future__ import annotations

import asyncio
import hashlib
import io
import zipfile
from collections.abc import Sequence
from datetime import datetime

import msgspec

from domain.events import to_plain, utc_ms
from domain.feeds.classes import class_of
from domain.tombstones import TOMBSTONE
from domain.wire import BadBatch
from eventlog.log import Record
from server.batches import Batch
from server.facts import Fact
from server.retention import search
from server.store.engine import Database
from server.store.retrieval_rows import Retrieval

MOST = 20_000  # of one retrieval; whoever needs more asks for a shorter time


class TooMany(Exception):
    """More records than one retrieval may take out."""


async def records(db: Database, asked: Retrieval, most: int = MOST) -> list[Fact]:
    """Each fact once, in the order of happening, without what nobody asked for. Raises TooMany."""
    found = dict[bytes, Fact]()
    async for record in search.records(db, [asked.complex]):
        for fact in await asyncio.to_thread(_of, record, asked):
            found.setdefault(fact.id, fact)
        if len(found) > most:
            raise TooMany(f"more than {most} records: ask for a shorter time")
    return sorted(found.values(), key=lambda fact: (fact.event.occurred_at, fact.id))


def _of(record: Record, asked: Retrieval) -> list[Fact]:
    """A damaged batch tells nothing."""
    try:
        facts = Batch(record).facts()
    except BadBatch:
        return []
    return [cut for fact in facts if (cut := _cut(fact, asked)) is not None]


def _cut(fact: Fact, asked: Retrieval) -> Fact | None:
    data_class = class_of(fact.event)
    if data_class is None or fact.event.kind == TOMBSTONE:
        return None
    event = asked.wanted.cover.cut(fact.event, data_class)
    if event is None:
        return None
    return Fact(event, fact.complex, fact.header, fact.index, fact.received_at, fact.id)


def watermark(asked: Retrieval, by: str, now: datetime) -> str:
    """Who took it out, for whom, by what, when: it stands in every line."""
    wanted = asked.wanted
    return f"{asked.id} · {wanted.unit} {wanted.document} · {wanted.applicant} · {by} · {utc_ms(now)}"


def package(facts: Sequence[Fact], mark: str) -> tuple[bytes, str]:
    """A ZIP of the records and of the hash of each line and picture; its own SHA-256."""
    lines = [_line(fact, mark) for fact in facts]
    hashes = [
        f"{hashlib.sha256(line).hexdigest()}  record:{fact.id.hex()}" for fact, line in zip(facts, lines, strict=True)
    ]
    pictures = {media.sha256 for fact in facts for media in fact.event.media if media.sha256}
    hashes += [f"{name}  picture" for name in sorted(pictures)]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("records.jsonl", b"\n".join(lines) + b"\n")
        made.writestr("sha256.txt", "\n".join(hashes) + "\n")
        made.writestr("watermark.txt", mark + "\n")
    body = file.getvalue()
    return body, hashlib.sha256(body).hexdigest()


def _line(fact: Fact, mark: str) -> bytes:
    said = {"id": fact.id.hex(), "complex": fact.complex, "watermark": mark, "event": to_plain(fact.event)}
    return msgspec.json.encode(said)
