"""Whatever a driver makes of a message, it is parked alone with its bytes, and the rest of its group is committed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.events import Event
from edge.clock import standing
from edge.devices.driver import BadMessage, Driver, Message, Picture, Reading, Registry, Site
from edge.intake import decoding
from edge.intake.device_list import DeviceList
from edge.intake.intake import Intake
from edge.intake.parked import listed
from edge.store.file import open_store
from edge.store.media import MediaStore
from eventlog.group_commit import Bounds
from eventlog.sqlite import SqliteEventLog
from tests.edge.hands import TRUE

HALF = "\ud83d"  # half a surrogate pair: a Python string, but no text in any encoding


def event(**fields: Any) -> Event:
    return Event(**{"kind": "door", "device": "t:1", "time": TRUE, **fields})


def _deep(levels: int) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for _ in range(levels):
        nested = {"in": nested}
    return nested


def _raise(error: Exception) -> Any:
    raise error


class Unprintable(Exception):
    """An error that cannot even say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


POISON: dict[str, Callable[[], Any]] = {
    "an exception": lambda: _raise(RuntimeError("a defect")),
    "an exception without words": lambda: _raise(Unprintable()),
    "a refusal that no encoding has": lambda: _raise(BadMessage(f"not {HALF}")),
    "a refusal of 10 MB": lambda: _raise(BadMessage("x" * 10_000_000)),
    "nothing at all": lambda: None,
    "something else than events": lambda: Reading([{"kind": "door"}]),  # type: ignore[list-item]
    "a naive time": lambda: Reading([event(time=TRUE.replace(tzinfo=None))]),
    "a naive end": lambda: Reading([event(ended_at=TRUE.replace(tzinfo=None))]),
    "the year 9999": lambda: Reading([event(time=datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=8))))]),
    "the year 9998": lambda: Reading([event(time=TRUE.replace(year=9998))]),
    "the year 1": lambda: Reading([event(time=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=8))))]),
    "a time that is text": lambda: Reading([event(time="2026-03-01T08:00:00Z")]),
    "not a number": lambda: Reading([event(kind="measurement", metrics={"t_c": float("nan")})]),
    "half a surrogate": lambda: Reading([event(text=f"门{HALF}")]),
    "half a surrogate in its name": lambda: Reading([event(source_event_id=HALF)]),
    "a number for a text": lambda: Reading([event(text=5)]),
    "a list for a kind": lambda: Reading([event(kind=["door"])]),
    "a number for a device": lambda: Reading([event(device=7)]),
    "an object of its own": lambda: Reading([event(ext={"x": object()})]),
    "depth without end": lambda: Reading([event(ext=_deep(100_000))]),
    "a name of 10 MB": lambda: Reading([event(device="t:" + "x" * 10_000_000)]),
    "a flood of events": lambda: Reading([event()] * 100_000),
    "a picture that is a path": lambda: Reading([event()], [Picture("../../etc/passwd", b"x")]),
    "a picture without bytes": lambda: Reading([event()], [Picture("0" * 64, None)]),  # type: ignore[arg-type]
    "good, then bad": lambda: Reading([event(source_event_id="good"), event(time=TRUE.replace(tzinfo=None))]),
}


def decode(message: Message, site: Site) -> Reading:
    word = message.payload.decode()
    if word in POISON:
        return POISON[word]()
    return Reading([event(source_event_id=word)])


class Bench:
    """An intake on a real store, with a driver that breaks in every way."""

    def __init__(self, store: SqliteEventLog, folder: Path) -> None:
        registry, devices = Registry([Driver("t", ("test",), decode)]), DeviceList([], accept_unknown=True)
        self.store, self.media = store, MediaStore(folder / "media", store)
        self.intake = Intake(store, self.media, registry, devices, Site(), standing(TRUE), Bounds(wait_s=0.0))
        self.acknowledged: list[str] = []

    async def take(self, *words: str) -> None:
        """One group; until all of it is acknowledged, or the intake has ended."""
        for word in words:
            message = Message("test", word.encode(), "t/1", received_at=TRUE)
            self.intake.offer(message, lambda word=word: self.acknowledged.append(word))
        running = asyncio.create_task(self.intake.run())
        async with asyncio.timeout(20):
            while len(self.acknowledged) < len(words) and not running.done():
                await asyncio.sleep(0.005)
        running.cancel()
        (ended,) = await asyncio.gather(running, return_exceptions=True)
        assert isinstance(ended, asyncio.CancelledError), f"the intake ended: {ended!r:.300}"

    async def facts(self) -> list[str | None]:
        """What the log holds, read back as the centre will."""
        found = [record for stream in self.store.partitions for record in await self.store.read(stream, 0, 1000)]
        return [msgspec.json.decode(record.body, type=Event).source_event_id for record in found]


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Bench]:
    store = await open_store(tmp_path, lambda: TRUE)
    yield Bench(store, tmp_path)
    await store.close()


@pytest.mark.parametrize("poison", POISON)
async def test_it_is_parked_with_its_bytes_and_the_others_are_committed(here: Bench, poison: str) -> None:
    await here.take("before", poison, "after")
    assert here.acknowledged == ["before", poison, "after"]
    assert await here.facts() == ["before", "after"]
    (row,) = await listed(here.store, 10)
    assert (row.payload, row.reason in ("driver_failed", "undecodable")) == (poison.encode(), True)
    assert len(row.detail) <= 1_000
    assert here.intake.counts[row.reason] == 1
    assert not await here.media.unsent(10)


async def test_positive_control_encoding_the_group_as_a_whole_would_lose_it(
    here: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The intake as it was: what a driver made is looked at only when the whole group is written."""

    class Lazy:
        def __init__(self, event: Event) -> None:
            self._event = event

        def __getattr__(self, name: str) -> Any:
            return getattr(here_entry_of(self._event, Site().zone), name)

    here_entry_of = decoding.entry_of
    monkeypatch.setattr(decoding, "entry_of", lambda event, zone: Lazy(event))
    with pytest.raises(AssertionError, match="the intake ended"):
        await here.take("before", "half a surrogate", "after")
    assert here.acknowledged == []


async def test_a_time_in_another_zone_is_made_utc(here: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    shanghai = timezone(timedelta(hours=8))
    monkeypatch.setitem(POISON, "elsewhere", lambda: Reading([event(time=TRUE.astimezone(shanghai), ended_at=TRUE)]))
    await here.take("elsewhere")
    (record,) = await here.store.read("routine", 0, 10)
    assert b'"time":"2026-03-01T08:00:00Z"' in record.body


async def test_a_text_of_10_mb_is_cut_and_that_is_said(here: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(POISON, "long", lambda: Reading([event(source_event_id="1", text="x" * 10_000_000)]))
    await here.take("long")
    (record,) = await here.store.read("routine", 0, 10)
    kept = msgspec.json.decode(record.body, type=Event)
    assert (kept.source_event_id, kept.text) == ("1", None)
    assert kept.ext["cut_bytes"] > 10_000_000


async def test_a_state_that_was_parked_is_new_when_it_is_said_again(
    here: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = {"text": HALF}
    monkeypatch.setitem(POISON, "broken", lambda: Reading([event(state="open", time=None, **bad)]))
    monkeypatch.setitem(POISON, "whole", lambda: Reading([event(state="open", time=None)]))
    await here.take("broken", "whole")
    assert len(await here.facts()) == 1
