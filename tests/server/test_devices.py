"""Devices on the page: what is changed becomes the document that gateways go by, and each is shown as it is."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from domain.desired_bodies import Device, Door
from server.api.devices import entry_digest
from server.device_sheet import workbook
from server.store import audit_rows, desired_rows, device_lists, device_rows, schema
from server.store.device_views import DeviceView
from server.store.device_views import devices as views_of
from server.store.engine import stamp
from tests.server.engines import SQLITE, Engine
from tests.server.people import City, Visitor, city
from tests.server.test_place_import import digest_in, upload

BASE, GATEWAY = "/complexes/garden/devices", "gw-0a1b2c3d4e5f"
DOOR, CAMERA = "uhppote:405419896", "vzenith:a1"
KINDS = {"uhppote": "uhppote", "vzenith": "vzenith"}

ON_SQLITE = pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])  # what is no matter of the engine


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        yield made


async def newest(town: City) -> tuple[int | None, list[dict[str, Any]]]:
    async with town.house.db.read() as connection:
        found = await device_lists.at_most(connection, "garden", None)
    return (found.version, [device_lists.entry_of(one) for one in found.devices]) if found else (None, [])


async def says(town: City, listed: list[str], heard: dict[str, Any], **more: Any) -> None:
    """A hello of the garden's gateway; times are told by its own clock."""
    status = {"streams": {}, "devices": [{"id": one} for one in listed], "time": stamp(town.house.now())}
    await town.house.hellos.take(GATEWAY, {**status, "heard": {"devices": heard, "kinds": KINDS}, **more})


async def has(town: City, version: int) -> None:
    """The gateway goes by a version."""
    row = {"gateway": GATEWAY, "kind": "devices", "version": version, "applied_at": stamp(town.house.now())}
    async with town.house.db.write() as connection:
        await desired_rows.save(connection, [row | {"refused_version": None, "refused_reason": None}])


async def shown(town: City) -> dict[str, DeviceView]:
    async with town.house.db.read() as connection:
        _, views = await views_of(connection, "garden", town.house.now())
    return {view.device.id: view for view in views}


async def add(visitor: Visitor, device: str = DOOR, **more: str) -> str:
    answer = await visitor.submit(f"{BASE}/new", id=device, decides="device", **more)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def test_from_the_form_to_the_gateway_and_back(town: City) -> None:
    visitor = await town.visitor("chen")  # of the committee
    page = await visitor.page(f"{BASE}/new?device={DOOR}&address=192.0.2.9&name=1号楼")
    assert f'value="{DOOR}"' in page and 'value="192.0.2.9"' in page and 'value="1号楼"' in page
    async with town.house.db.write() as connection:
        await desired_rows.put(connection, "garden", "devices", {"devices": [{"id": CAMERA}]}, "root", town.house.now())
    done = await add(visitor, name="1号楼门禁", place="1号楼", address="192.0.2.9", doors="1; 2", keeps_cards="yes")
    door = {"id": DOOR, "name": "1号楼门禁", "place": "1号楼", "address": "192.0.2.9", "keeps_cards": True}
    door |= {"doors": [{"point": "1"}, {"point": "2"}]}
    assert await newest(town) == (2, [{"id": CAMERA}, door]), "what the command line wrote stays"

    await has(town, 1)
    await says(town, [CAMERA], {CAMERA: {"at": stamp(town.house.now())}})
    assert {one.device.id: (one.has, one.of, one.state) for one in (await shown(town)).values()} == {
        CAMERA: (1, 1, "online"),
        DOOR: (0, 1, "never"),
    }, "the camera's entry did not change: it is there already"
    assert "已到 0 / 2 扇门" in await visitor.page(BASE)
    await has(town, 2)
    page = await visitor.page(done)
    assert "已到 2 / 2 扇门" in page and f'action="{BASE}/undo"' in page
    await says(town, [CAMERA, DOOR], {DOOR: {"state": "offline", "fault": "clock"}})
    page = await visitor.page(f"{BASE}/one?device={DOOR}")
    assert "离线" in page and "设备时钟不对" in page and "docs/devices/uhppote.md" in page

    assert (await visitor.submit(f"{BASE}/remove", id=DOOR)).headers["location"] == f"{BASE}?undo=3"
    assert await newest(town) == (3, [{"id": CAMERA}])
    assert (await visitor.submit(f"{BASE}/undo", version="3")).headers["location"] == BASE
    assert await newest(town) == (4, [{"id": CAMERA}, door]), "nothing of it was lost"
    assert (await visitor.submit(f"{BASE}/undo", version="3")).headers["location"].endswith("devices_changed")
    async with town.house.db.read() as connection:
        rows = [(row.action, row.content) for row in await audit_rows.after(connection, 0)]
    told = [(action, content.ref, content.who) for action, content in rows if content and "device" in action]
    assert told == [
        ("device.added", DOOR, "chen"),
        ("device.removed", DOOR, "chen"),
        ("devices.undone", "garden", "chen"),
    ]


async def test_a_sheet_is_shown_and_then_written_whole_or_not_at_all(town: City) -> None:
    visitor = await town.visitor("wang")
    first = Device(DOOR, "门", doors=(Door("1", "gateway", {"card": 7}), Door("2")))
    body = device_lists.body_of([first, Device(CAMERA, direction="in")])
    async with town.house.db.write() as connection:
        await desired_rows.put(connection, "garden", "devices", body, "root", town.house.now())
    sheet = (await visitor.get(f"{BASE}/sheet.xlsx")).content
    same = await upload(visitor, sheet, f"{BASE}/import")
    assert 'name="digest"' not in same.text and "没有要写入的" in same.text, "what goes out comes in as it was"

    other = [msgspec.structs.replace(first, name="新门"), Device("uhppote:2")]
    sent = workbook(other, {}, is_english=True, with_examples=True)
    stays = await upload(visitor, sent, f"{BASE}/import")
    assert "另有 1 台不在这张表里" in stays.text and "门 → 新门" in stays.text
    path = f"{BASE}/import"
    files = {"file": ("d.xlsx", sent, "application/octet-stream")}
    whole = await visitor.client.post(path, data={"csrf": visitor.csrf, "whole": "yes"}, files=files)
    assert "移除" in whole.text and "另有" not in whole.text
    assert (await newest(town))[0] == 1, "nothing before it is confirmed"
    assert "什么都没有写入" in (await visitor.submit(f"{path}/confirm", digest=digest_in(stays), whole="yes")).text
    assert (await newest(town))[0] == 1, "what was not shown is not written"
    done = await visitor.submit(f"{path}/confirm", digest=digest_in(whole), whole="yes")
    assert done.headers["location"] == f"{BASE}?undo=2"
    assert await newest(town) == (2, [device_lists.entry_of(one) for one in other]), "with what no cell says"
    await visitor.submit(f"{BASE}/undo", version="2")
    assert (await newest(town))[1] == body["devices"]

    bad = workbook([Device("nothing:1"), Device(DOOR), Device(DOOR)], {}, is_english=False, with_examples=False)
    refused = await upload(visitor, bad, path)
    assert ">A4<" in refused.text and f"{DOOR} (3)" in refused.text and 'name="digest"' not in refused.text
    assert ">A2<" not in refused.text, "no gateway has said what it can speak to"
    await says(town, [], {})
    refused = await upload(visitor, bad, path)
    assert ">A2<" in refused.text and "不认识这一类设备" in refused.text


@ON_SQLITE
async def test_what_is_wrong_is_said_at_its_field_and_nothing_is_written(town: City) -> None:
    visitor = await town.visitor("wang")
    await says(town, [], {})
    for fields, name, word in (
        ({"id": "405419896"}, "id", "种类:厂家编号"),
        ({"id": "nothing:1"}, "id", "不认识这一类"),
        ({"id": DOOR, "name": "x" * 201}, "name", "太长了"),
        ({"id": DOOR, "doors": "1; 1"}, "doors", "写了两次"),
        ({"id": DOOR, "doors": '"1'}, "doors", "没有写对"),
        ({"id": DOOR, "decides": "gateway"}, "decides", "没有写是哪扇门"),
        ({"id": DOOR, "direction": "up"}, "direction", "方向只能是"),
    ):
        answer = await visitor.submit(f"{BASE}/new", **fields)
        about = re.search(rf'id="about-{name}">([^<]*)<', answer.text)
        assert answer.status_code == 422 and about and word in about[1], (fields, about and about[1])
        assert fields["id"] in answer.text, "what was written stands there still"
    assert await newest(town) == (None, [])
    await add(visitor)
    assert "已经有这个编号" in (await visitor.submit(f"{BASE}/new", id=DOOR)).text

    page = await visitor.page(f"{BASE}/change?device={DOOR}")
    was = re.search(r'name="was" value="(\w+)"', page)
    assert was and was[1] == entry_digest(Device(DOOR))
    await visitor.submit(f"{BASE}/change", id=DOOR, name="别人改的")
    late = await visitor.submit(f"{BASE}/change", id=DOOR, name="我改的", was=was[1])
    assert late.headers["location"].endswith("devices_changed"), "an older form overwrites nobody"
    assert (await newest(town))[1] == [{"id": DOOR, "name": "别人改的"}]
    assert (await visitor.submit(f"{BASE}/change", id=DOOR, name="别人改的")).headers["location"] == BASE
    assert (await newest(town))[0] == 3, "what changes nothing is no version (the first was the empty list)"


@ON_SQLITE
async def test_a_list_in_the_settings_is_taken_over_by_the_first_change(town: City) -> None:
    visitor = await town.visitor("wang")
    kept = {"id": CAMERA, "place": "东门", "doors": [{"point": "", "decides": "gateway"}]}
    await says(town, [], {CAMERA: {"state": "online"}}, devices=[kept])
    assert "写在网关的设置里" in await visitor.page(BASE)
    await add(visitor)
    plain = {"id": CAMERA, "place": "东门", "doors": [{"decides": "gateway"}]}
    assert await newest(town) == (2, [plain, {"id": DOOR}])
    await visitor.submit(f"{BASE}/undo", version="2")
    assert await newest(town) == (3, [plain])


@ON_SQLITE
async def test_who_may(town: City) -> None:
    assert (await (await town.visitor("li")).get(BASE)).status_code == 403
    assert (await (await town.visitor("chen")).get("/complexes/river/devices")).status_code == 404
    auditor = await town.visitor("huang")
    assert f"{BASE}/new" not in await auditor.page(BASE), "who only looks is offered nothing"
    assert (await auditor.get(f"{BASE}/new")).status_code == 403
    visitor = await town.visitor("wang", is_verified=False)
    assert (await visitor.submit(f"{BASE}/new", id=DOOR)).status_code in (303, 403)
    assert await newest(town) == (None, []), "the second factor comes first"


NOW = datetime.fromisoformat("2026-03-01T08:00:00+00:00")
EARLIER = NOW - timedelta(hours=1)


def test_what_gateways_say_is_folded_in_whatever_order_and_by_our_clock() -> None:
    said = device_rows.understood({"heard": {"devices": {DOOR: {"at": stamp(NOW), "state": "online"}}}}).heard
    assert said is not None
    wrong_clock = NOW + timedelta(days=400)
    one = device_rows.merged({}, said.devices, {DOOR}, NOW + timedelta(minutes=5), NOW)[DOOR]
    assert (one.at, one.state, one.since) == (NOW - timedelta(minutes=5), "online", NOW)
    far = device_rows.understood({"heard": {"devices": {DOOR: {"at": stamp(wrong_clock)}}}}).heard
    assert far is not None
    assert device_rows.merged({}, far.devices, {DOOR}, wrong_clock, NOW)[DOOR].at == NOW
    later = {DOOR: device_rows.Kept(NOW, "online", EARLIER)}
    again = device_rows.merged(later, said.devices, {DOOR}, NOW + timedelta(minutes=5), NOW)[DOOR]
    assert (again.at, again.since) == (NOW, EARLIER), "an earlier hearing takes nothing back"
    assert device_rows.merged(later, {}, {DOOR}, NOW, NOW) == later, "a gateway that lost its memory costs nothing"
    assert device_rows.merged(later, {}, set(), NOW, NOW) == {}, "what is listed no more is kept no more"


@pytest.mark.parametrize(
    "heard",
    ["x", {"devices": []}, {"devices": {"a": {"at": "soon"}}}, {"devices": {"": {}}}, {"devices": {"a\0": {}}}],
)
def test_what_cannot_be_understood_is_not_taken(heard: object) -> None:
    assert device_rows.understood({"heard": heard}).heard is None


@ON_SQLITE
async def test_a_gateway_that_is_lost_says_nothing_of_its_devices(town: City) -> None:
    await says(town, [DOOR], {DOOR: {"at": stamp(town.house.now()), "state": "online"}}, devices=[{"id": DOOR}])
    assert (await shown(town))[DOOR].state == "online"
    async with town.house.db.write() as connection:
        gone = schema.gateway.update().where(schema.gateway.c.id == GATEWAY)
        await connection.execute(gone.values(last_seen_at=stamp(town.house.now() - timedelta(minutes=3))))
    assert (await shown(town))[DOOR].state == "away"
    async with town.house.db.read() as connection:
        status = (
            await connection.execute(select(schema.gateway.c.status).where(schema.gateway.c.id == GATEWAY))
        ).scalar()
    assert status and "heard" not in status, "each hello writes it not again"
