"""What phones tell of rounds: kept once, corrected by our clock, refused by name; codes, labels, the workbook."""

from __future__ import annotations

import io
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pytest
from sqlalchemy import select

from domain.rounds.phone_time import OLDEST
from server.store import schema
from server.store.engine import unstamp
from tests.server import rows
from tests.server.engines import Engine
from tests.server.people import City, Visitor, city

P1, P2 = rows.POINT_CODES


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        async with made.house.db.write(rows.GARDEN) as connection:
            await rows.add_rounds(connection, made.house.now())
        yield made


async def tell(visitor: Visitor, *acts: dict[str, Any], **more: Any) -> httpx.Response:
    body = rows.acts_sent(*acts, **more)
    return await visitor.client.post("/rounds/garden/acts", json=body, headers={"X-CSRF-Token": visitor.csrf})


async def outcomes(visitor: Visitor, *acts: dict[str, Any], **more: Any) -> list[str]:
    answer = await tell(visitor, *acts, **more)
    assert answer.status_code == 200, answer.text
    return [one["outcome"] for one in answer.json()["answers"]]


def told_in(page: str) -> dict[str, Any]:
    """What a page gives its script."""
    found = re.search(r'id="phone">(.*?)</script>', page)
    assert found
    return json.loads(found[1])


async def kept(town: City, key: str) -> Any:
    query = select(schema.patrol_act).where(schema.patrol_act.c.key == key)
    async with town.house.db.read() as connection:
        return (await connection.execute(query)).mappings().one()


async def test_each_act_is_kept_once_and_what_cannot_be_is_said_by_name(town: City) -> None:
    li = await town.visitor("li")
    told = (
        {"key": "key-0001", "kind": "begin", "code": ""},
        {"key": "key-0002"},
        {"key": "key-0003", "code": P2.lower()},
        {"key": "key-0004", "code": "222222222"},
        {"key": "key-0005", "kind": "end", "reason": " \n "},
        {"key": "key-0006", "route": "none"},
    )
    assert await outcomes(li, *told) == ["kept", "kept", "kept", "no_point", "no_reason", "no_route"]
    assert (await outcomes(li, *told))[:3] == ["known"] * 3
    wang = await town.visitor("wang")
    assert await put_route(wang) == 303
    other = re.findall(r'id="route-(\w+)"', await wang.page("/rounds/garden/plan"))
    route = next(one for one in other if one != "r1")
    assert await outcomes(li, {"key": "key-0007", "route": route}) == ["other_route"], "a round is of one route"
    assert (await kept(town, "key-0003"))["point"] == "p2"


async def put_route(visitor: Visitor) -> int:
    fields = {"name": "二线", "points": "地下车库", "times": "", "mon": "1", "tolerance": "5", "within": "9"}
    return (await visitor.submit("/rounds/garden/routes", **fields)).status_code


async def test_a_phone_whose_clock_is_years_off_tells_when_it_really_was(town: City) -> None:
    li, now = await town.visitor("li"), town.house.now()
    there = datetime(1998, 3, 1, 8, tzinfo=UTC)  # what the phone takes for now
    at = (there - timedelta(hours=3)).isoformat()
    assert await outcomes(li, {"key": "key-0001", "at": at}, sent_at=there.isoformat()) == ["kept"]
    row = await kept(town, "key-0001")
    assert abs(unstamp(row["at"]) - (now - timedelta(hours=3))) < timedelta(minutes=1) and row["is_sure"] == 1
    assert row["phone_at"].startswith("1998-03-01T05:00")
    later = (there + timedelta(hours=1)).isoformat()
    assert await outcomes(li, {"key": "key-0002", "at": later}, sent_at=there.isoformat()) == ["kept"]
    row = await kept(town, "key-0002")
    assert row["is_sure"] == 0 and unstamp(row["at"]) <= town.house.now()
    old = (there - timedelta(days=30)).isoformat()
    assert await outcomes(li, {"key": "key-0003", "at": old}, sent_at=there.isoformat()) == ["kept"]
    row = await kept(town, "key-0003")
    assert unstamp(row["at"]) >= now - OLDEST and row["is_sure"] == 0


@pytest.mark.parametrize(("ago", "is_said"), [(timedelta(minutes=90), True), (timedelta(seconds=20), False)])
async def test_what_was_scanned_without_a_network_says_when_it_was_and_when_it_came(
    town: City, ago: timedelta, is_said: bool
) -> None:
    """The control: what is told as it happens says nothing of the kind."""
    li, now = await town.visitor("li"), town.house.now()
    scanned = {"round": "round-0009", "at": (now - ago).isoformat(), "due_at": None}
    begun = {"key": "key-0011", "kind": "begin", "code": "", **scanned}
    read = {"key": "key-0012", "kind": "read", "code": P1, **scanned}
    assert await outcomes(li, begun, read, sent_at=now.isoformat()) == ["kept", "kept"]
    at = unstamp((await kept(town, "key-0012"))["at"])
    assert abs(at - (now - ago)) < timedelta(minutes=1)
    day = at.astimezone(rows.SHANGHAI)
    board = await li.page(f"/rounds/garden?day={day.date().isoformat()}")
    assert f"东门岗亭 {day:%H:%M}" in board, "the time of the scan"
    (line,) = [one for one in re.findall(r'<li class="panel round.*?</li>', board, re.S) if "计划外" in one]
    assert ("才传到中心" in line) is is_said and (" 传到" in line) is is_said
    span = f"since={day.date().isoformat()}&until={day.date().isoformat()}"
    answer = await li.get(f"/rounds/garden/history.xlsx?{span}")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert sheet is not None
    (extra,) = [line for line in sheet.iter_rows(values_only=True) if line[2] == "计划外"]
    assert (extra[-1] is not None) is is_said


@pytest.mark.parametrize(
    "bad",
    [
        {"key": "short"},
        {"key": "key-0001", "kind": "fly"},
        {"key": "key-0001", "at": "yesterday"},
        {"key": "key-0001", "at": "2026-11-27T14:00:00"},
        {"key": "key-0001", "at": "0001-01-01T00:00:00+14:00"},
        {"key": "key-0001", "due_at": "9999-12-31T23:59:59-12:00"},
        {"key": "key-0001\x00", "reason": "x"},
        {"key": "key-0001", "reason": "x" * 201},
        {"key": "key-0001", "code": 10**400},
    ],
)
async def test_what_no_phone_of_ours_sends_is_not_understood(town: City, bad: dict[str, Any]) -> None:
    assert (await tell(await town.visitor("li"), bad)).status_code == 422


async def test_odd_signs_in_words_are_kept_harmless(town: City) -> None:
    li = await town.visitor("li")
    end = {"key": "key-0001", "kind": "end", "reason": "雨\x00 <b>\u202e大\n了"}
    assert await outcomes(li, end) == ["kept"]
    assert (await kept(town, "key-0001"))["reason"] == "雨 <b>大 了"


async def test_who_does_not_walk_there_tells_nothing_of_it(town: City) -> None:
    assert (await tell(await town.visitor("zhao"), {"key": "key-0001"})).status_code == 404
    assert (await tell(await town.visitor("chen"), {"key": "key-0001"})).status_code == 403
    li = await town.visitor("li")
    li.csrf = "another"
    assert (await tell(li, {"key": "key-0001"})).status_code == 403


async def test_a_label_leads_to_its_checkpoint_until_it_is_taken_down(town: City) -> None:
    wang, li = await town.visitor("wang"), await town.visitor("li")
    sheet = await wang.page("/rounds/garden/labels")
    assert f"/rounds/at/{P1}" in sheet and f"{P1[:3]}-{P1[3:6]}-{P1[6:]}" in sheet and "<svg" in sheet
    assert (await li.get("/rounds/garden/labels")).status_code == 403, "who walks reads codes on the wall"
    page = await li.page(f"/rounds/at/{P1.lower()}")
    assert told_in(page)["scanned"]["name"] == "东门岗亭" and told_in(page)["routes"][0]["name"] == "夜巡一线"
    walk = await li.page("/rounds/garden/walk")
    assert P1 not in walk and P2 not in walk, "a page that held the codes would walk by itself"
    assert (await (await town.visitor("zhao")).get(f"/rounds/at/{P1}")).status_code == 404
    await wang.submit("/rounds/garden/routes/r1/end", version="1")
    await wang.submit("/rounds/garden/points/p1/end")
    assert (await li.get(f"/rounds/at/{P1}")).status_code == 404
    assert await outcomes(li, {"key": "key-0001"}) == ["no_point"]


async def test_the_history_and_its_workbook_say_the_same(town: City) -> None:
    chen = await town.visitor("chen")
    page = await chen.page("/rounds/garden/history")
    assert "下大雨" in page and "提前结束" in page
    assert "下大雨" not in await chen.page("/rounds/garden/history?tint=red")
    answer = await chen.get("/rounds/garden/history.xlsx")
    assert answer.status_code == 200
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert sheet is not None
    lines = list(sheet.iter_rows(values_only=True))
    assert lines[0][:4] == ("应开始", "路线", "状态", "谁")
    (early,) = [line for line in lines if line[2] == "提前结束"]
    assert early[3] == "li" and early[6:9] == (1, 2, "地下车库") and early[-2] == "下大雨"
    assert any(line[2] == "漏巡" for line in lines), "the evening before nobody walked"
    for query in ("since=2026-13-01&until=x", "since=0001-01-01", "until=9999-12-31", "since=2199-01-01"):
        assert (await chen.get(f"/rounds/garden/history?{query}")).status_code == 200, query


async def test_a_phone_is_told_what_is_due_and_by_which_version(town: City) -> None:
    wang, li = await town.visitor("wang"), await town.visitor("li")
    assert await put_route(wang) == 303
    told = told_in(await li.page("/rounds/garden/walk"))
    assert {one["name"] for one in told["routes"]} == {"二线", "夜巡一线"}
    assert {one["name"] for one in told["slots"]} <= {"夜巡一线"}, "one without times is due at none"
    await wang.submit("/rounds/garden/routes/r1/end", version="1")
    told = told_in(await li.page("/rounds/garden/walk"))
    assert [one["name"] for one in told["routes"]] == ["二线"] and not told["slots"], (
        "a route that is walked no more is not offered"
    )
    redirect = await li.get("/rounds/walk")
    assert redirect.headers["location"] == "/rounds/garden/walk"
