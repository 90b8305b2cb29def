"""Rounds at the centre: the plan and its versions, what stands on the board, and who sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from domain.rounds.plan import Route, Version
from domain.rounds.walk import Act, walks
from server.patrol import days
from server.store import patrol_rows
from tests.server import rows
from tests.server.engines import Engine
from tests.server.people import City, Visitor, city

ZONE = ZoneInfo("Asia/Shanghai")
FORM = {"name": "东线", "times": "22:00，02:00", "tolerance": "15", "within": "60", "mon": "1"}
WEEK = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "1")


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        async with made.house.db.write(rows.GARDEN) as connection:
            await rows.add_rounds(connection, made.house.now())
        yield made


async def put(visitor: Visitor, path: str, **fields: str) -> str:
    """Where a form of the plan leads."""
    answer = await visitor.submit(f"/rounds/garden/{path}", **fields)
    assert answer.status_code == 303, answer.status_code
    return answer.headers["location"].removeprefix("/rounds/garden/")


async def day_of_the_round(town: City) -> date:
    """The day on which the round of ``rows.add_rounds`` was due."""
    now = town.house.now()
    async with town.house.db.read() as connection:
        acts = await patrol_rows.acts_of(connection, rows.GARDEN, now - timedelta(days=1), now)
    return acts[0].due_at.astimezone(ZONE).date()


async def test_a_round_that_ended_early_stands_with_its_reason_and_what_was_not_reached(town: City) -> None:
    due_day = await day_of_the_round(town)  # within an hour after midnight it was yesterday's
    page = await (await town.visitor("li")).page(f"/rounds/garden?day={due_day}")
    assert "下大雨" in page and "提前结束" in page and "没到：地下车库" in page.replace("</p>", "")
    assert 'class="panel round is-yellow"' in page
    assert (await (await town.visitor("zhao")).get("/rounds/garden")).status_code == 404


async def test_the_plan_is_written_by_who_may_and_refused_by_its_field(town: City) -> None:
    chen, li = await town.visitor("chen"), await town.visitor("li")
    assert await put(chen, "points", names="南门\n 车库  出口 ") == "plan"
    assert await put(chen, "points", names="南门") == "plan?refused=taken"
    assert await put(chen, "points", names="x" * 61) == "plan?refused=name"
    good = FORM | {"points": "南门\n车库 出口"}
    assert await put(chen, "routes", **good) == "plan"
    for change, word in (
        ({"points": "北门"}, "points"),
        ({"points": "南门\n南门"}, "points"),
        ({"points": ""}, "points"),
        ({"times": "22点"}, "times"),
        ({"mon": ""}, "days"),
        ({"tolerance": "0"}, "tolerance"),
        ({"tolerance": "9" * 4}, "tolerance"),
        ({"within": "15"}, "within"),
        ({"name": ""}, "name"),
    ):
        assert await put(chen, "routes", **good | change) == f"plan?refused={word}", change
    page = await chen.page("/rounds/garden/plan")
    assert "02:00 22:00" in page and page.count("东线") >= 2
    assert (await li.submit("/rounds/garden/points", names="x")).status_code == 403
    assert "新路线" not in await li.page("/rounds/garden/plan"), "who may not change it is shown no form"


async def test_a_change_behind_another_is_refused_and_a_checkpoint_in_use_stays(town: City) -> None:
    wang = await town.visitor("wang")
    good = FORM | {"points": "地下车库"}
    assert await put(wang, "routes/r1", **good, version="1") == "plan"
    assert await put(wang, "routes/r1", **good, version="1") == "plan?refused=overtaken"
    assert await put(wang, "points/p2/end") == "plan?refused=in_route"
    assert await put(wang, "points/p1/end") == "plan"
    assert (await wang.submit("/rounds/garden/points/p1/end")).status_code == 404
    assert await put(wang, "routes/r1/end", version="2") == "plan"
    assert "东线" not in await wang.page("/rounds/garden/plan")
    assert (await wang.submit("/rounds/garden/routes/none", **good)).status_code == 404
    assert (await wang.submit("/rounds/garden/routes/r1", version="²", **good)).status_code == 422


@pytest.mark.parametrize("day", ["2026-13-01", "9999-12-31", "0001-01-01", "x", "2026-11-27\x00"])
async def test_a_day_that_is_none_is_today(town: City, day: str) -> None:
    answer = await (await town.visitor("li")).client.get("/rounds/garden", params={"day": day})
    assert answer.status_code == 200


async def test_the_same_act_told_twice_is_kept_once(town: City) -> None:
    now = town.house.now()
    act = Act(key="k-000001", round="w2", route="r1", kind="read", at=now, by="li", point="p1")
    async with town.house.db.write(rows.GARDEN) as connection:
        assert await patrol_rows.add_act(connection, rows.GARDEN, act, now, now)
        assert not await patrol_rows.add_act(connection, rows.GARDEN, act, now + timedelta(hours=1), now)
    async with town.house.db.read() as connection:
        kept = await patrol_rows.acts_of(
            connection, rows.GARDEN, now - timedelta(minutes=1), now + timedelta(minutes=1)
        )
    assert [one for one in kept if one.round == "w2"] == [
        Act(
            key="k-000001",
            round="w2",
            route="r1",
            kind="read",
            at=kept[0].at,
            by="li",
            point="p1",
            received_at=kept[0].at,
        )
    ]


def test_a_round_over_midnight_is_its_own_day_s_and_what_the_plan_no_longer_has_is_extra() -> None:
    midnight = datetime(2026, 11, 27, 16, 0, tzinfo=UTC)  # 00:00 there
    route = Route("x", ("p1",), ("23:55",))
    versions = {"r1": (Version(1, midnight - timedelta(days=9), route),)}

    def read(key: str, at: datetime, due_at: datetime | None) -> Act:
        return Act(key=key, round=key, route="r1", kind="read", at=at, by="li", due_at=due_at, point="p1")

    due = midnight - timedelta(minutes=5)
    walked = list(
        walks([read("a", midnight + timedelta(minutes=3), due), read("b", midnight, due + timedelta(hours=1))]).values()
    )

    def states(first: datetime) -> list[str]:
        window = days.Window(ZONE, first, first + timedelta(days=1))
        told = days.told(versions, {}, walked, window, midnight + timedelta(days=3))
        return [one.judged.state for one in told]

    assert states(midnight - timedelta(days=1)) == ["done"]
    assert states(midnight) == ["extra", "missed"], "the second round is of no slot that is planned"
