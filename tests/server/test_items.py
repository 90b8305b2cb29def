"""Items on the desk: three lists of one record, from asked to closed, who may do what, and what it told the audit."""

from __future__ import annotations

import io
import json
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from server import rules_desk
from server.audit import nobody
from server.store import audit_rows, schema
from server.store.engine import stamp
from server.store.rule_rows import Draft
from server.store.scope import CITY, of_complexes
from tests.server import rows
from tests.server.engines import Engine
from tests.server.people import City, Visitor, city

LAMP = {"complex": rows.GARDEN, "origin": "call", "category": "lighting", "place": "3号楼", "words": "楼道灯不亮"}


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        async with made.house.db.write() as connection:
            await rows.add_person(connection, "she", "community", of_complexes(rows.GARDEN))
            await rows.add_person(connection, "gao", "patrol", of_complexes(rows.GARDEN))
            await rows.add_person(connection, "bo", "street", CITY)
        yield made


async def made(who: Visitor, key: str = "n-1", **more: str) -> str:
    """A new item; its id."""
    answer = await who.submit("/items", **LAMP | more, request=key)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].rpartition("/")[2]


async def act(who: Visitor, one: str, what: str, key: str = "", **fields: Any) -> httpx.Response:
    fields |= {"csrf": who.csrf, "what": what, "request": key or what}
    picture = fields.pop("picture", None)
    files = {"picture": ("p.jpg", picture, "image/jpeg")} if picture else None
    return await who.client.post(f"/items/{one}/acts", data=fields, files=files, headers={"Accept": "text/html"})


def refused(answer: httpx.Response) -> str:
    return answer.headers["location"].partition("refused=")[2]


async def status_of(town: City, one: str) -> dict[str, Any]:
    async with town.house.db.read() as connection:
        query = select(schema.item).where(schema.item.c.id == one)
        return dict((await connection.execute(query)).mappings().one())


async def test_a_need_becomes_a_service_and_is_closed_with_evidence_by_another(town: City) -> None:
    she, li, chen = [await town.visitor(name) for name in ("she", "li", "chen")]
    one = await made(she)
    assert f"/items/{one}" in await she.page("/items?list=need") and "楼道灯不亮" in await she.page(f"/items/{one}")
    assert refused(await act(li, one, "send", unit="complex")) == "role", "a patrol dispatches nothing"
    assert refused(await act(li, one, "take")) == "not_now"
    assert not refused(await act(she, one, "send", unit="complex", category="water"))
    assert f"/items/{one}" not in await she.page("/items?list=need")
    assert f"/items/{one}" in await she.page("/items?list=service")
    assert (await status_of(town, one))["category"] == "water"
    assert refused(await act(she, one, "take")) == "role", "it was sent to the complex"
    assert not refused(await act(li, one, "take"))
    assert refused(await act(li, one, "finish", words="换了灯")) == "picture"
    assert refused(await act(li, one, "finish", picture=rows.picture())) == "words"
    assert refused(await act(chen, one, "finish", words="换了灯", picture=rows.picture())) == "not_yours"
    mine = "/items?list=service&mine=1"
    assert f"/items/{one}" in await li.page(mine) and f"/items/{one}" not in await she.page(mine)
    assert not refused(await act(li, one, "finish", key="f2", words="换了灯", picture=rows.picture("#fff")))
    page = await chen.page(f"/items/{one}")
    (shown,) = set(re.findall(r"/media/([0-9a-f]{64})", page))
    assert (await chen.get(f"/media/{shown}")).status_code == 200
    assert refused(await act(she, one, "pass")) == "same_person", "who typed it asked for it"
    assert refused(await act(chen, one, "send_back", words="")) == "words"
    assert not refused(await act(chen, one, "send_back", key="b", words="还是不亮"))
    assert not refused(await act(li, one, "finish", key="f3", words="换了线", picture=rows.picture("#000")))
    assert not refused(await act(chen, one, "pass"))
    row = await status_of(town, one)
    assert (row["status"], row["list"], bool(row["done_at"]), bool(row["over_at"])) == ("closed", "service", True, True)
    page = await chen.page(f"/items/{one}")
    for words in ("派单 → 小区值班", "接单 · <b>li</b>", "审核退回", "还是不亮", "审核通过，办结 · <b>chen</b>"):
        assert words in page
    async with town.house.db.read() as connection:
        entries = [row.content for row in await audit_rows.after(connection, 0)]
    told = [entry for entry in entries if entry and entry.kind == "item" and entry.ref == one]
    assert {entry.who for entry in told} == {"she", "li", "chen"}


async def test_an_act_sent_twice_is_done_once_and_leaves_one_line(town: City) -> None:
    she = await town.visitor("she")
    one = await made(she)
    assert await made(she) == one, "the same form again is the same item"
    for _ in range(2):
        assert not refused(await act(she, one, "send", key="same", unit="供电"))
    async with town.house.db.read() as connection:
        query = select(schema.item_act.c.what).where(schema.item_act.c.item == one).order_by(schema.item_act.c.number)
        assert list((await connection.execute(query)).scalars()) == ["call", "sent"]


async def test_handed_over_given_back_refused_and_withdrawn(town: City) -> None:
    she, li, bo = [await town.visitor(name) for name in ("she", "li", "bo")]
    one = await made(she, unit="供电")
    due = (await status_of(town, one))["due_at"]
    assert refused(await act(she, one, "hand_over", unit="供电", words="x")) == "same_unit"
    assert not refused(await act(she, one, "hand_over", key="h1", unit="street", words="归街道"))
    assert refused(await act(li, one, "take")) == "role"
    assert not refused(await act(bo, one, "take"))
    assert refused(await act(she, one, "give_back", words="x")) == "not_yours"
    assert not refused(await act(bo, one, "give_back", key="g", words="没有配件"))
    row = await status_of(town, one)
    assert (row["status"], row["unit"], row["doer"], row["due_at"]) == ("sent", "street", "", due)
    assert not refused(await act(she, one, "refuse", words="已由开发商办"))
    assert "已由开发商办" in await she.page(f"/items/{one}")
    two = await made(she, "n-2")
    assert refused(await act(bo, two, "withdraw")) == "not_asker"
    assert not refused(await act(she, two, "withdraw"))
    shown = await she.page("/items?list=need&state=withdrawn")
    assert two in shown and two not in await she.page("/items?list=need")


async def test_only_what_is_in_reach_is_seen_and_acted_on(town: City) -> None:
    she, zhao, sun = [await town.visitor(name) for name in ("she", "zhao", "sun")]
    one = await made(she)
    assert one not in await zhao.page("/items?list=need")
    for answer in (await zhao.get(f"/items/{one}"), await act(zhao, one, "take")):
        assert answer.status_code == 404
    assert (await zhao.submit("/items", **LAMP, request="z")).status_code == 404
    assert (await sun.get("/items")).status_code == 403


async def test_what_is_not_understood_is_refused_and_never_breaks(town: City) -> None:
    she = await town.visitor("she")
    one = await made(she)
    bad: tuple[dict[str, str], ...] = (
        {"what": "fly"},
        {"what": "send", "unit": "moon"},
        {"what": "take", "request": ""},
    )
    for fields in bad:
        answer = await she.submit(f"/items/{one}/acts", **{"request": "k"} | fields)
        assert answer.status_code == 422, fields
    assert (await she.submit("/items", **LAMP | {"category": "moon"}, request="m")).status_code == 422
    assert (await she.submit("/items", **LAMP | {"words": "x" * 1_001}, request="m")).status_code == 422
    assert (
        (await she.submit("/items", **LAMP | {"words": ""}, request="m")).headers["location"].endswith("refused=words")
    )
    assert (await she.submit("/items", **LAMP | {"words": "a\0b", "place": "\0"}, request="nul")).status_code == 303
    for path in (
        "/items?before=x~y&list=zzz&state=q&late=1",
        "/items?before=%00~%00",
        "/items/figures?days=9999999999",
    ):
        assert (await she.get(path)).status_code in (200, 422), path
    assert (await she.get("/items/" + "9" * 400)).status_code == 404
    bad_picture = await act(she, one, "finish", words="w", picture=b"<svg xmlns='x'/>")
    assert refused(bad_picture) == "svg"


async def test_what_is_late_is_counted_and_found(town: City) -> None:
    she = await town.visitor("she")
    one, two = await made(she), await made(she, "n-2", category="danger")
    async with town.house.db.write(rows.GARDEN) as connection:
        past = stamp(town.house.now() - timedelta(hours=1))
        await connection.execute(schema.item.update().where(schema.item.c.id == two).values(due_at=past))
    page = await she.page("/items?list=need&late=1")
    assert two in page and one not in page and "已超期 1 件" in page
    assert one in await she.page("/items?list=need")


async def test_the_date_counts_working_hours_only_where_no_life_is_at_stake(town: City) -> None:
    she = await town.visitor("she")
    lamp, danger = await made(she), await made(she, "n-2", category="danger")
    now = town.house.now()
    assert (await status_of(town, danger))["due_at"] <= stamp(now + timedelta(hours=4))
    assert (await status_of(town, lamp))["due_at"] > stamp(now + timedelta(hours=16)), "a night lies between"


async def test_holidays_of_the_complex_s_rules_do_not_count(town: City) -> None:
    """Every day of half a year is a holiday, and the lamp is due after it."""
    house, she = town.house, await town.visitor("she")
    lamp = (await status_of(town, await made(she)))["due_at"]
    days = {(house.now() + timedelta(days=day)).date().isoformat(): "restday" for day in range(-1, 180)}
    known = rules_desk.read_text(json.dumps({"schema": "alert-rules/1", "calendar": days}))
    draft = Draft(after=0, body=rules_desk.body_of(known), since=None, reason="放假")
    await rules_desk.publish(house, nobody(None, "wang"), rows.GARDEN, draft)
    later = (await status_of(town, await made(she, "n-2")))["due_at"]
    assert lamp < stamp(house.now() + timedelta(days=5)) and later > stamp(house.now() + timedelta(days=178))
    danger = (await status_of(town, await made(she, "n-3", category="danger")))["due_at"]
    assert danger <= stamp(house.now() + timedelta(hours=4)), "a life waits for no workday"


async def test_a_task_is_made_of_an_alert_and_stands_on_its_page(town: City) -> None:
    li, she, zhao = [await town.visitor(name) for name in ("li", "she", "zhao")]
    assert "/items/new?alert=a2" in await li.page("/alerts/a2")
    assert "北围墙" in await li.page("/items/new?alert=a2")
    said = {"alert": "a2", "category": "danger", "words": "围墙有缺口，补上", "request": "t-1"}
    assert (await zhao.submit("/items", **said)).status_code == 404
    one = (await she.submit("/items", **said, unit="complex")).headers["location"].rpartition("/")[2]
    row = await status_of(town, one)
    assert (row["list"], row["alert"], row["status"], row["place"]) == ("task", "a2", "sent", "北围墙")
    assert f"/items/{one}" in await li.page("/alerts/a2") and one in await li.page("/items?list=task")
    assert one not in await li.page("/items?list=need") and one not in await li.page("/items?list=service")


async def close(town: City, one: str, hours: float, *, due: float) -> None:
    """As if it had been asked so many hours before it was done, and due so many hours after it was asked."""
    she, li, chen = [await town.visitor(name) for name in ("she", "li", "chen")]
    steps: tuple[tuple[Visitor, str, dict[str, Any]], ...] = (
        (she, "send", {"unit": "complex"}),
        (li, "take", {}),
        (li, "finish", {"words": "好了", "picture": rows.picture(f"#{int(hours):03}")}),
        (chen, "pass", {}),
    )
    for who, what, fields in steps:
        assert not refused(await act(who, one, what, **fields))
    done = datetime.fromisoformat((await status_of(town, one))["done_at"])
    asked = done - timedelta(hours=hours)
    moved = {"asked_at": stamp(asked), "due_at": stamp(asked + timedelta(hours=due))}
    async with town.house.db.write(rows.GARDEN) as connection:
        await connection.execute(schema.item.update().where(schema.item.c.id == one).values(**moved))


async def test_figures_show_what_the_average_hides(town: City) -> None:
    she, zhao = await town.visitor("she"), await town.visitor("zhao")
    assert "没有办结的事项" in await she.page("/items/figures")
    for number, hours in enumerate((1, 2, 30)):
        await close(town, await made(she, f"n-{number}"), hours, due=8)
    page = await she.page("/items/figures?days=30")
    for words in ("<b>3</b>已办结", "<b>11.0</b>平均小时", "<b>2.0</b>中位小时", "<b>30.0</b>九成", "<b>67%</b>按时"):
        assert words in page, words
    assert "没有办结的事项" in await zhao.page("/items/figures")
    book = load_workbook(io.BytesIO((await she.get("/items/sheets/figures.xlsx")).content)).active
    assert book is not None
    found = [list(row) for row in book.iter_rows(values_only=True)]
    assert found[1:] == [[name, 3, "11.0", "2.0", "30.0", 2, 1, None] for name in ("全部", "照明")]


async def test_each_list_is_a_workbook_and_json_filtered_as_its_page(town: City) -> None:
    she, zhao = await town.visitor("she"), await town.visitor("zhao")
    one = await made(she, words="=cmd|京A12345 挡路")
    await made(she, "n-2", origin="work", words="巡查")
    answer = await she.get("/items/sheets/need.xlsx?state=open")
    book = load_workbook(io.BytesIO(answer.content)).active
    assert book is not None
    (_, row) = list(book.iter_rows(values_only=True))
    assert row[0] == one and "京A12345" not in str(row) and str(row[5]).startswith("=cmd") and row[6] == "待派单"
    assert book.cell(2, 6).data_type == "s", "what begins like a formula is text"
    assert (await she.get("/items/sheets/moon.xlsx")).status_code == 404
    said = (await she.client.get("/api/v1/items?list=need")).json()
    assert [found["id"] for found in said["items"]] == [one] and said["older"] is None
    assert (await zhao.client.get("/api/v1/items?list=need")).json()["items"] == []
    head = {"X-CSRF-Token": she.csrf}
    fields = {"what": "send", "unit": "complex", "request": "p1"}
    answer = await she.client.post(f"/api/v1/items/{one}/acts", data=fields, headers=head)
    assert answer.json() == {"id": one, "status": "sent", "unit": "complex", "doer": ""}
    answer = await she.client.post(f"/api/v1/items/{one}/acts", data=fields | {"request": "p2"}, headers=head)
    assert (answer.status_code, answer.json()["error"]) == (409, "not_now")
    assert (await she.client.post(f"/api/v1/items/{one}/acts", data=fields)).status_code == 403, "without the token"
    history = (await she.client.get(f"/api/v1/items/{one}")).json()["history"]
    assert [(line["what"], line["by"]) for line in history] == [("call", "she"), ("sent", "she")]
