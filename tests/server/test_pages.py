"""What people see and do: pages in both languages, scope, masking, actions done once; nothing a device writes runs."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from domain.desired import Refusal
from domain.events import Event, Subject
from domain.orders import Order
from server.live_screen import Hearer
from server.store import desired_rows, live_rows, order_rows, schema
from server.store.engine import stamp
from server.store.scope import CITY, of_complexes
from server.web import alert_titles, formats
from server.web.headers import CONTENT_SECURITY_POLICY
from tests.domain.test_desired import GOOD
from tests.server import rows
from tests.server.engines import Engine
from tests.server.people import City, city

PATHS = (
    "/",
    "/alerts",
    "/alerts/a1",
    "/alerts/s1",
    "/alerts/t1",
    "/parking",
    "/parking/sessions",
    "/parking/sessions/garden/5e1",
    "/parking/sessions/garden/5e5",
    "/parking/charges",
    "/parking/unread",
    "/parking/doubtful",
    "/parking/openings",
    "/doors",
    "/gateways",
    "/gateways/gw-0a1b2c3d4e5f",
    "/gateways/rollouts",
    "/gateways/rollouts/new",
    "/gateways/new",
    "/gateways/readers",
    "/gateways/refusals",
    "/gateways/refusals/1",
    "/gateways/gw-0a1b2c3d4e5f/conservation",
)
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        yield made


def words_of(page: str) -> str:
    """What a page says: its text without tags, data blocks and what people and places are called."""
    text = re.sub(r"<(script|template)\b.*?</\1>|<[^>]*>", " ", page, flags=re.S)
    return re.sub(r"\s+", " ", text)


async def test_every_page_opens_in_both_languages(town: City) -> None:
    visitor = await town.visitor("wang")
    named = "阳光花园滨河小区号楼东西南北门单元围墙地下车库层出入口岗亭重新插好网线已恢复中文京沪粤津川"
    for path in PATHS:
        assert 'lang="zh-CN"' in await visitor.page(path)
    await visitor.get("/lang/en")
    for path in PATHS:
        page = await visitor.page(path)
        assert '<html lang="en">' in page
        left = set(CHINESE.findall(words_of(page))) - set(named)
        assert not left, (path, left)


async def test_empty_pages_say_what_will_come(tmp_path: Path, engine: Engine) -> None:
    async with city(tmp_path, engine, is_filled=False) as town:
        await rows.add_people(town.house)
        visitor = await town.visitor("wang")
        for path in PATHS:
            if path.count("/") <= 2 and "/alerts/" not in path and "/gw-" not in path:
                assert 'class="empty"' in await visitor.page(path), path


async def test_switching_the_language_goes_back_where_one_was(town: City) -> None:
    visitor = await town.visitor("wang")
    answer = await visitor.get("/lang/en", Referer="http://centre.example.invalid/doors?complex=garden")
    assert answer.headers["location"] == "/doors?complex=garden"
    for referer in ("https://evil.example/x", "", "http://centre.example.invalid//evil.example"):
        assert (await visitor.get("/lang/zh", Referer=referer)).headers["location"] == "/"


async def test_every_answer_bears_the_headers(town: City) -> None:
    visitor = await town.visitor("wang")
    for path in ("/", "/login", "/static/base.css", "/nothing", "/v1/hello"):
        headers = (await visitor.get(path)).headers
        assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
    assert "unsafe" not in CONTENT_SECURITY_POLICY and "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY
    assert (await visitor.get("/")).headers["cache-control"] == "no-store"


async def test_pages_need_nothing_inline_and_nothing_from_elsewhere(town: City) -> None:
    visitor = await town.visitor("wang")
    for path in PATHS:
        page = await visitor.page(path)
        assert not re.search(r"<script(?![^>]*(src=|application/json))|<style| style=| on\w+=|javascript:", page), path
        assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", page), path


async def test_static_files_are_kept_under_their_version(town: City) -> None:
    visitor = await town.visitor()
    page = (await visitor.get("/login")).text
    versioned = re.search(r'href="(/static/[0-9a-f]{12}/base\.css)"', page)
    assert versioned
    assert "immutable" in (await visitor.get(versioned[1])).headers["cache-control"]
    plain = await visitor.get("/static/base.css")
    assert (plain.status_code, plain.headers["cache-control"]) == (200, "no-cache")
    for path in ("/static/../app.py", "/static/%2e%2e/render.py", "/static/000000000000/base.css"):
        assert (await visitor.get(path)).status_code == 404


async def test_people_see_their_complexes_and_no_others(town: City) -> None:
    """The river's patrol: nothing of the garden on any page, and its paths lead nowhere."""
    visitor, operator = await town.visitor("zhao"), await town.visitor("wang")
    for path in ("/", "/alerts", "/doors"):
        page = await visitor.page(path)
        assert "阳光花园" not in page and "3号楼" not in page, path
    assert "南门岗亭" in await visitor.page("/")
    assert (await visitor.get("/alerts/a1")).status_code == 404
    assert (await operator.get("/alerts/a1")).status_code == 200
    await visitor.tap("acknowledge", "a1", request="scope-001")
    assert await town_actions(town, "a1") == []
    clerk = await town.visitor("sun")
    assert "川" not in await clerk.page("/parking")
    assert (await clerk.get("/parking/sessions/river/5e6")).status_code == 404
    assert "ffeeddccbbaa" not in await (await town.visitor("chen")).page("/gateways")


async def test_a_filter_narrows_a_scope_and_never_widens_it(town: City) -> None:
    visitor = await town.visitor("sun")
    assert "川A" not in await visitor.page("/parking?complex=river")
    assert "川A" in await (await town.visitor("wang")).page("/parking?complex=river")


async def test_pictures_go_to_those_in_whose_scope_they_are(town: City) -> None:
    body = rows.picture("#123456")
    name = await rows.keep_picture(town.house, body=body)
    patrol = await town.visitor("li")
    answer = await patrol.get(f"/media/{name}")
    assert (answer.content, answer.headers["content-type"]) == (body, "image/jpeg")
    assert answer.headers["cache-control"].startswith("private, max-age=31536000")
    assert (await patrol.get(f"/media/{name}", **{"If-None-Match": f'"{name}"'})).status_code == 304
    assert (await (await town.visitor("zhao")).get(f"/media/{name}")).status_code == 404
    assert (await (await town.visitor()).get(f"/media/{name}")).status_code == 303
    assert (await patrol.get(f"/media/{'0' * 64}")).status_code == 404


async def test_what_is_no_picture_is_never_shown_as_a_page(town: City) -> None:
    body = b"<script>alert(1)</script>"
    from domain.ids import content_name

    await town.house.media.keep(content_name(body), rows.GARDEN, body, "text/html")
    answer = await (await town.visitor("li")).get(f"/media/{content_name(body)}")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment"


async def town_actions(town: City, alert: str) -> list[str]:
    query = select(schema.alert_action.c.action).where(schema.alert_action.c.alert == alert)
    async with town.house.db.read() as connection:
        return list((await connection.execute(query.order_by(schema.alert_action.c.number))).scalars())


async def live_refs(town: City) -> list[str]:
    async with town.house.db.read() as connection:
        return [row.ref for row in await live_rows.behind(connection, 0, 1000)]


async def test_a_tap_sent_twice_is_done_once(town: City) -> None:
    visitor = await town.visitor("li")
    before = len(await live_refs(town))
    answers = [await visitor.tap("acknowledge", "a1", request="same-key-1") for _ in range(3)]
    assert {answer.text for answer in answers} == {
        '{"outcomes":[{"alert":"a1","status":"acknowledged","refused":null}]}'
    }
    assert await town_actions(town, "a1") == ["acknowledge"]
    assert (await live_refs(town))[before:] == ["a1"]
    assert "li 已接手" in await (await town.visitor("wang")).page("/")


async def test_an_undone_tap_is_not_done_again_by_its_late_copy(town: City) -> None:
    """The network repeats the first tap after it was undone: the key is known, so nothing happens."""
    visitor = await town.visitor("li")
    await visitor.tap("acknowledge", "a1", request="tap-00001")
    await visitor.tap("undo", "a1", request="undo-0001")
    late = await visitor.tap("acknowledge", "a1", request="tap-00001")
    assert late.json()["outcomes"] == [{"alert": "a1", "status": "open", "refused": None}]
    assert await town_actions(town, "a1") == ["acknowledge", "undo"]
    await visitor.tap("acknowledge", "a1", request="tap-00002")
    assert await town_actions(town, "a1") == ["acknowledge", "undo", "acknowledge"]


async def test_a_key_is_for_one_action_only(town: City) -> None:
    visitor = await town.visitor("li")
    await visitor.tap("acknowledge", "a1", request="tap-00001")
    assert (await visitor.tap("acknowledge", "a2", request="tap-00001")).status_code == 409
    assert (await visitor.tap("undo", "a1", request="tap-00001")).status_code == 409
    assert (await (await town.visitor("wang")).tap("acknowledge", "a1", request="tap-00001")).status_code == 409


async def test_one_tap_takes_a_whole_group(town: City) -> None:
    visitor = await town.visitor("li")
    group = ("h0", "h1", "h2", "h3")
    for _ in range(2):
        answer = await visitor.tap("acknowledge", *group, "r1", "nothing", request="group-001")
        assert {outcome["alert"] for outcome in answer.json()["outcomes"]} == set(group)
    assert [await town_actions(town, alert) for alert in group] == [["acknowledge"]] * 4


async def test_who_comes_second_is_told_and_takes_nothing_away(town: City) -> None:
    first, second = await town.visitor("li"), await town.visitor("wang")
    await first.tap("acknowledge", "a1", request="first-001")
    for action in ("acknowledge", "undo"):
        answer = await second.tap(action, "a1", request=f"second-{action}")
        assert answer.json()["outcomes"] == [{"alert": "a1", "status": "acknowledged", "refused": "taken"}]
    assert await town_actions(town, "a1") == ["acknowledge"]


async def test_a_closed_alert_stays_closed(town: City) -> None:
    visitor = await town.visitor("li")
    form = {"action": "close", "note": "到场，门已关好", "request": "close-001"}
    assert (await visitor.submit("/alerts/a1/actions", **form)).headers["location"] == "/alerts/a1"
    page = await visitor.page("/alerts/a1")
    assert "到场，门已关好" in page and "已结束" in page
    answer = await visitor.tap("acknowledge", "a1", request="after-001")
    assert answer.json()["outcomes"][0]["refused"] == "closed"
    assert 'id="alert-a1"' not in await visitor.page("/")
    later = await visitor.submit("/alerts/a1/actions", action="acknowledge", request="after-002")
    assert "没有执行" in await visitor.page(later.headers["location"])


async def test_closing_needs_words_and_false_does_not(town: City) -> None:
    visitor = await town.visitor("li")
    assert (await visitor.submit("/alerts/a1/actions", action="close", request="k-1", note=" ")).status_code == 422
    assert (await visitor.submit("/alerts/a1/actions", action="close", request="", note="x")).status_code == 422
    assert (await visitor.submit("/alerts/a1/actions", action="open", request="k-2", note="x")).status_code == 422
    assert (await visitor.submit("/alerts/a1/actions", action="false", request="k-3", note="")).status_code == 303
    assert await town_actions(town, "a1") == ["false"]


async def test_refusals_are_pages_for_people_and_json_for_scripts(town: City) -> None:
    visitor = await town.visitor("li")
    page = await visitor.submit("/alerts/a1/actions", action="close", request="k-1", note="")
    assert page.status_code == 422 and "中心没有接受这个请求" in page.text
    missing = await visitor.get("/nothing")
    assert missing.status_code == 404 and "没有这个页面" in missing.text
    script = await visitor.client.get("/nothing", headers={"Accept": "application/json"})
    assert (script.status_code, script.json()["error"]) == (404, "not_found")
    assert (await visitor.client.post("/doors")).json()["error"] == "not_allowed_here"


async def test_bad_taps_are_refused_with_a_reason(town: City) -> None:
    visitor = await town.visitor("li")
    for body in (b"", b"[]", b'{"action":"acknowledge"}', b'{"action":"x","alerts":["a1"],"request":"12345678"}'):
        answer = await visitor.client.post("/alerts/actions", content=body, headers={"X-CSRF-Token": visitor.csrf})
        assert answer.status_code == 422, body


async def test_the_live_page_and_the_stream_fit_together(town: City) -> None:
    """The page says from which position the stream goes on; what happens after it is there, as the whole card."""
    visitor = await town.visitor("li")
    position = re.search(r'data-position="(\d+)"', await visitor.page("/"))
    assert position
    stream = town.house.live.subscribe(Hearer(of_complexes("garden")), "zh", int(position[1]))
    await anext(stream)
    await visitor.tap("acknowledge", "a1", request="stream-01")
    body = (await anext(stream)).decode()
    assert 'id="alert-a1"' in body and 'data-status="acknowledged"' in body and "li 已接手" in body
    assert visitor.csrf not in body  # the same bytes go to everyone


async def test_a_card_gets_its_picture_when_it_has_come(town: City) -> None:
    body = rows.picture("#654321")
    from domain.ids import content_name

    name = content_name(body)
    await rows.add_alert(town.house, "p1", picture=name)
    visitor = await town.visitor("li")
    assert "图片在路上" in await visitor.page("/alerts/p1")
    stream = town.house.live.subscribe(Hearer(CITY), "zh", len(await live_refs(town)))
    await anext(stream)
    await rows.keep_picture(town.house, body=body)
    await rows.touch_alert(town.house, "p1")
    assert f'src="/media/{name}/small"' in (await anext(stream)).decode()


async def test_late_alerts_say_both_times(town: City) -> None:
    page = await (await town.visitor("li")).page("/alerts/s1")
    assert re.search(r"发生 (\d\d-\d\d )?\d\d:\d\d，到达 (\d\d-\d\d )?\d\d:\d\d", page)
    assert "迟到" in page


async def test_an_unknown_rule_shows_its_name(town: City) -> None:
    await rows.add_alert(town.house, "x1", rule="elevator_ebike")
    page = await (await town.visitor("li")).page("/alerts/x1")
    assert "elevator_ebike" in page and "这里还没有它的说明" in page


async def test_nothing_that_a_device_writes_runs(town: City) -> None:
    """Every text of an event is a text on the page, also those that words are looked up for."""
    evil = "<img src=x onerror=alert(1)>%(x)s{{7*7}}"
    event = Event(
        kind="alarm",
        device=evil,
        alarm=evil,
        state=evil,
        reason=evil,
        label=evil,
        lane=evil,
        text=evil,
        code=evil,
        trigger=evil,
        device_time=evil,
        zones=[evil],
        metrics={evil: 1.0},
        result=evil,
        method=evil,
        direction=evil,
        time_quality=evil,
        subject=Subject(type="person", id=evil, name=evil),
    )
    names = {"rule": evil, "device": evil, "place": evil, "point": evil, "subject": evil, "category": "odd"}
    await rows.add_alert(town.house, "e1", event=event, **names)
    async with town.house.db.write() as connection:
        blank = dict.fromkeys(column.name for column in schema.door.columns) | {"granted": 0, "denied": 0}
        door = {"complex": rows.GARDEN, "device": evil, "point": evil, "state": evil, "last_result": evil}
        await rows.insert(connection, schema.door, blank | door | {"last_method": evil, "place": evil})
        said = rows.hello(1, version=evil, parked=evil, media_unsent=evil, broker=evil)
        gateway = {"id": evil, "complex": rows.GARDEN, "public_key": {}, "enrolled_at": stamp(rows.now())}
        await rows.insert(connection, schema.gateway, gateway | {"status": said})
        refused = {"gateway": evil, "received_at": stamp(rows.now()), "reason": evil, "detail": evil, "body": b"<b>"}
        await rows.insert(connection, schema.refusal, refused)
        anomalies = [{"kind": evil, "passage": "00"}]
        stay = rows.session_row("5ee", evil, "inside", plate_color=evil, entry_lane=evil, anomalies=anomalies)
        await rows.insert(connection, schema.session, stay)
    visitor = await town.visitor("wang")
    for language in ("zh", "en"):
        await visitor.get(f"/lang/{language}")
        for path in ("/", "/alerts", "/alerts/e1", "/doors", "/gateways", "/gateways/refusals", "/gateways/refusals/2"):
            page = await visitor.page(path)
            assert "&lt;img" in page and "<img src=x" not in page and "{49}" not in page, path
        for path in ("/parking", "/parking/sessions", "/parking/sessions/garden/5ee"):
            assert "<img src=x" not in await visitor.page(path), path


async def test_card_numbers_stay_masked(town: City) -> None:
    swipe = Event(
        kind="access", device="u:1", result="denied", subject=Subject(type="card", id="8165538", name="王小明"),
        text="card 8165538 refused", ext={"card": "8165538"}, raw_codes={"c": "8165538"},
    )  # fmt: skip
    await rows.add_alert(town.house, "m1", event=swipe, subject="***538", rule="access_denied")
    visitor = await town.visitor("wang")
    page = await visitor.page("/alerts/m1")
    assert "***538" in page and "8165538" not in page and "王小明" not in page
    assert (await visitor.submit("/alerts/m1/subject", reason="")).status_code == 422
    whole = (await visitor.submit("/alerts/m1/subject", reason="incident")).text
    assert "8165538" in whole and "王小明" in whole
    row = await last_row(town, "subject.shown")
    assert (row["who"], row["ref"], row["reason"]) == ("wang", "m1", "incident") and "8165538" not in str(row)
    assert (await (await town.visitor("chen")).submit("/alerts/m1/subject", reason="incident")).status_code == 403


async def test_what_devices_write_into_free_text_is_masked(town: City) -> None:
    said = Event(
        kind="alarm", device="u:1", alarm="other", text="沪A12345 tailgated 13800138000", reason="id 110101199003070011"
    )
    await rows.add_alert(town.house, "m2", event=said, rule="alarm_other")
    visitor = await town.visitor("wang")
    page = await visitor.page("/alerts/m2")
    assert "沪A" in page and not any(whole in page for whole in ("沪A12345", "13800138000", "110101199003070011"))
    assert "沪A12345" in (await visitor.submit("/alerts/m2/subject", reason="police")).text


async def last_row(town: City, action: str) -> dict[str, Any]:
    """The newest row of the audit of an action."""
    query = select(schema.audit).where(schema.audit.c.action == action).order_by(schema.audit.c.number.desc())
    async with town.house.db.read() as connection:
        return dict((await connection.execute(query)).mappings().first() or {})


async def test_plates_are_masked_until_a_reason_is_given_and_logged(town: City) -> None:
    visitor = await town.visitor("sun")
    for path in ("/parking", "/parking/sessions", "/parking/charges", "/parking/sessions/garden/5e1"):
        page = await visitor.page(path)
        assert "A***" in page or "C***" in page
        assert not {"京A12345", "沪C88888", "京A67890"} & set(re.findall(r"[京沪]\w{6}", page)), path
    shown = "/parking/sessions/garden/5e1/plate"
    assert (await visitor.submit(shown, reason="")).status_code == 422
    answer = await visitor.submit(shown, reason="payment")
    assert "京A12345" in answer.text
    row = await last_row(town, "plate.shown")
    assert (row["who"], row["ref"], row["reason"], row["complex"]) == ("sun", "5e1", "payment", "garden")
    assert "京A12345" not in str(row)
    committee = await town.visitor("chen")
    assert (await committee.submit(shown, reason="payment")).status_code == 403


async def test_charges_add_up_and_explain_themselves(town: City) -> None:
    visitor = await town.visitor("sun")
    today = (rows.now() + timedelta(hours=8)).date()
    week = f"since={today - timedelta(days=7)}&until={today}"
    page = words_of(await visitor.page(f"/parking/charges?{week}"))
    assert "¥18.50 应收合计" in page and "2 次停车" in page and "1 次有更正" in page
    assert "¥8.00" not in page  # the first revision counts no longer
    nothing = words_of(await visitor.page("/parking/charges?since=2020-01-01&until=2020-01-31"))
    assert "¥0.00 应收合计" in nothing
    stay = words_of(await visitor.page("/parking/sessions/garden/5e1"))
    assert "每 60 分钟 ¥2.00" in stay and "× 4" in stay and "单次封顶 ¥6.00" in stay and "−¥2.00" in stay
    assert "合计 ¥6.00" in stay


@pytest.mark.parametrize("query", ["since=x&until=y", "since=2026-12-01&until=2026-01-01", "before=1~2~3", "before=~9"])
async def test_odd_filters_are_no_errors(town: City, query: str) -> None:
    visitor = await town.visitor("wang")
    for path in ("/parking/charges", "/parking/sessions", "/alerts"):
        assert (await visitor.get(f"{path}?{query}")).status_code == 200


async def test_long_lists_page_without_losing_or_repeating(town: City) -> None:
    at = rows.ago(hours=1)
    async with town.house.db.write() as connection:
        times = {"occurred_at": at, "received_at": at}  # all at the same moment: the id decides
        many = [rows.alert_row(f"z{number:03}", **times, place=f"楼{number:03}") for number in range(120)]
        await rows.insert(connection, schema.alert, *many)
        stays = [rows.session_row(f"q{number:03}", "京Z00000", "exited", entered_at=at) for number in range(120)]
        await rows.insert(connection, schema.session, *stays)
        charges = [rows.charge_row(f"q{number:03}", "京Z00000", 100, exited_at=at) for number in range(120)]
        await rows.insert(connection, schema.charge, *charges)
    visitor = await town.visitor("wang")
    for path, pattern in (
        ("/alerts?severity=critical", r'href="/alerts/(z\d+)"'),
        ("/parking/sessions?plate=z0000", r"sessions/garden/(q\d+)"),
        ("/parking/charges?complex=garden", r"sessions/garden/(q\d+)"),
    ):
        found, next_path = list[str](), path
        while next_path:
            page = await visitor.page(next_path)
            found += re.findall(pattern, page)
            older = re.search(r'class="button" href="([^"]*before=[^"]*)"', page)
            next_path = older[1].replace("&amp;", "&") if older else ""
        assert len(found) == len(set(found)) == 120, path


async def test_gateways_show_silence_backlog_and_what_was_refused(town: City) -> None:
    visitor = await town.visitor("wang")
    page = await visitor.page("/gateways")
    silent = re.search(r'<tr class="gateway silent">.*?</tr>', page, re.S)
    assert silent and "gw-ffeeddccbbaa" in silent[0] and "失联" in silent[0]
    page = await visitor.page("/gateways/gw-ffeeddccbbaa")
    assert words_of(page).count("67") == 3 and "42" in words_of(page)
    assert "000000" not in await visitor.page("/gateways/refusals/1")
    assert (await visitor.submit("/gateways/refusals/1/bytes")).status_code == 422
    refusal = (await visitor.submit("/gateways/refusals/1/bytes", reason="repair")).text
    assert "000000  47 48 42 31 00 40 00 01" in refusal and "GHB1.@" in refusal
    assert (await visitor.get("/gateways/refusals/99")).status_code == 404
    assert (await visitor.get(f"/gateways/refusals/{2**70}")).status_code == 422


async def test_gateways_show_what_they_go_by_what_they_refused_and_their_last_orders(town: City) -> None:
    gateway, now = "gw-ffeeddccbbaa", datetime.now(UTC)
    async with town.house.db.write() as connection:
        home = (
            await connection.execute(select(schema.gateway.c.complex).where(schema.gateway.c.id == gateway))
        ).scalar()
        assert home is not None
        for kind in ("credentials", "policy"):
            await desired_rows.put(connection, home, kind, GOOD[kind], "wang", now)
        refused = Refusal("policy", 1, "policy: <b>unknown</b> field")
        await desired_rows.save(connection, desired_rows.changes(gateway, {}, {"credentials": 1}, [refused], now))
        order = Order("order-0001", "uhppoted:1", "door.open", now, now + timedelta(seconds=15), "wang")
        await order_rows.place(connection, home, order, gateway)
        said = {"gateway": gateway, "id": order.id, "state": "expired", "at": stamp(now), "text": "3 s too late"}
        await connection.execute(schema.order_result.insert().values(**said))
    page = await (await town.visitor("wang")).page(f"/gateways/{gateway}")
    assert re.search(r"门禁卡</th><td class=\"number\">1</td><td class=\"number\">1</td>", page)
    assert re.search(r"策略</th><td class=\"number\">1</td><td class=\"number bad\">—</td>", page)
    assert re.search(r"class=\"bad\">网关拒绝了第 1 版：policy: &lt;b&gt;unknown", page)
    assert re.search(r"开门.*?<td class=\"bad\">已过期，没有执行<br><span class=\"dim\">3 s too late", page, re.S)


@pytest.mark.parametrize(
    ("clock", "words", "bad"),
    [
        ({"offset_ms": 1_400, "confirmed": True}, "与中心相差 1.4 秒", False),
        ({"offset_ms": -2_600, "confirmed": True}, "与中心相差 2.6 秒", True),
        ({"offset_ms": 90_000_000, "confirmed": True}, "与中心相差 1 天 1 小时", True),
        ({"offset_ms": None, "confirmed": False}, "未校准", True),
        ({"offset_ms": None, "confirmed": True}, "已校准", False),
        (None, "—", False),
        ({"offset_ms": "soon", "confirmed": []}, "—", False),
        ({"offset_ms": 1e300, "confirmed": True}, "—", False),
        (7, "—", False),
    ],
)
async def test_a_gateways_clock_is_shown_and_red_above_two_seconds(
    town: City, clock: object, words: str, bad: bool
) -> None:
    said = rows.hello(1, clock=clock)
    async with town.house.db.write() as connection:
        await connection.execute(schema.gateway.update().values(status=said))
    page = await (await town.visitor("wang")).page("/gateways/gw-0a1b2c3d4e5f")
    line = re.search(r"<dt>网关时钟</dt><dd( class=\"bad\")?>(.*?)</dd>", page)
    assert line and (line[2], bool(line[1])) == (words, bad)


async def test_the_live_stream_is_for_those_who_watch(town: City) -> None:
    assert (await (await town.visitor("sun")).get("/live")).status_code == 403
    assert (await (await town.visitor()).client.get("/live")).status_code == 401
    watcher = await town.visitor("li")
    assert (await watcher.get("/live?after=-1")).status_code == 422
    assert (await watcher.get(f"/live?after={2**63}")).status_code == 422


NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)


def test_times_are_the_complexs_own() -> None:
    at = datetime(2026, 11, 23, 17, 58, 30, tzinfo=UTC)
    assert formats.moment(at, NOW, "Asia/Shanghai") == "01:58"
    assert formats.moment(at - timedelta(hours=3), NOW, "Asia/Shanghai") == "11-23 22:58"
    assert formats.moment(at - timedelta(days=365), NOW, "Asia/Shanghai") == "2025-11-24 01:58"
    assert formats.clock(at, "Asia/Urumqi") == "23:58"
    assert formats.to_second(at, "no/such zone") == "2026-11-24 01:58:30"
    assert formats.clock(None) == "—"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "刚刚"), (59, "刚刚"), (60, "1 分钟前"), (3599, "59 分钟前"), (3600, "1 小时前"), (200_000, "2 天前")],
)
def test_ages_in_words(seconds: int, words: str) -> None:
    assert formats.age(NOW - timedelta(seconds=seconds), NOW, str) == words


@pytest.mark.parametrize(
    ("fen", "text"), [(0, "¥0.00"), (5, "¥0.05"), (1250, "¥12.50"), (-300, "−¥3.00"), (123_456_789, "¥1,234,567.89")]
)
def test_fen_as_yuan(fen: int, text: str) -> None:
    assert formats.yuan(fen) == text


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("60 min at 500 fen", "每 60 分钟 ¥5.00"),
        ("flat 300 fen", "按次 ¥3.00"),
        ("cap of cycle 2: 1500 fen", "第 2 周期封顶 ¥15.00"),
        ("window cap 1000 fen, 400 charged before", "连续时段封顶 ¥10.00（此前已收 ¥4.00）"),
        ("a rule nobody knows", "a rule nobody knows"),
    ],
)
def test_tariff_lines_in_words(rule: str, words: str) -> None:
    assert formats.tariff_rule(rule, str) == words


def test_every_tariff_line_that_the_domain_writes_has_words() -> None:
    """The domain's own words, found in its sources: a new kind of line must not reach an owner in English."""
    import domain.tariff.charges as charges
    import domain.tariff.shares as shares

    found: list[str] = []
    for module in (charges, shares):
        source = Path(module.__file__).read_text()
        found += re.findall(r'Item\([^"\n]*?f?"([^"]+)"', source) + re.findall(r'_cap\([^"\n]*f?"([^"]+)"', source)
    lines = [re.sub(r"\{[^}]*\}", "7", text) for text in found]
    assert len(lines) >= 10
    assert [line for line in lines if formats.tariff_rule(line, str) == line] == []


def test_every_rule_of_the_domain_has_a_title() -> None:
    from domain.alerts.built_in import KNOWN

    assert {rule.id for rule in KNOWN.rules} - {"alarm_{alarm}"} <= set(alert_titles.RULES)
