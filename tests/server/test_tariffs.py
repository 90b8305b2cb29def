"""Tariffs in the database: two people, dates, what the book and the gateways go by, what is refused."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from domain.desired import read_body
from domain.tariff import Tariff, lot_of
from server import tariffs
from server.audit import Actor
from server.books.lots import Lots
from server.store import desired_rows, tariff_rows
from server.store.resident_rows import NotPossible
from server.store.tariff_rows import Text
from tests.server.engines import SQLITE, Engine
from tests.server.people import City, Visitor, city

ON_SQLITE = pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])  # what is no matter of the engine
HERE = "/complexes/garden/tariff"
FLAT = "plans: {small: {charge: {kind: flat, fen: %d}}}"
HOLE = """plans:
  small:
    charge:
      kind: bands
      bands:
        - {from: "08:00", to: "20:00", charge: {kind: flat, fen: 500}}
"""


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        yield made


async def begin(visitor: Visitor, start: str = "hourly") -> str:
    answer = await visitor.submit(f"{HERE}/new", **{"from": start})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def to(visitor: Visitor, path: str, **fields: str) -> str:
    answer = await visitor.submit(path, **fields)
    assert answer.status_code == 303, (path, answer.status_code)
    return str(answer.headers["location"])


async def publish(town: City, fen: int, since_s: float | None = None) -> int:
    """A version at a flat price, by two people."""
    now = town.house.now()
    said = Text(FLAT % fen, "", since=None if since_s is None else now + timedelta(seconds=since_s))
    number = await tariffs.draft(town.house, Actor("wang", "operator"), "garden", said)
    await tariffs.propose(town.house, Actor("wang", "operator"), "garden", number)
    await tariffs.publish(town.house, Actor("chen", "committee"), "garden", number)
    return number


async def document(town: City) -> Tariff:
    async with town.house.db.read() as connection:
        newest = (await desired_rows.newest_of(connection, ["garden"]))["garden"]["tariffs"]
        body = (await desired_rows.document(connection, "garden", "tariffs", newest)).body
    found = read_body("tariffs", body)
    assert isinstance(found, Tariff)
    return found


async def test_one_person_proposes_and_another_publishes(town: City) -> None:
    wang, chen = await town.visitor("wang"), await town.visitor("chen")
    path = await begin(wang)
    assert "不超过" in await wang.page(path) or "免费" in await wang.page(path)
    assert await to(wang, f"{path}/propose") == path
    assert (await to(wang, f"{path}/publish")).endswith("refused=same_person")
    unverified = await town.visitor("chen", is_verified=False)
    assert (await unverified.submit(f"{path}/publish")).headers["location"].startswith("/me/second-factor")
    assert "等待发布" in await chen.page(path)
    assert await to(chen, f"{path}/publish") == path
    assert "现在生效的" in await chen.page(HERE)
    lot = lot_of(await document(town), "small")
    assert lot.at(town.house.now() + timedelta(seconds=1)) is not None
    assert lot.at(town.house.now() - timedelta(days=1)) is None, "nothing was charged before"


async def test_versions_count_from_their_dates_and_the_document_says_them(town: City) -> None:
    now = town.house.now()
    await publish(town, 500)
    later = await publish(town, 900, since_s=3_600)
    lots = Lots(dict)
    async with town.house.db.read() as connection:
        lot = await lots.one(connection, "garden")
    assert lot is not None
    for made in (lot, lot_of(await document(town), "small")):  # the book's, and a gateway's: the same to the fen
        entries = (now + timedelta(seconds=60), now + timedelta(hours=2))
        stays = [made.quote("blue", entry, entry + timedelta(hours=1)).fee_fen for entry in entries]
        assert stays == [500, 900]
        assert made.quote("blue", entries[0], entries[1] + timedelta(hours=1)).fee_fen == 500, "by its entry"
    await tariffs.withdraw(town.house, Actor("wang", "operator"), "garden", later, "算错了")
    async with town.house.db.read() as connection:
        lot = await lots.one(connection, "garden")  # what was cached is not asked
    assert lot is not None
    assert lot.quote("blue", now + timedelta(hours=2), now + timedelta(hours=3)).fee_fen == 500
    assert len((await document(town)).versions) == 1
    with pytest.raises(NotPossible, match="in_force"):
        await tariffs.withdraw(town.house, Actor("wang", "operator"), "garden", 1, "算错了")


SOUND = "plans:\n  small: {charge: {kind: flat, fen: 5}}\n"


@ON_SQLITE
async def test_what_is_not_sound_is_kept_as_a_draft_and_said_with_its_line(town: City) -> None:
    wang = await town.visitor("wang")
    path = await begin(wang, "day_night")
    for body, said in (
        (HOLE, ("第 3 行", "plans.small.charge", "20:00–24:00", "没有时段管")),
        ("plans:\n  small:\n    charge: {kind: flat, fenn: 5}\n", ("第 3 行", "fenn")),
        ("plans: [", ("不是 YAML",)),
        (f"{SOUND}{SOUND.partition(chr(10))[2]}", ("第 3 行", "stands twice")),
    ):
        page = await wang.page(path)
        seen = re.search(r'name="seen" value="([^"]+)"', page)
        assert seen
        await to(wang, path, body=body, words="公示", seen=seen[1])
        page = await wang.page(path)
        assert [word for word in said if word not in page] == []
        assert f"{path}/propose" not in page
        assert (await to(wang, f"{path}/propose")).endswith("refused=not_sound")
    stale = await wang.submit(path, body="plans: {}", words="", seen="2020-01-01T00:00:00.000Z")
    assert "别人改了草稿" in stale.text, "what two write at once is not lost"


@ON_SQLITE
async def test_a_page_shows_what_changes_and_what_stays_come_to(town: City) -> None:
    await publish(town, 500)
    wang = await town.visitor("wang")
    path = await begin(wang, "current")
    async with town.house.db.write() as connection:
        said = Text(FLAT % 800, "每次 8 元")
        await tariff_rows.save(connection, "garden", 2, said, "wang", town.house.now(), "")
    page = await wang.page(f"{path}?entry=2026-11-18T10:00&exit=2026-11-18T12:00")
    assert "贵 ¥3.00" in page
    assert "自己填的" in page
    assert "<ins>" in page and "¥8.00" in page
    assert "贵 ¥3.00" in await wang.page(f"{HERE}/compare?a=1&b=2")
    assert "便宜 ¥3.00" in await wang.page(f"{HERE}/compare?a=2&b=1")


@ON_SQLITE
async def test_a_date_that_has_passed_is_not_published(town: City) -> None:
    now, wang = town.house.now(), Actor("wang", "operator")
    number = await tariffs.draft(town.house, wang, "garden", Text(FLAT % 1, "", since=now - timedelta(days=1)))
    with pytest.raises(NotPossible, match="date_passed"):
        await tariffs.propose(town.house, wang, "garden", number)
    split = "plans: {small: {charge: {kind: free}, window_cap: {hours: 24, fen: 5}}}"
    number = await tariffs.draft(town.house, wang, "garden", Text(split, "", change="split"))
    with pytest.raises(NotPossible, match="split_looks_back"):
        await tariffs.propose(town.house, wang, "garden", number)
