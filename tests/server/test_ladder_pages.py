"""Pages of the ladder: who has it and what comes next, the board, the rota with its swaps, the plan, silences."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from domain.alerts.silences import Silence
from domain.alerts.words import Alert
from domain.duty.rota import Rota, Turn
from server.duty.spots import Spots
from server.duty.week import week_of
from server.store import alert_views, duty_documents, schema, silence_rows
from server.store.scope import of_complexes
from tests.server import rows
from tests.server.engines import Engine
from tests.server.people import City, city

CHINESE = re.compile(r"[\u4e00-\u9fff]")
NOBODY = {"what": "hand_over", "to": "community:nobody"}
PHONE = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) Mobile"}


async def ring(town: City, *alerts: str) -> None:
    """The alerts of the city come onto the ladder, as if they had just arrived."""
    from domain.alerts.built_in import KNOWN

    house = town.house
    async with house.db.write(rows.GARDEN) as connection:
        found = (await connection.execute(select(schema.alert).where(schema.alert.c.id.in_(alerts)))).mappings().all()
        said = [
            Alert(
                id=row["id"],
                complex=row["complex"],
                rule=row["rule"],
                severity=row["severity"],
                category=row["category"],
                device=row["device"],
                place=row["place"],
                occurred_at=rows.ago(seconds=30),
                reach_s=300,
            )
            for row in found
        ]
        await Spots(connection, house.acting.duties, KNOWN, house.now()).look(rows.GARDEN, said)


async def with_rota(town: City) -> None:
    rota = Rota((Turn("li", "complex", "00:00-24:00"),))
    async with town.house.db.write(rows.GARDEN) as connection:
        at = town.house.now()
        await rows.add_person(connection, "gao", "patrol", of_complexes(rows.GARDEN))
        await rows.add_person(connection, "she", "community", of_complexes(rows.GARDEN))
        await duty_documents.add(connection, "rota", rows.GARDEN, 0, msgspec.json.encode(rota), "", "wang", at)


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        await with_rota(made)
        await ring(made, "a1", "a2")
        yield made


async def state_of(town: City, incident: str) -> dict[str, Any]:
    query = select(schema.duty_state).where(schema.duty_state.c.incident == incident)
    async with town.house.db.read() as connection:
        return dict((await connection.execute(query)).mappings().one())


async def test_the_page_says_who_has_it_and_what_comes_next_and_hands_it_over(town: City) -> None:
    li, wang = await town.visitor("li"), await town.visitor("wang")
    page = await li.page("/alerts/a1")
    assert "谁在负责" in page and "还没接手" in page and re.search(r"\d\d:\d\d 转到", page) and "社区值班" in page
    assert (await li.submit("/alerts/a1/actions", action="acknowledge", request="k-1")).status_code == 303
    assert "已接手" in await li.page("/alerts/a1")
    zhao = await town.visitor("zhao")
    assert (await zhao.submit("/alerts/a1/duty", what="hand_over", to="community", request="x")).status_code == 404
    gao = await town.visitor("gao")
    refused = await gao.submit("/alerts/a1/duty", what="hand_over", to="complex:gao", request="k-2")
    assert refused.headers["location"].endswith("refused=taken"), "what is another's is theirs to hand over"
    call = {"what": "call", "unit": "派出所", "within": "30"}
    assert (await li.submit("/alerts/a1/duty", **call, request="k-3")).status_code == 303
    assert "派出所" in await li.page("/alerts/a1") and "已报到 " not in await li.page("/alerts/a1")
    assert (await wang.submit("/alerts/a1/duty", what="report_in", unit="派出所", request="k-4")).status_code == 303
    again = await wang.submit("/alerts/a1/duty", **call, request="k-5")
    assert "refused=not_possible" in again.headers["location"]
    assert (await li.submit("/alerts/a1/duty", what="hand_over", to="community:she", request="k-6")).status_code == 303
    page = await li.page("/alerts/a1")
    assert "已报到 " in page and "<b>she</b>" in page and "还没接手" in page
    she = await town.visitor("she")
    assert (await she.submit("/alerts/a1/actions", action="acknowledge", request="k-7")).status_code == 303
    assert (await state_of(town, "a1"))["person"] == "she"
    note = {"action": "close", "note": "已处理", "request": "k-8"}
    assert (await she.submit("/alerts/a1/actions", **note)).status_code == 303
    assert "已处理" in await li.page("/alerts/a1")
    assert (await state_of(town, "a1"))["status"] == "ended"
    for bad in (
        {"what": "call", "unit": "x", "within": "7"},
        {"what": "fly"},
        {"what": "hand_over", "to": "moon"},
        NOBODY,
    ):
        assert (await li.submit("/alerts/a2/duty", **bad, request="k-9")).status_code == 422


async def test_the_board_shows_what_goes_on_and_only_what_is_in_reach(town: City) -> None:
    page = await (await town.visitor("wang")).page("/board")
    assert "/alerts/a1" in page and "北围墙" in page and page.index("/alerts/a1") < page.index("/alerts/a2")
    assert "/alerts/a1" not in await (await town.visitor("wang")).page("/board?level=street")
    assert "/alerts/a1" not in await (await town.visitor("zhao")).page("/board")
    english = await town.visitor("wang")
    await english.get("/lang/en")
    named = set("阳光花园滨河小区号楼东西南北门单元围墙中文派出所")
    for path in ("/board", "/duty/garden", "/duty/garden/plan", "/silences", "/silences/new", "/alerts/a1"):
        text = re.sub(r"<(script|template)\b.*?</\1>|<[^>]*>", " ", await english.page(path), flags=re.S)
        assert not set(CHINESE.findall(text)) - named, path


async def test_a_rota_is_filled_swapped_by_two_taps_and_taken_back(town: City) -> None:
    wang, li = await town.visitor("wang"), await town.visitor("li")
    page = await li.page("/duty/garden")
    assert page.count('class="swap"') >= 6 and "没人值班" not in page
    since = re.search(r'name="since" value="([^"]+)"', page)
    assert since
    form = {"version": "1", "since": since[1], "instead": "gao"}
    gao = await town.visitor("gao")
    assert "refused=not_yours" in (await gao.submit("/duty/garden/turns/0/swap", **form)).headers["location"]
    assert (await li.submit("/duty/garden/turns/0/swap", **form)).headers["location"] == "/duty/garden"
    page = await li.page("/duty/garden")
    assert "替 li" in page and "li → gao" in page
    assert (await state_of(town, "a1"))["due_at"] <= schema_now(town), "what goes on is looked at at once"
    assert "refused=overtaken" in (await li.submit("/duty/garden/turns/0/swap", **form)).headers["location"]
    turn = {"level": "complex", "person": "gao", "from": "20:00", "to": "08:00", "mon": "1", "version": "2"}
    assert (await wang.submit("/duty/garden/turns", **turn)).headers["location"] == "/duty/garden"
    stranger = turn | {"person": "zhao", "version": "3"}
    assert "refused=nobody" in (await wang.submit("/duty/garden/turns", **stranger)).headers["location"]
    bad = turn | {"from": "9", "version": "3"}
    assert "refused=bad_hours" in (await wang.submit("/duty/garden/turns", **bad)).headers["location"]
    assert (await wang.submit("/duty/garden/turns/0/remove", version="3")).headers["location"] == "/duty/garden"
    assert "没人值班" in await li.page("/duty/garden"), "a hole is said"
    assert (await wang.submit("/duty/garden/rota/restore", version="4", to="1")).headers["location"] == "/duty/garden"
    page = await li.page("/duty/garden")
    assert "替 li" not in page and "没人值班" not in page and "第 5 版" in page
    assert (await li.submit("/duty/garden/turns", **turn)).status_code == 403
    assert (await (await town.visitor("zhao")).get("/duty/garden")).status_code == 404


def schema_now(town: City) -> str:
    from server.store.engine import stamp

    return stamp(town.house.now())


async def test_how_matters_climb_is_a_form_with_defaults(town: City) -> None:
    chen = await town.visitor("chen")
    page = await chen.page("/duty/garden/plan")
    first = page[page.index('name="category" value="fire"') :].split("</form>")[0]
    fields = dict(re.findall(r'<input name="(\w+)"[^>]*? value="([^"]*)"', first))
    fields |= dict.fromkeys(re.findall(r'name="(on_\w+)" value="1" checked', first), "1")
    said = fields | {"category": "fire", "version": "0", "what": "save", "at_least": "low"}
    changed = said | {"person_s": "45", "working_street": "09:00-17:00"}
    assert (await chen.submit("/duty/garden/plan", **changed)).headers["location"] == "/duty/garden/plan"
    page = await chen.page("/duty/garden/plan")
    assert 'value="45"' in page and "09:00-17:00" in page
    for wrong in ({"person_s": "x"}, {"working_street": "9"}, {"level_s": "1"}, {"category": "moon"}):
        answer = await chen.submit("/duty/garden/plan", **(changed | wrong | {"version": "1"}))
        assert "refused=bad_plan" in answer.headers["location"], wrong
    back = {"category": "fire", "what": "default", "version": "1"}
    assert (await chen.submit("/duty/garden/plan", **back)).status_code == 303
    assert 'value="45"' not in await chen.page("/duty/garden/plan")
    assert (await (await town.visitor("li")).submit("/duty/garden/plan", **changed)).status_code == 403


async def test_a_silence_has_an_end_and_a_reason_and_is_short_on_a_phone(town: City) -> None:
    li, wang = await town.visitor("li"), await town.visitor("wang")
    page = await li.page("/silences/new?alert=a2")
    assert 'value="24"' in page and 'value="72"' not in page and "frigate:north" in page
    form = {"complex": "garden", "device": "frigate:north", "hours": "4", "reason": "修剪树枝", "up_to": "high"}
    for wrong, said in (({"hours": "72"}, "until"), ({"reason": " "}, "reason"), ({"complex": ""}, "complex")):
        assert f"refused={said}" in (await li.submit("/silences", **(form | wrong))).headers["location"]
    wide = form | {"device": "", "up_to": "critical"}
    assert "refused=up_to" in (await wang.submit("/silences", **wide)).headers["location"]
    wang.client.headers.update(PHONE)
    assert "refused=until" in (await wang.submit("/silences", **(form | {"hours": "72"}))).headers["location"]
    assert (await li.submit("/silences", **form)).headers["location"] == "/silences"
    page = await li.page("/silences")
    assert "修剪树枝" in page and "现在结束" in page
    identity = re.search(r"/silences/(\w+)/end", page)
    assert identity
    assert (await (await town.visitor("zhao")).submit(f"/silences/{identity[1]}/end")).status_code == 404
    assert (await li.submit(f"/silences/{identity[1]}/end")).status_code == 303
    assert "现在结束" not in await li.page("/silences")
    assert (await (await town.visitor("huang")).submit("/silences", **form)).status_code == 403


async def test_a_source_that_is_often_wrong_is_listed(town: City) -> None:
    li = await town.visitor("li")
    for number in range(5):
        name = f"n{number}"
        await rows.add_alert(town.house, name, device="frigate:9", rule="crowd", severity="medium")
        await li.submit(f"/alerts/{name}/actions", action="false", request=f"key-{name}")
    page = await li.page("/silences")
    assert "frigate:9" in page and "起降一级" in page
    async with town.house.db.read() as connection:
        query = select(schema.audit.c.ref).where(schema.audit.c.action == "noise.demoted")
        assert (await connection.execute(query)).scalars().all() == ["frigate:9"], "told once"
    await rows.add_alert(town.house, "n9", device="frigate:9", rule="crowd", severity="medium")
    await rows.add_alert(town.house, "m9", device="frigate:8", rule="crowd", severity="medium")
    assert "这个来源常误报（5/5）" in await li.page("/alerts/n9"), "who looks at the next one is told"
    assert "这个来源常误报" not in await li.page("/alerts/m9"), "the control: another device"


def test_a_week_tells_nights_and_holes() -> None:
    from datetime import date

    from domain.places import Place

    rota = Rota((Turn("li", "complex", "20:00-08:00", ("thu", "fri")), Turn("gao", "complex", "08:00-20:00")))
    complex_, community, *_ = week_of(rota, Place(), date(2026, 11, 26))
    assert community.is_empty and not complex_.is_empty
    thursday, friday, saturday = complex_.days[:3]
    assert [one.person for one in thursday.shifts] == ["gao", "li"]
    assert thursday.shifts[1].until - thursday.shifts[1].since == timedelta(hours=12)
    assert [(until - since) for since, until in thursday.holes] == [timedelta(hours=8)], "before the night began"
    assert friday.holes == [] and [until - since for since, until in saturday.holes] == [timedelta(hours=4)]


def _alert_of(row: dict[str, Any]) -> Alert:
    names = ("id", "complex", "rule", "severity", "category", "device", "place", "occurred_at")
    said: dict[str, Any] = {name: row[name] for name in names}
    return Alert(**said, reach_s=300)


async def test_a_card_says_that_it_is_silenced_where_the_rules_of_silences_do(town: City) -> None:
    """The statement and ``Silence.covers`` give the same for each kind of alert and of silence."""
    now = town.house.now()
    wanted = (("device", "d:1"), ("rule", "door_forced"), ("category", "fire"), ("place", "北门"), ("device", ""))
    about: list[dict[str, Any]] = [{name: word} for name, word in wanted]
    common = {"complex": rows.GARDEN, "by": "li", "reason": "检修", "since": now, "until": now + timedelta(hours=1)}
    said: list[dict[str, Any]] = [
        {**common, **of, "id": f"{number}{up_to}", "up_to": up_to}
        for number, of in enumerate(about)
        for up_to in ("medium", "critical")
    ]
    silences = [Silence(**one) for one in said]
    alerts: list[dict[str, Any]] = [
        {"severity": severity, "category": category, "device": device, "rule": rule, "place": place}
        for severity in ("low", "high", "critical")
        for category, rule in (("fire", "alarm_fire"), ("security", "door_forced"))
        for device in ("d:1", "d:2")
        for place in ("北门", None)
    ]
    for number, row in enumerate(alerts):
        await rows.add_alert(town.house, f"quiet-{number}", **row, occurred_at=now)
    names = {f"quiet-{number}" for number in range(len(alerts))}
    covered = 0
    for silence in silences:
        async with town.house.db.write(rows.GARDEN) as connection:
            await silence_rows.add(connection, silence)
            views = await alert_views.by_ids(connection, names)
            await silence_rows.end(connection, silence.id, "li", now)
            after = await alert_views.by_ids(connection, names)
        for view in views.values():
            alert = _alert_of(msgspec.structs.asdict(view))
            assert (view.silenced_until is not None) == silence.covers(alert, now), (silence, alert)
            covered += view.silenced_until is not None
        assert all(view.silenced_until is None for view in after.values()), "a silence that was ended is over"
    assert 0 < covered < len(silences) * len(alerts)
