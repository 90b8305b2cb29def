"""The one way in: durable before acknowledged, bounded, and nothing that goes wrong stops anything else."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from domain.events import Event
from edge.clock import standing
from edge.config import Device
from edge.devices.driver import BadMessage, Driver, Message, Reading, Registry, Site, picture
from edge.intake import parked
from edge.intake.device_list import DeviceList
from edge.intake.intake import Intake
from edge.intake.parked import listed
from edge.status import status
from edge.store import media
from edge.store.media import MediaStore
from eventlog.group_commit import Bounds
from eventlog.log import LogBroken
from eventlog.sqlite import OwnTables, SqliteEventLog

NOW = datetime(2026, 3, 1, tzinfo=UTC)
QUICK = Bounds(wait_s=0.0)


def decode(message: Message, site: Site) -> Reading:
    """A family for tests: ``word argument``."""
    word, _, argument = message.payload.decode().partition(" ")
    match word:
        case "fact":
            return Reading([Event(kind="input", device="t:1", source_event_id=argument, time=NOW)])
        case "text":
            return Reading([Event(kind="input", device="t:1", source_event_id="1", time=NOW, text=argument)])
        case "from":
            return Reading([Event(kind="input", device=argument, source_event_id="1", time=NOW)])
        case "state":
            return Reading([Event(kind="availability", device="t:1", state=argument)])
        case "alarm":
            active = argument == "on"
            state, phase = ("active", "start") if active else ("cleared", "end")
            said = Event(kind="alarm", device="t:1", alarm="smoke", state=state, phase=phase)
            return Reading([said]) if active else Reading([], at_rest=[said])
        case "picture":
            entry, body = picture("scene", argument.encode())
            return Reading([Event(kind="detection", device="t:1", media=[entry])], [body])
        case "crash":
            raise RuntimeError("a defect in a driver")
        case _:
            raise BadMessage(f"no such word: {word!r}")


TEST = Driver("t", ("test",), decode)


class Bench:
    """An intake on a real store."""

    def __init__(self, store: SqliteEventLog, folder: Path, bounds: Bounds, devices: list[Device]) -> None:
        self.store = store
        self.media = MediaStore(folder / "media", store)
        list_ = DeviceList(devices, accept_unknown=False)
        self.drained = 0
        self.intake = Intake(
            store, self.media, Registry([TEST]), list_, Site(), standing(NOW), bounds, 4_000, self._drained
        )
        self.acknowledged: list[str] = []

    def _drained(self) -> None:
        self.drained += 1

    def offer(self, text: str) -> None:
        message = Message("test", text.encode(), "t/1", received_at=NOW)
        self.intake.offer(message, lambda: self.acknowledged.append(text))

    async def take(self, *texts: str) -> None:
        """Offer and wait until all is acknowledged."""
        wanted = len(self.acknowledged) + len(texts)
        for text in texts:
            self.offer(text)
        running = asyncio.create_task(self.intake.run())
        async with asyncio.timeout(10):
            while len(self.acknowledged) < wanted and not running.done():
                await asyncio.sleep(0.005)
        running.cancel()
        await asyncio.wait([running])

    async def events(self) -> list[Event]:
        found = [record for stream in self.store.partitions for record in await self.store.read(stream, 0, 1000)]
        return [msgspec.json.decode(record.body, type=Event) for record in found]


@asynccontextmanager
async def bench(folder: Path, bounds: Bounds = QUICK, devices: list[Device] | None = None) -> AsyncIterator[Bench]:
    schema = media.SCHEMA + parked.SCHEMA + status.SCHEMA
    store = await SqliteEventLog.open(folder / "log.db", "e1", OwnTables(schema))
    try:
        yield Bench(store, folder, bounds, devices if devices is not None else [Device("t:1")])
    finally:
        await store.close()


async def test_acknowledged_after_the_commit_never_before(tmp_path: Path) -> None:
    async with bench(tmp_path) as here:
        seen: list[int] = []
        message = Message("test", b"fact 1", received_at=NOW)
        reader = await SqliteEventLog.open(tmp_path / "log.db", "other")

        def acknowledge() -> None:
            with sqlite3.connect(tmp_path / "log.db") as db:
                seen.append(db.execute("SELECT count(*) FROM record").fetchone()[0])
            here.acknowledged.append("fact 1")

        here.intake.offer(message, acknowledge)
        await here.take()
        running = asyncio.create_task(here.intake.run())
        async with asyncio.timeout(5):
            while not seen:
                await asyncio.sleep(0.005)
        running.cancel()
        await reader.close()
        assert seen == [1], "another connection sees the record at the moment of the acknowledgement"


async def test_a_commit_that_fails_acknowledges_nothing_and_ends_the_intake(tmp_path: Path) -> None:
    async with bench(tmp_path) as here:
        await here.store._writer.execute("DROP TABLE stream")
        here.offer("fact 1")
        with pytest.raises(LogBroken):
            await here.intake.run()
        assert here.acknowledged == []


async def test_what_does_not_decode_is_parked_with_its_bytes_and_the_rest_goes_on(tmp_path: Path) -> None:
    async with bench(tmp_path) as here:
        await here.take("fact 1", "nonsense \x00", "crash", "from t:stranger", "fact 2")
        rows = {row.reason: row for row in await listed(here.store, 10)}
        assert set(rows) == {"undecodable", "driver_failed", "unknown_device"}
        assert rows["undecodable"].payload == b"nonsense \x00"
        assert "t:stranger is not in the device list" in rows["unknown_device"].detail
        assert [event.source_event_id for event in await here.events()] == ["1", "2"]
        assert len(here.acknowledged) == 5
        assert here.intake.counts["undecodable"] == here.intake.counts["driver_failed"] == 1


async def test_a_message_beyond_its_bound_is_parked_by_its_beginning(tmp_path: Path) -> None:
    async with bench(tmp_path) as here:
        await here.take("fact " + "9" * 5_000, "fact 1")
        (row,) = await listed(here.store, 10)
        assert (row.reason, row.detail) == ("too_large", "5005 bytes")
        assert [event.source_event_id for event in await here.events()] == ["1"]


async def test_repeats_and_unchanged_states_are_dropped_and_counted(tmp_path: Path) -> None:
    async with bench(tmp_path) as here:
        await here.take("fact 1", "state online", "fact 1", "state online", "state offline", "fact 1")
        assert [event.state or event.source_event_id for event in await here.events()] == ["1", "online", "offline"]
        assert (here.intake.counts["repeats"], here.intake.counts["unchanged"]) == (2, 1)


async def test_a_state_at_rest_is_news_only_where_it_ends_another(tmp_path: Path) -> None:
    async with bench(tmp_path) as here:
        await here.take("alarm off", "alarm on", "alarm on", "alarm off", "alarm off", "alarm on")
        assert [event.state for event in await here.events()] == ["active", "cleared", "active"]
        assert here.intake.counts["unchanged"] == 1


async def test_a_parked_message_becomes_an_event_once_its_device_is_known(tmp_path: Path) -> None:
    async with bench(tmp_path, devices=[]) as here:
        await here.take("from t:2")
        (row,) = await listed(here.store, 10)
        assert not await here.intake.admit(row.as_message(), [row.removal])
        assert len(await listed(here.store, 10)) == 1
    async with bench(tmp_path, devices=[Device("t:2", place="gate")]) as here:
        assert await here.intake.admit(row.as_message(), [row.removal])
        assert await listed(here.store, 10) == []
        (event,) = await here.events()
        assert (event.device, event.place, event.recorded_at) == ("t:2", "gate", NOW)


async def test_a_picture_is_on_disk_before_its_event_and_listed_for_sending_once(tmp_path: Path) -> None:
    async with bench(tmp_path) as here:
        await here.take("picture abc", "picture abc", "picture def")
        names = await here.media.unsent(10)
        assert [here.media.path(name).read_bytes() for name in names] == [b"def", b"abc"]
        await here.media.mark_sent(names[:1])
        assert await here.media.unsent(10) == names[1:]


async def test_who_sends_pictures_is_woken_after_the_commit(tmp_path: Path) -> None:
    async with bench(tmp_path) as here:
        seen: list[int] = []

        class Bell(asyncio.Event):
            def set(self) -> None:
                with sqlite3.connect(tmp_path / "log.db") as db:
                    seen.append(db.execute("SELECT count(*) FROM media WHERE sent = 0").fetchone()[0])
                super().set()

        here.media.more = Bell()
        await here.take("picture abc", "fact 1")
        assert seen == [1], "rung once, when another connection sees what there is to send"
        assert await here.intake.admit(Message("test", b"picture def", received_at=NOW))
        assert seen == [1, 2]


async def test_events_of_a_parked_message_and_its_removal_are_one_transaction(tmp_path: Path) -> None:
    async with bench(tmp_path, devices=[]) as here:
        await here.take("from t:2")
    async with bench(tmp_path, devices=[Device("t:2")]) as here:
        (row,) = await listed(here.store, 10)
        broken = ("DELETE FROM no_such_table WHERE number = ?", [(1,)])
        with pytest.raises(LogBroken):
            await here.intake.admit(row.as_message(), [row.removal, broken])
        assert len(await listed(here.store, 10)) == 1
        assert await here.events() == []


async def test_full_by_number_and_by_bytes_and_drained_again(tmp_path: Path) -> None:
    async with bench(tmp_path, Bounds(wait_s=0.0, queue_items=3, queue_bytes=1000)) as here:
        for number in range(3):
            assert not here.intake.full
            here.offer(f"fact {number}")
        assert here.intake.full
        await here.take()
        running = asyncio.create_task(here.intake.run())
        async with asyncio.timeout(5):
            while len(here.acknowledged) < 3:
                await asyncio.sleep(0.005)
        running.cancel()
        assert not here.intake.full
        assert here.drained > 0
        here.offer("nonsense " + "x" * 1000)
        assert here.intake.full


async def test_the_device_list_says_where_and_which_way(tmp_path: Path) -> None:
    listing = [Device("t:1", place="gate", lane="east-in", direction="in", zone="restricted")]
    async with bench(tmp_path, devices=listing) as here:
        await here.take("fact 1")
        (event,) = await here.events()
        assert (event.place, event.lane, event.direction, event.ext) == (
            "gate",
            "east-in",
            "in",
            {"zone": "restricted"},
        )
        assert event.occurred_at == NOW + timedelta()


class Ward:
    """A mender that makes room after a few tries, as a person who empties a disk would."""

    def __init__(self, here: Bench, tries: int) -> None:
        self.here, self.tries, self.asked = here, tries, 0
        self.is_fit = False
        here.intake._mender = self

    async def mend(self, error: LogBroken) -> None:
        self.asked += 1
        assert self.here.acknowledged == [], "nothing is acknowledged that could not be written"
        if self.asked == self.tries:
            await self.here.store._writer.execute("PRAGMA max_page_count=1000000")
            self.is_fit = True

    def fit_again(self) -> None: ...


async def test_on_a_full_disk_nothing_is_acknowledged_until_the_same_was_written(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, Bounds(wait_s=0.0, queue_items=3)) as here:
        ((pages,),) = await here.store._writer.execute_fetchall("PRAGMA page_count")
        await here.store._writer.execute(f"PRAGMA max_page_count={pages}")
        ward = Ward(here, tries=3)
        facts = [f"fact {number} " + "x" * 3_500 for number in range(3)]
        for fact in facts:
            here.offer(fact)
        assert not here.intake.full, "messages are read on, so that doors are decided"
        here.offer("fact 9")
        assert here.intake.counts["left_with_sender"] == 1, "it was not acknowledged: its sender still has it"
        running = asyncio.create_task(here.intake.run())
        async with asyncio.timeout(10):
            while len(here.acknowledged) < 3:
                await asyncio.sleep(0.005)
        running.cancel()
        assert ward.asked == 3
        assert here.acknowledged == facts
        assert len(await here.events()) == 3


class Unfit:
    """A mender of a store that cannot be written for now."""

    is_fit = False

    async def mend(self, error: LogBroken) -> None:
        raise error

    def fit_again(self) -> None:
        self.is_fit = True


async def test_listeners_hear_before_the_commit_and_also_what_finds_no_place(tmp_path: Path) -> None:
    async with bench(tmp_path, Bounds(wait_s=0.0, queue_items=1)) as here:
        mender = here.intake._mender = Unfit()
        heard: list[str | None] = []
        here.intake.listeners.append(lambda _, events: heard.extend(event.state for event in events))
        here.offer("state online")
        here.offer("state offline")  # left with the sender: the store takes nothing
        assert heard == ["online", "offline"]
        assert here.intake.counts["left_with_sender"] == 1
        mender.is_fit = True
        await here.take()
        await here.take("state offline")  # the sender brings it again
        assert [event.state for event in await here.events()] == ["online", "offline"], "it was not taken for known"


async def test_a_listeners_defect_costs_no_message(tmp_path: Path) -> None:
    async with bench(tmp_path) as here:
        heard: list[int] = []
        here.intake.listeners.append(lambda *_: 1 / 0)  # type: ignore[arg-type,return-value]
        here.intake.listeners.append(lambda _, events: heard.append(len(events)))
        await here.take("fact 1")
        assert heard == [1], "nor does it silence the others"
        assert len(await here.events()) == 1
