"""What the push does with a centre that cannot take an event, and what the gateway lets go of."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.alerts.document import read_rules
from domain.alerts.rules import Rules
from domain.events import Event, decode_event, encode_event
from domain.wire import read_header, split_events, unpack
from edge.config import Limits
from edge.devices.driver import picture
from edge.status import status
from edge.store import media as media_module
from edge.store.media import Kept, MediaStore
from edge.sync.push import Push
from edge.sync.transport import Refused, UplinkDown
from eventlog.log import Arrival, Entry, EventLog, Gap, Receipt, Record
from eventlog.memory import MemoryBatchLog, MemoryEventLog
from eventlog.shards import shard_of
from eventlog.sqlite import OwnTables, SqliteEventLog

NOW = datetime(2026, 3, 20, tzinfo=UTC)


def entry(number: int, at: datetime = NOW) -> Entry:
    event = Event(kind="input", device="x:1", source_event_id=str(number), recorded_at=at)
    return Entry("routine", encode_event(event))


class PickyCentre:
    """Takes every event but some numbers."""

    def __init__(self, refuse: set[str], error: str = "events") -> None:
        self.refuse, self.error = refuse, error
        self.taken: list[Event] = []

    async def send(self, method: str, path: str, body: bytes, content_type: str) -> dict[str, Any]:
        header, unpacked = unpack(body)
        events = [decode_event(event) for event in split_events(unpacked)]
        if any(event.source_event_id in self.refuse for event in events):
            raise Refused(422, {"error": self.error, "message": "no"})
        assert header.first == len(self.taken) + 1
        self.taken += events
        return {"watermark": header.last}


async def pushed(centre: PickyCentre, count: int = 20) -> MemoryEventLog:
    log = MemoryEventLog()
    await log.append([entry(number) for number in range(1, count + 1)])

    push = Push("gw-1", log, centre, nothing, Limits(), Never())  # type: ignore[arg-type]
    position = 0
    while position < count:
        position = await push.take("routine", await log.read("routine", position, 100))
    return log


async def test_an_event_the_centre_cannot_take_is_stood_in_for_and_the_rest_goes_on() -> None:
    centre = PickyCentre({"7", "8"})
    log = await pushed(centre)
    numbers = [event.source_event_id for event in centre.taken]
    assert numbers == [str(n) if n not in (7, 8) else None for n in range(1, 21)]
    stand_in = centre.taken[6]
    assert (stand_in.kind, stand_in.device, stand_in.code, stand_in.recorded_at) == (
        "unknown",
        "gateway",
        "unsendable",
        NOW,
    )
    assert len(await log.read("routine", 0, 100)) == 20, "the event itself stays in the log"


async def test_another_refusal_is_not_taken_for_poison() -> None:
    with pytest.raises(Refused):
        await pushed(PickyCentre({"7"}, "foreign"))


async def test_pictures_go_when_the_centre_has_them_and_they_are_old(tmp_path: Path) -> None:
    store = await SqliteEventLog.open(tmp_path / "log.db", "e1", OwnTables(media_module.SCHEMA))
    media = MediaStore(tmp_path / "media", store)
    pictures = [picture("scene", body)[1] for body in (b"a", b"b")]
    await media.keep(pictures)
    await store.append((), media.statements([Kept(one, "routine") for one in pictures]))
    await media.mark_sent([pictures[0].sha256])
    assert await media.forget_sent(0) == 0
    assert await media.forget_sent(2) == 1
    assert [media.path(p.sha256).exists() for p in pictures] == [False, True]
    assert await media.unsent(10) == [pictures[1].sha256]
    await store.close()


def test_events_are_small_enough_to_travel() -> None:
    from edge.intake.entries import MAX_EVENT_BYTES, _encoded

    huge = Event(kind="input", device="x:1", source_event_id="1", recorded_at=NOW, ext={"junk": "x" * 500_000})
    body = _encoded(huge)
    assert len(body) < MAX_EVENT_BYTES
    kept = msgspec.json.decode(body, type=Event)
    assert (kept.source_event_id, kept.ext) == ("1", {"cut_bytes": len(encode_event(huge))})


@pytest.mark.parametrize("answered", [{}, {"watermark": "x"}, {"watermark": -1}, {"outcome": "stored"}])
async def test_an_answer_that_is_not_the_centres_is_no_watermark(answered: dict[str, Any]) -> None:
    class Portal:
        async def send(self, *_: Any) -> dict[str, Any]:
            return answered

    push = Push("gw-1", await filled(3), Portal(), nothing, Limits(), Never())  # type: ignore[arg-type]
    with pytest.raises(UplinkDown):
        await push.take("routine", [Record(1, entry(1).body)])


async def filled(count: int) -> MemoryEventLog:
    log = MemoryEventLog()
    await log.append([entry(number) for number in range(1, count + 1)])
    return log


async def nothing() -> dict[str, int]:
    return {}


class Never:
    """Hooks that must not be called."""

    def new_epoch(self) -> str:
        raise AssertionError("no epoch has to begin here")

    def epoch_used(self, stream: str, epoch: str) -> None:
        """It is used by each push."""

    async def epoch_began(self, stream: str, reason: str) -> None:
        raise AssertionError(reason)

    async def centre_lost(self, stream: str) -> None:
        raise AssertionError("nothing was lost")


class CountingCentre:
    """A centre that judges by its marks, lists the gaps that are declared, and may lose what it had."""

    def __init__(self) -> None:
        self.log, self.paths = MemoryBatchLog(), list[str]()

    async def send(self, method: str, path: str, body: bytes, content_type: str) -> dict[str, Any]:
        self.paths.append(path)
        receipt = (await self.log.append([Arrival(read_header(body), body, "garden")]))[0]
        return self._answer(receipt)

    async def send_json(self, method: str, path: str, content: dict[str, Any]) -> dict[str, Any]:
        return self._answer(await self.log.declare(msgspec.convert({"gateway": "gw-1", **content}, Gap), "garden"))

    def _answer(self, receipt: Receipt) -> dict[str, Any]:
        if receipt.outcome in ("gap", "overlap"):
            raise Refused(409, {"error": receipt.outcome, "watermark": receipt.watermark})
        return {"watermark": receipt.watermark}

    async def watermarks(self) -> dict[str, int]:
        return {stream: last for (stream, _), last in (await self.log.watermarks("gw-1")).items()}

    async def sequences(self) -> list[int]:
        records = await self.log.read(shard_of("garden"), 0, 1_000)
        headers = [read_header(record.body) for record in records]
        return [sequence for header in headers for sequence in range(header.first, header.last + 1)]


class Heard(Never):
    def __init__(self) -> None:
        self.lost: list[str] = []

    async def centre_lost(self, stream: str) -> None:
        self.lost.append(stream)


async def drained(log: EventLog, push: Push, stream: str = "routine") -> None:
    position = await push.position(stream)
    while records := await log.read(stream, position, 100):
        position = await push.take(stream, records)


async def test_what_is_routine_waits_for_company_and_neither_a_backlog_nor_anything_else_does() -> None:
    log, centre = await filled(5), CountingCentre()
    push = Push("gw-1", log, centre, centre.watermarks, Limits(batch_events=3), Never())  # type: ignore[arg-type]
    push.gather_s = 3_600.0
    async with asyncio.timeout(20):
        assert await push.take("routine", await log.read("routine", 0, 100)) == 3, "there is more: at once"
        last = asyncio.create_task(push.take("routine", await log.read("routine", 3, 100)))
        while push.acknowledged.get("routine") != 5:
            await asyncio.sleep(0)
        await log.append([Entry("urgent", encode_event(Event(kind="alarm", device="x:1", recorded_at=NOW)))])
        assert await push.take("urgent", await log.read("urgent", 0, 100)) == 1
        assert not last.done(), "sent, and the next waits"
    last.cancel()


IN_THE_YARD: dict[str, Any] = {"id": "in_the_yard", "severity": "high", "category": "security"}
IN_THE_YARD["when"] = {"kind": "detection", "zone": "yard"}


def detection(zone: str, **more: Any) -> Entry:
    told = Event(kind="detection", device="x:1", label="person", phase="start", zones=[zone], recorded_at=NOW, **more)
    return Entry("routine", encode_event(told))


async def gathering(
    own_rules: Callable[[], Rules | None] = lambda: None,
) -> tuple[MemoryEventLog, CountingCentre, Push, asyncio.Task[int]]:
    """A push that has sent its first event and waits an hour for company."""
    log, centre = await filled(1), CountingCentre()
    push = Push("gw-1", log, centre, centre.watermarks, Limits(), Never(), own_rules=own_rules)  # type: ignore[arg-type]
    push.gather_s = 3_600.0
    gathers = asyncio.create_task(push.take("routine", await log.read("routine", 0, 100)))
    while push.acknowledged.get("routine") != 1:
        await asyncio.sleep(0)
    return log, centre, push, gathers


@pytest.mark.parametrize(("zone", "presses"), [("restricted", True), ("yard", False)], ids=["presses", "the control"])
async def test_what_may_be_an_alert_waits_for_no_company_and_says_so(zone: str, presses: bool) -> None:
    log, centre, push, gathers = await gathering()
    await log.append([detection("yard")])
    for _ in range(10):
        await asyncio.sleep(0)
    assert not gathers.done()
    await log.append([detection(zone)])
    for _ in range(10):
        await asyncio.sleep(0)
    assert gathers.done() is presses
    gathers.cancel()
    following = asyncio.create_task(push.take("routine", await log.read("routine", 1, 100)))
    while push.acknowledged.get("routine") != 3:
        await asyncio.sleep(0)
    following.cancel()
    assert centre.paths == ["/v1/batches", "/v1/batches" + "?pressing=true" * presses]


@pytest.mark.parametrize("has_rules", [True, False], ids=["presses", "the control"])
async def test_what_may_be_an_alert_by_the_complexes_own_rules_waits_for_none_either(has_rules: bool) -> None:
    """They may come down while the agent runs."""
    rules: list[Rules | None] = [None]
    log, _, _, gathers = await gathering(lambda: rules[0])
    rules[0] = Rules(read_rules({"schema": "alert-rules/1", "rules": [IN_THE_YARD]})) if has_rules else None
    await log.append([detection("yard")])
    for _ in range(10):
        await asyncio.sleep(0)
    assert gathers.done() is has_rules
    gathers.cancel()


async def test_what_may_be_an_alert_is_found_behind_a_burst() -> None:
    log, _, _, gathers = await gathering()
    await log.append([*(detection("yard") for _ in range(150)), detection("restricted")])
    async with asyncio.timeout(20):
        assert await gathers == 1


async def test_in_a_backlog_nothing_presses() -> None:
    log, centre = MemoryEventLog(), CountingCentre()
    await log.append([detection("restricted") for _ in range(100)])
    push = Push("gw-1", log, centre, centre.watermarks, Limits(), Never())  # type: ignore[arg-type]
    await drained(log, push)
    assert centre.paths == ["/v1/batches"]


async def test_what_was_let_go_before_it_was_sent_is_declared_and_the_stream_goes_on() -> None:
    log, centre = await filled(20), CountingCentre()
    push = Push("gw-1", log, centre, centre.watermarks, Limits(batch_events=3), Never())  # type: ignore[arg-type]
    await log.drop("routine", 7)
    await drained(log, push)
    assert await centre.sequences() == list(range(8, 21))
    assert [(gap.first, gap.last, gap.reason) for gap in await centre.log.gaps("gw-1")] == [(1, 7, "capacity")]
    assert push.acknowledged["routine"] == 20


async def test_a_record_that_vanished_is_a_gap_that_nothing_explains(tmp_path: Path) -> None:
    store = await SqliteEventLog.open(tmp_path / "log.db", "e1")
    await store.append([entry(number) for number in range(1, 11)])
    with closing(sqlite3.connect(tmp_path / "log.db")) as db, db:
        db.execute("DELETE FROM record WHERE key & 0xffff = 4")
        db.execute("UPDATE record SET body = CAST('{}' AS BLOB) WHERE key & 0xffff IN (7, 8)")
    centre = CountingCentre()
    push = Push("gw-1", store, centre, centre.watermarks, Limits(), Never())  # type: ignore[arg-type]
    await drained(store, push)
    assert await centre.sequences() == [1, 2, 3, 5, 6, 9, 10]
    listed = [(gap.first, gap.last, gap.reason) for gap in await centre.log.gaps("gw-1")]
    assert listed == [(4, 4, "missing"), (7, 8, "unreadable")]
    await store.close()


async def test_a_centre_that_lost_what_it_had_gets_the_same_rows_again() -> None:
    log, first = await filled(30), CountingCentre()
    heard = Heard()
    push = Push("gw-1", log, first, first.watermarks, Limits(batch_events=7), heard)  # type: ignore[arg-type]
    await drained(log, push)
    await log.trim("routine", 12)
    restored = CountingCentre()
    push._uplink, push._watermarks = restored, restored.watermarks  # type: ignore[assignment]
    await drained(log, push)
    assert heard.lost == ["routine"], "what lies beside the log is offered again"
    assert await restored.sequences() == list(range(13, 31)), "under their own sequences, in the same epoch"
    assert [(gap.first, gap.last, gap.reason) for gap in await restored.log.gaps("gw-1")] == [(1, 12, "trimmed")]


async def test_a_new_epoch_numbers_the_kept_records_from_one(tmp_path: Path) -> None:
    store = await SqliteEventLog.open(tmp_path / "log.db", "e1")
    await store.append([entry(number) for number in range(1, 11)] + [Entry("urgent", b"{}")])
    await store.trim("routine", 4)
    assert await store.begin_epoch("routine", "e2") == 6
    bodies = [decode_event(record.body).source_event_id for record in await store.read("routine", 0, 100)]
    assert bodies == [str(number) for number in range(5, 11)]
    assert await store.append([entry(11)]) == [7]
    assert (await store.epoch("routine"), await store.epoch("urgent"), await store.head("urgent")) == ("e2", "e1", 1)
    await store.close()
    store = await SqliteEventLog.open(tmp_path / "log.db", "e3")
    assert (await store.epoch("routine"), await store.head("routine")) == ("e2", 7)
    await store.close()


@pytest.mark.parametrize("torn", [b"", b"{", b'{"streams": {', b"[]", b"\x00" * 100])
def test_a_torn_status_file_is_no_status(tmp_path: Path, torn: bytes) -> None:
    (tmp_path / status.STATUS_FILE).write_bytes(torn)
    assert status.read_file(tmp_path) == {}
