"""Residents on the page: what is changed becomes the documents that gateways go by, and how far that has come."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from domain.access import CardList
from domain.desired_bodies import Credentials, DoorSet
from domain.doors.rules import NO_RULES
from domain.events import Event, Subject
from server.few import Few
from server.store import desired_rows, resident_tables, schema
from server.store.engine import stamp
from server.store.reach_views import Reach, Said
from server.store.visitor_rows import code_of
from server.web.formats import zone_of
from tests.server import rows
from tests.server.engines import SQLITE, Engine
from tests.server.people import City, Visitor, city

UNTIL = (date.today() + timedelta(days=100)).isoformat()
DEVICE = "uhppoted:405419896"
BY_HAND = {"cards": [{"id": "good", "card": "0081", "doors": [{"device": "*"}], "until": "2099-12-31"}]}

ON_SQLITE = pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])  # what is no matter of the engine


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        yield made


async def newest(town: City, kind: str = "credentials", complex_id: str = "garden") -> tuple[int, dict[str, Any]]:
    """The version and the body of a complex's document; 0 where there is none."""
    table = schema.desired_state
    query = select(table).where(table.c.complex == complex_id, table.c.kind == kind).order_by(table.c.version.desc())
    async with town.house.db.read() as connection:
        row = (await connection.execute(query.limit(1))).mappings().first()
    return (row["version"], msgspec.json.decode(row["body"])) if row else (0, {})


async def add_home(visitor: Visitor, room: str = "101", complex_id: str = "garden") -> str:
    said = {"complex": complex_id, "building": "3", "unit": "1", "room": room, "name": "王芳", "phone": "13800001234"}
    answer = await visitor.submit("/residents", **said)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def hours(town: City, begins: timedelta = timedelta(), ends: timedelta = timedelta(hours=2)) -> dict[str, str]:
    """What a household chooses: from when to when, by the clocks of the complex."""
    now = town.house.now().astimezone(zone_of(None))
    return {name: f"{now + after:%Y-%m-%dT%H:%M}" for name, after in (("from", begins), ("until", ends))}


async def add_card(visitor: Visitor, home: str, number: str, **more: str) -> None:
    answer = await visitor.submit(f"{home}/cards", kind="card", number=number, until=UNTIL, **more)
    assert answer.headers["location"] == home, answer.headers


async def card_ids(town: City) -> dict[str, str]:
    """By number, of those in use."""
    async with town.house.db.read() as connection:
        found = await connection.execute(select(resident_tables.credential))
        return {row.canonical: row.id for row in found if row.revoked_at is None}


async def decides(town: City, number: str) -> str:
    """What a gateway with the newest document would say now."""
    version, body = await newest(town)
    cards = CardList(version, msgspec.convert(body, Credentials))
    return cards.decide(number, DEVICE, "door/1", town.house.now(), zone_of(None)).reason


async def test_a_card_opens_and_revoked_it_does_not_and_that_can_be_taken_back(town: City) -> None:
    visitor = await town.visitor("sun")
    home = await add_home(visitor)
    await add_card(visitor, home, "0008165538")
    assert (await newest(town))[0] == 1
    assert await decides(town, "8165538") == "card_list"
    ((_, card),) = (await card_ids(town)).items()
    revoked = await visitor.submit(f"{home}/cards/{card}/revoke")
    assert await decides(town, "8165538") == "revoked"
    page = await visitor.page(revoked.headers["location"])
    assert f"{home}/cards/{card}/restore" in page and "8165538" not in page, "undo, and no number"
    await visitor.submit(f"{home}/cards/{card}/revoke")
    assert (await newest(town))[0] == 2, "a second click changes nothing"
    await visitor.submit(f"{home}/cards/{card}/restore")
    assert await decides(town, "8165538") == "card_list"
    later = (date.today() + timedelta(days=300)).isoformat()
    await visitor.submit(f"{home}/cards/{card}/extend", until=later)
    assert (await newest(town))[1]["cards"][0]["until"] == later


@ON_SQLITE
async def test_a_card_of_another_and_what_is_none_are_refused(town: City) -> None:
    visitor = await town.visitor("sun")
    home, other = await add_home(visitor), await add_home(visitor, "102")
    await add_card(visitor, home, "123456")
    for number, reason in (("00123456", "card_taken"), ("--", "bad_card")):
        answer = await visitor.submit(f"{other}/cards", kind="card", number=number, until=UNTIL)
        assert answer.headers["location"] == f"{other}?refused={reason}"
    assert (
        (await visitor.submit(f"{home}/cards", kind="card", number="9", until="x"))
        .headers["location"]
        .endswith("bad_day")
    )
    again = await visitor.submit("/residents", complex="garden", building="3", unit="1", room="101")
    assert "room_taken" in again.headers["location"]
    card = (await card_ids(town))["123456"]
    await visitor.submit(f"{home}/cards/{card}/revoke")
    await add_card(visitor, other, "123456")
    assert await decides(town, "123456") == "card_list", "revoked for one, given to another"
    answer = await visitor.submit(f"{home}/cards/{card}/restore")
    assert answer.headers["location"].endswith("card_taken")


async def test_what_the_command_line_wrote_is_taken_over_and_not_dropped(town: City) -> None:
    async with town.house.db.write() as connection:
        await desired_rows.put(connection, "garden", "credentials", BY_HAND, "root", town.house.now())
    visitor = await town.visitor("sun")
    home = await add_home(visitor)
    await add_card(visitor, home, "123456")
    assert [await decides(town, number) for number in ("81", "123456")] == ["card_list", "card_list"]
    assert "未分户" in await visitor.page("/residents")
    async with town.house.db.write() as connection:  # by hand again: who wrote last is right
        await desired_rows.put(connection, "garden", "credentials", BY_HAND, "root", town.house.now())
    await add_card(visitor, home, "777777")
    assert await decides(town, "777777") == "card_list"
    assert await decides(town, "123456") == "revoked", "the later hand left it out"
    await add_card(visitor, home, "81")
    assert (await card_ids(town))["81"] == "good", "it belongs to the household now"
    assert "***" in await visitor.page(home)


@ON_SQLITE
async def test_a_pin_is_kept_as_a_digest_and_is_nobody_elses(town: City) -> None:
    visitor = await town.visitor("chen")
    home, other = await add_home(visitor), await add_home(visitor, "102")
    answer = await visitor.submit(f"{home}/cards", kind="pin", number="246813", until=UNTIL)
    assert answer.headers["location"] == home
    version, body = await newest(town)
    assert "246813" not in str(body)
    cards = CardList(version, msgspec.convert(body, Credentials))
    where = (DEVICE, "door/1", town.house.now(), zone_of(None), NO_RULES)
    assert cards.decide_pin("246813", *where).granted and not cards.decide_pin("246814", *where).granted
    answer = await visitor.submit(f"{other}/cards", kind="pin", number="246813", until=UNTIL)
    assert answer.headers["location"].endswith("pin_taken")


@ON_SQLITE
async def test_names_and_numbers_are_masked_until_a_reason_is_given(town: City) -> None:
    visitor = await town.visitor("sun")
    home = await add_home(visitor)
    await visitor.submit(f"{home}/people", name="李小明", phone="13900005678")
    await add_card(visitor, home, "0008165538")
    for path in (home, "/residents", "/residents?q=3-1-101"):
        page = await visitor.page(path)
        assert not any(word in page for word in ("王芳", "李小明", "13800001234", "8165538")), path
    assert (await visitor.submit(f"{home}/shown")).status_code == 422
    shown = (await visitor.submit(f"{home}/shown", reason="owner")).text
    assert all(word in shown for word in ("王芳", "李小明", "13800001234", "8165538"))
    for sought in ("李小明", "8165538", "1-101"):
        assert home in await visitor.page(f"/residents?q={sought}")
    assert home not in await visitor.page("/residents?q=1_1")


async def test_how_far_a_change_has_come_is_what_gateways_say(town: City) -> None:
    visitor = await town.visitor("sun")
    home = await add_home(visitor)
    await add_card(visitor, home, "123456")
    assert "已到 0 / 5 扇门" in await visitor.page(home), "the doors of the garden that were heard of"
    applied = {"gateway": "gw-0a1b2c3d4e5f", "kind": "credentials", "version": 1}
    async with town.house.db.write() as connection:
        row = applied | {"applied_at": stamp(town.house.now()), "refused_version": None, "refused_reason": None}
        await connection.execute(schema.gateway_applied.insert().values(**row))
    page = await visitor.page(home)
    assert "已到 5 / 5 扇门" in page and "1 / 1 台网关" in page
    await add_card(visitor, home, "777777")
    page = await visitor.page(home)
    assert "已到 0 / 5 扇门" in page and "已到 5 / 5 扇门" in page, "each change by itself"
    async with town.house.db.write() as connection:
        said = {"refused_version": 2, "refused_reason": "no room for 0008165538"}
        await connection.execute(schema.gateway_applied.update().values(**said))
    page = await visitor.page(home)
    assert "网关拒绝了" in page and "8165538" not in page


async def test_a_swipe_at_the_reader_is_shown_and_enrolled_without_typing(town: City) -> None:
    visitor = await town.visitor("sun")
    home = await add_home(visitor)
    begin = (await visitor.submit(f"{home}/swipe", reader=f"{DEVICE} door/1")).headers["location"]
    assert "hx-trigger" in await visitor.page(begin)
    event = Event(kind="access", device=DEVICE, point="door/1", result="denied", method="card", reason="unknown_card")
    event.subject = Subject(type="card", id="0007654321")
    swiped = {"rule": "access_denied", "severity": "low", "event": event, "occurred_at": town.house.now()}
    await rows.add_alert(town.house, "other-door", **swiped, point="door/2")
    assert "确认登记" not in await visitor.page(begin)
    await rows.add_alert(town.house, "swipe-1", **swiped, point="door/1")
    page = await visitor.page(begin)
    assert "确认登记" in page and "7654321" not in page and "swipe-1" in page
    await add_card(visitor, home, "", swipe="swipe-1")
    assert await decides(town, "7654321") == "card_list"
    assert "确认登记" not in await visitor.page(begin), "it is somebody's now"
    nothing = await visitor.submit(f"{home}/cards", kind="card", swipe="no-such", until=UNTIL)
    assert nothing.headers["location"].endswith("no_swipe")
    old = (await visitor.page(f"{home}/swipe?reader={DEVICE}+door/1&since=2026-01-01T00:00:00Z")).split("<main")[1]
    assert "hx-trigger" not in old, "nobody waits for ever"


async def test_a_household_makes_a_pass_that_opens_once_and_only_by_its_address(town: City) -> None:
    clerk = await town.visitor("sun")
    home = await add_home(clerk)
    shown = await clerk.submit(f"{home}/links", days="7")
    link = re.search(r"/visit/[\w-]{20,}", shown.text)
    assert link and link[0] not in await clerk.page(home), "shown once"
    guest = await town.visitor()
    assert "访客码" in await guest.page(link[0])
    chosen = hours(town)
    made = await guest.client.post(link[0], data={"name": "张三", **chosen})
    assert made.status_code == 303 and made.headers["location"].startswith("/visit/pass/")
    page = await guest.page(made.headers["location"])
    assert "<svg" in page and "张三" in page and chosen["until"].replace("T", " ") in page
    token = made.headers["location"].rsplit("/", 1)[1]
    version, body = await newest(town)
    (entry,) = body["known"]
    assert entry["kind"] == "qr" and "张三" not in str(body)
    cards = CardList(version, msgspec.convert(body, Credentials))
    where = (DEVICE, "door/1", town.house.now(), zone_of(None), NO_RULES)
    assert cards.decide_code(code_of(token), *where).granted
    assert not cards.decide_code(token, *where).granted
    assert (await guest.get("/visit/pass/" + token[:-1] + "x")).status_code == 404
    ended = await guest.client.post(f"{link[0]}/end", data={"pass": entry["id"]})
    assert ended.status_code == 303 and "<svg" not in (await guest.get(made.headers["location"])).text
    assert (
        not CardList(1, msgspec.convert((await newest(town))[1], Credentials))
        .decide_code(code_of(token), *where)
        .granted
    )


@ON_SQLITE
async def test_a_pass_is_for_the_hours_that_were_chosen_and_only_for_such_as_can_be(town: City) -> None:
    clerk, guest = await town.visitor("sun"), await town.visitor()
    home = await add_home(clerk)
    link = re.search(r"/visit/[\w-]{20,}", (await clerk.submit(f"{home}/links", days="30")).text)
    assert link
    earliest, page = hours(town)["from"], await guest.page(link[0])
    usual = dict(re.findall(r'name="(from|until)" value="([\dT:-]+)"', page))
    assert earliest <= usual["from"] <= hours(town)["from"]
    assert usual["until"] == usual["from"][:11] + "23:59", "today, until its end"
    now = town.house.now()
    made = await guest.client.post(link[0], data=hours(town, timedelta(hours=1), timedelta(hours=3)))
    token = made.headers["location"].rsplit("/", 1)[1]
    version, body = await newest(town)
    cards = CardList(version, msgspec.convert(body, Credentials))
    for after, reason in ((0, "not_yet_valid"), (2, "card_list"), (4, "expired")):
        at = now + timedelta(hours=after)
        decided = cards.decide_code(code_of(token), DEVICE, "door/1", at, zone_of(None), NO_RULES)
        assert decided.reason == reason, after
    long, late = timedelta(days=3, hours=1), timedelta(days=32)
    for wrong in (
        hours(town, timedelta(hours=2), timedelta(hours=1)),
        hours(town, -timedelta(hours=3), -timedelta(hours=2)),
        hours(town, timedelta(), long),
        hours(town, late, late + timedelta(hours=1)),
        {"from": "2026-06-15", "until": "soon"},
        {},
    ):
        assert "bad_hours" in (await guest.client.post(link[0], data=wrong)).headers["location"], wrong
    later = {"used_at": stamp(now), "used_where": "3 号楼"}
    async with town.house.db.write() as connection:
        await connection.execute(resident_tables.credential.update().values(**later))
    assert "已经用过了" in await guest.page(made.headers["location"])
    page = await guest.page(link[0])
    assert "已使用" in page and "还有 1 台网关没有收到" in page, "the gateway of the garden has said nothing yet"
    assert "已使用" in await clerk.page(home)
    async with town.house.db.write() as connection:
        await connection.execute(resident_tables.credential.update().values(used_by="gw-0a1b2c3d4e5f"))
    assert "没有收到" not in await guest.page(link[0]), "who let it in knows"


@ON_SQLITE
async def test_a_link_makes_only_so_many_and_ended_none_at_all(town: City) -> None:
    clerk = await town.visitor("sun")
    home = await add_home(clerk)
    link = re.search(r"/visit/[\w-]{20,}", (await clerk.submit(f"{home}/links", days="7")).text)
    assert link
    guest = await town.visitor()
    made = [(await guest.client.post(link[0], data=hours(town))).headers["location"] for _ in range(11)]
    assert made[-1].endswith("refused=enough") and not any("refused" in one for one in made[:-1])
    identity = re.search(rf"{home}/links/([\w-]+)/end", await clerk.page(home))
    assert identity
    await clerk.submit(identity[0])
    assert (await guest.get(link[0])).status_code == 410
    assert (await guest.client.post(link[0], data=hours(town))).status_code == 404
    assert "<svg" not in (await guest.get(made[0])).text, "its passes ended with it"


@ON_SQLITE
async def test_a_plate_passes_until_a_day_and_no_longer_once_it_ended(town: City) -> None:
    visitor = await town.visitor("sun")
    home = await add_home(visitor)
    assert (await visitor.submit(f"{home}/plates", plate="京A·12345", until=UNTIL)).headers["location"] == home
    assert (await newest(town, "passes"))[1] == {"passes": [{"plate": "京A12345", "until": UNTIL}]}
    taken = await visitor.submit(f"{await add_home(visitor, '102')}/plates", plate="京A12345", until=UNTIL)
    assert taken.headers["location"].endswith("plate_taken")
    page = await visitor.page(home)
    assert "京A12345" not in page
    ending = re.search(rf"{home}/plates/[\w-]+/end", page)
    assert ending
    await visitor.submit(ending[0])
    (entry,) = (await newest(town, "passes"))[1]["passes"]
    assert entry["ended"][:10] == town.house.now().date().isoformat(), "its car may be inside still"
    await visitor.submit(ending[0].replace("/end", "/restore"))
    assert len((await newest(town, "passes"))[1]["passes"]) == 1


@ON_SQLITE
async def test_who_does_not_see_the_complex_sees_no_household(town: City) -> None:
    home = await add_home(await town.visitor("wang"), complex_id="river")
    clerk = await town.visitor("sun")
    assert (await clerk.get(home)).status_code == 404
    assert home not in await clerk.page("/residents?complex=river")
    assert (await clerk.submit("/residents", complex="river", room="9")).status_code == 404
    for who in ("li", "huang"):
        assert (await (await town.visitor(who)).get("/residents")).status_code == 403


def test_every_door_is_a_set_of_all() -> None:
    from server.store.resident_rows import EVERY_DOOR

    (every,) = [msgspec.convert(one, DoorSet) for one in EVERY_DOOR]
    assert every.holds("osdp:1", "") and every.holds(DEVICE, "door/4")


@ON_SQLITE
async def test_a_click_that_reached_no_list_would_be_seen(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """The positive control: with the documents no longer made, the revoked card still opens."""
    visitor = await town.visitor("sun")
    home = await add_home(visitor)
    await add_card(visitor, home, "123456")

    async def nothing(*_: object) -> dict[str, int]:
        return {}

    monkeypatch.setattr("server.store.access_list.publish", nothing)
    await visitor.submit(f"{home}/cards/{(await card_ids(town))['123456']}/revoke")
    assert await card_ids(town) == {} and await decides(town, "123456") == "card_list"


def test_an_address_asks_so_often_and_no_more() -> None:
    few, now = Few(most=3, within_s=60), rows.now()
    assert [few.may("a", now) for _ in range(4)] == [True, True, True, False]
    assert few.may("b", now) and few.may("a", now + timedelta(seconds=60))


def test_what_is_in_no_document_yet_was_refused_by_nobody() -> None:
    silent = Said("gw-1", 0, None, None, None, 2)
    refuses = Said("gw-1", 1, None, 2, None, 2)
    assert Reach([silent], 2).of(None).refused is None
    assert Reach([refuses], 2).of(None).refused is None
    assert Reach([refuses], 2).of(2).refused == "—"
    assert Reach([refuses], 2).of(1).is_everywhere
