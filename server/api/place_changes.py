"""What operators do to places: who sees the whole city changes the tree, others what is in their scope."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData
from starlette.responses import Response

from server.api.places import found_place
from server.api.who import Governing, Operating
from server.audit import Subject, record
from server.auth import Form, Person, field
from server.store import area_views, place_rows
from server.store.place_rows import PARTS, NotPossible
from server.store.place_tables import area, complex_
from server.web.answers import house_of, see

log = structlog.get_logger()
router = APIRouter(prefix="/places")

Work = Callable[[AsyncConnection], Awaitable[object]]


async def _done(request: Request, person: Person, back: str, what: str, work: Work) -> Response:
    """Do it and go back; what cannot be is said there, and nothing is kept of it."""
    house = house_of(request)
    try:
        async with house.db.write() as connection:
            await work(connection)
            on, now = Subject("place", request.url.path.removeprefix("/places/")), house.now()
            record(connection, person.actor, "place.changed", now, on=on, details={"what": what})
    except NotPossible as error:
        return see(f"{back}?refused={error.reason}")
    log.info("place_changed", what=what, path=request.url.path, account=person.id, username=person.username)
    return see(back)


def _text(form: FormData, name: str) -> str | None:
    """A field that may stay empty. Raises HTTPException 422 for signs that no table should keep."""
    text = field(form, name, 200)
    if text and not text.isprintable():
        raise HTTPException(422, f"{name} has signs that cannot be shown")
    return text or None


@router.post("/areas")
async def add_area(request: Request, person: Governing, form: Form) -> Response:
    """A district, or an area in another."""
    parent, kind = _text(form, "parent"), field(form, "kind", 20)
    back = f"/places/areas/{parent}" if parent and await _is_area(request, parent) else "/places"
    identity, name = field(form, "id", 64), field(form, "name", 200)
    return await _done(
        request, person, back, "add_area", lambda db: place_rows.add_area(db, identity, kind, name, parent)
    )


async def _is_area(request: Request, identity: str) -> bool:
    async with house_of(request).db.read() as connection:
        return await place_rows.is_there(connection, area.c.id, identity)


@router.post("/areas/{identity}/name")
async def rename_area(request: Request, identity: str, person: Governing, form: Form) -> Response:
    await _need_area(request, identity)
    name = field(form, "name", 200)
    back = f"/places/areas/{identity}"
    return await _done(request, person, back, "rename", lambda db: place_rows.rename(db, area, identity, name))


async def _need_area(request: Request, identity: str) -> None:
    if not await _is_area(request, identity):
        raise HTTPException(404, "no such area")


@router.post("/areas/{identity}/move")
async def move_area(request: Request, identity: str, person: Governing, form: Form) -> Response:
    """Everyone who sees by areas sees by the new ones at once; open screens follow within seconds."""
    await _need_area(request, identity)
    target, back = field(form, "to", 64), f"/places/areas/{identity}"
    return await _done(request, person, back, "move", lambda db: place_rows.move_area(db, identity, target))


@router.post("/areas/{identity}/cells")
async def add_cell(request: Request, identity: str, person: Operating, form: Form) -> Response:
    async with _area_inside(request, person, identity):
        name, given, back = field(form, "name", 200), field(form, "id", 64), f"/places/areas/{identity}"
        return await _done(request, person, back, "add_cell", lambda db: place_rows.add_cell(db, given, identity, name))


@router.post("/areas/{identity}/cells/{cell}")
async def staff_cell(request: Request, identity: str, cell: str, person: Operating, form: Form) -> Response:
    """A cell's name, its worker's name and telephone, and the account they sign in with."""
    async with _area_inside(request, person, identity) as connection:
        if not any(one.id == cell for one in await area_views.cells(connection, identity)):
            raise HTTPException(404, "no such grid cell")
    name, worker, phone = field(form, "name", 200), _text(form, "worker"), _text(form, "phone")
    username, back = _text(form, "username"), f"/places/areas/{identity}"

    async def work(connection: AsyncConnection) -> None:
        await place_rows.staff_cell(connection, cell, name, worker, phone, username)

    return await _done(request, person, back, "staff_cell", work)


@asynccontextmanager
async def _area_inside(request: Request, person: Person, identity: str) -> AsyncGenerator[AsyncConnection]:
    """A snapshot to look at more. Raises HTTPException 404 for an area that is not wholly the person's."""
    async with house_of(request).db.read() as connection:
        if not await area_views.is_area_inside(connection, person.scope, identity):
            raise HTTPException(404, "no such area")
        yield connection


@router.post("/complexes/{identity}")
async def describe(request: Request, identity: str, person: Operating, form: Form) -> Response:
    """How a complex is kept, where it is, who of the grid looks after it; its name where server.toml has none."""
    await _need_place(request, person, identity)
    management, address, cell = _text(form, "management"), _text(form, "address"), _text(form, "grid_cell")
    name = field(form, "name", 200)
    is_fixed = any(place.id == identity for place in house_of(request).config.complexes)

    async def work(connection: AsyncConnection) -> None:
        await place_rows.describe_complex(connection, identity, management, address, cell)
        if name and not is_fixed:
            await place_rows.rename(connection, complex_, identity, name)

    return await _done(request, person, f"/places/complexes/{identity}", "describe", work)


async def _need_place(request: Request, person: Person, identity: str) -> None:
    async with house_of(request).db.read() as connection:
        await found_place(connection, person, identity)


@router.post("/complexes/{identity}/move")
async def move_complex(request: Request, identity: str, person: Governing, form: Form) -> Response:
    await _need_place(request, person, identity)
    target, back = _text(form, "to"), f"/places/complexes/{identity}"
    return await _done(request, person, back, "move", lambda db: place_rows.move_complex(db, identity, target))


@router.post("/complexes/{identity}/{kind}s")
async def add_part(request: Request, identity: str, kind: str, person: Operating, form: Form) -> Response:
    """A building or a gate."""
    await _need_place(request, person, identity)
    _need_kind(kind)
    name, back = field(form, "name", 200), f"/places/complexes/{identity}"
    return await _done(request, person, back, f"add_{kind}", lambda db: place_rows.add_part(db, kind, identity, name))


@router.post("/complexes/{identity}/{kind}s/{part}")
async def change_part(request: Request, identity: str, kind: str, part: str, person: Operating, form: Form) -> Response:
    """A building's or a gate's name; a building's grid cell, where it is not its complex's."""
    await _need_place(request, person, identity)
    _need_kind(kind)
    async with house_of(request).db.read() as connection:
        if await area_views.part(connection, PARTS[kind], identity, part) is None:
            raise HTTPException(404, f"no such {kind}")
    name, cell = field(form, "name", 200), _text(form, "grid_cell")

    async def work(connection: AsyncConnection) -> None:
        await place_rows.rename(connection, PARTS[kind], part, name)
        if kind == "building":
            await place_rows.give_building(connection, identity, part, cell)

    return await _done(request, person, f"/places/complexes/{identity}", f"change_{kind}", work)


def _need_kind(kind: str) -> None:
    if kind not in PARTS:
        raise HTTPException(404, "no such kind of place")
