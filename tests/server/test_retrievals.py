"""The register of retrievals: nothing is shown before somebody else allowed it; what is taken out is accounted for."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image, ImageChops

from domain.events import Event, Media, Subject
from domain.feeds.retrieval import Wanted
from domain.ids import content_name
from server.facts import Fact
from server.feeds.retrieved import TooMany, package, pictures, records, watermark
from server.feeds.watermarked import burnt
from server.store import retrieval_rows
from server.store.place_views import complexes_of
from server.store.platform_tables import retrieval
from server.store.retrieval_rows import Retrieval
from server.store.scope import CITY, of_complexes
from tests.server.centre import CONFIG, Centre, centre
from tests.server.engines import SQLITE, Engine
from tests.server.people import city

ON_SQLITE = pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])
NOW = datetime.now(UTC)
WANTED = Wanted(
    applicant="张警官",
    unit="派出所",
    document="调证1",
    purpose="查案",
    since=NOW - timedelta(days=1),
    until=NOW + timedelta(days=1),
    classes=frozenset({"door"}),
)


def swipe(number: int, at: datetime = NOW) -> Event:
    subject = Subject(type="card", id="778899", name="王小明")
    media = [Media(role="scene", sha256="ab" * 32)]
    return Event(kind="access", device="x:1", time=at, source_event_id=str(number), subject=subject, media=media)


@asynccontextmanager
async def filled(folder: Path, engine: Engine) -> AsyncGenerator[tuple[Centre, Retrieval]]:
    async with centre(folder, engine, CONFIG) as here:
        gateway = await here.gateway()
        outside = swipe(9, NOW - timedelta(days=3))
        alarm = Event(kind="alarm", device="x:1", time=NOW, source_event_id="8", alarm="fire")
        await gateway.send(swipe(2, NOW + timedelta(seconds=1)), swipe(1), outside, alarm)
        async with here.house.db.write() as connection:
            await retrieval_rows.ask(connection, "v1", "garden", WANTED, "wang", NOW)
            asked = await retrieval_rows.find(connection, CITY, "v1")
        assert asked is not None
        yield here, asked


async def test_what_was_asked_for_and_no_more(tmp_path: Path, engine: Engine) -> None:
    async with filled(tmp_path, engine) as (here, asked):
        facts = await records(here.house.db, asked)
        assert [fact.event.source_event_id for fact in facts] == ["1", "2"]
        assert all(fact.event.subject == Subject(type="card") for fact in facts)
        with pytest.raises(TooMany):
            await records(here.house.db, asked, most=1)
        mark = watermark(asked, "li", NOW)
        body, sha256 = package(facts, mark)
        assert hashlib.sha256(body).hexdigest() == sha256
        made = zipfile.ZipFile(BytesIO(body))
        lines = made.read("records.jsonl").splitlines()
        assert all(msgspec.json.decode(line)["watermark"] == mark for line in lines)
        hashes = made.read("sha256.txt").decode().splitlines()
        assert [line.split()[0] for line in hashes] == [
            *(hashlib.sha256(line).hexdigest() for line in lines),
            "ab" * 32,
        ]
        assert hashes[-1].endswith("original, not in this package")


def photo() -> bytes:
    into = BytesIO()
    Image.new("RGB", (640, 360), (40, 90, 60)).save(into, "JPEG", quality=90)
    return into.getvalue()


def far_from(one: bytes, other: bytes) -> float:
    """The share of points that are clearly otherwise, in what both have."""
    with Image.open(BytesIO(one)) as first, Image.open(BytesIO(other)) as second:
        size = (first.width, min(first.height, second.height))
        points = ImageChops.difference(first.convert("L").crop((0, 0, *size)), second.convert("L").crop((0, 0, *size)))
        return sum(points.histogram()[20:]) / (size[0] * size[1])


async def test_pictures_go_out_with_the_watermark_burnt_in(tmp_path: Path, engine: Engine) -> None:
    body, odd, others = photo(), b"no picture at all", photo() + b"of another complex"
    async with filled(tmp_path, engine) as (here, asked):
        box = here.house.media
        for of, one in (("garden", body), ("garden", odd), ("river", others)):
            await box.keep(content_name(one), of, one, "image/jpeg")
        (fact, *_) = await records(here.house.db, asked)
        media = [Media(role="scene", sha256=content_name(one)) for one in (body, odd, others)]
        shown = Fact(msgspec.structs.replace(fact.event, media=media), *_rest(fact))
        originals = await pictures(box, [shown])
        assert set(originals) == {content_name(body), content_name(odd)}, "a name alone opens nothing"
        with pytest.raises(TooMany):
            await pictures(box, [shown], most_bytes=10)
        mark = watermark(asked, "li", NOW)
        made = zipfile.ZipFile(BytesIO(package([shown], mark, originals)[0]))
        other = zipfile.ZipFile(BytesIO(package([shown], watermark(asked, "zhao", NOW), originals)[0]))
    (name,) = [one for one in made.namelist() if one.startswith("pictures/")]
    given = made.read(name)
    assert given != body and far_from(given, body) > 0.02, "nothing is burnt in"
    with Image.open(BytesIO(given)) as opened:
        assert opened.height > 360, "no line at the foot"
    assert far_from(given, other.read(name)) > 0.005, "it does not say who took it out"
    hashes = [line.split("  ") for line in made.read("sha256.txt").decode().splitlines()]
    assert [content_name(body), "original"] in hashes
    assert [hashlib.sha256(given).hexdigest(), name] in hashes
    assert [content_name(odd), "original, not in this package"] in hashes
    assert odd not in b"".join(made.read(one) for one in made.namelist())


def _rest(fact: Fact) -> tuple[Any, ...]:
    return fact.complex, fact.header, fact.index, fact.received_at, fact.id


def test_control_a_picture_as_it_was_is_not_far_from_itself() -> None:
    """What is measured above is the watermark, not the JPEG."""
    into = BytesIO()
    with Image.open(BytesIO(photo())) as opened:
        opened.save(into, "JPEG", quality=88)
    assert far_from(into.getvalue(), photo()) < 0.001


def test_a_watermark_is_whole_on_a_narrow_picture_and_in_chinese() -> None:
    into = BytesIO()
    Image.new("RGB", (64, 48)).save(into, "PNG")
    with Image.open(BytesIO(burnt(into.getvalue(), "v-1 · 派出所 调证1 · 张警官 · li · 2026-11-27"))) as opened:
        assert opened.width == 64 and opened.height > 48 + 3 * 14


@ON_SQLITE
async def test_who_asks_does_not_allow_and_no_other_complex_sees_it(tmp_path: Path, engine: Engine) -> None:
    async with filled(tmp_path, engine) as (here, _), here.house.db.write() as connection:
        assert not await retrieval_rows.decide(connection, "v1", "approved", "wang", NOW)
        assert await retrieval_rows.find(connection, of_complexes("river"), "v1") is None
        assert await retrieval_rows.decide(connection, "v1", "approved", "li", NOW)
        assert not await retrieval_rows.decide(connection, "v1", "refused", "zhao", NOW)


FORM = {
    "complex": "garden",
    "applicant": "张",
    "unit": "派出所",
    "document": "1",
    "purpose": "查案",
    "class_door": "yes",
}


@ON_SQLITE
async def test_nothing_is_shown_before_somebody_else_allowed_it(tmp_path: Path, engine: Engine) -> None:
    async with city(tmp_path, engine) as town:
        visitor = await town.visitor("wang")
        day = town.house.now().date().isoformat()
        made = await visitor.submit("/retrievals", **FORM, since=day, until=day)
        at = made.headers["location"]
        for what in ("view", "export"):
            assert (await visitor.submit(f"{at}/{what}")).status_code == 409
        assert (await visitor.submit(f"{at}/decide", state="approved")).status_code == 409  # their own
        async with town.house.db.write() as connection:
            assert await retrieval_rows.decide(connection, at.rpartition("/")[2], "approved", "other", NOW)
        viewed = await visitor.submit(f"{at}/view")
        assert viewed.status_code == 200
        async with town.house.db.read() as connection:
            (place,) = [one for one in await complexes_of(connection, CITY) if one.id == FORM["complex"]]
        for shown in (viewed.text, await visitor.page("/retrievals")):
            told = shown.partition('<section class="panel"><h2>登记')[0]
            assert place.name in told
            assert f">{place.id}<" not in told
        taken = await visitor.submit(f"{at}/export")
        async with town.house.db.read() as connection:
            row = (await connection.execute(retrieval.select())).mappings().one()
        assert row["sha256"] == hashlib.sha256(taken.content).hexdigest()
        assert (row["viewed_by"], row["exported_by"]) == ("wang", "wang")
