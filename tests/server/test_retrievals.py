"""The register of retrievals: nothing is shown before somebody else allowed it; what is taken out is accounted for."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import msgspec
import pytest

from domain.events import Event, Media, Subject
from domain.feeds.retrieval import Wanted
from server.feeds.retrieved import TooMany, package, records, watermark
from server.store import retrieval_rows
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
        assert (await visitor.submit(f"{at}/view")).status_code == 200
        taken = await visitor.submit(f"{at}/export")
        async with town.house.db.read() as connection:
            row = (await connection.execute(retrieval.select())).mappings().one()
        assert row["sha256"] == hashlib.sha256(taken.content).hexdigest()
        assert (row["viewed_by"], row["exported_by"]) == ("wang", "wang")
