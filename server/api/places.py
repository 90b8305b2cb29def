"""Places to look at: the tree of areas, what is in each, and a complex with its buildings, gates and grid cells."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from domain.areas import AREA_KINDS, MANAGEMENT
from server.api.who import Governing, Overseeing
from server.auth import Person
from server.store import area_views
from server.store.area_views import AreaView, PlaceView
from server.store.scope import CITY
from server.web.answers import house_of, page
from server.web.languages import N_

router = APIRouter(prefix="/places")

# Why something was not done, by the word of the refusal.
REFUSED = {
    "bad_name": N_("名称要有 1 到 100 个可显示的字符。"),
    "bad_id": N_("编号只能有字母、数字、点、横线和下划线，最多 64 个。"),
    "bad_kind": N_("没有这个级别。"),
    "bad_parent": N_("街道要在区县之下，社区要在街道之下，小区要在社区之下。"),
    "bad_management": N_("没有这种管理方式。"),
    "bad_cell": N_("这个网格不属于小区所在的社区。"),
    "bad_account": N_("没有这个账号。"),
    "taken": N_("这个编号或名称已经有了。"),
    "not_there": N_("这个地点已经不在了。"),
}


@router.get("")
async def tree(request: Request, person: Overseeing, refused: str = "") -> Response:
    """Districts, their streets and communities, and the complexes that lie nowhere yet."""
    async with house_of(request).db.read() as connection:
        areas = await area_views.areas(connection, person.scope)
        loose = await area_views.places(connection, person.scope, None)
    context = {"areas": areas, "below": below(areas), "loose": loose, "refused": REFUSED.get(refused, "")}
    return page(request, person, "places.html", may_govern=may_govern(person), **context)


def below(areas: Sequence[AreaView]) -> dict[str, list[AreaView]]:
    """The areas by what they lie in; the highest under an empty name."""
    seen, found = {area.id for area in areas}, dict[str, list[AreaView]]()
    for area in areas:
        found.setdefault(area.parent if area.parent in seen and area.parent else "", []).append(area)
    return found


def may_govern(person: Person) -> bool:
    return person.may("operator") and person.scope.is_city


@router.get("/areas/{identity}")
async def area(request: Request, identity: str, person: Overseeing, refused: str = "") -> Response:
    """An area: what it lies in, what lies in it, its complexes and its grid cells."""
    async with house_of(request).db.read() as connection:
        areas = await area_views.areas(connection, person.scope)
        one = found_area(areas, identity)
        is_inside = await area_views.is_area_inside(connection, person.scope, identity)
        is_community = one.kind == "community"
        places = await area_views.places(connection, person.scope, identity) if is_community else []
        cells = await area_views.cells(connection, identity) if is_community and is_inside else []
    return page(
        request,
        person,
        "area.html",
        area=one,
        above=_above(areas, one),
        below=[other for other in areas if other.parent == identity],
        places=places,
        cells=cells,
        next_kind=_next_kind(one.kind),
        may_govern=may_govern(person),
        may_operate=person.may("operator") and is_inside,
        refused=REFUSED.get(refused, ""),
    )


def found_area(areas: Sequence[AreaView], identity: str) -> AreaView:
    """Raises HTTPException 404 where the person sees no such area."""
    found = next((area for area in areas if area.id == identity), None)
    if found is None:
        raise HTTPException(404, "no such area")
    return found


def _above(areas: Sequence[AreaView], one: AreaView) -> list[AreaView]:
    """What an area lies in, the widest first."""
    by_id, chain = {area.id: area for area in areas}, list[AreaView]()
    while one.parent and one.parent in by_id:
        one = by_id[one.parent]
        chain.insert(0, one)
    return chain


def _next_kind(kind: str) -> str | None:
    lower = AREA_KINDS[AREA_KINDS.index(kind) + 1 :]
    return lower[0] if lower else None


@router.get("/areas/{identity}/move")
async def area_move(request: Request, identity: str, person: Governing, to: str = "") -> Response:
    """Before an area is moved: where to, and who will see it then, and who no longer."""
    async with house_of(request).db.read() as connection:
        areas = await area_views.areas(connection, CITY)
        one = found_area(areas, identity)
        kind = next((area.kind for area in areas if area.id == one.parent), None)
        target = next((area for area in areas if area.id == to and area.kind == kind), None)
        old, new = await area_views.above(connection, one.parent), await area_views.above(connection, to)
        gains, loses = await area_views.who_sees(connection, new - old, old - new) if target else ([], [])
    choice = [area for area in areas if area.kind == kind and area.id != one.parent]
    moving = {"name": one.name, "back": f"/places/areas/{one.id}", "path": f"/places/areas/{one.id}/move"}
    context = {"choice": choice, "target": target, "gains": gains, "loses": loses}
    return page(request, person, "place_move.html", moving=moving, **context)


@router.get("/complexes/{identity}/move")
async def complex_move(request: Request, identity: str, person: Governing, to: str = "") -> Response:
    """The same of a complex, which may also be taken out of every community."""
    async with house_of(request).db.read() as connection:
        one = await found_place(connection, person, identity)
        areas = await area_views.areas(connection, CITY)
        target = next((area for area in areas if area.id == to and area.kind == "community"), None)
        old, new = await area_views.above(connection, one.area), await area_views.above(connection, to)
        gains, loses = await area_views.who_sees(connection, new - old, old - new) if target else ([], [])
    choice = [area for area in areas if area.kind == "community" and area.id != one.area]
    moving = {"name": one.name, "back": f"/places/complexes/{one.id}", "path": f"/places/complexes/{one.id}/move"}
    context = {"choice": choice, "target": target, "gains": gains, "loses": loses}
    return page(request, person, "place_move.html", moving=moving, **context)


@router.get("/complexes/{identity}")
async def complex_page(request: Request, identity: str, person: Overseeing, refused: str = "") -> Response:
    """A complex: how it is kept, its buildings and gates, and who of the grid looks after them."""
    house = house_of(request)
    async with house.db.read() as connection:
        one = await found_place(connection, person, identity)
        areas = await area_views.areas(connection, person.scope)
        buildings = await area_views.buildings(connection, identity)
        gates = await area_views.gates(connection, identity)
        cells = await area_views.cells(connection, one.area) if one.area else []
    here = next((area for area in areas if area.id == one.area), None)
    return page(
        request,
        person,
        "place.html",
        place=one,
        above=[*_above(areas, here), here] if here else [],
        buildings=buildings,
        gates=gates,
        cells=cells,
        managements=MANAGEMENT,
        is_fixed=any(place.id == identity for place in house.config.complexes),
        may_govern=may_govern(person),
        may_operate=person.may("operator"),
        refused=REFUSED.get(refused, ""),
    )


async def found_place(connection: AsyncConnection, person: Person, identity: str) -> PlaceView:
    """Raises HTTPException 404 where the person sees no such complex."""
    found = await area_views.place(connection, person.scope, identity)
    if found is None:
        raise HTTPException(404, "no such complex")
    return found
