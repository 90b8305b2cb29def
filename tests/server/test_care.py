"""Care: movements by door and by card, silence that is never well, a visit that names nobody, the family's switch."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from domain.events import Event, Subject
from domain.retention import Terms
from server.care.carer import Carer, event_of
from server.care.movements import is_of
from server.facts import Fact
from server.retention.beside import Beside
from server.store import care_rows, schema
from server.store.care_rows import Watched, WatchView
from server.store.engine import stamp, unstamp
from server.store.people import ROLES
from server.store.scope import CITY, of_complexes
from tests.server import rows
from tests.server.centre import Centre, Gateway, centre
from tests.server.engines import SQLITE, Engine
from tests.server.people import City, Visitor, city

HOME = {"complex": "garden", "building": "3", "unit": "1", "room": "501", "consent_by": "本人和女儿"}
FORM = HOME | {"explained": "1", "hours": "24", "days": "90"}


@pytest.fixture
async def here(tmp_path: Path, engine: Engine) -> AsyncIterator[Centre]:
    async with centre(tmp_path, engine) as made:
        async with made.house.db.write("garden") as connection:
            await rows.add_household(connection, made.house.now())
            await rows.add_care(connection, made.house.now())
            await connection.execute(schema.care_task.delete())
            long = {"hours": 20, "quiet_from": "", "quiet_to": ""}
            await connection.execute(schema.care_watch.update().values(**long))
        yield made


async def hello(here: Centre, gateway: Gateway, **more: int) -> None:
    """A gateway says how far its log is; ``more``: of which stream how many records more than it has sent."""
    heads = {name: {"epoch": "e1", "head": gateway.head(name) + more.get(name, 0)} for name in ("urgent", "routine")}
    answer = await gateway.client.post("/v1/hello", json={"streams": heads}, headers=gateway.headers())
    assert answer.status_code == 200, answer.text
    await here.settled()


async def only(here: Centre) -> WatchView:
    async with here.house.db.read() as connection:
        (found,) = await care_rows.views(connection, CITY)
    return found


async def looked(here: Centre, carer: Carer) -> WatchView:
    """What one look sees the next confirms."""
    await carer.look()
    await carer.look()
    return await only(here)


def words(text: str) -> set[str]:
    """Whole words only: an id drawn by lot may have any three signs in it."""
    return set(re.findall(r"\w+", text))


async def test_hours_without_a_movement_become_a_matter_on_the_ladder_that_names_nobody(here: Centre) -> None:
    gateway, house = await here.gateway(), here.house
    carer = Carer(house.db, house.log, house.now)
    assert (await looked(here, carer)).state(house.now()) == "unknown", "its gateway never said anything"
    at = house.now()
    await gateway.send(Event(kind="door", device="z2m:other", point="door", time=at, state="open"))
    await hello(here, gateway)
    assert (await looked(here, carer)).state(house.now()) == "due"
    (task,) = await here.wait_for(schema.care_task, lambda found: found and found[0]["said_at"])
    (alert,) = await here.wait_for(schema.alert, len, rule="alarm_care_check")
    assert alert["id"] == task["alert"] and alert["category"] == "care" and alert["lateness"] == "live"
    (matter,) = await here.wait_for(schema.duty_state, len)
    assert matter["incident"] == alert["id"] and matter["category"] == "care"
    told = words(msgspec.json.encode([alert, matter]).decode())
    assert not {"h1", "501", "王芳", "w1"} & told, "who it is stands where only some look"
    await looked(here, carer)
    assert len(await here.rows(schema.care_task)) == 1 and len(await here.rows(schema.alert)) == 1


async def test_a_kill_between_keeping_and_saying_says_it_once(here: Centre) -> None:
    gateway, house = await here.gateway(), here.house
    await hello(here, gateway)
    carer = Carer(house.db, house.log, house.now)
    await looked(here, carer)
    await here.wait_for(schema.care_task, lambda found: found and found[0]["said_at"])
    async with house.db.write("garden") as connection:
        await connection.execute(schema.care_task.update().values(said_at=None))
    await carer.look()
    await here.settled()
    assert len(await here.rows(schema.alert, rule="alarm_care_check")) == 1


async def test_a_movement_in_any_order_begins_the_hours_anew_and_only_the_latest_is_kept(here: Centre) -> None:
    gateway, house = await here.gateway(), here.house
    carer, at = Carer(house.db, house.log, house.now), house.now()
    door: dict[str, Any] = {"kind": "door", "device": "z2m:h1", "point": "door", "state": "open"}
    await gateway.send(Event(**door, time=at - timedelta(minutes=9)))
    await gateway.send(Event(**door, time=at - timedelta(hours=5)), Event(**door, time=at, retained=True))
    await gateway.send(Event(**door, time=at - timedelta(hours=7)))
    await hello(here, gateway)
    found = await looked(here, carer)
    assert found.moved_at == unstamp(stamp(at - timedelta(minutes=9))) and found.state(house.now()) == "fine"
    assert await here.rows(schema.care_task) == []


async def test_what_was_not_heard_is_unknown_and_makes_no_visit(here: Centre) -> None:
    gateway, house = await here.gateway(), here.house
    carer = Carer(house.db, house.log, house.now)
    await hello(here, gateway, routine=3)
    assert (await looked(here, carer)).heard_at is None, "three records are still to come: perhaps a door among them"
    await hello(here, gateway)
    async with house.db.write("garden") as connection:
        gone = {"complex": "garden", "device": "z2m:h1", "point": "", "kind": "availability", "state": "offline"}
        await connection.execute(schema.device_state.insert().values(**gone, code="", state_at=stamp(house.now())))
    found = await looked(here, carer)
    assert found.heard_at is None and found.state(house.now()) == "unknown", "the sensor itself is away"
    assert await here.rows(schema.care_task) == []
    fine = msgspec.structs.replace(found, moved_at=house.now(), heard_at=house.now())
    assert fine.state(house.now()) == "fine" and fine.state(house.now() + timedelta(minutes=6)) == "unknown"


async def test_a_term_that_is_over_ends_by_itself(here: Centre) -> None:
    house = here.house
    async with house.db.write("garden") as connection:
        old = {"until": stamp(house.now() - timedelta(minutes=1)), "moved_at": stamp(house.now())}
        await connection.execute(schema.care_watch.update().values(**old))
    await Carer(house.db, house.log, house.now).look()
    found = await only(here)
    assert found.ended_at is not None and found.moved_at is None and found.state(house.now()) == "over"


async def test_visits_that_are_done_and_households_no_longer_looked_after_go_with_the_records_of_doors(
    here: Centre,
) -> None:
    house, now = here.house, here.house.now()
    async with house.db.write("garden") as connection:
        watch = await care_rows.view(connection, CITY, "w1")
        assert watch is not None
        for number, days in enumerate((89, 91)):
            done = {"done_at": stamp(now - timedelta(days=days)), "done_by": "lin", "result": "well", "words": "好"}
            task = {"complex": "garden", "id": f"t{number}", "watch": "w1", "since": "", "due_at": "", "alert": ""}
            await connection.execute(schema.care_task.insert().values(**task, **done, opened_at=stamp(now)))
        await care_rows.end(connection, "garden", "w1", "family", now - timedelta(days=89))
    beside = Beside(house.db, Terms())
    assert (await beside.round(now))["care"] == 1
    assert [row["id"] for row in await here.rows(schema.care_task)] == ["t0"]
    assert (await beside.round(now + timedelta(days=2)))["care"] == 2
    assert await here.rows(schema.care_watch) == [] and await here.rows(schema.care_task) == []


async def test_signs_that_cannot_be_kept_are_no_fault_of_ours(here: Centre) -> None:
    """PostgreSQL takes no NUL."""
    async with here.house.db.write("garden") as connection:
        await rows.add_person(connection, "lin", "grid_worker", of_complexes("garden"))
    lin = Visitor(here.client)
    assert (await lin.sign_in("lin")).status_code == 303
    for path in ("/care/w%00", "/care/family/x%00", "/rounds/a%00", "/rounds/at/x%00", "/rounds/garden%00/walk"):
        assert (await lin.get(path)).status_code in (404, 410, 422), path
    for fields in (FORM | {"room": "5\0"}, FORM | {"complex": "g\0"}, FORM | {"consent_by": "a\0", "room": "501"}):
        assert (await lin.submit("/care", **fields)).status_code in (303, 404, 422), fields
    assert (await lin.submit("/care/tasks/t%00/done", result="well", words="x")).status_code in (404, 422)


def fact(at: datetime, **said: Any) -> Fact:
    return Fact(Event(time=at, recorded_at=at, **said), "garden", None, 0, at)  # type: ignore[arg-type]


def test_a_card_of_the_household_counts_by_its_entry_or_its_number() -> None:
    at = rows.now()
    one = Watched("garden", "w1", "", "", frozenset({"k1"}), frozenset({"5550101"}))
    card: dict[str, Any] = {"kind": "access", "device": "uhppoted:1", "method": "card", "result": "granted"}
    assert is_of(one, fact(at, **card, ext={"card": "k1", "decided_by": "gateway"}))
    assert is_of(one, fact(at, **card, subject=Subject(type="card", id="0005550101")))
    assert not is_of(one, fact(at, **card, subject=Subject(type="card", id="0005550102")))
    assert not is_of(one, fact(at, **card | {"result": "denied"}, ext={"card": "k1"}))
    assert not is_of(one, fact(at, kind="door", device="uhppoted:1", state="open"))
    assert event_of("t1", at).device == "care:t1"


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[City]:
    async with city(tmp_path, SQLITE) as made:
        async with made.house.db.write(rows.GARDEN) as connection:
            await rows.add_household(connection, made.house.now())
            for name, role, place in (("lin", "grid_worker", "garden"), ("qi", "community", "river")):
                await rows.add_person(connection, name, role, of_complexes(place))
        yield made


async def begun(town: City, **changes: str) -> tuple[Visitor, str, str]:
    """A grid worker, where a household is looked after, and the family's address."""
    lin = await town.visitor("lin")
    answer = await lin.submit("/care", **FORM | changes)
    assert answer.status_code == 200, answer.headers.get("location")
    link, form = re.search(r"/care/family/[\w-]{20,}", answer.text), re.search(r"/care/\w{16}/end", answer.text)
    assert link and form
    return lin, form[0].removesuffix("/end"), link[0]


async def test_the_family_switches_it_off_on_and_ends_it_without_asking(town: City) -> None:
    lin, path, link = await begun(town)
    family = await town.visitor()
    page = await family.page(link)
    assert "不知道" in page and "本人和女儿" in page and "501" not in words(page), (
        "a link that is lost tells no address"
    )
    assert (await family.submit(f"{link}/off")).status_code == 303
    assert "家里关掉了" in await family.page(link) and "家里关掉了" in await lin.page(path)
    await family.submit(f"{link}/on")
    assert "家里关掉了" not in await family.page(link)
    assert (await family.submit(f"{link}/fly")).status_code == 404
    await family.submit(f"{link}/end")
    assert (await family.get(link)).status_code == 410 and (await family.submit(f"{link}/on")).status_code == 404
    assert "已结束" in await lin.page(path)
    async with town.house.db.read() as connection:
        who = (await connection.execute(select(schema.audit.c.action, schema.audit.c.who))).all()
    acted = [(row.action, row.who.split(" ")[0]) for row in who if row.action in ("care.switched", "care.ended")]
    assert acted == [("care.switched", "family")] * 2 + [("care.ended", "family")]


async def test_only_those_who_look_after_them_read_of_them(town: City) -> None:
    lin, path, _ = await begun(town)
    assert "501" in words(await lin.page("/care"))
    qi = await town.visitor("qi")
    assert "501" not in words(await qi.page("/care")) and (await qi.get(path)).status_code == 404
    for name in ("wang", "li", "chen", "sun", "huang"):
        assert (await (await town.visitor(name)).get("/care")).status_code == 403, name
    assert set(ROLES) > {"grid_worker", "community"}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"room": "999"}, "home"),
        ({"consent_by": " "}, "consent"),
        ({"explained": ""}, "consent"),
        ({"hours": "3"}, "hours"),
        ({"hours": "9" * 3}, "hours"),
        ({"hours": "x"}, "hours"),
        ({"quiet_from": "22:00"}, "quiet"),
        ({"door": "z2m:none door"}, "door"),
    ],
)
async def test_what_lacks_consent_or_sense_is_not_begun(town: City, change: dict[str, str], word: str) -> None:
    answer = await (await town.visitor("lin")).submit("/care", **FORM | change)
    assert answer.status_code == 303 and answer.headers["location"].endswith(f"refused={word}")
    assert (await (await town.visitor("lin")).submit("/care", **FORM | {"days": "9999"})).status_code == 422


async def test_a_visit_ends_with_words_and_the_hours_begin_anew(town: City) -> None:
    async with town.house.db.write(rows.GARDEN) as connection:
        await rows.add_care(connection, town.house.now())
    lin = await town.visitor("lin")
    assert "等人上门" in await lin.page("/care")
    assert "refused=words" in (await lin.submit("/care/tasks/t1/done", result="well", words=" ")).headers["location"]
    assert (await lin.submit("/care/tasks/t1/done", result="helped", words="摔倒，已扶起")).status_code == 303
    page = await lin.page("/care/w1")
    assert "摔倒，已扶起" in page and "需要帮忙，已帮" in page and "等人上门" not in await lin.page("/care")
    async with town.house.db.read() as connection:
        found = await care_rows.view(connection, CITY, "w1")
    assert found is not None and town.house.now() - found.counts_from < timedelta(minutes=1)
    await lin.submit("/care/tasks/t1/done", result="well", words="又一次")
    assert "又一次" not in await lin.page("/care/w1"), "a result is written once"
    assert (await (await town.visitor("qi")).submit("/care/tasks/t1/done", result="well", words="x")).status_code == 404
    assert "refused=watched" in (await lin.submit("/care", **FORM)).headers["location"]
