"""随手拍: a report without an account, bounded and once; what its reporter sees; a rating that nobody else makes."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from sqlalchemy import func, select

from domain.alerts.words import alert_id
from domain.events import Event, encode_event
from domain.ids import derive, fact_id
from eventlog.shards import shard_of
from server.api import snap
from server.batches import Batch
from server.few import Few
from server.store import audit_rows, schema, snap_rows
from tests.server import rows
from tests.server.engines import Engine
from tests.server.people import City, Visitor, city
from tests.server.test_items import act, refused, status_of

PAGE, KEY = f"/snap/{rows.SNAP}", "0123456789abcdef"
GPS = 0x8825


@pytest.fixture
async def town(tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[City]:
    for name, few in (("_asking", Few(500, 60)), ("_reporting", Few(20, 3_600)), ("_at_a_place", Few(30, 3_600))):
        monkeypatch.setattr(snap, name, few)
    async with city(tmp_path, engine) as made:
        async with made.house.db.write() as connection:
            await rows.add_items(connection, made.house.now())
        yield made


def photo() -> bytes:
    """A telephone's: with where it was taken, and by what."""
    image, out = Image.new("RGB", (640, 480), "#345"), io.BytesIO()
    exif = image.getexif()
    exif[0x010F] = "a telephone"
    exif[GPS] = {1: "N", 2: (30.0, 31.0, 0.0)}
    image.save(out, "JPEG", exif=exif)
    return out.getvalue()


async def report(who: Visitor, picture: bytes = b"", page: str = PAGE, **fields: str) -> httpx.Response:
    said = {"words": "二楼的灯不亮", "category": "lighting", "phone": "138 0000 1111", "request": KEY} | fields
    files = {"picture": ("p.jpg", picture, "image/jpeg")} if picture else {"picture": ("", b"", "text/plain")}
    return await who.client.post(page, data=said, files=files, headers={"Accept": "text/html"})


def code_in(answer: httpx.Response) -> str:
    found = re.fullmatch(r"/snap/status/([0-9a-z]{16})\?new=1", answer.headers.get("location", ""))
    assert found, (answer.status_code, answer.headers)
    return found[1]


async def item_of(town: City, code: str) -> dict[str, Any]:
    async with town.house.db.read() as connection:
        query = select(schema.item).where(schema.item.c.code == snap_rows.digest_of(code))
        return dict((await connection.execute(query)).mappings().one())


async def test_from_a_report_to_a_rating_that_nobody_changes(town: City) -> None:
    someone, wang, li, chen = [await town.visitor(name) for name in (None, "wang", "li", "chen")]
    assert "3号楼门厅" in await someone.page(PAGE) and not someone.client.cookies
    code = code_in(await report(someone, photo()))
    here = f"/snap/status/{code}"
    page = await someone.page(f"{here}?new=1")
    assert "收到了" in page and "待派单" in page and code in page and not someone.client.cookies
    row = await item_of(town, code)
    assert (row["list"], row["place"], row["snap"], row["phone"]) == ("need", "3号楼门厅", rows.SNAP, "138 0000 1111")
    desk = await li.page(f"/items/{row['id']}")
    assert "138 0000" not in desk and code not in desk, "masked, and the code is the reporter's alone"
    assert not refused(await act(wang, row["id"], "send", unit="complex"))
    assert not refused(await act(li, row["id"], "take"))
    assert (await someone.submit(f"{here}/withdraw", request="w")).headers["location"].endswith("refused=not_now")
    assert (await someone.submit(f"{here}/rate", request="r0", stars="5")).headers["location"].endswith("=not_now")
    assert not refused(await act(li, row["id"], "finish", words="灯已换", picture=rows.picture("#fff")))
    assert "灯已换" not in await someone.page(here), "shown once somebody else has looked at it"
    assert refused(await act(li, row["id"], "pass")) == "same_person", "who did it does not review it"
    assert not refused(await act(chen, row["id"], "pass"))
    page = await someone.page(here)
    assert "灯已换" in page and "满意吗" in page and ">li<" not in page and "chen" not in page
    assert (await someone.submit(f"{here}/rate", request="r1", stars="4", words="挺快")).headers["location"] == here
    assert (await someone.submit(f"{here}/rate", request="r2", stars="1")).headers["location"].endswith("=rated")
    assert "满意吗" not in await someone.page(here) and "挺快" in await li.page(f"/items/{row['id']}")
    for what in ("rate", "give_back"):
        answer = await act(li, row["id"], what, key="late", words="x", stars="5")
        assert answer.status_code == 422 or refused(answer), "nothing is edited once it is rated"
    assert (await status_of(town, row["id"]))["stars"] == 4


async def test_a_picture_is_drawn_anew_and_only_the_reporter_and_the_desk_see_it(town: City) -> None:
    someone, zhao = await town.visitor(), await town.visitor("zhao")
    original = photo()
    assert Image.open(io.BytesIO(original)).getexif()[0x010F] == "a telephone", "the control: it was there"
    code = code_in(await report(someone, original))
    (name,) = set(
        re.findall(rf"/snap/status/{code}/pictures/([0-9a-f]{{64}})", await someone.page(f"/snap/status/{code}"))
    )
    answer = await someone.get(f"/snap/status/{code}/pictures/{name}")
    assert answer.headers["content-type"] == "image/jpeg"
    assert not dict(Image.open(io.BytesIO(answer.content)).getexif()) and b"telephone" not in answer.content
    assert (await someone.get(f"/snap/status/{rows.REPORT}/pictures/{name}")).status_code == 404
    assert (await zhao.get(f"/media/{name}")).status_code == 404
    assert (await (await town.visitor("li")).get(f"/media/{name}")).status_code == 200


async def test_a_form_sent_twice_is_one_report(town: City) -> None:
    someone = await town.visitor()
    assert code_in(await report(someone)) == code_in(await report(someone))
    async with town.house.db.read() as connection:
        mine = schema.item.c.code == snap_rows.digest_of(snap_rows.code_of(KEY))
        assert (await connection.execute(select(func.count()).select_from(schema.item).where(mine))).scalar_one() == 1


async def test_a_flying_wire_is_an_alert_too_once_which_leads_to_the_report_and_says_nothing_of_it(town: City) -> None:
    someone, li = await town.visitor(), await town.visitor("li")
    code = code_in(await report(someone, photo(), category="flying_wire", words="电线从 501 王芳家拉出来"))
    await report(someone, photo(), category="flying_wire", words="电线从 501 王芳家拉出来")
    other = "another-key-of-a-form"
    await report(someone, category="lighting", request=other)
    row, quiet = await item_of(town, code), await item_of(town, snap_rows.code_of(other))
    (event,) = await in_the_log(town)
    fact = derive("garden", (fact_id(event) or b"").hex())
    assert row["alert"] == alert_id("flying_wire", fact), "the control: " + str(quiet["alert"])
    assert quiet["alert"] is None
    assert (event.label, event.place, event.media) == ("flying_wire", "3号楼门厅", [])
    assert not any(word in encode_event(event).decode() for word in ("501", "王芳", rows.SNAP, code))
    await rows.add_alert(town.house, row["alert"], rule="flying_wire", severity="medium", place="3号楼门厅")
    assert f"/items/{row['id']}" in await li.page(f"/alerts/{row['alert']}")
    assert f"/alerts/{row['alert']}" in await li.page(f"/items/{row['id']}")


async def test_a_complex_that_wants_no_alert_of_flying_wires_gets_the_report_alone(town: City) -> None:
    document = "schema: alert-rules/1\nwithout: [flying_wire]\n"
    said = {"what": "publish", "source": "document", "document": document, "reason": "不要", "version": "0"}
    await (await town.visitor("wang")).submit("/rules/garden", **said)
    code = code_in(await report(await town.visitor(), category="flying_wire"))
    assert (await item_of(town, code))["alert"] is None


async def in_the_log(town: City) -> list[Event]:
    """Each fact once."""
    records = await town.house.log.read(shard_of("garden"), 0, 100)
    events = [fact.event for one in records for fact in Batch(one).facts()]
    return list({fact_id(event): event for event in events}.values())


async def test_what_is_wrong_is_said_and_never_breaks(town: City) -> None:
    someone = await town.visitor()
    cases: tuple[tuple[bytes, dict[str, str], str], ...] = (
        (b"", {"words": " "}, "words"),
        (b"", {"phone": "call me"}, "phone"),
        (b"<svg", {}, "svg"),
        (b"%PDF-1.4", {}, "not_picture"),
    )
    for picture, fields, reason in cases:
        answer = await report(someone, picture, **fields)
        assert answer.headers["location"] == f"{PAGE}?refused={reason}"
        assert "没有" in await someone.page(answer.headers["location"])
    for name, text in (("category", "moon"), ("request", "short"), ("words", "x" * 501), ("request", "0" * 80)):
        assert (await report(someone, b"", **{name: text})).status_code == 422, name
    assert (await report(someone, words="漏水\0")).status_code == 303
    assert (await report(someone, page="/snap/no-such-code")).status_code == 404
    assert (await someone.get("/snap/no-such-code")).status_code == 410
    huge = {"Content-Length": str(10**9), "Content-Type": "multipart/form-data; boundary=x"}
    assert (await someone.client.post(PAGE, content=b"x", headers=huge)).status_code == 413
    elsewhere = {"Origin": "http://elsewhere.example.invalid"}
    assert (await someone.client.post(PAGE, data={"words": "x"}, headers=elsewhere)).status_code == 403
    for path in ("/snap/status/" + "x" * 900, "/snap/status/%00", "/snap/status/none/pictures/none"):
        assert (await someone.get(path)).status_code == 404, path
    for stars in ("0", "6", "x", "9" * 30, ""):
        assert (await someone.submit(f"/snap/status/{rows.REPORT}/rate", stars=stars, request="r")).status_code == 422
    typed = f" {rows.REPORT[:4].upper()} {rows.REPORT[4:]} "
    found = await someone.client.get("/snap/status", params={"code": typed})
    assert found.headers["location"] == f"/snap/status/{rows.REPORT}"


async def test_a_place_and_an_address_report_so_often_and_no_more(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    someone = await town.visitor()
    monkeypatch.setattr(snap, "_reporting", Few(2, 3_600))
    answers = [await report(someone, request=f"{KEY}{number}") for number in range(3)]
    assert answers[-1].headers["location"].endswith("refused=too_many") and code_in(answers[1])
    monkeypatch.setattr(snap, "_reporting", Few(500, 3_600))
    monkeypatch.setattr(snap, "_MOST_A_DAY", 3)  # i1 was reported here too, and counts
    assert (await report(someone, request=f"{KEY}8")).headers["location"].endswith("refused=too_many")
    monkeypatch.setattr(snap, "_MOST_A_DAY", 4)
    assert code_in(await report(someone, request=f"{KEY}8"))
    monkeypatch.setattr(snap, "_asking", Few(1, 60))
    assert [(await someone.get(PAGE)).status_code for _ in range(2)] == [200, 429]


async def test_withdrawn_and_an_ended_code(town: City) -> None:
    someone, chen = await town.visitor(), await town.visitor("chen")
    code = code_in(await report(someone))
    assert (await someone.submit(f"/snap/status/{code}/withdraw", request="w")).status_code == 303
    assert "已撤回" in await someone.page(f"/snap/status/{code}")
    page = await chen.page("/items/codes/garden")
    assert "3号楼门厅" in page and f"/snap/{rows.SNAP}" in page and "<svg" in page
    assert (await chen.submit("/items/codes/garden", places="车棚\n\n 电梯 \n车棚")).status_code == 303
    page = await chen.page("/items/codes/garden")
    assert page.count("<h2>车棚</h2>") == 1 and "<h2>电梯</h2>" in page
    assert (await chen.submit(f"/items/codes/garden/{rows.SNAP}/end")).status_code == 303
    assert (await someone.get(PAGE)).status_code == 410
    assert (await report(someone, request=f"{KEY}9")).status_code == 404
    assert (await someone.get(f"/snap/status/{code}")).status_code == 200, "what was reported stays"


async def test_a_telephone_is_seen_for_a_reason_that_the_audit_keeps(town: City) -> None:
    li = await town.visitor("li")
    page = await li.page("/items/i1")
    assert "13800001234" not in page and "***234" in page and "京A12345" not in page
    assert (await li.submit("/items/i1/phone")).status_code == 422
    shown = await li.submit("/items/i1/phone", reason="incident")
    assert "13800001234" in shown.text and "京A12345" in shown.text
    async with town.house.db.read() as connection:
        (entry,) = [row for row in await audit_rows.after(connection, 0) if row.action == "item.phone_shown"]
    assert entry.content is not None and (entry.content.who, entry.content.reason) == ("li", "incident")
    assert "13800001234" not in str(entry.content)
