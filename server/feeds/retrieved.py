"""What a retrieval finds in the log, and the package that is taken out: watermarked records and a list of hashes."""

from __future__ import annotations

import asyncio
import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
import structlog

from domain.events import to_plain, utc_ms
from domain.feeds.classes import class_of
from domain.tombstones import TOMBSTONE
from domain.wire import BadBatch
from eventlog.log import Record
from server.batches import Batch
from server.facts import Fact
from server.feeds.watermarked import burnt
from server.media import MediaBox
from server.plan_pictures import BadPicture
from server.retention import search
from server.store.engine import Database
from server.store.retrieval_rows import Retrieval

log = structlog.get_logger()

MOST_PICTURE_BYTES = 128 * 1024 * 1024
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


async def pictures(box: MediaBox, facts: Sequence[Fact], most_bytes: int = MOST_PICTURE_BYTES) -> dict[str, bytes]:
    """The originals that its complex has, by name; what is not here, or here no more, is left out.

    Raises TooMany, MediaAway.
    """
    wanted = {(one.sha256, fact.complex) for fact in facts for one in fact.event.media if one.sha256}
    found, total = dict[str, bytes](), 0
    for name, _ in sorted(await box.owned(wanted)):
        try:
            found[name] = await box.get(name)
        except FileNotFoundError:
            continue
        total += len(found[name])
        if total > most_bytes:
            raise TooMany(f"more than {most_bytes} bytes of pictures: ask for a shorter time")
    return found


def package(facts: Sequence[Fact], mark: str, originals: Mapping[str, bytes] | None = None) -> tuple[bytes, str]:
    """A ZIP of the records, of their pictures with the watermark burnt in, and of the hash of each line, of each
    original and of each picture as it is given; its own SHA-256. Costs a core: in a thread. Raises FontMissing."""
    lines = [_line(fact, mark) for fact in facts]
    hashes = [
        f"{hashlib.sha256(line).hexdigest()}  record:{fact.id.hex()}" for fact, line in zip(facts, lines, strict=True)
    ]
    names = sorted({media.sha256 for fact in facts for media in fact.event.media if media.sha256})
    marked = {name: made for name in names if (made := _marked((originals or {}).get(name), mark)) is not None}
    hashes += [f"{name}  original{'' if name in marked else ', not in this package'}" for name in names]
    hashes += [f"{hashlib.sha256(body).hexdigest()}  {_file_of(name)}" for name, body in marked.items()]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("records.jsonl", b"\n".join(lines) + b"\n")
        for name, picture in marked.items():
            made.writestr(zipfile.ZipInfo(_file_of(name)), picture)  # a JPEG does not get smaller
        made.writestr("sha256.txt", "\n".join(hashes) + "\n")
        made.writestr("watermark.txt", mark + "\n")
    body = file.getvalue()
    return body, hashlib.sha256(body).hexdigest()


def _file_of(name: str) -> str:
    return f"pictures/{name}.jpg"


def _marked(original: bytes | None, mark: str) -> bytes | None:
    """None of what is not here, and of what no watermark goes into: it is not given away without."""
    if original is None:
        return None
    try:
        return burnt(original, mark)
    except BadPicture as error:
        log.warning("retrieval_picture_left_out", error=str(error))
        return None


def _line(fact: Fact, mark: str) -> bytes:
    said = {"id": fact.id.hex(), "complex": fact.complex, "watermark": mark, "event": to_plain(fact.event)}
    return msgspec.json.encode(said)
