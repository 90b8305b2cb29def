"""The plan of a complex: what stands on it, who may put it there, what is said of it, and where it stays."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import Table, select

from domain.retention import Terms
from server.plan_pictures import MOST_BYTES
from server.readers import projections
from server.retention.beside import Beside
from server.store import audit_rows, desired_rows, plan_rows, schema
from server.store.engine import stamp
from tests.server import rows
from tests.server.engines import Engine
from tests.server.people import City, Visitor, city
from tests.server.test_plan_pictures import SVG, made

HERE = "/complexes/garden/plan"
CONTROLLER = "uhppoted:405419896"
DEVICES = {
    "devices": [
        {"id": CONTROLLER, "place": "3号楼", "doors": [{"point": "door/1"}, {"point": "door/2"}]},
        {"id": "osdp:101", "place": "5号楼"},
        {"id": "frigate:north", "name": "北墙摄像机"},
        {"id": "vzenith:9", "lane": "east"},
        {"id": "zigbee:s6", "name": "2号楼烟感"},
    ]
}
DOORS = {
    "doors": [
        {
            "id": "house-5",
            "name": "5号楼大门",
            "readers": [{"device": "osdp:101", "point": "reader/0"}],
            "contact": {"device": "osdp:101", "point": "input/0"},
        }
    ]
}
LANES = {
    "lanes": [
        {
            "id": "east-in",
            "name": "东门入口",
            "direction": "in",
            "readers": [{"device": "vzenith:9"}],
            "barrier": {"device": "vzenith:9", "open_with": {"io": 0}, "codes": {"1": "closed", "2": "open"}},
        }
    ]
}


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made_:
        house = made_.house
        async with house.db.write() as connection:
            for kind, body in (("devices", DEVICES), ("doors", DOORS), ("lanes", LANES)):
                await desired_rows.put(connection, "garden", kind, body, "wang", house.now())
            for name in ("3号楼", "5号楼"):
                row = {"id": f"b-{name}", "complex": "garden", "name": name}
                await connection.execute(schema.building.insert().values(row))
        yield made_


async def table(town: City, of: Table) -> list[dict[str, Any]]:
    async with town.house.db.read() as connection:
        return [dict(row) for row in (await connection.execute(select(of))).mappings()]


async def says(town: City, device: str, kind: str, state: str, code: str = "") -> None:
    row = {"complex": "garden", "device": device, "point": "", "kind": kind, "state": state, "code": code}
    async with town.house.db.write() as connection:
        await connection.execute(schema.device_state.insert().values(**row, state_at=stamp(rows.now())))


async def upload(visitor: Visitor, body: bytes, path: str = HERE, **fields: str) -> httpx.Response:
    files = {"file": ("plan", body, "image/png")}
    return await visitor.client.post(path, data={"csrf": visitor.csrf, **fields}, files=files, headers=PAGE)


PAGE = {"Accept": "text/html"}


def refusal(answer: httpx.Response) -> str:
    assert answer.status_code == 303, answer.text[:300]
    return parse_qs(urlsplit(answer.headers["location"]).query).get("refused", [""])[0]


def signs(html: str) -> dict[str, str]:
    """What each pin says of what it is."""
    return dict(re.findall(r'aria-label="([^"，]+)，([^"]+)"', html))


async def pinned(visitor: Visitor, device: str, point: str = "", x: int = 350, y: int = 200) -> httpx.Response:
    return await visitor.submit(f"{HERE}/drawn/pins", device=device, point=point, x=str(x), y=str(y))


async def a_plan_from_nothing_to_pins_that_show_how_things_stand(town: City) -> None:
    wang = await town.visitor("wang")
    html = await wang.page(HERE)
    assert "3号楼" in html and 'class="plan-picture plan-drawn"' in html, "drawn where nobody drew anything"
    for name in ("3号楼 door/1", "3号楼 door/2", "5号楼大门", "东门入口", "北墙摄像机", "2号楼烟感"):
        assert f">{name}</a>" in html, "listed beside, until it is pinned"
    for device, point in (
        (CONTROLLER, "door/1"),
        (CONTROLLER, "door/2"),
        ("osdp:101", "reader/0"),
        ("lane:east-in", ""),
        ("frigate:north", ""),
        ("zigbee:s6", ""),
    ):
        assert refusal(await pinned(wang, device, point)) == ""
    (plan,) = await table(town, schema.site_plan)
    assert len(await table(town, schema.pin)) == 6, "all on the one plan that was made for the first"
    now = {"complex": "garden", "device": "osdp:101", "point": "door/house-5", "granted": 0, "denied": 0}
    async with town.house.db.write() as connection:
        forced = now | {"state": "forced_open", "state_at": stamp(rows.now())}
        await connection.execute(schema.door.insert().values(forced))
    await says(town, "vzenith:9", "barrier", "unknown", "2")
    await says(town, "frigate:north", "availability", "offline")
    html = await (await town.visitor("li")).page(HERE)
    shown = signs(html)
    assert shown["5号楼大门"] == "被强行打开", "by its contact, however it is named"
    assert shown["3号楼 door/2"].startswith("被强行打开")
    assert shown["3号楼 door/1"] == "关着，7 条未结束的报警"
    assert shown["东门入口"] == "开着", "by what the lane says of its controller's numbers"
    assert shown["北墙摄像机"] == "离线，1 条未结束的报警"
    assert shown["2号楼烟感"] == "状态未知，1 条未结束的报警"
    assert 'href="/doors/one?complex=garden&amp;device=osdp%3A101&amp;point=reader%2F0"' in html
    assert 'href="/alerts/s1"' in html and "还没有放到图上" in html
    assert plan["name"] == "总平面图" and plan["picture"] is None
    barrier = await wang.page("/doors/one?complex=garden&device=vzenith:9&point=")
    assert "东门入口" in barrier, "a lane has a page where its barrier is opened"


async def an_alert_leads_to_its_pin(town: City) -> None:
    wang = await town.visitor("wang")
    asked = f"{HERE}?device=uhppoted%3A405419896&amp;point=door%2F1"
    assert asked in await wang.page("/alerts/a1")
    html = await wang.page(asked.replace("&amp;", "&"))
    assert "还没有放到图上。" in html and '<svg class="pin' not in html
    await upload(wang, made(), name="另一张")
    second = (await table(town, schema.site_plan))[0]["id"]
    await upload(wang, made(), name="第三张")
    await wang.submit(f"{HERE}/{second}/pins", device=CONTROLLER, point="door/1", x="10", y="990")
    html = await wang.page(asked.replace("&amp;", "&"))
    assert re.search(r'<svg class="pin sought[^"]*" x="1%" y="99%"', html), "on the plan that has it"
    assert "还没有放到图上。" not in html


async def pictures_are_kept_named_ordered_replaced_taken_away_and_put_back(town: City) -> None:
    wang = await town.visitor("wang")
    assert refusal(await upload(wang, made("JPEG"), name="3号楼 1 层", building="b-3号楼")) == ""
    (plan,) = await table(town, schema.site_plan)
    assert (plan["width_px"], plan["height_px"], plan["building"]) == (640, 400, "b-3号楼")
    here = f"{HERE}/{plan['id']}"
    picture = await wang.get(f"/media/{plan['picture']}")
    assert picture.status_code == 200 and picture.headers["content-type"] == "image/jpeg"
    assert (await (await town.visitor("zhao")).get(f"/media/{plan['picture']}")).status_code in (200, 404)
    await wang.submit(f"{here}/pins", device=CONTROLLER, point="door/1", x="123", y="456")
    assert refusal(await upload(wang, made("PNG", (800, 300)), f"{here}/picture")) == ""
    (changed,) = await table(town, schema.site_plan)
    assert changed["picture"] != plan["picture"] and changed["width_px"] == 800
    (pin,) = await table(town, schema.pin)
    assert (pin["x"], pin["y"]) == (123, 456), "a new scan keeps the pins"
    await wang.submit(f"{here}/describe", name="三号楼一层", rank="7")
    (named,) = await table(town, schema.site_plan)
    assert (named["name"], named["rank"], named["building"]) == ("三号楼一层", 7, None)
    assert refusal(await wang.submit(f"{here}/remove")) == ""
    html = await wang.page(f"{HERE}?edit=1")
    assert "三号楼一层" in html and "/restore" in html and '<svg class="pin"' not in html
    assert refusal(await wang.submit(f"{here}/restore")) == ""
    assert 'x="12.3%" y="45.6%"' in await wang.page(HERE)
    await wang.submit(f"{here}/picture", drawn="1")
    assert (await table(town, schema.site_plan))[0]["picture"] is None
    await wang.submit(f"{here}/unpin", device=CONTROLLER, point="door/1")
    assert await table(town, schema.pin) == []
    async with town.house.db.read() as connection:
        told = [row for row in await audit_rows.after(connection, 0, 1_000) if row.action == "plan.changed"]
    said = " ".join(str(row.content.details) for row in told if row.content and row.content.complex == "garden")
    for what in ("add", "pin", "picture", "describe", "remove", "restore", "unpin"):
        assert f'"what":"{what}"' in said


async def what_cannot_be_is_said_with_what_to_do_and_nothing_is_kept(town: City) -> None:
    wang = await town.visitor("wang")
    bad = {"svg": SVG, "not_picture": b"hello", "too_small": made(size=(10, 10)), "two_files": made() + b"<script>"}
    bad["too_large"] = made() + b"\0" * (MOST_BYTES - 500)
    for reason, body in bad.items():
        answer = await upload(wang, body, name="x")
        assert refusal(answer) == reason
        assert 'role="alert"' in await wang.page(answer.headers["location"])
    assert (await upload(wang, b"\0" * (MOST_BYTES + 100_000), name="x")).status_code == 413
    assert await table(town, schema.site_plan) == []
    for fields in ({"x": "1001", "y": "0"}, {"x": "-1", "y": "0"}, {"x": "1e3", "y": "0"}, {"x": "", "y": ""}):
        answer = await wang.submit(f"{HERE}/drawn/pins", device=CONTROLLER, point="door/1", **fields)
        assert refusal(answer) == "bad_spot"
    assert refusal(await pinned(wang, "nobody:1")) == "no_thing"
    assert refusal(await wang.submit(f"{HERE}/plan-other/describe", name="x", rank="1")) == "no_plan"
    assert refusal(await upload(wang, made(), name="")) == "bad_name"
    headers = {"Accept": "application/json", "X-CSRF-Token": wang.csrf}
    told = await wang.client.post(f"{HERE}/drawn/pins", data={"device": "nobody:1"}, headers=headers)
    assert told.status_code == 422 and told.json()["message"] == "no_thing"
    assert await table(town, schema.pin) == [] and await table(town, schema.site_plan) == []
    li = await town.visitor("li")
    assert (await pinned(li, CONTROLLER, "door/1")).status_code == 403
    assert "编辑" not in await li.page(HERE)


async def retention_leaves_what_a_plan_shows_and_lets_go_of_what_was_removed(town: City) -> None:
    """A picture of a plan is no evidence; one that no plan shows any more goes like any that nobody names."""
    wang = await town.visitor("wang")
    await upload(wang, made("JPEG"), name="留着")
    await upload(wang, made("JPEG", (500, 500)), name="删掉")
    plans = {one["name"]: one for one in await table(town, schema.site_plan)}
    await wang.submit(f"{HERE}/{plans['删掉']['id']}/pins", device=CONTROLLER, point="door/1", x="1", y="1")
    await wang.submit(f"{HERE}/{plans['删掉']['id']}/remove")
    beside, later = Beside(town.house.db, Terms()), town.house.now() + timedelta(days=40)
    async with town.house.db.write() as connection:  # the readers have come to the end: nothing is in the log
        for name in projections(town.house.config):
            await connection.execute(schema.cursor.insert().values(reader=name, shard="0", position=0))
    assert (await beside.round(later - timedelta(days=15))).get("site_plans") is None, "it can still be put back"
    assert (await beside.round(later))["site_plans"] == 1
    await beside.round(later)
    left = {row["sha256"] for row in await table(town, schema.media)}
    assert plans["留着"]["picture"] in left and plans["删掉"]["picture"] not in left
    assert [one["name"] for one in await table(town, schema.site_plan)] == ["留着"]
    assert await table(town, schema.pin) == []


async def there_is_an_end_to_plans(town: City) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan_rows, "MOST_PLANS", 1)
        await _fills_up(town)


async def _fills_up(town: City) -> None:
    wang = await town.visitor("wang")
    assert refusal(await upload(wang, b"", name="一")) == ""
    assert refusal(await upload(wang, b"", name="二")) == "too_many_plans"


STEPS = (
    a_plan_from_nothing_to_pins_that_show_how_things_stand,
    an_alert_leads_to_its_pin,
    pictures_are_kept_named_ordered_replaced_taken_away_and_put_back,
    what_cannot_be_is_said_with_what_to_do_and_nothing_is_kept,
    there_is_an_end_to_plans,
    retention_leaves_what_a_plan_shows_and_lets_go_of_what_was_removed,
)


async def test_plans(town: City) -> None:
    """One centre for all of it, without plans at the beginning of each."""
    for step in STEPS:
        async with town.house.db.write() as connection:
            await connection.execute(schema.pin.delete())
            await connection.execute(schema.site_plan.delete())
        await step(town)
