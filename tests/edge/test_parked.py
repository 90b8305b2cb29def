"""What is parked: kept as it came, bounded in number and in bytes, and tried again without harm."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from domain.events import Event
from edge.agent import utc_now
from edge.config import Config
from edge.devices.driver import BadMessage, Driver, Message, Reading, Registry, Site
from edge.intake import parked_again
from edge.intake.parked import Parked, keep_newest, listed, newest_number, page
from edge.store.file import open_store
from eventlog.sqlite import SqliteEventLog

NOW = datetime(2026, 3, 1, 8, 0, 0, 123000, tzinfo=UTC)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteEventLog]:
    opened = await open_store(tmp_path, utc_now)
    yield opened
    await opened.close()


def parked(text: str, reason: str = "unknown_device", size_bytes: int = 0) -> Parked:
    return Parked.of(Message("test", text.encode().ljust(size_bytes), received_at=NOW), reason, "for a test")


async def fill(store: SqliteEventLog, *rows: Parked) -> None:
    await store.write([row.statement for row in rows])


async def test_a_message_comes_back_as_it_was(store: SqliteEventLog) -> None:
    headers = {"x-device": "道闸"}
    message = Message("test", b"\x00\xff", "a/b", True, headers, NOW, NOW - timedelta(hours=3))
    await fill(store, Parked.of(message, "undecodable", "why"))
    (row,) = await listed(store, 10)
    assert row.as_message() == message
    assert b'"retained":true' in msgspec.json.encode(row)
    await fill(store, Parked.of(Message("test", b"", received_at=NOW), "undecodable", "why"))
    assert (await listed(store, 1))[0].as_message() == Message("test", b"", headers={}, received_at=NOW)


@pytest.mark.parametrize(
    ("limit", "limit_bytes", "kept"),
    [(3, 10_000, ["7", "8", "9"]), (10, 250, ["8", "9"]), (10, 1_000, list("0123456789")), (2, 250, ["8", "9"])],
)
async def test_the_newest_are_kept_within_both_bounds(
    store: SqliteEventLog, limit: int, limit_bytes: int, kept: list[str]
) -> None:
    await fill(store, *(parked(str(number), size_bytes=100) for number in range(10)))
    await keep_newest(store, limit, limit_bytes)
    rows = await page(store, 0, await newest_number(store), 100)
    assert [row.payload.decode().strip() for row in rows] == kept


async def test_gaps_do_not_count_and_nothing_parked_is_no_error(store: SqliteEventLog) -> None:
    await keep_newest(store, 3, 1_000)
    await fill(store, *(parked(str(number)) for number in range(6)))
    await store.write([(await listed(store, 10))[1].removal])
    await keep_newest(store, 4, 1_000)
    assert [row.payload for row in await listed(store, 10)] == [b"5", b"3", b"2", b"1"]


async def test_pages_are_the_oldest_first_and_end_where_told(store: SqliteEventLog) -> None:
    await fill(store, *(parked(str(number)) for number in range(6)))
    assert [row.number for row in await page(store, 1, 5, 3)] == [2, 3, 4]
    assert [row.number for row in await page(store, 4, 5, 3)] == [5]


def decode(message: Message, site: Site) -> Reading:
    if not message.payload.startswith(b"good"):
        raise BadMessage("not yet")
    ext = {"retained": message.retained, "queued": message.queued_since is not None}
    return Reading([Event(kind="input", device="t:1", source_event_id=message.payload.decode(), ext=ext)])


async def test_retry_takes_all_in_pages_in_order_and_leaves_what_fails(
    tmp_path: Path, store: SqliteEventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parked_again, "_PAGE", 4)
    monkeypatch.setattr(parked_again, "discover", lambda: Registry([Driver("t", ("test",), decode)]))
    await fill(store, *(parked(f"good {n}" if n % 3 else f"bad {n}") for n in range(10)), parked("good", "too_large"))
    retained = Message("test", b"good retained", "", True, {}, NOW, NOW)
    await fill(store, Parked.of(retained, "unknown_device", ""))
    config = Config(data=str(tmp_path), unknown_devices="accept")
    assert await parked_again.retry(config) == (7, 5)
    rows = await page(store, 0, 100, 100)
    assert [row.payload for row in rows] == [b"bad 0", b"bad 3", b"bad 6", b"bad 9", b"good"]
    records = [record for stream in store.partitions for record in await store.read(stream, 0, 100)]
    events = [msgspec.json.decode(record.body, type=Event) for record in records]
    assert [event.source_event_id for event in events] == [f"good {n}" for n in (1, 2, 4, 5, 7, 8, "retained")]
    assert events[-1].ext == {"retained": True, "queued": True}
    assert await parked_again.retry(config) == (0, 5)
