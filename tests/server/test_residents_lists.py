"""Residents in lists: a workbook, groups and hours, one door from afar, and what is erased or over."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from domain.access import CardList
from domain.desired import read_body
from domain.doors.rules import Rules
from domain.retention import Terms
from domain.subjects import Subject
from server.place_book import read_book
from server.place_template import filled
from server.resident_plan import EXAMPLES, SHEET, Known, make_plan
from server.retention import erase_beside
from server.retention.beside import Beside
from server.store import audit_rows, desired_rows, resident_tables, schema
from server.web.formats import zone_of
from tests.server.engines import SQLITE, Engine
from tests.server.people import City, city
from tests.server.test_place_import import digest_in, upload
from tests.server.test_residents import DEVICE, UNTIL, add_card, add_home, newest

GOOD = list(EXAMPLES["resident"][0])

ON_SQLITE = pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])  # what is no matter of the engine


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        yield made


def plan_of(*lines: list[str], known: Known | None = None) -> Any:
    return make_plan(read_book(filled((SHEET,), {"resident": lines}), (SHEET,)), known or nothing(), date(2027, 1, 1))


def nothing() -> Known:
    return Known({}, set(), {}, {}, set())


def changed(**cells: str) -> list[str]:
    keys = [column.key for column in SHEET.columns]
    return [cells.get(key, GOOD[index]) for index, key in enumerate(keys)]


@pytest.mark.parametrize(
    ("cells", "cell", "reason"),
    [
        ({"room": "", "card": "99"}, "C3", "empty"),
        ({"name": "", "card": "99"}, "D3", "empty"),
        ({"card": "--"}, "F3", "bad_card"),
        ({"card": "8165538"}, "F3", "twice"),
        ({"card": "99", "until": "soon"}, "G3", "bad_day"),
        ({"card": "99", "group": "none"}, "H3", "no_group"),
        ({"card": "99", "plate": "·"}, "I3", "bad_plate"),
        ({"card": "99", "plate": "京A·12345"}, "I3", "twice"),
        ({"card": "77"}, "F3", "card_taken"),
    ],
)
def test_a_fault_is_named_by_its_cell(cells: dict[str, str], cell: str, reason: str) -> None:
    known = nothing()
    known.cards["77"] = "another"
    found = plan_of(GOOD, changed(**({"plate": ""} | cells)), known=known)
    assert [(fault.cell, fault.reason) for fault in found.faults] == [(cell, reason)]


async def test_a_workbook_is_shown_and_then_written_whole_or_not_at_all(town: City) -> None:
    visitor, path = await town.visitor("sun"), "/residents/import/garden"
    bad = await upload(visitor, filled((SHEET,), {"resident": (GOOD, changed(card="--", plate=""))}), path)
    assert "F3" in bad.text and 'name="digest"' not in bad.text
    body = (await visitor.get(f"{path}/template.xlsx")).content
    digest = digest_in(await upload(visitor, body, path))
    assert (await newest(town))[0] == 0, "nothing before it is confirmed"
    assert (await visitor.submit(f"{path}/confirm", digest="0" * 64)).status_code == 200
    assert (await newest(town))[0] == 0, "what was not shown is not written"
    assert (await visitor.submit(f"{path}/confirm", digest=digest)).status_code == 303
    numbers = {card["card"] for card in (await newest(town))[1]["cards"]}
    assert numbers == {"0008165538", "0008165539"}
    assert "3-1-101" in await visitor.page("/residents?q=李强")
    assert 'name="digest"' not in (await upload(visitor, body, path)).text, "the same again adds nothing"


@ON_SQLITE
async def test_a_group_opens_its_doors_at_its_hours_and_stays_while_a_card_uses_it(town: City) -> None:
    visitor, base = await town.visitor("wang"), "/residents/access/garden"
    await visitor.submit(f"{base}/schedules", name="白天", mon="08:00-18:00", holiday="10:00-12:00")
    await visitor.submit(f"{base}/groups", name="楼门", doors=f"{DEVICE} door/1 door/2", schedule="白天")
    await visitor.submit(f"{base}/holidays", days="2027-01-04")
    home = await add_home(visitor)
    await add_card(visitor, home, "123456", group="楼门")
    rules = Rules(1, read_body("doors", (await newest(town, "doors"))[1]))  # type: ignore[arg-type]
    cards = CardList(1, read_body("credentials", (await newest(town))[1]))  # type: ignore[arg-type]
    for day, hour, point, reason in (
        ((2026, 12, 28), 9, "door/1", "card_list"),  # a Monday
        ((2026, 12, 28), 9, "door/3", "wrong_door"),
        ((2026, 12, 28), 19, "door/1", "outside_schedule"),
        ((2027, 1, 4), 9, "door/1", "outside_schedule"),  # a Monday that is a holiday
        ((2027, 1, 4), 11, "door/1", "card_list"),
    ):
        at = datetime(*day, hour, tzinfo=zone_of(None))
        assert cards.decide("123456", DEVICE, point, at, zone_of(None), rules).reason == reason, (day, hour, point)
    for path, said, reason in (
        ("groups", {"name": "楼门", "doors": ""}, "group_in_use"),
        ("schedules", {"name": "白天"}, "in_use"),
        ("schedules", {"name": "夜", "mon": "25:00-26:00"}, "bad_access"),
        ("groups", {"name": "甲", "doors": "x [1]"}, "bad_access"),
        ("groups", {"name": "甲", "doors": "x", "schedule": "none"}, "no_schedule"),
        ("holidays", {"days": "tomorrow"}, "bad_day"),
    ):
        answer = await visitor.submit(f"{base}/{path}", **said)
        assert answer.headers["location"].endswith(reason), (path, said)
    assert "白天" in await visitor.page(base)


@ON_SQLITE
async def test_a_door_opens_from_afar_once_for_a_reason_that_is_kept(town: City) -> None:
    patrol, where = await town.visitor("li"), {"complex": "garden", "device": DEVICE, "point": "door/1"}
    page = await patrol.page(f"/doors/one?complex=garden&device={DEVICE}&point=door/1")
    assert "远程开门" in page and "关着" in page and 'class="age"' in page
    assert (await patrol.submit("/doors/open", **where)).status_code == 422, "not without a reason"
    await patrol.submit("/doors/open", **where, reason="forgot", note="301")
    async with town.house.db.read() as connection:
        (order,) = (await connection.execute(select(schema.gateway_order))).mappings()
        kept = [row for row in await audit_rows.after(connection, 0) if row.action == "order.placed"]
    assert (order["args"], order["issued_by"], order["gateway"]) == ({"point": "door/1"}, "li", "gw-0a1b2c3d4e5f")
    assert [row.content.reason for row in kept if row.content] == ["forgot: 301"]
    assert "等网关来取" in await patrol.page(f"/doors/one?complex=garden&device={DEVICE}&point=door/1")
    door = {"point": "door/9", "decides": "gateway", "open_with": {"card": 8165538}}
    async with town.house.db.write() as connection:  # what its device wants beside the point
        body = {"devices": [{"id": DEVICE, "doors": [door]}]}
        await desired_rows.put(connection, "garden", "devices", body, "root", town.house.now())
    await patrol.submit("/doors/open", **where | {"point": "door/9"}, reason="repair")
    async with town.house.db.read() as connection:
        given = (await connection.execute(select(schema.gateway_order.c.args))).scalars().all()
    assert {"point": "door/9", "card": 8165538} in given
    sees_it_not = await (await town.visitor("zhao")).submit("/doors/open", **where, reason="forgot")
    assert sees_it_not.status_code == 404
    auditor = await town.visitor("huang")
    assert "远程开门" not in await auditor.page(f"/doors/one?complex=garden&device={DEVICE}&point=door/1")
    assert (await auditor.submit("/doors/open", **where, reason="forgot")).status_code == 403


async def test_who_is_erased_is_in_no_row_and_in_no_list(town: City) -> None:
    visitor = await town.visitor("sun")
    home = await add_home(visitor)
    await visitor.submit(f"{home}/people", name="李小明", phone="13900005678")
    async with town.house.db.read() as connection:
        person = (await connection.execute(select(resident_tables.resident.c.id))).scalar_one()
    await add_card(visitor, home, "7654321", resident=person)
    await add_card(visitor, home, "123456")
    await visitor.submit(f"{home}/plates", plate="京A12345", until=UNTIL)
    for whom in (Subject("person", "李小明"), Subject("plate", "京A12345"), Subject("person", "王芳")):
        await erase_beside.erase(town.house.db, whom, (), "erasure-1", town.house.now())
    assert [card["card"] for card in (await newest(town))[1]["cards"]] == ["123456"], "theirs went with them"
    assert (await newest(town, "passes"))[1] == {"passes": []}
    shown = (await visitor.submit(f"{home}/shown", reason="owner")).text
    assert not any(word in shown for word in ("李小明", "王芳", "京A12345", "13800001234"))


@ON_SQLITE
async def test_what_was_revoked_long_ago_goes_and_what_is_in_use_stays(town: City) -> None:
    visitor = await town.visitor("sun")
    home = await add_home(visitor)
    for number in ("123456", "7654321"):
        await add_card(visitor, home, number)
    page = await visitor.page(home)
    first = re.search(r"/cards/([\w-]+)/revoke", page)
    assert first
    await visitor.submit(f"{home}/cards/{first[1]}/revoke")
    for days, left in ((1, 2), (200, 1)):
        later = datetime.now(UTC) + timedelta(days=days) - timedelta(days=101 if days == 200 else 0)
        await Beside(town.house.db, Terms()).round(later)
        async with town.house.db.read() as connection:
            assert len((await connection.execute(select(resident_tables.credential))).all()) == left, days
