"""What goes of items: the telephone first, then words and pictures, never the numbers; and all of who is erased."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, select

from domain.items.acts import Finish, Review, Send, Take
from domain.retention import Hold, Terms
from domain.subjects import Subject
from server import items
from server.audit import nobody
from server.readers import projections
from server.retention import holds
from server.retention.beside import Beside
from server.retention.erase import Eraser
from server.retention.holds import Why
from server.store import item_views, schema
from server.store.item_rows import BLANK
from server.store.scope import CITY
from tests.server import rows
from tests.server.engines import Engine
from tests.server.people import City, city

WHY = Why("本人申请", "申请 2026-3", "wang")


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        async with made.house.db.write() as connection:
            await rows.add_items(connection, made.house.now())
            for name in projections(made.house.config):  # the readers have come to the end: nothing is in the log
                await connection.execute(schema.cursor.insert().values(reader=name, shard="0", position=0))
        yield made


async def close(town: City) -> str:
    """i1 done by one and reviewed by another; the name of its picture."""
    picture = await rows.keep_picture(town.house, body=rows.picture("#456", "done"))
    done = Finish(key="f", by="li", words="已修，京A12345 已挪走", pictures=(picture,))
    steps = (Send(key="s", by="chen", unit="complex"), Take(key="t", by="li"), done)
    for act in (*steps, Review(key="r", by="chen", passed=True)):
        await items.act(
            town.house.db, town.house.acting.duties, nobody(None, act.by), rows.GARDEN, "i1", act, town.house.now()
        )
    return picture


async def table(town: City, of: Table) -> list[dict[str, Any]]:
    async with town.house.db.read() as connection:
        return [dict(row) for row in (await connection.execute(select(of))).mappings()]


async def item(town: City) -> dict[str, Any]:
    return next(row for row in await table(town, schema.item) if row["id"] == "i1")


async def kept(town: City) -> set[str]:
    return {row["sha256"] for row in await table(town, schema.media)}


def later(town: City, days: float) -> datetime:
    return town.house.now() + timedelta(days=days)


async def test_the_telephone_goes_first_then_the_words_and_never_the_numbers(town: City) -> None:
    picture, beside, terms = await close(town), Beside(town.house.db, Terms()), Terms()
    assert not {"items", "item_phones"} & set(await beside.round(later(town, terms.door - 1)))
    assert picture in await kept(town), "an item holds it, however long ago it came"
    assert (await beside.round(later(town, terms.door + 1)))["item_phones"] == 1
    row = await item(town)
    assert row["phone"] is None and "漏水" in row["state"].decode()
    assert (await beside.round(later(town, terms.alarm + 1)))["items"] == 1
    row = await item(town)
    assert "漏水" not in row["state"].decode() and row["blanked_at"] and picture not in await kept(town)
    lines = [one for one in await table(town, schema.item_act) if one["item"] == "i1"]
    assert {one["words"] for one in lines} == {BLANK} and {one["by"] for one in lines} >= {"li", "chen"}
    async with town.house.db.read() as connection:
        counted = await item_views.closed(connection, CITY, later(town, -1), later(town, 1))
    assert [one.category for one in counted] == ["water"]
    page = await (await town.visitor("li")).page("/items/i1")
    assert "保存期已到" in page and BLANK in page


async def test_what_is_open_stays_and_a_hold_keeps_its_complex(town: City) -> None:
    beside = Beside(town.house.db, Terms())
    assert not {"items", "item_phones"} & set(await beside.round(later(town, 900)))
    await close(town)
    async with town.house.db.write() as connection:
        await holds.place(connection, Hold(complex=rows.GARDEN), Why("walk", "17", "wang"), town.house.now())
    assert not {"items", "item_phones"} & set(await beside.round(later(town, 900)))
    assert (await item(town))["phone"]


@pytest.mark.parametrize(("kind", "value"), [("card", "13800001234"), ("plate", "京A12345")])
async def test_whoever_is_erased_stands_in_no_item_any_more(town: City, kind: Any, value: str) -> None:
    picture = await close(town)
    eraser = Eraser(town.house.db, town.house.media, town.house.folder, town.house.now, settle_s=0.015)
    report = await eraser.erase(Subject(kind, value), "", WHY)
    row = await item(town)
    assert row["phone"] is None and "京A12345" not in row["state"].decode() and picture not in await kept(town)
    assert report.remaining == {} or not {"item", "item_act"} & set(report.remaining)
    assert (row["status"], row["category"]) == ("closed", "water")
    two = next(one for one in await table(town, schema.item) if one["id"] == "i2")
    assert "缺口" in two["state"].decode(), "another's stays"
