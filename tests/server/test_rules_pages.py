"""The page of a complex's rules: yesterday under a draft, publishing, two editors, returning, copying, scope."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from domain.events import Event
from server import rule_preview
from server.config import Complex
from server.store import schema
from server.store.audit_table import audit
from server.store.scope import CITY, of_complexes
from tests.server import rows
from tests.server.centre import CONFIG, Centre, centre
from tests.server.engines import Engine
from tests.server.people import Visitor
from tests.server.scoped_people import add_areas

SHANGHAI = ZoneInfo("Asia/Shanghai")
JSON = {"Accept": "application/json"}
CHINESE = re.compile(r"[\u4e00-\u9fff]")
PEOPLE = {"wang": ("operator", CITY), "chen": ("committee", of_complexes("garden")), "li": ("patrol", CITY)}


@pytest.fixture
async def here(tmp_path: Path, engine: Engine) -> AsyncIterator[Centre]:
    config = msgspec.structs.replace(CONFIG, complexes=[*CONFIG.complexes, Complex("river", "滨河小区")])
    async with centre(tmp_path, engine, config) as running:
        async with running.house.db.write() as connection:
            for name, (role, scope) in PEOPLE.items():
                await rows.add_person(connection, name, role, scope)
            await add_areas(connection)
        yield running


async def visitor(here: Centre, name: str) -> Visitor:
    """The one browser there is, signed in anew."""
    found = Visitor(here.client)
    here.client.cookies.clear()
    assert (await found.sign_in(name)).status_code == 303
    return found


def yesterday(number: int, state: str = "held_open") -> Event:
    at = datetime.now(UTC) - timedelta(days=1) + timedelta(seconds=number)
    fields: dict[str, Any] = {"kind": "door", "device": "uhppoted:1", "point": f"door/{number}", "state": state}
    return Event(**fields, source_event_id=str(number), time=at, recorded_at=at)


async def a_day(here: Centre) -> None:
    gateway = await here.gateway()
    await gateway.send(yesterday(1), yesterday(2), yesterday(3, "forced_open"), yesterday(4, "open"))
    now = datetime.now(UTC)
    await gateway.send(Event(kind="door", device="uhppoted:1", state="held_open", time=now, source_event_id="today"))
    await here.settled()


async def test_yesterday_under_a_draft_beside_what_it_was(here: Centre) -> None:
    await a_day(here)
    wang = await visitor(here, "wang")
    day = {"day": (datetime.now(UTC) - timedelta(days=1)).astimezone(SHANGHAI).date().isoformat()}
    draft = {"version": "0", "what": "preview", "on:door_held_open": "0", "severity:door_forced": "high", **day}
    said = await wang.client.post("/rules/garden", data={"csrf": wang.csrf, **draft}, headers=JSON)
    found = said.json()
    assert found["counts"] == {"new": 0, "gone": 2, "changed": 1, "same": 0}
    assert (found["now"], found["draft"]) == ({"door_held_open": 2, "door_forced": 1}, {"door_forced": 1})
    assert (found["events"], found["looked"]) == (4, 4)
    page = (await wang.submit("/rules/garden", **draft)).text
    assert page.count('data-what="gone"') == 2 and page.count('data-what="changed"') == 1
    assert "看了这一天的全部 4 条记录" in page
    assert re.search(r'name="on:door_held_open".*?<option value="0" selected>', page), "the draft stands as it was"
    assert await here.rows(schema.rule_version) == [], "a preview publishes nothing"


@pytest.mark.parametrize(("name", "value"), [("MOST_EVENTS", 2), ("MOST_TIME", timedelta(seconds=-1))])
async def test_a_preview_that_was_cut_says_so(
    here: Centre, monkeypatch: pytest.MonkeyPatch, name: str, value: Any
) -> None:
    await a_day(here)
    wang = await visitor(here, "wang")
    monkeypatch.setattr(rule_preview, name, value)
    day = (datetime.now(UTC) - timedelta(days=1)).astimezone(SHANGHAI).date().isoformat()
    page = (await wang.submit("/rules/garden", version="0", what="preview", day=day)).text
    assert 'class="preview-cut"' in page and "4 条记录里的" in page


async def test_what_is_published_judges_what_comes_after_it(here: Centre) -> None:
    await a_day(here)
    before = await here.rows(schema.alert)
    chen = await visitor(here, "chen")
    draft = {"version": "0", "what": "publish", "severity:door_held_open": "critical", "reason": "消防要求"}
    answer = await chen.submit("/rules/garden", **draft)
    assert (answer.status_code, answer.headers["location"]) == (303, "/rules/garden#versions")
    (row,) = await here.rows(schema.rule_version)
    assert msgspec.json.decode(row["body"])["rules"][0]["severity"] == "critical"
    (told,) = [one for one in await here.rows(audit) if one["action"] == "rules.published"]
    assert (told["who"], told["complex"], told["reason"]) == ("chen", "garden", "消防要求")
    now = datetime.now(UTC)
    gateway = await here.gateway()
    await gateway.send(Event(kind="door", device="uhppoted:2", state="held_open", time=now, source_event_id="after"))
    await here.settled()
    after = {row["id"]: row for row in await here.rows(schema.alert)}
    assert all(after.pop(row["id"]) == row for row in before)
    assert [row["severity"] for row in after.values()] == ["critical"]
    page = await chen.page("/rules/garden")
    assert "现在按第 1 版判断" in page and "消防要求" in page
    said = (await chen.client.get("/rules/garden", headers=JSON)).json()
    assert (said["version"], said["in_force"], said["rules"]["rules"][0]["id"]) == (1, 1, "door_held_open")
    assert "critical" in await chen.page("/rules/garden/versions/1")
    assert (await chen.client.get("/rules/garden/versions/1", headers=JSON)).json()["rules"] == said["rules"]


async def publish(someone: Visitor, path: str = "/rules/garden", **said: str) -> Any:
    data = {"csrf": someone.csrf, "version": "0", "what": "publish", "reason": "试行", **said}
    return await someone.client.post(path, data=data, headers=JSON)


async def test_of_two_editors_the_second_is_told_and_loses_nothing(here: Centre) -> None:
    wang = await visitor(here, "wang")
    assert (await publish(wang, **{"on:crowd": "0"})).json()["version"] == 1
    assert (await publish(wang, **{"on:crowd": "0", "looks:flying_wire": "2"})).status_code == 409
    said = {"version": "0", "what": "publish", "reason": "试行", "looks:flying_wire": "2"}
    page = (await wang.submit("/rules/garden", **said)).text
    assert "别人刚刚发布了一版" in page and re.search(r'name="looks:flying_wire" value="2"', page)
    assert 'name="version" value="1"' in page
    assert len(await here.rows(schema.rule_version)) == 1


OFF = {"on:crowd": "0"}
WRONG: list[tuple[dict[str, str], str]] = [
    ({"hours:crowd": "8-18"}, "field: crowd.hours: 8-18"),
    ({"hours:crowd": "8\0"}, "crowd.hours"),
    ({"looks:crowd": "9" * 300}, "crowd.looks"),
    ({"calendar": "2026-02-30 休"}, "rules.calendar: 2026-02-30 休"),
    ({"version": "9" * 30}, "version"),
    ({"version": "7"}, "no_version"),
    ({**OFF, "reason": ""}, "no_reason"),
    ({**OFF, "reason": "a\0b"}, "no_reason"),
    ({**OFF, "since": "never"}, "bad_since"),
    ({**OFF, "since": "2026-01-01T00:00"}, "too_early"),
    ({"on:crowd": "1"}, "same"),
    ({"source": "document", "document": "rules: ["}, "no YAML"),
    ({"source": "document", "document": "schema: alert-rules/1\nwithout: [alarm_fire]"}, "without[0]: alarm_fire"),
    ({"source": "document", "document": '{"schema": "alert-rules/1\0"}'}, "document"),
    ({"source": "document", "document": "x" * 40_001}, "at most 40000"),
    ({"source": "document", "document": "[" * 3_000}, "document"),
    ({"what": "preview", "day": "2999-01-01"}, "bad_day"),
    ({"what": "preview", "day": "0001-01-01"}, "bad_day"),
]


async def test_what_is_wrong_is_said_with_where_it_stands_and_nothing_is_published(here: Centre) -> None:
    wang = await visitor(here, "wang")
    for said, words in WRONG:
        answer = await publish(wang, **said)
        assert (answer.status_code, words in answer.text) == (422, True), (said, answer.text)
    page = (await wang.submit("/rules/garden", version="0", what="publish", reason="x", **{"hours:crowd": "8-18"})).text
    assert "人员聚集" in page and "写成 22:00-05:00" in page and re.search(r'name="hours:crowd" value="8-18"', page)
    assert await here.rows(schema.rule_version) == []


async def test_half_a_sign_in_a_document_is_refused(here: Centre) -> None:
    wang = await visitor(here, "wang")
    rule = 'rules: [{id: own, severity: low, category: fire, when: {kind: door, place: "\\ud800"}}]'
    answer = await publish(wang, source="document", document=f"schema: alert-rules/1\n{rule}")
    assert answer.status_code == 422, answer.text


async def test_a_document_brings_rules_of_its_own_and_a_form_keeps_them(here: Centre) -> None:
    wang = await visitor(here, "wang")
    text = 'schema: alert-rules/1\nrules:\n- {id: shed, severity: low, category: security, when: {device: "z2m:*"}}\n'
    assert (await publish(wang, source="document", document=text)).json()["version"] == 1
    assert (await publish(wang, version="1", **{"hours:shed": "22:00-05:00"})).json()["version"] == 2
    rules = (await wang.client.get("/rules/garden", headers=JSON)).json()["rules"]["rules"]
    assert [(rule["id"], rule["during"]["hours"]) for rule in rules] == [("shed", ["22:00-05:00"])]


async def test_an_alert_by_a_complexes_own_rule_is_called_as_the_rule_is(here: Centre) -> None:
    """On every screen, and its settings are fields of the form."""
    wang = await visitor(here, "wang")
    text = (
        "schema: alert-rules/1\nrules:\n- {id: 地库门开着, severity: high, category: security, when: {state: open}}\n"
    )
    assert (await publish(wang, source="document", document=text)).json()["version"] == 1
    gateway = await here.gateway()
    await gateway.send(Event(kind="door", device="x:1", state="open", time=datetime.now(UTC), source_event_id="1"))
    await here.settled()
    for path in ("/", "/alerts", "/rules/garden", "/silences/new?alert=" + (await here.rows(schema.alert))[0]["id"]):
        assert "地库门开着" in await wang.page(path), path
    assert (await publish(wang, version="1", **{"severity:地库门开着": "critical"})).json()["version"] == 2


async def test_the_whole_form_is_taken_as_a_browser_sends_it(here: Centre) -> None:
    wang = await visitor(here, "wang")
    page = await wang.page("/rules/garden")
    names = re.findall(r'<(?:select|input) name="([a-z]+:[^"]+)"', page)
    assert len(names) > 300
    fields = dict(re.findall(r'<input name="([a-z]+:[^"]+)" value="([^"]*)"', page))
    said = {"version": "0", "what": "publish", "reason": "x", **fields, "looks:crowd": "3"}
    assert (await wang.submit("/rules/garden", **said)).status_code == 303
    (row,) = await here.rows(schema.rule_version)
    rules = msgspec.json.decode(row["body"])["rules"]
    assert [(rule["id"], rule["looks"]) for rule in rules] == [("crowd", 3)], "and nothing else is changed by it"


async def test_an_older_version_is_returned_to_by_a_new_one(here: Centre) -> None:
    wang = await visitor(here, "wang")
    await publish(wang, **{"on:crowd": "0"})
    await publish(wang, version="1", **{"on:crowd": "1"})
    said = {"version": "2", "to": "1", "reason": "还是关"}
    assert (await wang.submit("/rules/garden/restore", **said)).headers["location"] == "/rules/garden#versions"
    versions = sorted(await here.rows(schema.rule_version), key=lambda row: row["version"])
    assert versions[0]["body"] == versions[2]["body"] != versions[1]["body"]
    refused = (await wang.submit("/rules/garden/restore", version="3", to="9", reason="x")).headers["location"]
    assert refused.endswith("refused=no_version")
    assert (await wang.submit("/rules/garden/restore", version="3", to="0", reason="x")).status_code == 303
    assert (await wang.client.get("/rules/garden", headers=JSON)).json()["rules"] == {"schema": "alert-rules/1"}


async def test_who_sees_and_who_edits(here: Centre) -> None:
    chen = await visitor(here, "chen")
    assert (await chen.get("/rules/river")).status_code == 404
    assert (await publish(chen, "/rules/river", **{"on:crowd": "0"})).status_code == 404
    assert (await chen.get("/rules/garden/versions/1")).status_code == 404
    assert (await chen.get(f"/rules/garden/versions/{10**30}")).status_code == 404
    li = await visitor(here, "li")
    page = await li.page("/rules/garden")
    assert "试算这一天" not in page and "disabled" in page
    assert (await publish(li, **{"on:crowd": "0"})).status_code == 403
    assert await here.rows(schema.rule_version) == []


async def test_rules_are_copied_to_an_area_within_reach_after_a_preview(here: Centre) -> None:
    wang = await visitor(here, "wang")
    assert "没有可复制的" in await wang.page("/rules/garden/copy?area=d2")
    await publish(wang, **{"on:crowd": "0"})
    assert "1 个小区会变，0 个已经一样" in await wang.page("/rules/garden/copy?area=d2")
    assert "0 个小区会变" in await wang.page("/rules/garden/copy?area=d1"), "not to itself"
    said = (await wang.client.get("/rules/garden/copy?area=d2", headers=JSON)).json()
    assert said["changed"] == ["river"]
    form = {"csrf": wang.csrf, "area": "d2", "version": "1", "seal": said["seal"], "reason": "全街道统一"}
    stale = await wang.client.post("/rules/garden/copy", data=form | {"seal": "0" * 32}, headers=JSON)
    assert (stale.status_code, await here.rows(schema.rule_version, complex="river")) == (409, [])
    assert (await wang.client.post("/rules/garden/copy", data=form, headers=JSON)).json()["changed"] == ["river"]
    (garden,), (river,) = [await here.rows(schema.rule_version, complex=one) for one in ("garden", "river")]
    assert (river["body"], river["version"], river["reason"]) == (garden["body"], 1, "全街道统一")
    told = [one for one in await here.rows(audit, complex="river") if one["action"] == "rules.published"]
    assert msgspec.json.decode(told[0]["details"])["copied_from"] == "garden"
    assert "0 个小区会变，1 个已经一样" in await wang.page("/rules/garden/copy?area=d2")
    chen = await visitor(here, "chen")
    assert (await chen.get("/rules/garden/copy?area=d2")).status_code == 404


async def test_the_pages_speak_english(here: Centre) -> None:
    wang = await visitor(here, "wang")
    await publish(wang, **{"on:crowd": "0", "reason": "trial"})
    await wang.get("/lang/en")
    for path in (
        "/rules/garden",
        "/rules/garden/versions/1",
        "/rules/garden/copy?area=d2",
        "/rules/garden?refused=same",
    ):
        page = re.sub(r"<(script|template|textarea)\b.*?</\1>|<[^>]*>", " ", await wang.page(path), flags=re.S)
        left = set(CHINESE.findall(page)) - set("测试小区滨河中文东西城一二街道社")
        assert not left, (path, left)
