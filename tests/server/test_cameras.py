"""Cameras at the centre: drawn, asked for, undone, refused; what fired, which alert came of it, and who may see it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.desired import Refusal, read_body
from domain.events import Event, Media, encode_event
from domain.scenes.rules.rule import kinds
from domain.wire import pack
from eventlog.log import Record
from server.batches import Batch
from server.camera_entry import RuleRow, draft_in, draft_of, entry_of, questions
from server.projections.alerts import Alerts
from server.projections.detections import Detections
from server.store import audit_rows, camera_rows, desired_rows, schema
from tests.server import rows
from tests.server.engines import Engine
from tests.server.people import City, Visitor, city

CAMERA = "camera:north"
BASE = "/complexes/garden/cameras"
HERE = f"{BASE}/one?device=camera%3Anorth"
YARD = "100,500 500,450 600,950 100,950"
DEVICES = {"devices": [{"id": CAMERA, "name": "北门相机", "address": "rtsp://192.0.2.1/s"}, {"id": "frigate:north"}]}


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made_:
        async with made_.house.db.write() as connection:
            await desired_rows.put(connection, "garden", "devices", DEVICES, "wang", made_.house.now())
        yield made_


ZONE = {"shape-0-what": "zone", "shape-0-name": "restricted", "shape-0-points": YARD}
RULE = {"rule-0-kind": "person_in_zone", "rule-0-zone": "restricted", "rule-0-hours": "22:00-05:00"}


async def was(visitor: Visitor) -> str:
    return re.findall(r'name="was" value="([^"]*)"', await visitor.page(HERE))[0]


async def saved(visitor: Visitor, what: str = "save", **fields: str) -> httpx.Response:
    said = {"device": CAMERA, "was": await was(visitor), "reason": "试"}
    return await visitor.submit(f"{BASE}/{what}", **{**said, **fields})


async def entry(town: City) -> dict[str, Any] | None:
    async with town.house.db.read() as connection:
        return (await camera_rows.current(connection, "garden")).cameras.get(CAMERA)


def batch(*events: Event, position: int = 1) -> Batch:
    packed = pack("gw-1", "routine", "e1", position * 100, [encode_event(event) for event in events])
    return Batch(Record(position, packed, "garden", rows.now().isoformat()))


def person(track: str, **changed: Any) -> Event:
    fields: dict[str, Any] = {
        "kind": "detection",
        "device": CAMERA,
        "label": "person",
        "rule": "person_in_zone-restricted",
        "zones": ["restricted"],
        "confidence": 0.91,
        "phase": "start",
        "source_event_id": f"{track}/person_in_zone-restricted",
        "time": rows.ago(minutes=5),
        "recorded_at": rows.ago(minutes=5),
        "ext": {"track": track, "box": [0.2, 0.3, 0.4, 0.8], "below": 0.05},
    }
    return Event(**{**fields, **changed})


async def test_what_is_drawn_is_a_version_with_who_and_why_and_can_be_undone(town: City) -> None:
    wang = await town.visitor("wang")
    html = await wang.page(HERE)
    assert "还没有画过什么" in html and "有人进入区域" in html
    assert (await saved(wang, reason="晚上不许进", **ZONE, **RULE)).status_code == 303
    first = await entry(town)
    assert first == {
        "zones": {"restricted": [[0.1, 0.5], [0.5, 0.45], [0.6, 0.95], [0.1, 0.95]]},
        "rules": [{"kind": "person_in_zone", "zone": "restricted", "hours": ["22:00-05:00"]}],
    }
    mask = {"shape-1-what": "mask", "shape-1-points": "0,0 300,0 300,300"}
    assert (await saved(wang, reason="遮住窗户", **ZONE, **RULE, **mask)).status_code == 303
    html = await wang.page(HERE)
    assert "晚上不许进" in html and "遮住窗户" in html and "第 2 版" in html
    assert (await saved(wang, "undo", to="1", reason="遮错了")).status_code == 303
    assert await entry(town) == first
    assert "恢复第 1 版" in await wang.page(HERE)
    async with town.house.db.read() as connection:
        told = [row for row in await audit_rows.after(connection, 0, 1_000) if row.action.startswith("camera.")]
    assert [row.action for row in told] == ["camera.changed", "camera.changed", "camera.undone"]
    assert told[1].content is not None and told[1].content.reason == "遮住窗户"
    assert (await saved(wang, back="1", reason="按盒子")).status_code == 303
    assert await entry(town) is None


async def test_what_is_wrong_is_said_with_its_place_and_nothing_is_kept(town: City) -> None:
    wang = await town.visitor("wang")
    bad: dict[str, dict[str, str]] = {
        "rules[0].zone: no zone &#39;yard&#39;; there are restricted": {**RULE, "rule-0-zone": "yard"},
        "shape 1": {"shape-0-points": "100,500 1200,4 6,6"},
        "&#39;restricted&#39; encloses nothing": {"shape-0-points": "0,0 100,100 200,200"},
        "`hours`": {**RULE, "rule-0-hours": "9-"},
        "motion.threshold": {"tune-motion.threshold": "lots"},
        "同一个名称": {"shape-1-what": "zone", "shape-1-name": "restricted", "shape-1-points": YARD},
        "请写为什么改": {"reason": ""},
    }
    for words, fields in bad.items():
        answer = await saved(wang, **{**ZONE, **fields})
        assert answer.status_code == 422, words
        assert words in answer.text, (words, answer.text[answer.text.find('role="alert"') :][:300])
        assert YARD in answer.text or "shape-0-points" in fields, "what was typed is there still"
    assert await entry(town) is None
    more = await saved(wang, add="crowd", **ZONE)
    assert 'name="rule-0-persons"' in more.text, "a row more, without scripts"
    assert await entry(town) is None


async def test_nobody_overwrites_what_somebody_else_drew_meanwhile(town: City) -> None:
    wang = await town.visitor("wang")
    seen = await was(wang)
    assert (await saved(wang, **ZONE)).status_code == 303
    answer = await saved(wang, was=seen, **{**ZONE, "shape-0-name": "other"})
    assert answer.status_code == 422 and "别人改了这台摄像机" in answer.text
    assert "restricted" in ((await entry(town)) or {})["zones"]


async def test_who_may_only_look_sees_and_changes_nothing(town: City) -> None:
    for name, status in (("li", 403), ("zhao", 403)):
        someone = await town.visitor(name)
        answer = await someone.submit(f"{BASE}/save", device=CAMERA, was="", reason="x", **ZONE)
        assert answer.status_code in (status, 404), name
    assert await entry(town) is None


async def test_a_refusal_of_a_gateway_is_shown_with_its_place(town: City) -> None:
    wang = await town.visitor("wang")
    await saved(wang, **ZONE, **RULE)
    async with town.house.db.write() as connection:
        gateway = (
            await connection.execute(schema.gateway.select().where(schema.gateway.c.complex == "garden"))
        ).first()
        assert gateway is not None
        reason = f"scenes: {CAMERA}: rules: the network /x.onnx is not there"
        refused = desired_rows.changes(gateway.id, {}, {}, [Refusal("scenes", 1, reason)], town.house.now())
        await desired_rows.save(connection, refused)
    html = await wang.page(HERE)
    assert "网关拒绝了" in html and reason in html and "错在别的摄像机" not in html
    async with town.house.db.write() as connection:
        before = (await desired_rows.reported(connection, [gateway.id]))[gateway.id]
        await desired_rows.save(
            connection, desired_rows.changes(gateway.id, before, {"scenes": 1}, [], town.house.now())
        )
    html = await wang.page(HERE)
    assert "已收下" in html and "网关拒绝了" not in html


async def test_a_zone_that_no_built_in_rule_hears_of_is_said(town: City) -> None:
    wang = await town.visitor("wang")
    await saved(wang, **ZONE, **RULE)
    assert "只记下，不报警" not in await wang.page(HERE)
    await saved(wang, **{**ZONE, "shape-0-name": "yard"}, **{**RULE, "rule-0-zone": "yard"})
    assert "只记下，不报警" in await wang.page(HERE)


async def fold(town: City, *batches: Batch) -> None:
    async with town.house.db.write() as connection:
        await Detections().fold(connection, batches)
        await Alerts({}, town.house.now, announce=False).fold(connection, batches)


async def test_what_fired_is_shown_with_its_alert_and_why(town: City) -> None:
    wang = await town.visitor("wang")
    picture = await rows.keep_picture(town.house, body=rows.picture("#223344", "北门"))
    crowd = person("t9", label="crowd", rule="crowd", zones=[], metrics={"persons": 7.0}, source_event_id="t9/crowd")
    shown = person("t1", media=[Media(role="scene", type="image/jpeg", sha256=picture)])
    over = person("t1", phase="end")
    asked = person("s", label="snapshot", rule=None, zones=[], phase="instant", source_event_id="snapshot/0001")
    await fold(town, batch(shown, over, crowd, asked), batch(shown, position=2))
    html = await wang.page(HERE)
    fired = html[html.index('id="fired"') :]
    assert fired.count("fired-picture") == 2, "each fact once; an end is none, nor a picture that was asked for"
    assert f"/media/{picture}/small" in fired and 'x="200.0" y="300.0" width="200.0" height="500.0"' in fired
    assert 'height="95.0%"' in fired, "the strip below is left out"
    assert "91%" in fired and "t1" in fired and "restricted" in fired
    assert "多人聚集" in fired and ">7<" in fired and "/alerts/" in fired, "of a crowd an alert came"
    assert "没有成为报警" in fired
    only = await wang.page(f"{HERE}&alerts=1")
    assert only[only.index('class="fired-list"') :].count("fired-picture") == 1
    none = await wang.page(f"{HERE}&rule=none")
    assert "这段时间没有报过" in none
    assert "北门相机" in await wang.page(BASE)


async def test_how_often_people_said_that_there_was_nothing(town: City) -> None:
    wang = await town.visitor("wang")
    await fold(town, batch(*(person(f"t{n}", label="crowd", rule="crowd", source_event_id=f"t{n}") for n in range(4))))
    async with town.house.db.write() as connection:
        found = (await connection.execute(schema.alert.select().where(schema.alert.c.device == CAMERA))).all()
        for number, one in enumerate(found):
            said = {"alert": one.id, "complex": "garden", "device": CAMERA, "rule": one.rule, "by": "li"}
            await connection.execute(schema.noise.insert().values(**said, at="2026", is_false=int(number == 0)))
    html = await wang.page(HERE)
    (row,) = re.findall(r'<tr><th scope="row">crowd</th>.*?</tr>', html, re.DOTALL)
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", row)
    assert cells == ["4", str(len(found)), str(len(found)), f"1 · {round(100 / len(found))}%"] and found


async def test_a_picture_that_is_asked_for_is_an_order_on_record(town: City) -> None:
    wang = await town.visitor("wang")
    answer = await wang.submit(f"{BASE}/picture", device=CAMERA)
    assert answer.status_code == 303
    async with town.house.db.read() as connection:
        (order,) = (await connection.execute(schema.gateway_order.select())).mappings().all()
        assert [row.action for row in await audit_rows.after(connection, 0, 1_000)][-1] == "camera.looked"
    assert (order["device"], order["name"]) == (CAMERA, "picture.take")
    asked = f"{BASE}/news?device=camera%3Anorth&asked={order['id']}"
    assert (await wang.get(asked)).json()["picture"] is False
    picture = await rows.keep_picture(town.house, body=rows.picture("#556677", "现在"))
    media = [Media(role="scene", type="image/jpeg", sha256=picture)]
    came = person("s", label="snapshot", source_event_id=f"snapshot/{order['id']}", media=media)
    await fold(town, batch(came))
    assert (await wang.get(asked)).json()["picture"] is True
    assert f"/media/{picture}" in await wang.page(HERE)


def test_every_rule_there_is_can_be_asked_and_read_back() -> None:
    assert set(questions()) == set(kinds())
    zones = {"zones": {"z": [[0, 0], [1, 0], [1, 1]]}, "lines": {"l": [[0, 0], [1, 1]]}}
    for kind, asked in questions().items():
        said: dict[str, Any] = {one.name: one.name[0] for one in asked if one.name in ("zone", "line")}
        entry: dict[str, Any] = {**zones, "rules": [{"kind": kind, **said}]}
        read_body("scenes", {"cameras": {"camera:a": entry_of(draft_of(entry))}})
        assert entry_of(draft_of(entry)) == entry


SHARE = st.integers(0, 1_000).map(lambda one: one / 1_000)
POINTS = st.lists(st.tuples(SHARE, SHARE).map(list), min_size=3, max_size=8)


@given(st.dictionaries(st.sampled_from("abcd"), POINTS, max_size=4), st.lists(POINTS, max_size=3))
def test_what_is_drawn_survives_the_form(zones: dict[str, Any], masks: list[Any]) -> None:
    entry = {name: said for name, said in (("zones", zones), ("masks", masks)) if said}
    draft = draft_of(entry)
    fields = {
        f"shape-{n}-{part}": getattr(one, part) for n, one in enumerate(draft.shapes) for part in one.__struct_fields__
    }
    assert entry_of(draft_in(lambda name, _: fields.get(name, ""))) == entry


def test_a_rule_nobody_knows_is_no_row() -> None:
    assert draft_in(lambda name, _: "nonsense" if name == "rule-0-kind" else "").rules == ()
    assert RuleRow("nonsense").questions == ()
    assert msgspec.json.encode(draft_of(None).rules) == b"[]"
