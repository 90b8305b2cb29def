"""One plate, card or person erased: nothing that is kept names them, nothing brings them back, the rest stays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.alerts.built_in import BUILT_IN
from domain.events import Media, decode_event, encode_event
from domain.retention import Hold
from domain.subjects import BadSubject, Subject
from domain.wire import pack, unpack
from eventlog import tail
from eventlog.shards import shard_of
from eventlog.sqlite_batches import SqliteBatchLog
from server.retention import compact, erasures, holds, told
from server.retention.erase import Eraser, Report
from server.retention.holds import Why
from server.store import desired_rows, rule_rows, schema
from server.store import retention_tables as tables
from tests.server.engines import SQLITE, Engine
from tests.server.old_records import CARD, OTHER_CARD, OTHER_PLATE, PLATE, Old, old_centre

WHY = Why("本人申请", "申请 2026-3", "wang")
NAME = "王小明"


@pytest.fixture
async def old(tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Old]:
    monkeypatch.setattr(erasures, "LOOK_S", 0.05)
    async with old_centre(tmp_path, engine, monkeypatch) as made:
        yield made


async def erase(old: Old, kind: Any, value: str, **options: Any) -> Report:
    eraser = Eraser(old.house.db, old.house.media, old.house.folder, old.clock, settle_s=0.075)
    return await eraser.erase(Subject(kind, value), options.pop("complex_id", ""), WHY, **options)


async def filled(old: Old) -> str:
    """A car's day and a neighbour's, and the car's traces beside the log; the name of the car's picture."""
    picture = await old.gateway.show(b"the car")
    media = [Media(role="scene", sha256=picture)]
    await old.gateway.say(
        old.passage(media=media, place="东门"), old.passage(OTHER_PLATE), old.swipe(), old.swipe(OTHER_CARD)
    )
    tailgate = old.seen(picture, "vehicle_tailgating", place="东门", text=f"{PLATE} 跟车", device="frigate:2")
    await old.gateway.say(tailgate, old.swipe(name=NAME, result="denied"))
    old.clock.pass_(hours=2)
    await old.gateway.say(old.passage(direction="out", ext={"raw": {"license": "京a·12345"}}))
    await old.here.settled()
    passes = {"passes": [{"plate": one, "until": "2027-01-01"} for one in (PLATE, OTHER_PLATE)]}
    async with old.house.db.write() as connection:
        await desired_rows.put(connection, "garden", "passes", passes, "wang", old.clock())
    assert (await old.gateway.post(f"GHB0 {PLATE}".encode())).status_code == 422
    return picture


async def test_nothing_names_the_car_any_more_and_the_rest_stays(old: Old, engine: Engine) -> None:
    picture = await filled(old)
    before = await old.texts()
    assert PLATE in before and picture in before
    report = await erase(old, "plate", "京A·12345")
    assert report.is_clean, report
    assert report.went["records"] == 3 and report.went["pictures"] == 1
    after = await old.texts()
    assert PLATE not in after and "京a·12345" not in after and OTHER_PLATE in after
    with pytest.raises(FileNotFoundError):
        await old.house.media.get(picture)
    await old.same_after_rebuild()
    assert (await old.house.refill.verify()).ranges == 0
    (charge,) = await old.here.rows(schema.charge)
    assert charge["plate"] == report.id and charge["amount_fen"] == 400
    assert [row["plate"] for row in await old.here.rows(schema.session)] == [OTHER_PLATE]
    newest = max(await old.here.rows(schema.desired_state), key=lambda row: (row["kind"] == "passes", row["version"]))
    assert [entry["plate"] for entry in msgspec.json.decode(newest["body"])["passes"]] == [OTHER_PLATE]
    assert newest["version"] == 2
    if engine.name == "sqlite":
        assert raw(old, PLATE) == 0 and raw(old, OTHER_PLATE) > 0


async def test_alerts_by_a_complex_s_own_rules_go_too_whatever_they_are_called(old: Old) -> None:
    """The control: the neighbour's, by the same rule, stays; and what was built in alone finds none of them."""
    rule = {"id": "any_car", "severity": "low", "category": "security", "when": {"kind": "plate"}}
    own = {"schema": "alert-rules/1", "rules": [rule]}
    async with old.house.db.write("garden") as connection:
        draft = rule_rows.Draft(0, msgspec.json.encode(own), "试用")
        await rule_rows.publish(connection, "garden", draft, "wang", old.clock())
    old.clock.pass_(minutes=1)
    await old.gateway.say(old.passage(), old.passage(OTHER_PLATE))
    await old.here.settled()
    raised = await old.here.rows(schema.alert, rule="any_car")
    assert len(raised) == 2
    assert not any(list(BUILT_IN.names_for(decode_event(one["event"]))) for one in raised)
    assert (await erase(old, "plate", PLATE)).is_clean
    (left,) = await old.here.rows(schema.alert, rule="any_car")
    assert OTHER_PLATE in left["event"].decode() and PLATE not in await old.texts()
    await old.same_after_rebuild()


def raw(old: Old, word: str) -> int:
    """How often a word stands in the bytes of the database's files."""
    return sum(file.read_bytes().count(word.encode()) for file in old.house.folder.glob("gatehouse.db*"))


@pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])  # PostgreSQL's files are its server's
async def test_the_search_in_the_raw_bytes_would_see_what_was_only_deleted(
    old: Old, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(old)

    async def leaves_the_pages(*_: object) -> str:
        return ""

    monkeypatch.setattr("server.retention.erase.compact", leaves_the_pages)
    report = await erase(old, "plate", PLATE)
    assert report.raw > 0 and not report.is_clean, "the control"


async def test_a_gateway_that_was_away_brings_nothing_back(old: Old) -> None:
    """The very records that were erased here come again, late and under another epoch; and so does the picture."""
    picture = await filled(old)
    late = [old.passage(media=[Media(role="scene", sha256=picture)], time=old.clock.at), old.passage(OTHER_PLATE)]
    for event in late:
        event.recorded_at = old.clock.at
    bodies = [encode_event(event) for event in late]
    report = await erase(old, "plate", PLATE)
    old.clock.pass_(hours=1)
    assert (await old.gateway.post(pack(old.gateway.id, "money", "e2", 1, bodies))).status_code == 200
    assert await old.gateway.show(b"the car") == picture
    await old.here.settled()
    text = await old.texts()
    assert PLATE not in text and await old.here.rows(schema.media) == []
    await old.same_after_rebuild()
    # What the car does from now on is another matter.
    await old.gateway.say(old.passage())
    await old.here.settled()
    assert PLATE in await old.texts()
    # The control: without the list it comes back.
    async with old.house.db.write() as connection:
        await connection.execute(tables.erasure.delete())
    async with old.house.db.write() as connection:
        await connection.execute(schema.batch.delete().where(schema.batch.c.epoch == "e2"))
        await connection.execute(schema.mark.delete().where(schema.mark.c.epoch == "e2"))
    import asyncio

    await asyncio.sleep(0.1)
    assert (await old.gateway.post(pack(old.gateway.id, "money", "e2", 1, bodies))).status_code == 200
    records = [row["body"] for row in await old.here.rows(schema.batch) if row["epoch"] == "e2"]
    assert records == [pack(old.gateway.id, "money", "e2", 1, bodies)] and report.is_clean


async def test_an_older_database_that_is_put_back_is_erased_again(old: Old) -> None:
    await filled(old)
    kept = {table: await old.here.rows(table) for table in (schema.batch, schema.charge, schema.desired_state)}
    report = await erase(old, "plate", PLATE)
    async with old.house.db.write() as connection:  # as a copy from before the erasure has it
        for table in (tables.erasure, tables.erased_picture, *kept):
            await connection.execute(table.delete())
        for table, rows in kept.items():
            await connection.execute(table.insert(), rows)
    assert PLATE in await old.texts()
    eraser = Eraser(old.house.db, old.house.media, old.house.folder, old.clock)
    assert (await eraser.apply_list())["records"] == 3
    text = await old.texts()
    assert PLATE not in text and OTHER_PLATE in text
    assert [row["id"] for row in await old.here.rows(tables.erasure)] == [report.id]
    await old.same_after_rebuild()


async def test_what_is_held_is_not_erased_and_that_is_said(old: Old) -> None:
    await filled(old)
    async with old.house.db.write() as connection:
        await holds.place(connection, Hold(plate=PLATE), WHY, old.clock())
    report = await erase(old, "plate", PLATE)
    assert report.held == 3 and not report.is_clean and PLATE in await old.texts()
    assert [row["state"] for row in await old.here.rows(tables.erasure)] == ["held"]
    assert [row["plate"] for row in await old.here.rows(schema.charge)] == [PLATE]
    await old.same_after_rebuild()


async def test_a_card_and_a_person(old: Old) -> None:
    await filled(old)
    doors = await old.here.rows(schema.door)
    assert [(row["granted"], row["denied"]) for row in doors] == [(2, 1)]
    report = await erase(old, "person", " 王小明 ")
    assert report.is_clean and report.went["records"] == 1 and NAME not in await old.texts()
    report = await erase(old, "card", "000" + CARD)
    assert report.is_clean and report.went["records"] == 1
    (door,) = await old.here.rows(schema.door)
    assert (door["granted"], door["denied"], door["last_result"]) == (1, 0, "granted")
    await old.same_after_rebuild()
    with pytest.raises(BadSubject, match="no plate"):
        await erase(old, "plate", "  ")


@pytest.mark.parametrize(("age_s", "settle_s", "is_given"), [(0.3, 0.4, False), (60.0, 0.0, True)], ids=["", "control"])
async def test_who_follows_is_not_given_from_memory_what_was_erased(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, age_s: float, settle_s: float, is_given: bool
) -> None:
    """The control erases while the log still remembers."""
    monkeypatch.setattr(erasures, "LOOK_S", 0.05)
    monkeypatch.setattr(tail, "AGE_S", age_s)
    async with old_centre(tmp_path, SQLITE, monkeypatch) as old:
        await old.gateway.say(old.passage())
        eraser = Eraser(old.house.db, old.house.media, old.house.folder, old.clock, settle_s=settle_s)
        assert (await eraser.erase(Subject("plate", PLATE), "", WHY)).went["records"] == 1
        assert isinstance(old.house.log, SqliteBatchLog)
        shard = shard_of("garden")
        for read, names_it in ((old.house.log.read, False), (old.house.log.read_on, is_given)):
            records = await read(shard, 0, 100)
            assert (PLATE in "".join(unpack(record.body)[1].decode() for record in records)) is names_it


async def test_receivers_are_told_which_events_are_erased(old: Old) -> None:
    await filled(old)
    facts = await old.here.rows(schema.parking_passage)
    mine = [row["id"] for row in facts if row["plate"] == PLATE]
    async with old.house.db.write() as connection:
        for number, identity in enumerate(mine):
            row = {"feed": "street", "id": identity, "number": number, "state": "sent", "attempts": 1}
            await connection.execute(schema.delivery.insert().values(**row))
            waiting = {"feed": "quiet", "state": "waiting", "body": PLATE.encode()}
            await connection.execute(schema.delivery.insert().values(**(row | waiting)))
    report = await erase(old, "plate", PLATE, feeds=[("street", []), ("quiet", ["alarm"])])
    assert report.receivers == {"street": len(mine)} and report.is_clean
    (told_one,) = [row for row in await old.here.rows(schema.delivery) if row["state"] == "waiting"]
    said = msgspec.json.decode(told_one["body"])
    assert said["type"] == "gatehouse.erased" and sorted(said["data"]["ids"]) == sorted(one.hex() for one in mine)
    assert PLATE not in told_one["body"].decode()


async def test_gateways_are_told_by_desired_state_and_their_answers_are_shown(old: Old) -> None:
    await filled(old)
    report = await erase(old, "plate", PLATE)
    async with old.house.db.read() as connection:
        document = await desired_rows.document(connection, "garden", "erasures", 1)
        assert await told.answers(connection, report.id, "garden") == {old.gateway.id: ""}
    assert document.kind == "erasures" and document.body["entries"][0]["id"] == report.id
    assert PLATE not in str(document.body) and compact.raw_hits
