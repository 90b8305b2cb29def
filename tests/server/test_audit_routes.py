"""A walk over every route that changes something: a good request of each leaves a row in the audit.

Whoever adds a route that is not a GET says here how to call it, or why what it does needs no row.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from joserfc.jwk import OKPKey
from pyotp.totp import TOTP
from sqlalchemy import select
from starlette.routing import BaseRoute

from domain.desired_bodies import Device
from server.auth import every_route, public
from server.device_sheet import workbook
from server.place_template import filled, template
from server.resident_plan import EXAMPLES as RESIDENTS
from server.resident_plan import SHEET
from server.store import audit_rows, schema
from tests.server import rows
from tests.server.engines import Engine
from tests.server.people import City, city
from tests.server.scoped_people import add_areas
from tests.server.test_accounts import NEW, secret_in
from tests.server.test_place_import import digest_in, upload
from tests.server.test_residents import hours

WHY = {"reason": "walk", "document": "17"}
Sample = Callable[[City], Awaitable[httpx.Response]]
READS = {"GET", "HEAD", "OPTIONS"}

# What gateways tell is no person's doing, and the log itself keeps it; tokens say who they are.
NEEDS_NO_ROW = {
    "POST /v1/hello": "a heartbeat",
    "POST /v1/watermarks": "asks, changes nothing",
    "POST /v1/media/known": "asks, changes nothing",
    "POST /v1/batches": "the log keeps each with its origin",
    "POST /v1/gaps": "listed for ever in the log",
    "POST /v1/refills": "bytes that were here before",
    "POST /v1/refills/none": "bytes that were here before",
    "POST /v1/statements": "kept as it was stated",
    "PUT /v1/media/{sha256}": "named by its content",
    "POST /v1/desired": "asks; what was put is in the audit",
    "POST /gateways/rollouts/preview": "asks, changes nothing",
    **{
        f"POST /v1/moves/{{complex_id}}/{step}": "a step of a move: that the complex arrived is in the audit"
        for step in ("begin", "standing", "batches/{after}", "pictures", "picture/{sha256}", "rows/{step}", "digests")
    },
    "POST /v1/moves/{complex_id}/open": "recorded where a move comes to its end; tests/server/test_cells.py",
}


def by(who: str, path: str, **fields: str) -> Sample:
    """The form of a page, sent by someone who may."""

    async def call(town: City) -> httpx.Response:
        return await (await town.visitor(who)).submit(path, **fields)

    return call


async def _sign_in(town: City) -> httpx.Response:
    return await (await town.visitor()).sign_in("li")


async def _tap(town: City) -> httpx.Response:
    return await (await town.visitor("li")).tap("acknowledge", "a1", request="walk-0001")


async def _enrol(town: City) -> httpx.Response:
    code, _ = await town.house.gateways.issue_code("garden")
    key = OKPKey.generate_key("Ed25519").as_dict(private=False)
    return await (await town.visitor()).client.post("/v1/enrol", json={"code": code, "public_key": key})


async def _accept(town: City) -> httpx.Response:
    answer = await by("wang", "/accounts", username="newer", role="patrol", scope="city")(town)
    link = re.search(r"/invite/[\w-]+", answer.text)
    assert link
    return await (await town.visitor()).submit(link[0], password=NEW, again=NEW)


async def _check(town: City) -> httpx.Response:
    visitor = await town.visitor("sun")
    secret = secret_in(await visitor.submit("/me/second-factor/new"))
    await visitor.submit("/me/second-factor/confirm", second_code=TOTP(secret).now())
    later = TOTP(secret).at(int(time.time()) + 30)  # a code is taken once
    return await visitor.submit("/me/second-factor/check", second_code=later)


async def _rename_gate(town: City) -> httpx.Response:
    mine = select(schema.gate.c.id).where(schema.gate.c.complex == rows.GARDEN).limit(1)
    async with town.house.db.read() as connection:
        part = (await connection.execute(mine)).scalar_one()
    return await by("wang", f"/places/complexes/garden/gates/{part}", name="南门")(town)


async def _upload(town: City) -> httpx.Response:
    return await upload(await town.visitor("wang"), template(is_filled=True))


async def _import(town: City) -> httpx.Response:
    visitor = await town.visitor("wang")
    shown = await upload(visitor, template(is_filled=True))
    return await visitor.submit("/places/import/confirm", digest=digest_in(shown))


async def _lift(town: City) -> httpx.Response:
    visitor = await town.visitor("wang")
    await visitor.submit("/retention/holds", plate="京A12345", **WHY)
    return await visitor.submit("/retention/holds/1/lift", **WHY)


async def _stop(town: City) -> httpx.Response:
    visitor = await town.visitor("wang")
    await visitor.submit("/gateways/rollouts", kind="policy", body="confirm_s: 6")
    running = re.search(r"/gateways/rollouts/r-\w+", await visitor.page("/gateways/rollouts"))
    assert running
    return await visitor.submit(f"{running[0]}/stop")


async def _link(town: City) -> str:
    shown = await by("sun", "/residents/h1/links", days="7")(town)
    link = re.search(r"/visit/[\w-]{20,}", shown.text)
    assert link
    return link[0]


async def _make_pass(town: City) -> httpx.Response:
    return await (await town.visitor()).client.post(await _link(town), data=hours(town))


async def _end_pass(town: City) -> httpx.Response:
    link, visitor = await _link(town), await town.visitor()
    await visitor.client.post(link, data=hours(town))
    found = re.search(r'name="pass" value="([\w-]+)"', await visitor.page(link))
    assert found
    return await visitor.client.post(f"{link}/end", data={"pass": found[1]})


async def _upload_residents(town: City) -> httpx.Response:
    body = filled((SHEET,), RESIDENTS)
    return await upload(await town.visitor("wang"), body, "/residents/import/garden")


async def _import_residents(town: City) -> httpx.Response:
    visitor = await town.visitor("wang")
    shown = await upload(visitor, filled((SHEET,), RESIDENTS), "/residents/import/garden")
    return await visitor.submit("/residents/import/garden/confirm", digest=digest_in(shown))


DEVICES = "/complexes/garden/devices"


async def _to_a_device(town: City, path: str, device: str, **fields: str) -> httpx.Response:
    """Of one that was added just now; ``{n}`` is the version that holds it."""
    visitor = await town.visitor("wang")
    added = await visitor.submit(f"{DEVICES}/new", id=device)
    version = added.headers["location"].rpartition("=")[2]
    said = {name: value.replace("{n}", version) for name, value in fields.items()}
    return await visitor.submit(f"{DEVICES}/{path}", **said)


async def _upload_devices(town: City) -> httpx.Response:
    sheet = workbook([Device("uhppote:70")], {}, is_english=False, with_examples=False)
    return await upload(await town.visitor("wang"), sheet, f"{DEVICES}/import")


async def _import_devices(town: City) -> httpx.Response:
    visitor = await town.visitor("wang")
    sheet = workbook([Device("uhppote:71")], {}, is_english=False, with_examples=False)
    shown = await upload(visitor, sheet, f"{DEVICES}/import")
    return await visitor.submit(f"{DEVICES}/import/confirm", digest=digest_in(shown))


async def _open(town: City) -> httpx.Response:
    device = "uhppoted:405419896"
    status = rows.hello(1, devices=[{"id": device}])
    async with town.house.db.write() as connection:  # another gateway may be there by now
        mine = schema.gateway.update().where(schema.gateway.c.id == "gw-0a1b2c3d4e5f")
        await connection.execute(mine.values(status=status))
    return await by("li", "/doors/open", complex="garden", device=device, point="door/1", reason="forgot")(town)


async def _add_plan(town: City) -> httpx.Response:
    visitor = await town.visitor("wang")
    files = {"file": ("plan.jpg", rows.picture(), "image/jpeg")}
    fields = {"csrf": visitor.csrf, "name": "3号楼 1 层"}
    return await visitor.client.post("/complexes/garden/plan", data=fields, files=files)


A_DOOR = {"device": "uhppoted:405419896", "point": "door/1"}
FOREVER = "2099-01-01"
SAMPLES: Mapping[str, Sample] = {
    "POST /residents": by("sun", "/residents", complex="garden", room="101"),
    "POST /residents/{identity}": by("sun", "/residents/h1", name="新"),
    "POST /residents/{identity}/shown": by("sun", "/residents/h1/shown", reason="owner"),
    "POST /residents/{identity}/people": by("sun", "/residents/h1/people", name="新"),
    "POST /residents/{identity}/people/{resident}": by("sun", "/residents/h1/people/p1", name="新"),
    "POST /residents/{identity}/cards": by("sun", "/residents/h1/cards", kind="card", number="4321", until=FOREVER),
    "POST /residents/{identity}/cards/{card}/{what}": by("sun", "/residents/h1/cards/k1/revoke"),
    "POST /residents/{identity}/swipe": by("sun", "/residents/h1/swipe", reader="uhppoted:405419896 door/1"),
    "POST /residents/{identity}/plates": by("sun", "/residents/h1/plates", plate="京A66666", until=FOREVER),
    "POST /residents/{identity}/plates/{one}/{what}": by("sun", "/residents/h1/plates/v1/end"),
    "POST /residents/{identity}/links": by("sun", "/residents/h1/links", days="7"),
    "POST /residents/{identity}/links/{link}/end": by("sun", "/residents/h1/links/l1/end"),
    "POST /visit/{token}": _make_pass,
    "POST /visit/{token}/end": _end_pass,
    "POST /residents/import/{complex_id}": _upload_residents,
    "POST /residents/import/{complex_id}/confirm": _import_residents,
    "POST /residents/access/{complex_id}/groups": by("wang", "/residents/access/garden/groups", name="甲", doors="*"),
    "POST /residents/access/{complex_id}/schedules": by(
        "wang", "/residents/access/garden/schedules", name="甲", mon="08:00-18:00"
    ),
    "POST /residents/access/{complex_id}/holidays": by("wang", "/residents/access/garden/holidays", days="2027-01-01"),
    "POST /complexes/{complex_id}/devices/new": by("wang", f"{DEVICES}/new", id="uhppote:60"),
    "POST /complexes/{complex_id}/devices/change": lambda town: _to_a_device(
        town, "change", "uhppote:61", id="uhppote:61", name="新"
    ),
    "POST /complexes/{complex_id}/devices/remove": lambda town: _to_a_device(
        town, "remove", "uhppote:62", id="uhppote:62"
    ),
    "POST /complexes/{complex_id}/devices/undo": lambda town: _to_a_device(town, "undo", "uhppote:63", version="{n}"),
    "POST /complexes/{complex_id}/devices/import": _upload_devices,
    "POST /complexes/{complex_id}/devices/import/confirm": _import_devices,
    "POST /doors/open": _open,
    "POST /complexes/{complex_id}/plan": _add_plan,
    "POST /complexes/{complex_id}/plan/{plan}/pins": by(
        "wang", "/complexes/garden/plan/drawn/pins", **A_DOOR, x="350", y="200"
    ),
    "POST /complexes/{complex_id}/plan/{plan}/unpin": by("wang", "/complexes/garden/plan/drawn/unpin", **A_DOOR),
    "POST /complexes/{complex_id}/plan/{plan}/picture": by("wang", "/complexes/garden/plan/drawn/picture", drawn="1"),
    "POST /complexes/{complex_id}/plan/{plan}/{what}": by(
        "wang", "/complexes/garden/plan/drawn/describe", name="总平面图", rank="1"
    ),
    "POST /login": _sign_in,
    "POST /logout": by("li", "/logout"),
    "POST /alerts/actions": _tap,
    "POST /alerts/{identity}/actions": by("li", "/alerts/a1/actions", action="acknowledge", request="walk-0002"),
    "POST /parking/sessions/{complex_id}/{identity}/plate": by(
        "sun", "/parking/sessions/garden/5e1/plate", reason="payment"
    ),
    "POST /alerts/{identity}/subject": by("li", "/alerts/a1/subject", reason="incident"),
    "POST /gateways/refusals/{number}/bytes": by("wang", "/gateways/refusals/1/bytes", reason="repair"),
    "POST /accounts": by("wang", "/accounts", username="new", role="patrol", scope="complex:garden"),
    "POST /accounts/{number}/invite": by("wang", "/accounts/2/invite"),
    "POST /accounts/{number}/role": by("wang", "/accounts/2/role", role="patrol", scope="city"),
    "POST /accounts/{number}/{what}": by("wang", "/accounts/2/unlock"),
    "POST /invite/{token}": _accept,
    "POST /me/sessions": by("li", "/me/sessions"),
    "POST /me/password": by("zhao", "/me/password", old=rows.PASSWORD, password=NEW, again=NEW),
    "POST /me/second-factor/new": by("chen", "/me/second-factor/new"),
    "POST /me/second-factor/confirm": by("chen", "/me/second-factor/confirm", second_code="000000"),
    "POST /me/second-factor/check": _check,
    "POST /places/areas": by("wang", "/places/areas", kind="district", name="新区"),
    "POST /places/areas/{identity}/name": by("wang", "/places/areas/c1/name", name="一社区"),
    "POST /places/areas/{identity}/move": by("wang", "/places/areas/c1/move", to="s1"),
    "POST /places/areas/{identity}/cells": by("wang", "/places/areas/c1/cells", name="第二网格", id="g2"),
    "POST /places/areas/{identity}/cells/{cell}": by("wang", "/places/areas/c1/cells/g2", name="二网格"),
    "POST /places/complexes/{identity}": by("wang", "/places/complexes/garden", name="阳光花园"),
    "POST /places/complexes/{identity}/move": by("wang", "/places/complexes/garden/move", to="c1"),
    "POST /places/complexes/{identity}/{kind}s": by("wang", "/places/complexes/garden/gates", name="北门"),
    "POST /places/complexes/{identity}/{kind}s/{part}": _rename_gate,
    "POST /places/import": _upload,
    "POST /places/import/confirm": _import,
    "POST /gateways/new": by("wang", "/gateways/new", complex="garden"),
    "POST /gateways/{identity}/conservation/ask": by("wang", "/gateways/gw-0a1b2c3d4e5f/conservation/ask"),
    "POST /gateways/{identity}/discover": by("wang", "/gateways/gw-0a1b2c3d4e5f/discover"),
    "POST /gateways/{identity}/replace": by("wang", "/gateways/gw-0a1b2c3d4e5f/replace"),
    "POST /gateways/{identity}/tags": by("wang", "/gateways/gw-0a1b2c3d4e5f/tags", tags="试点"),
    "POST /gateways/rollouts": by("wang", "/gateways/rollouts", kind="policy", body="confirm_s: 6"),
    "POST /gateways/rollouts/{id_}/{what}": _stop,
    "POST /retention/holds": by("wang", "/retention/holds", plate="京A12345", **WHY),
    "POST /retention/holds/{number}/lift": _lift,
    "POST /retention/subject": by("wang", "/retention/subject", kind="plate", value="京A12345", **WHY),
    "POST /retention/subject/export": by("wang", "/retention/subject/export", kind="plate", value="京A12345", **WHY),
    "POST /retention/subject/delete": by(
        "wang", "/retention/subject/delete", kind="plate", value="京A99999", **WHY, sure="yes"
    ),
    "POST /audit/export": by("huang", "/audit/export", reason="walk"),
    "POST /audit/blank": by("huang", "/audit/blank"),
    "POST /v1/enrol": _enrol,
}
# Of these the row is the one that the sample itself left before, by signing in: nothing was there to be done.
SILENT_WHEN_IDLE = {"POST /audit/blank"}


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        async with made.house.db.write() as connection:
            await add_areas(connection)
            await rows.add_household(connection, made.house.now())
        yield made


def changing(app: FastAPI) -> list[str]:
    """The routes that are not only read, as ``METHOD path``."""

    def names(route: BaseRoute) -> list[str]:
        methods = set(getattr(route, "methods", None) or ()) - READS
        return [f"{method} {getattr(route, 'path', route)}" for method in sorted(methods)]

    return [name for route in every_route(app.routes) for name in names(route)]


async def rows_left(town: City, call: Sample) -> tuple[int, int]:
    """The answer's status, and how many rows there are more; signing in is not counted."""
    counted = await _count(town, login=False)
    answer = await call(town)
    return answer.status_code, await _count(town, login=False) - counted


async def _count(town: City, *, login: bool) -> int:
    async with town.house.db.read() as connection:
        rows = await audit_rows.after(connection, 0, 10_000)
    return sum(1 for row in rows if login or row.action != "login.opened")


async def silent(town: City, names: list[str], samples: Mapping[str, Sample]) -> list[str]:
    """Routes that left no row, or that nobody said how to call."""
    found: list[str] = []
    for name in names:
        if name in NEEDS_NO_ROW:
            continue
        if name not in samples:
            found.append(f"{name}: nobody says how to call it")
            continue
        status, rows = await rows_left(town, samples[name])
        assert status < 400, (name, status)
        if not rows and name != "POST /login" and name not in SILENT_WHEN_IDLE:
            found.append(f"{name}: left no row")
    return found


async def test_every_route_that_changes_something_leaves_a_row(town: City) -> None:
    names = changing(town.app)
    assert len(names) > 15
    assert await silent(town, names, SAMPLES) == []
    assert set(SAMPLES) | set(NEEDS_NO_ROW) == set(names), "nothing is listed that is not there"
    async with town.house.db.read() as connection:
        assert "login.opened" in {row.action for row in await audit_rows.after(connection, 0)}


async def test_the_walk_finds_a_route_that_leaves_none(town: City) -> None:
    router = APIRouter()

    @router.post("/quiet", dependencies=[Depends(public)])
    async def _quiet() -> dict[str, str]:
        return {}

    @router.put("/unknown", dependencies=[Depends(public)])
    async def _unknown() -> None: ...

    town.app.include_router(router)
    names = [name for name in changing(town.app) if name.endswith(("/quiet", "/unknown"))]
    assert await silent(town, names, {"POST /quiet": by("li", "/quiet")}) == [
        "POST /quiet: left no row",
        "PUT /unknown: nobody says how to call it",
    ]
