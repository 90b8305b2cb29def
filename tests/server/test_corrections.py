"""What people say of passages, on both engines: folded in any order, billed by what it is, undone, and never silent."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from domain import parking
from domain.corrections import BadCorrection, Correction
from domain.events import Event, Subject
from domain.parking import near_matches, session_id
from server import corrections as acting
from server.audit import Actor
from server.corrections import Corrections
from server.doubtful import item_of
from server.projections.parking import Parking
from server.rebuild import fingerprint
from server.store import corrections, doubt_views, lane_watermarks, schema
from server.store.corrections import Word
from server.store.engine import Database, stamp
from server.store.exit_rows import exits
from server.store.scope import CITY
from server.store.stays import Tables, take
from tests.server.doubtful_city import COMPLEX, GATEWAY, NOON, Lot, id_of, lane_alarm, lot_in, read, said
from tests.server.engines import SQLITE, Engine
from tests.server.rows import insert

BOOK = (schema.charge_passage, schema.charge_session, schema.charge)
BESIDE = (*BOOK, schema.journal_line, schema.journal, schema.ledger_head, schema.passage_correction)
WANG = Actor("wang", "operator")
CAME = read(1, "粤B8K6Q2", "in", 0)
LEFT = read(2, "粤B8K602", "out", 90)  # Q read as 0
OTHER = read(3, "粤B11111", "in", 10)
AGAIN = read(4, "粤B11111", "in", 40)
GONE = read(5, "粤B11111", "out", 100)
STRANGE = read(6, "粤B99999", "out", 120)
UNREAD = read(7, "", "out", 130)
EVENTS = (CAME, LEFT, OTHER, AGAIN, GONE, STRANGE, UNREAD, lane_alarm(1, 125))
SAID = (
    said(LEFT, "plate", 600, plate="粤B8K6Q2"),
    said(AGAIN, "void", 601),
    said(AGAIN, "undo", 602, undoes="void-601"),
    said(AGAIN, "part", 603),
    said(STRANGE, "no_entry", 604),
    said(UNREAD, "plate", 605, plate="粤B77777"),
    said(UNREAD, "entry", 606, time=NOON),
    said(lane_alarm(1, 125), "seen", 607),
)


def speaking(lot: Lot) -> Corrections:
    return Corrections(lot.db, lambda: lot.book, lambda: NOON)


async def heard(lot: Lot, one: Correction) -> None:
    """As it is kept, whether the passage has come or not: a rebuild and a move to another cell know no order."""
    keys = [(COMPLEX, one.passage)]
    async with lot.db.write(COMPLEX) as connection:
        await corrections.add(connection, COMPLEX, one, Word("wang", "test"))
        await lot.parking.recorrect(connection, keys)
        await lot.book.recorrect(connection, keys)


async def rows(db: Database, table: Any) -> list[dict[str, Any]]:
    async with db.read() as connection:
        found = await connection.execute(select(table).order_by(*table.primary_key.columns))
        return [dict(row) for row in found.mappings()]


async def owed(db: Database) -> dict[str, int]:
    """What each stay costs now."""
    table = schema.charge
    query = select(table.c.session, func.sum(table.c.change_fen)).group_by(table.c.session)
    async with db.read() as connection:
        return {row[0]: row[1] for row in await connection.execute(query) if row[1]}


async def state(lot: Lot) -> tuple[str, list[dict[str, Any]], dict[str, int]]:
    tables = [table for table in lot.parking.tables if table is not schema.lane_watermark]
    async with lot.db.read() as connection:
        projected = await fingerprint(connection, tables)
    return projected, await rows(lot.db, schema.charge_session), await owed(lot.db)


async def in_order(lot: Lot, steps: list[Event | Correction]) -> Any:
    """Into an empty database."""
    async with lot.db.write(COMPLEX) as connection:
        for table in (*Parking.tables, *BESIDE):
            await connection.execute(table.delete())
    for step in steps:
        await (lot.tell(step) if isinstance(step, Event) else heard(lot, step))
    found = await state(lot)
    await lot.told_again()
    await lot.tell(*(step for step in steps if isinstance(step, Event)))
    assert (await state(lot))[0] == found[0], "a rebuild gives the same"
    return found


async def test_any_order_of_events_and_corrections_gives_the_same_stays_and_charges(
    tmp_path: Path, engine: Engine
) -> None:
    steps: list[Event | Correction] = [*EVENTS, *SAID]
    async with lot_in(tmp_path, engine, no_entry=500) as lot:
        found = [await in_order(lot, steps)]
        for seed in (1, 2, 3):
            random.Random(seed).shuffle(steps)
            found.append(await in_order(lot, steps))
    assert all(one == found[0] for one in found)
    _, stays, costs = found[0]
    assert {(row["plate"], row["state"]) for row in stays} == {
        ("粤B8K6Q2", "exited"),
        ("粤B11111", "exited"),
        ("粤B11111", "merged"),
        ("粤B99999", "no_entry"),
        ("粤B77777", "exited"),
    }
    assert costs == {
        session_id(id_of(CAME)).hex(): 400,
        session_id(id_of(OTHER)).hex(): 400,
        session_id(id_of(STRANGE)).hex(): 500,
        session_id(id_of(UNREAD)).hex(): 600,
    }


async def test_a_car_that_no_lane_gives_a_direction_is_not_folded_from_its_first_day(tmp_path: Path) -> None:
    async with lot_in(tmp_path, SQLITE) as lot:
        await lot.tell(*(read(number, "粤B8K6Q2", "unknown", number) for number in range(20)))
        batch = lot.batch(read(20, "粤B8K6Q2", "unknown", 20))
        async with lot.db.write(COMPLEX) as connection:
            (changed,) = await take(connection, Tables(schema.parking_passage, schema.session), [batch])
        assert [passage.id for passage in changed.passages] == [id_of(read(20, "粤B8K6Q2", "unknown", 20))]


@pytest.mark.parametrize("seed", range(3))
async def test_what_has_no_direction_comes_in_any_order(tmp_path: Path, seed: int) -> None:
    """Several in the same millisecond, too: each told alone leaves what all told at once would."""
    chance = random.Random(seed)
    ways, minutes = ("in", "out", "unknown", "unknown"), (0, 1, 1.0005 / 60, 30, 45)
    events = [read(number, "粤B8K6Q2", chance.choice(ways), chance.choice(minutes)) for number in range(14)]
    async with lot_in(tmp_path, SQLITE) as lot:
        found: list[tuple[Any, Any]] = []
        for _ in range(3):
            await in_order(lot, [*events])
            found.append((await rows(lot.db, schema.session), await rows(lot.db, schema.doubt)))
            chance.shuffle(events)
        await lot.told_again()
        async with lot.db.write(COMPLEX) as connection:
            await lot.parking.fold(connection, [lot.batch(*events)])
        found.append((await rows(lot.db, schema.session), await rows(lot.db, schema.doubt)))
    assert all(one == found[0] for one in found)


async def test_a_queue_is_cleared_act_by_act_and_taken_back(tmp_path: Path, engine: Engine) -> None:
    async with lot_in(tmp_path, engine) as lot:
        db = lot.db
        speak = speaking(lot)
        await lot.tell(*EVENTS)
        raw = await rows(db, schema.parking_passage)
        assert await owed(db) == {session_id(id_of(AGAIN)).hex(): 200}, "nothing for what was not matched"
        async with db.read() as connection:
            assert await doubt_views.count(connection, CITY, COMPLEX) == 5
        pick = said(LEFT, "plate", identity="tap-1", plate="粤B·8K6Q2")
        await speak.say(COMPLEX, pick, WANG, "plate")
        await speak.say(COMPLEX, pick, WANG, "plate")  # a tap that is sent twice
        stay = session_id(id_of(CAME)).hex()
        assert (await owed(db))[stay] == 400
        await speak.say(COMPLEX, said(STRANGE, "no_entry", identity="tap-2"), WANG, "no_entry")
        entry = next(row for row in await rows(db, schema.charge) if row["session"] == session_id(id_of(STRANGE)).hex())
        assert (entry["reason"], entry["amount_fen"], entry["revision"]) == ("unpriced", 0, 0), "an open item"
        for event, what in ((UNREAD, "seen"), (AGAIN, "part"), (lane_alarm(1, 125), "seen")):
            await speak.say(COMPLEX, said(event, what, identity=f"tap-{what}-{event.source_event_id}"), WANG, what)
        async with db.read() as connection:
            assert await doubt_views.count(connection, CITY, COMPLEX) == 0
            assert await doubt_views.next_one(connection, CITY, COMPLEX) is None
        assert await speak.undo(COMPLEX, "tap-1", "tap-9", WANG, "wrong car") == id_of(LEFT)
        assert stay not in await owed(db)
        async with db.read() as connection:
            again = await doubt_views.next_one(connection, CITY, COMPLEX)
        assert again is not None and (again.passage, again.kinds) == (id_of(LEFT), ["no_entry"])
        assert [row["passage"] for row in await rows(db, schema.parking_passage)] == [row["passage"] for row in raw]
        audited = [row["action"] for row in await rows(db, schema.audit)]
        assert (audited.count("passage.corrected"), audited.count("passage.undone")) == (5, 1)
        with pytest.raises(BadCorrection, match="after it left"):
            await speak.say(COMPLEX, said(STRANGE, "entry", identity="x", time=NOON.replace(hour=23)), WANG, "?")
        with pytest.raises(BadCorrection, match="no such passage"):
            await speak.say(COMPLEX, said(read(99, "粤B1", "out", 0), "seen", identity="y"), WANG, "?")


async def test_a_car_that_slipped_through_owes_once_a_person_says_which_it_was(tmp_path: Path, engine: Engine) -> None:
    """Until then nothing shows that the car that was read there went: it may have waited, and paid."""
    behind = lane_alarm(2, 90, direction="out", subject=Subject(type="plate", id="粤B8K6Q2", plate_color="blue"))
    async with lot_in(tmp_path, engine) as lot:
        await lot.tell(CAME, behind)
        assert await owed(lot.db) == {}
        async with lot.db.read() as connection:
            view = await doubt_views.next_one(connection, CITY, COMPLEX)
            assert view is not None
            item = await item_of(connection, view)
        assert (view.kinds, view.plate, item.proposed) == (["tailgate"], "粤B8K6Q2", f"pick:{_stay_of(CAME)}")
        await speaking(lot).say(COMPLEX, said(behind, "plate", plate="粤B8K6Q2"), WANG, "plate")
        assert await owed(lot.db) == {session_id(id_of(CAME)).hex(): 400}
        async with lot.db.read() as connection:
            assert await doubt_views.count(connection, CITY, COMPLEX) == 0
            (left,), _ = await exits(connection, COMPLEX, NOON, NOON + timedelta(days=1), ZoneInfo("Asia/Shanghai"))
        assert (left.opened_by, left.session_id) == ("none", session_id(id_of(CAME)).hex())


def _stay_of(event: Event) -> str:
    return session_id(id_of(event)).hex()


async def _two_reads(lot: Lot, color: str) -> None:
    """An entry, and an exit whose plate is near it, of this colour."""
    await lot.tell(CAME, read(2, "粤B8K602", "out", 90, color=color))


async def test_what_is_beyond_doubt_is_joined_said_and_can_be_taken_back(tmp_path: Path, engine: Engine) -> None:
    async with lot_in(tmp_path, engine) as lot:
        db, speak = lot.db, speaking(lot)
        await _two_reads(lot, "blue")
        async with db.write() as connection:
            for name in (GATEWAY, "gw-ffeeddccbbaa"):
                gateway: dict[str, Any] = {"id": name, "complex": COMPLEX, "public_key": {}}
                await insert(connection, schema.gateway, {**gateway, "enrolled_at": stamp(NOON)})
        assert await speak.join_sure() == 0, "another gateway may still tell of a car that is as near"
        async with db.read() as connection:
            lags = await lane_watermarks.provisional(connection, COMPLEX, NOON.date())
            assert [lag.gateway for lag in lags] == [GATEWAY, "gw-ffeeddccbbaa"], "the day is not over for either"
            stand = await lane_watermarks.stand(connection, COMPLEX)
        assert stand.is_provisional(NOON) and stand.until is None
        hello = {"streams": {"money": {"epoch": "e1", "head": 0}}}
        async with db.write() as connection:
            seen = {"last_seen_at": stamp(NOON.replace(hour=9)), "status": hello}
            await connection.execute(
                schema.gateway.update().where(schema.gateway.c.id == "gw-ffeeddccbbaa").values(seen)
            )
        assert (await speak.join_sure(), await speak.join_sure()) == (1, 0)
        assert await owed(db) == {session_id(id_of(CAME)).hex(): 400}
        (row,) = await rows(db, schema.passage_correction)
        assert (row["by"], row["plate"], row["why"]["distance"]) == ("automatic", "粤B8K6Q2", 0.3)
        assert [piece["how"] for piece in row["why"]["pieces"]] == ["same", "alike", "same"]
        await speak.undo(COMPLEX, row["id"], "back", WANG, "another car")
        assert await Corrections(db, lambda: lot.book, lambda: NOON).join_sure() == 0, "a person's word stands"
        assert await owed(db) == {}


async def _another_color_is_not_billed(folder: Path) -> None:
    async with lot_in(folder, SQLITE) as lot:
        await _two_reads(lot, "yellow")
        await speaking(lot).join_sure()
        assert await owed(lot.db) == {}


async def test_a_car_of_another_color_is_never_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the positive control: without the rule of the colour a wrong car is billed."""
    (tmp_path / "rule").mkdir()
    await _another_color_is_not_billed(tmp_path / "rule")

    def by_number_alone(plate: str, _color: str, inside: Any) -> parking.Candidate | None:
        return next(iter(near_matches(plate, inside)), None)

    monkeypatch.setattr(acting, "sure_match", by_number_alone)
    (tmp_path / "broken").mkdir()
    with pytest.raises(AssertionError):
        await _another_color_is_not_billed(tmp_path / "broken")


async def test_two_cars_that_are_as_near_are_for_a_person(tmp_path: Path) -> None:
    async with lot_in(tmp_path, SQLITE) as lot:
        await lot.tell(CAME, read(8, "粤B8K6D2", "in", 5), LEFT)
        assert await speaking(lot).join_sure() == 0
        assert await owed(lot.db) == {}


@pytest.mark.parametrize(("setting", "fen"), [(500, 500), ("first_hour", 200), ("open", 0)])
async def test_an_exit_without_an_entry_costs_what_the_complex_says(tmp_path: Path, setting: Any, fen: int) -> None:
    async with lot_in(tmp_path, SQLITE, no_entry=setting) as lot:
        db = lot.db
        await lot.tell(STRANGE)
        assert await rows(db, schema.charge) == [], "nobody has said yet that there is no entry"
        await speaking(lot).say(COMPLEX, said(STRANGE, "no_entry"), WANG, "no_entry")
        (entry,) = await rows(db, schema.charge)
        assert (entry["amount_fen"], entry["entered_at"]) == (fen, entry["exited_at"])
        assert sum(line["fen"] for line in entry["lines"]) == fen
        await lot.tell(read(9, "粤B99999", "in", 30))  # it had come in after all: told late
        assert (await owed(db)) == {session_id(id_of(read(9, "粤B99999", "in", 30))).hex(): 400}
