"""Passes in the book of charges: what they cover is not billed, shared places whatever arrives first, a new tariff."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.desired import read_body
from domain.desired_bodies import Passes
from domain.events import Event, Subject
from domain.lanes.register import Register
from domain.lanes.stays import Stays
from domain.lanes.with_pass import to_pay
from domain.passages import Passage
from server import tariffs
from server.audit import Actor
from server.books.charges import Charges
from server.books.ledger_check import verify
from server.books.repricing import repricing
from server.store import access_list, desired_rows, pass_rows, resident_rows
from server.store.resident_rows import By, PassTerms
from server.store.schema import charge, vehicle_pass
from server.store.tariff_rows import Text
from server.web.formats import zone_of
from tests.server.centre import Centre, centre
from tests.server.engines import SQLITE, Engine

NOON = (datetime.now(UTC) - timedelta(days=2)).replace(hour=4, minute=0, second=0, microsecond=0)  # of Shanghai
UNTIL = (NOON + timedelta(days=60)).date()
# car, minutes after noon in and out: the second has no place until the first leaves
SHARED = (("京A11111", 0, 180), ("京A22222", 60, 300), ("京A33333", 200, 240))
PAID = {"京A11111": 0, "京A22222": 400, "京A33333": 200}


async def held(here: Centre, plate: str, home: str, **terms: Any) -> str:
    async with here.house.db.write() as connection:
        by = By("wang", NOON - timedelta(days=1), "garden")
        return await resident_rows.add_pass(connection, by, home, plate, PassTerms(UNTIL, **terms))


async def homes(here: Centre) -> tuple[str, str]:
    """A household, and one place that its cars share."""
    async with here.house.db.write() as connection:
        by = By("wang", NOON - timedelta(days=1), "garden")
        await resident_rows.add_household(connection, by, "h1", {"room": "101"})
        place = await resident_rows.add_place(connection, by, "h1", "地下", 1, "stop")
    return "h1", place


def read(plate: str, minute: int, direction: str) -> Event:
    at = NOON + timedelta(minutes=minute)
    event = Event(kind="plate", device="vzenith:9", time=at, recorded_at=at, direction=direction, lane="east")
    event.subject, event.source_event_id = Subject(type="plate", id=plate), f"{plate}/{minute}"
    return event


async def bills(here: Centre) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in sorted(await here.rows(charge), key=lambda row: row["number"]):
        found[row["plate"]] = row["amount_fen"]
    return found


async def arrive(here: Centre, stays: Sequence[tuple[str, int, int]]) -> None:
    gateway = await here.gateway()
    for plate, entry, exit_ in stays:
        await gateway.send(read(plate, entry, "in"), read(plate, exit_, "out"))
        await here.settled()


async def test_shared_places_are_billed_the_same_whatever_arrives_first(tmp_path: Path, engine: Engine) -> None:
    orders = [SHARED, SHARED[::-1]] if engine.name == "sqlite" else [SHARED[::-1]]
    for number, order in enumerate(orders):
        (tmp_path / str(number)).mkdir()
        async with centre(tmp_path / str(number), engine) as here:
            home, place = await homes(here)
            for plate, *_ in SHARED:
                await held(here, plate, home, place=place)
            await arrive(here, order)
            assert await bills(here) == PAID, order
            assert await at_the_barrier(here) == PAID, "the gateway's document and functions give the same"


def _passage(plate: str, minute: int, way: Any) -> Passage:
    at = NOON + timedelta(minutes=minute)
    return Passage(
        id=f"{plate}{minute}".encode(), plate=plate, occurred_at=at, direction=way, device="vzenith:9", lane="e"
    )


async def at_the_barrier(here: Centre) -> dict[str, int]:
    """What the gateway asks, by the document it is sent and the passages it saw."""
    async with here.house.db.write() as connection:
        await access_list.publish(connection, "garden", "wang", NOON)
        newest = (await desired_rows.newest_of(connection, ["garden"]))["garden"]["passes"]
        body = read_body("passes", (await desired_rows.document(connection, "garden", "passes", newest)).body)
    assert isinstance(body, Passes)
    seen = [(p, minute, way) for p, begin, end in SHARED for minute, way in ((begin, "in"), (end, "out"))]
    stays = Stays(_passage(*one) for one in seen)
    lot = here.house.lots.files["garden"]
    found: dict[str, int] = {}
    for plate, begin, end in SHARED:
        times = (NOON + timedelta(minutes=begin), NOON + timedelta(minutes=end))
        parts = to_pay(plate, times, Register(body), stays, zone_of("Asia/Shanghai"))
        found[plate] = lot.quote_parts("unknown", plate, times, (), parts, "").fee_fen
    return found


async def test_what_a_pass_covers_is_not_billed_and_a_new_tariff_counts_without_a_restart(
    tmp_path: Path, engine: Engine
) -> None:
    async with centre(tmp_path, engine) as here:
        home, _ = await homes(here)
        await held(here, "京A11111", home)
        await held(here, "京A22222", home, from_=NOON.date() + timedelta(days=1))
        await arrive(here, [("京A11111", 0, 180), ("京A22222", 0, 120), ("京A44444", 0, 60)])
        assert await bills(here) == {"京A11111": 0, "京A22222": 400, "京A44444": 200}
        wang, chen = Actor("wang", "operator"), Actor("chen", "committee")
        flat = Text("plans: {small: {charge: {kind: flat, fen: 900}}}", "每次 9 元")
        number = await tariffs.draft(here.house, wang, "garden", flat)
        await tariffs.propose(here.house, wang, "garden", number)
        await tariffs.publish(here.house, chen, "garden", number)
        later = 3 * 1_440  # in minutes after noon two days ago: after the publication
        await arrive(here, [("京A55555", later, later + 60), ("京A66666", 30, later + 60)])
        found = await bills(here)
        assert found["京A55555"] == 900
        assert found["京A66666"] > 900, "it came in under the file's tariff"


async def test_the_first_law_catches_a_book_that_looks_at_no_other_car(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody(*_: object) -> list[Any]:
        return []

    monkeypatch.setattr("server.store.pass_rows.mates", nobody)
    async with centre(tmp_path, SQLITE) as here:
        home, place = await homes(here)
        for plate, *_ in SHARED:
            await held(here, plate, home, place=place)
        await arrive(here, list(reversed(SHARED)))
        assert await bills(here) != PAID


async def test_a_pass_that_is_entered_or_extended_later_lessens_what_it_covers(tmp_path: Path, engine: Engine) -> None:
    async with centre(tmp_path, engine) as here:
        home, _ = await homes(here)
        short = (NOON - timedelta(days=10)).date()
        async with here.house.db.write() as connection:
            by = By("wang", NOON - timedelta(days=20), "garden")
            await resident_rows.add_pass(connection, by, home, "京A22222", PassTerms(short))
        await arrive(here, [("京A11111", 0, 180), ("京A22222", 0, 120), ("京A33333", 0, 60)])
        before = {"京A11111": 600, "京A22222": 400, "京A33333": 200}
        book = Charges(here.house.lots, here.house.now)
        look = repricing(book)
        await look(here.house.db, here.house.now())
        assert await bills(here) == before
        async with here.house.db.write() as connection:
            late = By("wang", here.house.now(), "garden")
            terms = PassTerms(UNTIL, NOON.date())  # from the day of the stay
            await resident_rows.add_pass(connection, late, home, "京A11111", terms)
            await resident_rows.add_pass(connection, late, home, "京A33333", PassTerms(UNTIL))  # from now on
            first = short + timedelta(days=1)
            assert await resident_rows.lengthen_pass(connection, late, "京A22222", (first, UNTIL))
            assert await resident_rows.lengthen_pass(connection, late, "京A22222", (first, UNTIL)) is None
        for _ in range(2):
            await look(here.house.db, here.house.now())
        assert await bills(here) == {"京A11111": 0, "京A22222": 0, "京A33333": 200}
        entries = [row for row in await here.rows(charge) if row["plate"] == "京A11111"]
        assert [(row["revision"], row["change_fen"]) for row in entries] == [(0, 600), (1, -600)]
        async with here.house.db.write() as connection:
            change = {"until_day": short.isoformat()}
            await connection.execute(vehicle_pass.update().where(vehicle_pass.c.canonical == "京A22222").values(change))
        await look(here.house.db, here.house.now())
        assert (await bills(here))["京A22222"] == 0, "nobody is asked for more because a list was changed"
        async with here.house.db.read() as connection:
            assert (await verify(connection, "garden")).faults == []


async def test_days_sold_after_a_pass_was_over_leave_the_days_between(tmp_path: Path) -> None:
    async with centre(tmp_path, SQLITE) as here:
        home, _ = await homes(here)
        over, again = (NOON - timedelta(days=9)).date(), (NOON - timedelta(days=1)).date()
        async with here.house.db.write() as connection:
            made = By("wang", NOON - timedelta(days=20), "garden")
            await resident_rows.add_pass(connection, made, home, "京A11111", PassTerms(over))
            await resident_rows.lengthen_pass(
                connection, By("sun", here.house.now(), "garden"), "京A11111", (again, UNTIL)
            )
            passes = await pass_rows.of_cars(connection, {("garden", "京A11111")})
        found = [passes.of("garden", "京A11111", NOON - timedelta(days=days)) for days in (15, 5, 0)]
        assert [one and (one.from_day, one.until_day) for one in found] == [
            (None, over.isoformat()),
            (None, over.isoformat()),
            (again.isoformat(), UNTIL.isoformat()),
        ]
