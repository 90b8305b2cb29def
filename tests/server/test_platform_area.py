"""A platform's area changed: others' records from now on, on a basis that is named; what waited of others stays."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from server.config import Complex
from server.store import platform_rows, schema
from server.store.platform_tables import handover
from server.store.watch_tables import watch_owed
from tests.server import rows
from tests.server.centre import CONFIG, GARDEN, Centre, centre
from tests.server.engines import SQLITE, Engine
from tests.server.people import city
from tests.server.test_platform_change import OLD, found, noted
from tests.server.test_platforms import FarEnd, add_platform, allow, emptied, handing, swipe
from tests.server.viid.cascade_side import CITY, cascade
from tests.server.viid.served import LOWER, PASSWORD, Caller, vehicle
from tests.server.viid.test_below_watched import BELOW, PLATE, push

ON_SQLITE = pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])
SOUTH, NORTH = "south", "north"


async def add_areas(here: Any, **complexes: str) -> None:
    """Two streets, and in which of them complexes lie."""
    async with here.house.db.write() as connection:
        for name in (SOUTH, NORTH):
            await connection.execute(schema.area.insert().values(id=name, kind="street", name=name))
            await connection.execute(schema.area_within.insert().values(upper=name, area=name))
        for complex_id, name in complexes.items():
            changed = schema.complex_.update().where(schema.complex_.c.id == complex_id)
            await connection.execute(changed.values(area=name))


async def move(here: Any, area: str, id_: str = "city") -> None:
    async with here.house.db.write() as connection:
        one = await platform_rows.find(connection, id_)
        assert one is not None
        await platform_rows.change(connection, msgspec.structs.replace(one, area=area))


@asynccontextmanager
async def two_streets(folder: Path, engine: Engine) -> AsyncGenerator[Centre]:
    config = msgspec.structs.replace(CONFIG, complexes=[GARDEN, Complex("river", "滨河里")])
    async with centre(folder, engine, config) as here:
        await add_areas(here, garden=SOUTH, river=NORTH)
        await add_platform(here.house.db, kind="by_hand", area=SOUTH)
        await allow(here.house.db, "door")
        yield here


async def states(here: Centre) -> dict[str, list[tuple[str, str | None]]]:
    got: dict[str, list[tuple[str, str | None]]] = {}
    for row in sorted(await here.rows(handover), key=lambda row: row["number"]):
        got.setdefault(row["complex"], []).append((row["state"], row["reason"]))
    return got


async def moved_north(here: Centre) -> FarEnd:
    """A record of each street, the area changed, then one more of each; and what is owed handed over."""
    garden, river, far_end = await here.gateway(), await here.gateway("river"), FarEnd()
    await garden.send(swipe(1))
    await river.send(swipe(2))
    await here.settled()
    assert await states(here) == {"garden": [("waiting", None)]}
    await move(here, NORTH)
    await garden.send(swipe(3))
    await river.send(swipe(4))
    await here.settled()
    await emptied(handing(here, far_end))
    return far_end


async def test_it_counts_from_now_on_and_what_waited_of_others_stays(tmp_path: Path, engine: Engine) -> None:
    async with two_streets(tmp_path, engine) as here:
        far_end = await moved_north(here)
        assert await states(here) == {"garden": [("withheld", "out_of_area")], "river": [("accepted", None)]}
        assert far_end.numbers == ["4"], "not the past of the new area"
        withheld = await here.rows(schema.audit, action="handover.withheld")
        assert [msgspec.json.decode(row["details"]) for row in withheld] == [{"count": 1, "out_of_area": 1}]


@ON_SQLITE
async def test_the_control_without_a_look_at_the_area_it_would_have_left(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def all_of_them(_connection: object, _one: object, complexes: Any) -> set[str]:
        return set(complexes)

    monkeypatch.setattr(platform_rows, "inside", all_of_them)
    async with two_streets(tmp_path, engine) as here:
        assert (await moved_north(here)).numbers == ["1", "4"]


@ON_SQLITE
async def test_back_again_nothing_is_offered_twice_and_ids_are_what_they_were(tmp_path: Path, engine: Engine) -> None:
    async with two_streets(tmp_path, engine) as here:
        gateway, other = await here.gateway(), await here.gateway()
        await gateway.send(swipe(1))
        await here.settled()
        await emptied(handing(here, FarEnd()))
        before = await here.rows(handover)
        for area in (NORTH, "", SOUTH):
            await move(here, area)
            await other.send(swipe(1))
            await here.settled()
        assert await here.rows(handover) == before


@ON_SQLITE
async def test_a_complex_that_leaves_the_area_takes_what_waits_with_it(tmp_path: Path, engine: Engine) -> None:
    async with two_streets(tmp_path, engine) as here:
        gateway = await here.gateway()
        await gateway.send(swipe(1))
        await here.settled()
        async with here.house.db.write() as connection:
            await connection.execute(schema.complex_.update().values(area=NORTH))
        await emptied(handing(here, FarEnd()))
        assert await states(here) == {"garden": [("withheld", "out_of_area")]}


@ON_SQLITE
async def test_on_its_page_it_needs_a_reason_and_the_basis_that_covers_it(tmp_path: Path, engine: Engine) -> None:
    async with city(tmp_path, engine) as town:
        await add_areas(town)
        async with town.house.db.write() as connection:
            await rows.add_platform(connection, town.house.now())
        visitor = await town.visitor("wang")
        same = {"name": "市局", "address": OLD}
        wrong: list[tuple[dict[str, str], str]] = [
            ({"area": SOUTH}, "reason:"),
            ({"area": SOUTH, "reason": "区划调整"}, "basis:"),
            ({"area": "nowhere", "reason": "区划调整", "basis": "1"}, "area:"),
        ]
        for said, word in wrong:
            assert word in (await visitor.submit("/platforms/p1/change", **same, **said)).text
        assert await noted(town) == []
        right = {"area": SOUTH, "reason": "区划调整", "basis": "1"}
        assert (await visitor.submit("/platforms/p1/change", **same, **right)).status_code == 303
        assert (await found(town)).area == SOUTH
        assert (await visitor.submit("/platforms/p1/change", **same)).status_code == 303
        assert (await found(town)).area == SOUTH, "who says nothing of it changes nothing"
        (row,) = await noted(town)
        assert msgspec.json.decode(row["details"]) == {"area": ["", SOUTH], "basis": 1, "document": "公函7"}
        assert f'value="{SOUTH}" selected' in await visitor.page("/platforms/p1")


@ON_SQLITE
async def test_hits_of_what_it_may_not_see_any_more_are_not_told_to_it(tmp_path: Path, engine: Engine) -> None:
    async with cascade(tmp_path, engine, below=BELOW) as side:
        await add_areas(side, garden=SOUTH)
        await side.allow("disposition")
        await side.asks.dispose(PLATE, datetime(2026, 1, 1, tzinfo=UTC), EndTime=_beijing())
        await move(side, NORTH, CITY)
        caller = Caller(side.url, LOWER, password=PASSWORD)
        await caller.register()
        await push(caller, vehicle(1, datetime.now(UTC)))
        (row,) = await side.wait_for(watch_owed, lambda owed: owed and owed[0]["state"] == "dropped")
        assert row["reason"] == "out_of_area"
        assert side.told("DispositionNotification") == []


def _beijing() -> str:
    return f"{datetime.now(UTC).year + 1}0101000000"
