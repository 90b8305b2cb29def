"""Closing with a photo: drawn anew without what the phone wrote into it, in the history, once, and gone in its time."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from sqlalchemy import select, update

from domain.subjects import Subject
from server.plan_pictures import MOST_BYTES
from server.retention.erase import Eraser
from server.store import schema
from server.store.audit_table import audit
from server.store.scope import CITY
from tests.server import rows
from tests.server.engines import Engine
from tests.server.old_records import Old, old_centre
from tests.server.people import City, Visitor, city
from tests.server.test_erasure import WHY

MAKER = "a maker of phones"


def a_photo(colour: str = "#335577") -> bytes:
    exif = Image.Exif()
    exif[0x010F] = MAKER
    into = io.BytesIO()
    Image.new("RGB", (1_200, 900), colour).save(into, "JPEG", exif=exif)
    assert MAKER.encode() in into.getvalue(), "the control: it is in what is sent"
    return into.getvalue()


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        yield made


async def close(visitor: Visitor, alert: str, photo: bytes, accept: str = "text/html", **fields: str) -> httpx.Response:
    told = {"csrf": visitor.csrf, "action": "close", "note": "门已关好", "request": f"close-{alert}", **fields}
    files = {"photo": ("photo.jpg", photo, "image/jpeg")}
    return await visitor.client.post(f"/alerts/{alert}/actions", data=told, files=files, headers={"Accept": accept})


async def photos(town: City, alert: str) -> list[str | None]:
    query = select(schema.alert_action.c.photo).where(schema.alert_action.c.alert == alert)
    async with town.house.db.read() as connection:
        return list((await connection.execute(query)).scalars())


async def pictures(town: City) -> int:
    async with town.house.db.read() as connection:
        return len((await connection.execute(select(schema.media.c.sha256))).all())


async def test_it_stands_in_the_history_as_pixels_alone(town: City) -> None:
    visitor = await town.visitor("li")
    assert (await close(visitor, "a1", a_photo())).headers["location"] == "/alerts/a1"
    (name,) = await photos(town, "a1")
    page = await visitor.page("/alerts/a1")
    assert f'href="/media/{name}"' in page and f'src="/media/{name}/small"' in page and "门已关好" in page
    kept = (await visitor.get(f"/media/{name}")).content
    assert MAKER.encode() not in kept and Image.open(io.BytesIO(kept)).size == (1_200, 900)
    assert (await (await town.visitor("zhao")).get(f"/media/{name}")).status_code == 404
    async with town.house.db.read() as connection:
        query = select(audit.c.details).where(audit.c.action == "alert.close")
        (told,) = (await connection.execute(query)).scalars()
    assert str(name) in json.dumps(told, default=str), "the audit says with which photo"


async def test_it_is_done_once_and_the_outbox_is_told_how_it_stands(town: City) -> None:
    visitor = await town.visitor("li")
    for _ in range(2):
        answer = await close(visitor, "a1", a_photo(), "application/json")
        assert answer.json() == {"outcomes": [{"alert": "a1", "status": "closed", "refused": None}]}
    assert len(await photos(town, "a1")) == 1
    other = await town.visitor("wang")
    answer = await close(other, "a1", a_photo("#775533"), "application/json", request="another-key", action="false")
    assert answer.json()["outcomes"][0]["refused"] == "closed"


@pytest.mark.parametrize("bad", [b"GIF89a no photo", b"<svg></svg>", b"\xff\xd8\xff half", b"%PDF-1.7"])
async def test_what_is_no_photo_is_said_and_closes_nothing(town: City, bad: bytes) -> None:
    visitor = await town.visitor("li")
    answer = await close(visitor, "a1", bad)
    assert answer.headers["location"] == "/alerts/a1?refused=photo"
    assert "照片不能用" in await visitor.page("/alerts/a1?refused=photo")
    answer = await close(visitor, "a1", bad, "application/json")
    assert answer.json()["outcomes"][0] == {"alert": "a1", "status": "open", "refused": "photo"}
    assert await photos(town, "a1") == []


async def test_bounds_words_and_scope_hold_with_a_photo_too(town: City) -> None:
    visitor, before = await town.visitor("li"), await pictures(town)
    assert (await close(visitor, "a1", b"\0" * (MOST_BYTES + 200_000))).status_code == 413
    header = {"X-CSRF-Token": visitor.csrf}
    large = {"photo": ("p.jpg", b"\0" * (MOST_BYTES + 200_000), "image/jpeg")}
    answer = await visitor.client.post("/alerts/a1/actions", data={"action": "close"}, files=large, headers=header)
    assert answer.status_code == 413, "whose token is in a header is bounded too"
    assert (await close(visitor, "a1", a_photo(), note=" ")).status_code == 422
    stranger = await town.visitor("zhao")
    assert (await close(stranger, "a1", a_photo())).status_code == 404
    assert (await photos(town, "a1"), await pictures(town)) == ([], before), "nothing was kept"


async def test_without_a_photo_the_form_closes_as_before(town: City) -> None:
    visitor = await town.visitor("li")
    assert (await close(visitor, "a1", b"")).headers["location"] == "/alerts/a1"
    assert await photos(town, "a1") == [None]
    assert "step-photo" not in await visitor.page("/alerts/a1")


@pytest.fixture
async def old(tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Old]:
    async with old_centre(tmp_path, engine, monkeypatch) as made:
        yield made


async def closed(old: Old, note: str = "去看了") -> str:
    """The alert of a card that was refused, closed with a photo; the photo."""
    await old.gateway.say(old.swipe(result="denied"))
    await old.here.settled()
    photo = await rows.keep_picture(old.house, "garden", rows.picture("#456789"))
    (alert,) = await old.here.rows(schema.alert)
    async with old.house.db.write() as connection:
        account = await rows.add_person(connection, "li", "patrol", CITY)
        done: dict[str, Any] = {"alert": alert["id"], "action": "close", "account": account, "request": "r1"}
        done |= {"at": rows.stamp(old.clock()), "note": note, "photo": photo}
        await connection.execute(schema.alert_action.insert().values(**done))
    return photo


def files_of(old: Old, photo: str) -> list[Path]:
    return [*(old.house.folder / "media").rglob(f"{photo}*")]


def eraser(old: Old) -> Eraser:
    return Eraser(old.house.db, old.house.media, old.house.folder, old.clock, settle_s=0.075)


async def test_it_stays_longer_than_a_picture_of_nobody(old: Old) -> None:
    photo = await closed(old)
    old.clock.pass_(days=45)
    await old.house.retention.round()
    assert files_of(old, photo) and await old.here.rows(schema.alert) != []
    async with old.house.db.write() as connection:  # the control
        await connection.execute(update(schema.alert_action).values(photo=None))
    await old.house.retention.round()
    assert files_of(old, photo) == []


async def test_when_its_alert_is_let_go_it_is_let_go(old: Old) -> None:
    photo = await closed(old)
    await old.house.media.small(photo)
    old.clock.pass_(days=3_700)
    await old.house.retention.round()
    assert await old.here.rows(schema.alert_action) == []
    assert files_of(old, photo) == []


async def test_whose_words_are_erased_their_photo_is_erased(old: Old) -> None:
    photo = await closed(old, "与京A99999的车主谈过")
    await old.house.media.small(photo)
    report = await eraser(old).erase(Subject("plate", "京A99999"), "", WHY)
    assert report.is_clean, report
    (done,) = await old.here.rows(schema.alert_action)
    assert (done["photo"], done["note"]) == (None, "（已删除）")
    assert files_of(old, photo) == []


async def test_whose_alert_is_erased_its_photo_is_erased(old: Old) -> None:
    photo = await closed(old)
    report = await eraser(old).erase(Subject("card", "8165538"), "", WHY)
    assert report.is_clean and await old.here.rows(schema.alert_action) == []
    assert files_of(old, photo) == []


async def want_photos(town: City, *rules: str) -> None:
    """By the page of the complex's rules."""
    said = {f"photo:{rule}": "1" for rule in rules} | {"what": "publish", "version": "0", "reason": "检查要看"}
    answer = await (await town.visitor("wang")).submit("/rules/garden", source="form", **said)
    assert answer.status_code == 303 and "refused" not in answer.headers["location"], answer.text


async def test_a_rule_that_wants_a_photo_is_closed_with_one_and_others_without(town: City) -> None:
    li = await town.visitor("li")
    assert "现场照片（可以不加）" in await li.page("/alerts/a1")
    await want_photos(town, "door_forced", "alarm_smoke")
    assert "现场照片（要有）" in await li.page("/alerts/a1") and "（可以不加）" in await li.page("/alerts/a2")
    answer = await close(li, "a1", b"")
    assert answer.headers["location"] == "/alerts/a1?refused=photo_wanted" and await photos(town, "a1") == []
    assert "要拍一张现场照片" in await li.page("/alerts/a1?refused=photo_wanted")
    assert (await close(li, "a1", a_photo())).headers["location"] == "/alerts/a1"
    assert len(await photos(town, "a1")) == 1
    assert (await close(li, "a2", b"")).headers["location"] == "/alerts/a2", "the control: another rule"
    assert (await close(li, "s1", b"")).headers["location"].endswith("photo_wanted"), "of a rule about lives too"
    assert (await close(li, "s1", b"", action="false", request="f")).headers["location"] == "/alerts/s1"


async def test_what_a_phone_kept_is_refused_by_name_and_the_rest_of_it_is_done(town: City) -> None:
    li = await town.visitor("li")
    await want_photos(town, "door_forced")
    body = {"action": "close", "alerts": ["a1", "a2"], "note": "看过了", "request": "0123456789abcdef"}
    answer = await li.client.post("/alerts/actions", json=body, headers={"X-CSRF-Token": li.csrf})
    told = {one["alert"]: (one["status"], one["refused"]) for one in answer.json()["outcomes"]}
    assert told == {"a1": ("open", "photo_wanted"), "a2": ("closed", None)}
