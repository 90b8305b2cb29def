"""What the push does with a centre that cannot take an event, and what the gateway lets go of."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.events import Event, decode_event, encode_event
from domain.wire import split_events, unpack
from edge import media as media_module
from edge import status
from edge.devices.driver import picture
from edge.media import MediaStore
from edge.sync.push import Push
from edge.sync.transport import Refused, UplinkDown
from eventlog.log import Entry, Record
from eventlog.memory import MemoryEventLog
from eventlog.sqlite import SqliteEventLog

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

    async def watermarks() -> dict[str, int]:
        return {}

    async def epoch_began(stream: str, reason: str) -> None:
        raise AssertionError("no epoch has to begin here")

    push = Push("gw-1", log, centre, watermarks, 1_000_000, lambda: "e2", epoch_began)  # type: ignore[arg-type]
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
    store = await SqliteEventLog.open(tmp_path / "log.db", "e1", media_module.SCHEMA)
    media = MediaStore(tmp_path / "media", store)
    pictures = [picture("scene", body)[1] for body in (b"a", b"b")]
    await media.keep(pictures)
    await store.append((), media.statements(pictures))
    await media.mark_sent([pictures[0].sha256])
    assert await media.forget_sent(0) == 0
    assert await media.forget_sent(2) == 1
    assert [media.path(p.sha256).exists() for p in pictures] == [False, True]
    assert await media.unsent(10) == [pictures[1].sha256]
    await store.close()


def test_events_are_small_enough_to_travel() -> None:
    from edge.entries import MAX_EVENT_BYTES, _encoded

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

    push = Push("gw-1", await filled(3), Portal(), nothing, 1_000, lambda: "e2", never)  # type: ignore[arg-type]
    with pytest.raises(UplinkDown):
        await push.take("routine", [Record(1, entry(1).body)])


async def filled(count: int) -> MemoryEventLog:
    log = MemoryEventLog()
    await log.append([entry(number) for number in range(1, count + 1)])
    return log


async def nothing() -> dict[str, int]:
    return {}


async def never(stream: str, reason: str) -> None:
    raise AssertionError(reason)


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
