"""Places by hand: who changes what, what a move changes, and that open screens follow it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from server.auth import COOKIE
from server.live import Bounds
from server.live_screen import Hearer
from server.logins import digest
from server.store import area_tree, people, schema
from server.store.scope import CITY, NOTHING, BadScope, Scope, complexes_in, of_complexes, read_scope
from tests.server import rows
from tests.server.engines import Engine
from tests.server.people import City, Visitor, city
from tests.server.scoped_people import add_areas

IN_D1 = Scope(areas=frozenset({"d1"}))


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        async with made.house.db.write() as connection:
            await add_areas(connection)
            await rows.add_person(connection, "qian", "operator", IN_D1)
            await rows.add_person(connection, "street-2", "street", Scope(areas=frozenset({"s2"})))
        yield made


async def reached(town: City, scope: Scope) -> set[str] | None:
    async with town.house.db.read() as connection:
        found = await complexes_in(connection, scope)
    return None if found is None else set(found)


async def test_a_scope_reaches_what_lies_below_its_areas(town: City) -> None:
    for area in ("d1", "s1", "c1"):
        assert await reached(town, Scope(areas=frozenset({area}))) == {rows.GARDEN}
    assert await reached(town, Scope(areas=frozenset({"d1", "c2"}))) == {rows.GARDEN, rows.RIVER}
    assert await reached(town, NOTHING) == set()
    assert await reached(town, CITY) is None


async def test_a_scope_is_written_in_words_and_names_what_is_there(town: City) -> None:
    assert read_scope(["city"]) == CITY
    assert read_scope(["area:d1", "complex:river"]).words == ["area:d1", "complex:river"]
    for wrong in ("", "city:", "area:", "everything", "complex", "city:x"):
        with pytest.raises(BadScope, match="write city, area:ID or complex:ID"):
            read_scope([wrong] if wrong != "city:" else ["area"])
    for scope in (Scope(areas=frozenset({"nowhere"})), of_complexes("nowhere")):
        with pytest.raises(BadScope, match="'nowhere'"):
            await people.add_account(town.house.db, "x", "a password", "patrol", scope, town.house.now())


async def test_the_tree_is_shown_within_the_scope(town: City) -> None:
    page = await (await town.visitor("wang")).page("/places")
    assert all(name in page for name in ("东城区", "一街道", "二社区"))
    page = await (await town.visitor("street-2")).page("/places")
    assert "二街道" in page and "西城区" in page, "its own, and what holds it"
    assert "东城区" not in page and "一街道" not in page
    page = await (await town.visitor("chen")).page("/places/complexes/garden")
    assert "1号楼" in page and "<form" not in page.split("<main")[1], "a committee looks"


async def test_an_operator_of_a_district_changes_what_is_in_it_and_not_the_tree(town: City) -> None:
    qian = await town.visitor("qian")
    path = "/places/complexes/garden"
    done = await qian.submit(path, management="self_run", address="一号路", grid_cell="g1", name="阳光花园")
    assert done.headers["location"] == path
    assert (await qian.submit(f"{path}/gates", name="东门")).headers["location"] == path
    assert (await qian.submit("/places/areas/c1/cells/g1", name="一格", worker="王芳", phone="1")).status_code == 303
    page = await qian.page(path)
    assert all(word in page for word in ("居民自管", "一号路", "东门", "王芳"))
    assert (await qian.submit("/places/areas/c2/cells", name="x")).status_code == 404
    assert (await qian.submit("/places/complexes/river", management="self_run")).status_code == 404
    for wrong in ("/places/areas", "/places/areas/c1/name", "/places/areas/c1/move", f"{path}/move"):
        assert (await qian.submit(wrong, name="x", to="s1", kind="district")).status_code == 403


async def test_what_cannot_be_is_said_and_not_done(town: City) -> None:
    wang = await town.visitor("wang")
    cases = (
        ("/places/areas", {"kind": "street", "name": "x", "parent": "c1"}, "bad_parent"),
        ("/places/areas", {"kind": "county", "name": "x"}, "bad_kind"),
        ("/places/areas", {"kind": "district", "name": "x", "id": "a b"}, "bad_id"),
        ("/places/areas", {"kind": "district", "name": "x", "id": "d1"}, "taken"),
        ("/places/areas", {"kind": "district", "name": ""}, "bad_name"),
        ("/places/areas/s1/move", {"to": "s2"}, "bad_parent"),
        ("/places/complexes/garden/move", {"to": "s1"}, "bad_parent"),
        ("/places/complexes/garden", {"management": "by nobody"}, "bad_management"),
        ("/places/complexes/river", {"grid_cell": "g1"}, "bad_cell"),
        ("/places/complexes/garden/buildings", {"name": "1号楼"}, "taken"),
        ("/places/areas/c1/cells/g1", {"name": "x", "username": "nobody"}, "bad_account"),
    )
    for path, fields, reason in cases:
        answer = await wang.submit(path, **fields)
        assert answer.headers["location"].endswith(f"?refused={reason}"), (path, fields)
        assert 'role="alert"' in await wang.page(answer.headers["location"])


async def test_a_move_says_before_who_will_see_and_who_no_longer(town: City) -> None:
    wang = await town.visitor("wang")
    page = await wang.page("/places/complexes/garden/move?to=c2")
    gains, loses = page.split("将能看到")[1].split("将看不到")
    assert "street-2" in gains and "qian" not in gains
    assert "qian" in loses and "street-2" not in loses and "wang" not in loses
    assert (await (await town.visitor("qian")).get("/alerts/a1")).status_code == 200
    assert (await wang.submit("/places/complexes/garden/move", to="c2")).status_code == 303
    assert (await (await town.visitor("qian")).get("/alerts/a1")).status_code == 404
    assert (await (await town.visitor("street-2")).get("/alerts/a1")).status_code == 200


async def test_moving_a_street_moves_all_that_is_below(town: City) -> None:
    wang = await town.visitor("wang")
    assert "street-2" not in await wang.page("/places/areas/s1/move?to=d2"), "who sees a street of d2 sees no more"
    await wang.submit("/places/areas/s1/move", to="d2")
    assert await reached(town, IN_D1) == set()
    assert await reached(town, Scope(areas=frozenset({"d2"}))) == {rows.GARDEN, rows.RIVER}


async def heard_until_the_end(town: City, username: str) -> tuple[Visitor, asyncio.Task[list[bytes]]]:
    """A stream that is open, as the browser of the person opens it; what it brings until it ends."""
    visitor = await town.visitor(username)
    async with town.house.db.read() as connection:
        name = digest(visitor.client.cookies[COOKIE])
        login = await people.logged_in(connection, name, "2000-01-01T00:00:00.000Z")
    assert login is not None
    stream = town.house.live.subscribe(Hearer(login.scope, name, login.role), "zh", None)
    first = await anext(stream)

    async def rest() -> list[bytes]:
        return [first, *[body async for body in stream]]

    return visitor, asyncio.create_task(rest())


async def _narrow(town: City, username: str) -> None:
    async with town.house.db.write() as connection:
        found = await people.by_username(connection, username)
        assert found is not None
        await people.set_scope(connection, found.id, of_complexes(rows.RIVER))


async def _sign_out(town: City, username: str) -> None:
    query = select(schema.account.c.id).where(schema.account.c.username == username).scalar_subquery()
    async with town.house.db.write() as connection:
        await connection.execute(delete(schema.login).where(schema.login.c.account == query))


async def _other_role(town: City, username: str) -> None:
    async with town.house.db.write() as connection:
        await connection.execute(
            update(schema.account).where(schema.account.c.username == username).values(role="clerk")
        )


async def _move(town: City, username: str) -> None:
    async with town.house.db.write() as connection:
        await connection.execute(update(schema.area).where(schema.area.c.id == "s1").values(parent="d2"))
        await area_tree.settle(connection)


@pytest.mark.parametrize("change", [_narrow, _sign_out, _other_role, _move], ids=lambda one: one.__name__)
async def test_an_open_stream_ends_when_it_would_be_another(town: City, change: object) -> None:
    """Within the bound of the hub, and with the word to load the page anew; who is not concerned goes on."""
    town.house.live._bounds = Bounds(recheck_s=0.05, poll_s=0.05)
    _, listening = await heard_until_the_end(town, "qian")
    _, other = await heard_until_the_end(town, "wang")
    await change(town, "qian")  # type: ignore[operator]
    async with asyncio.timeout(10):
        bodies = await listening
    await rows.add_alert(town.house, "late")
    assert bodies[-1].startswith(b"event: reload") and b"late" not in b"".join(bodies)
    assert not other.done()
    other.cancel()


async def test_a_hub_that_asks_nobody_again_is_found_out(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """The positive control of the test above."""

    async def nobody(*_: object) -> list[object]:
        return []

    monkeypatch.setattr("server.live.outdated", nobody)
    town.house.live._bounds = Bounds(recheck_s=0.05, poll_s=0.05)
    _, listening = await heard_until_the_end(town, "qian")
    await _narrow(town, "qian")
    await rows.add_alert(town.house, "late")
    done, _ = await asyncio.wait([listening], timeout=0.5)
    assert not done, "it still listens"
    listening.cancel()


def test_the_bound_is_within_seconds() -> None:
    assert timedelta(seconds=Bounds().recheck_s + Bounds().poll_s) < timedelta(seconds=5)


async def test_the_next_request_goes_by_the_new_scope(town: City) -> None:
    qian = await town.visitor("qian")
    assert (await qian.get("/alerts/a1")).status_code == 200
    await _narrow(town, "qian")
    assert (await qian.get("/alerts/a1")).status_code == 404
