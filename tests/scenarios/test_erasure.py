"""A gateway's own store and a centre: erased at the one, it is erased at the other, and no refill brings it back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import msgspec
import pytest

from domain.desired import Document
from domain.events import Event, Media, Subject, encode_event, stream_of
from domain.ids import content_name, fact_id
from domain.subjects import Subject as Whom
from domain.subjects import key_of
from domain.wire import pack, unpack
from edge.control.lanes import LaneControl
from edge.devices.driver import Picture
from edge.intake.parked import Parked
from edge.store.media import Kept
from eventlog.log import Entry
from server.retention import told
from server.retention.erase import Eraser
from server.retention.holds import Why
from server.store import desired_rows, schema
from tests.edge.control_bench import ControlBench, control_bench
from tests.server.centre import centre
from tests.server.engines import POSTGRES, SQLITE, Engine

PLATE, OTHER = "京A12345", "沪B99999"
WHY = Why("本人申请", "申请 2026-3", "wang")
PICTURE = b"the car"
LANES = {
    "lanes": [
        {"id": "east", "direction": "in", "readers": [{"device": "vzenith:1"}], "barrier": {"device": "vzenith:1"}}
    ]
}
_BODIES = "SELECT body FROM record"


def passage(plate: str, number: int) -> Event:
    now = datetime.now(UTC)
    event = Event(kind="plate", device="vzenith:1", lane="east", direction="in", recorded_at=now, time=now)
    event.subject = Subject(type="plate", id=plate, plate_status="read")
    event.source_event_id = str(number)
    event.media = [Media(role="scene", sha256=content_name(PICTURE))] if plate == PLATE else []
    return event


async def fill(here: ControlBench) -> None:
    """Passages of two cars, the picture of one, and a message that names it and became no event."""
    picture = Picture(content_name(PICTURE), PICTURE)
    await here.intake.media.keep([picture])
    cars = [passage(PLATE if number % 2 else OTHER, number) for number in range(200)]
    entries = [Entry(stream_of(event), encode_event(event), fact_id(event)) for event in cars]
    kept = here.intake.media.statements([Kept(picture, "money")])
    parked = [Parked(datetime.now(UTC), "undecodable", "?", "x", "t", text.encode()) for text in (f"{PLATE} ??", OTHER)]
    await here.store.append(entries, [*kept, *(one.statement for one in parked)])


async def lanes_remember(here: ControlBench) -> None:
    """Until the lanes have looked back and written down who is inside."""
    async with asyncio.timeout(10):
        while (await here.store.query("SELECT count(*) FROM lane_passage"))[0][0] < 200:
            await asyncio.sleep(0.05)


def raw(folder: Path, word: str) -> int:
    """How often a word stands in the bytes of any file."""
    return sum(file.read_bytes().count(word.encode()) for file in folder.rglob("*") if file.is_file())


async def told_to(here: ControlBench, documents: list[Document]) -> Event:
    assert await here.desired.apply(documents)
    (answer,) = [event for event in await here.recorded("command_result", 1) if event.label == "erasure"]
    return answer


@pytest.mark.parametrize("engine", [SQLITE, POSTGRES], ids=lambda engine: engine.name)
async def test_erased_at_the_centre_is_erased_at_the_gateway(tmp_path: Path, engine: Engine) -> None:
    gateway_folder, centre_folder = tmp_path / "gateway", tmp_path / "centre"
    gateway_folder.mkdir()
    centre_folder.mkdir()
    async with centre(centre_folder, engine) as there, control_bench(gateway_folder) as here:
        gateway = await there.gateway()
        await fill(here)
        passes = {"passes": [{"plate": one, "until": "2099-01-01"} for one in (PLATE, OTHER)]}
        async with there.house.db.write() as connection:
            await desired_rows.put(connection, "garden", "passes", passes, "wang", datetime.now(UTC))
        assert await here.wish(1, passes=passes, lanes=LANES)
        await lanes_remember(here)
        records = await here.store.read("money", 0, 500)
        first_half = pack(gateway.id, "money", "e1", 1, [record.body for record in records[:100]])
        assert (await gateway.post(first_half)).status_code == 200
        await there.settled()
        assert raw(gateway_folder, PLATE) > 0

        eraser = Eraser(there.house.db, there.house.media, centre_folder, there.house.now, settle_s=0.15)
        report = await eraser.erase(Whom("plate", PLATE), "", WHY)
        assert report.is_clean and report.went["records"] == 50

        # The gateway was away: what it sends before it has heard is blanked, and so is a refill of what was erased.
        await asyncio.sleep(1.1)
        late = pack(gateway.id, "money", "e1", 101, [record.body for record in records[100:]])
        assert (await gateway.post(late)).status_code == 200
        async with there.house.db.write() as connection:
            await connection.execute(schema.batch.delete().where(schema.batch.c.first == 1))
        answer = await gateway.client.post("/v1/refills", content=first_half, headers=gateway.headers())
        assert answer.json() == {"mended": True}
        await there.settled()
        assert PLATE not in await everything(there)

        # Now it hears.
        async with there.house.db.read() as connection:
            wanted = (("passes", 2), ("erasures", 1))
            documents = [await desired_rows.document(connection, "garden", *one) for one in wanted]
        answered = await told_to(here, documents)
        assert answered.text == (
            "records=100 pictures=1 parked=1 documents=0 remembered=100 set_aside=0 compacted=1 remaining=0"
        )
        assert raw(gateway_folder, PLATE) == 0 and raw(gateway_folder, OTHER) > 0
        assert not here.intake.media.path(content_name(PICTURE)).exists()
        again = await here.store.read("money", 0, 500)
        assert [record.position for record in again] == [record.position for record in records]
        assert await here.store.append([Entry("money", records[1].body, fact_of(records[1].body))]) == [None]
        await gateway.send(answered)
        await there.wait_for(schema.order_result, bool)
        async with there.house.db.read() as connection:
            assert (await told.answers(connection, report.id, ""))[gateway.id] == answered.text


def fact_of(body: bytes) -> bytes | None:
    return fact_id(msgspec.json.decode(body, type=Event))


async def everything(there: Any) -> str:
    found = [unpack(row["body"])[1].decode() for row in await there.rows(schema.batch)]
    for table in schema.metadata.sorted_tables:
        if table.name != "batch":
            found += [str(row) for row in await there.rows(table)]
    return "\n".join(found)


async def test_without_writing_the_file_anew_it_could_still_be_read(tmp_path: Path) -> None:
    """The control: what is only written over stays in the file's free room and in its write-ahead log."""
    async with control_bench(tmp_path) as here:
        await fill(here)
        records = await here.store.read("money", 0, 500)
        await here.store.rewrite("money", {record.position: b"{}" for record in records})
        assert PLATE not in str(await here.store.query(_BODIES)) and raw(tmp_path, PLATE) > 0
        await here.store.write([("DELETE FROM parked", [()])])
        await here.store.compact()
        assert raw(tmp_path, PLATE) == 0


async def test_what_lanes_remember_would_outlast_an_erasure_of_records_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: an eraser that does not ask the lanes."""
    monkeypatch.setattr(LaneControl, "forget_erased", AsyncMock(return_value=0))
    async with control_bench(tmp_path) as here:
        await fill(here)
        assert await here.wish(1, lanes=LANES)
        await lanes_remember(here)
        await told_to(here, [erasing(PLATE)])
        assert raw(tmp_path, PLATE) > 0


def erasing(plate: str) -> Document:
    key = key_of(b"s" * 16, Whom("plate", plate).form)
    entry = {"id": "erasure-0001", "key": key, "until": "2099-01-01T00:00:00Z"}
    return Document("erasures", 1, {"salt": (b"s" * 16).hex(), "entries": [entry]})


async def test_what_comes_back_from_a_store_that_was_set_aside_goes_again(tmp_path: Path) -> None:
    async with control_bench(tmp_path) as here:
        await told_to(here, [erasing(PLATE)])
        await fill(here)
        assert (await here.control.eraser.erase())["records"] == 100
        assert raw(tmp_path, PLATE) == 0
        answers = [event for event in await here.events("command_result") if event.label == "erasure"]
        assert len(answers) == 1, "it is answered once"
        assert msgspec.json.decode(encode_event(answers[0]))["ok"] is True
