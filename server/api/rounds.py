"""Rounds of a complex: the board of a day, the plan of its routes and checkpoints, and what was walked."""

from __future__ import annotations

import secrets
from datetime import date, timedelta
from urllib.parse import quote
from uuid import uuid4

import msgspec
from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData
from starlette.responses import Response

from domain.rounds.codes import RANDOM_BYTES, code_of
from domain.rounds.plan import MOST_NAME_SIGNS, WEEK, BadRoute, Route
from server.api.places import found_place
from server.api.who import PATROLLING, ROSTERING, Rostering, Watching
from server.audit import Subject, record
from server.auth import Form, Person, field
from server.patrol import days, route_form
from server.store import patrol_rows, place_views
from server.store.patrol_rows import NameTaken, Overtaken, Point, TooMany
from server.web.answers import house_of, page, see
from server.web.formats import zone_of
from server.web.languages import N_

router = APIRouter(prefix="/rounds")

REFUSED = {
    "name": N_("没有保存：请写名称，最多 60 个字。"),
    "points": N_("没有保存：检查点要写已有的名称，一行一个，不能重复。"),
    "times": N_("没有保存：时间写成 22:00 这样，用空格分开，最多 48 个。"),
    "days": N_("没有保存：至少选一天。"),
    "tolerance": N_("没有保存：前后可差的分钟数要在 1 到 120 之间。"),
    "within": N_("没有保存：走完的时限要比可差的分钟数长，最多 480 分钟。"),
    "taken": N_("没有添加：这个名称的检查点已经有了。"),
    "too_many": N_("没有保存：这个小区的路线或检查点已经到上限。"),
    "overtaken": N_("没有保存：别人刚刚改过。请看现在的内容再改。"),
    "in_route": N_("没有拆除：还有路线要走这个检查点，请先从路线里去掉。"),
}
_MOST_NAMES_SIGNS = 4_000


@router.get("")
async def everywhere(request: Request, person: Watching) -> Response:
    """The board of the first complex of those in reach."""
    async with house_of(request).db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
    if not complexes:
        return page(request, person, "rounds.html", place=None, complexes=[])
    return see(f"/rounds/{quote(complexes[0].id, safe='')}")


@router.get("/{complex_id}")
async def board(request: Request, complex_id: str, person: Watching, day: str = "") -> Response:
    """A day's rounds: what is to come, what goes on, what is done, late or missed."""
    house = house_of(request)
    async with house.db.read() as connection:
        place = await found_place(connection, person, complex_id)
        complexes = await place_views.complexes_of(connection, person.scope)
        today = house.now().astimezone(zone_of(place.timezone)).date()
        chosen = day_in(day) or today
        zone = zone_of(place.timezone)
        rounds = await days.rounds_of(connection, complex_id, zone, (chosen, chosen), house.now())
    return page(
        request,
        person,
        "rounds.html",
        place=place,
        complexes=complexes,
        rounds=rounds,
        tally=days.tally(rounds),
        day=chosen,
        before=(chosen - timedelta(days=1)).isoformat(),
        after=(chosen + timedelta(days=1)).isoformat(),
        is_today=chosen == today,
        **_rights(person),
    )


def day_in(text: str) -> date | None:
    """A day of a query, none where it says none; the calendar's first and last years are none."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2200 else None


def _rights(person: Person) -> dict[str, bool]:
    return {"may_walk": person.may(*PATROLLING), "may_edit": person.may(*ROSTERING)}


@router.get("/{complex_id}/plan")
async def plan(request: Request, complex_id: str, person: Watching, refused: str = "") -> Response:
    """Routes with their times, and checkpoints."""
    async with house_of(request).db.read() as connection:
        place = await found_place(connection, person, complex_id)
        routes = await patrol_rows.routes(connection, complex_id)
        points = await patrol_rows.points(connection, complex_id, ended=True)
    newest = {identity: versions[-1] for identity, versions in routes.items() if not versions[-1].route.ended}
    return page(
        request,
        person,
        "rounds_plan.html",
        place=place,
        routes=sorted(newest.items(), key=lambda item: (item[1].route.name, item[0])),
        points=[one for one in points if one.ended_at is None],
        names=patrol_rows.names_of(points),
        week=WEEK,
        refused=REFUSED.get(refused, ""),
        **_rights(person),
    )


@router.post("/{complex_id}/points")
async def add_points(request: Request, complex_id: str, person: Rostering, form: Form) -> Response:
    """Checkpoints, a name to a line; each gets a code of its own."""
    house = house_of(request)
    names = [one for line in field(form, "names", _MOST_NAMES_SIGNS).splitlines() if (one := route_form.tidy(line))]
    await _seen(request, person, complex_id)
    if not names or any(len(name) > MOST_NAME_SIGNS for name in names):
        return _back(complex_id, "name")
    try:
        async with house.db.write(complex_id) as connection:
            for name in names:
                point = Point(uuid4().hex[:12], name, code_of(secrets.token_bytes(RANDOM_BYTES)))
                await patrol_rows.add_point(connection, complex_id, point, person.username, house.now())
                await _note(request, person, connection, "round.point_added", complex_id, point.id)
    except NameTaken:
        return _back(complex_id, "taken")
    except TooMany:
        return _back(complex_id, "too_many")
    return _back(complex_id)


@router.post("/{complex_id}/points/{point}/end")
async def end_point(request: Request, complex_id: str, point: str, person: Rostering) -> Response:
    """Its label leads nowhere any more; no route may still want it."""
    house = house_of(request)
    await _seen(request, person, complex_id)
    async with house.db.write(complex_id) as connection:
        routes = await patrol_rows.routes(connection, complex_id)
        newest = [versions[-1].route for versions in routes.values()]
        if any(point in route.points for route in newest if not route.ended):
            return _back(complex_id, "in_route")
        if not await patrol_rows.end_point(connection, complex_id, point, person.username, house.now()):
            raise HTTPException(404, "no such checkpoint")
        await _note(request, person, connection, "round.point_ended", complex_id, point)
    return _back(complex_id)


@router.post("/{complex_id}/routes")
async def add_route(request: Request, complex_id: str, person: Rostering, form: Form) -> Response:
    """A new route."""
    await _seen(request, person, complex_id)
    return await _put(request, person, complex_id, uuid4().hex[:12], form)


@router.post("/{complex_id}/routes/{route}")
async def change_route(request: Request, complex_id: str, route: str, person: Rostering, form: Form) -> Response:
    """A new version, which counts for what is due from now on."""
    await _seen(request, person, complex_id, route)
    return await _put(request, person, complex_id, route, form)


@router.post("/{complex_id}/routes/{route}/end")
async def end_route(request: Request, complex_id: str, route: str, person: Rostering, form: Form) -> Response:
    """It is planned no more; what was walked stays."""
    versions = await _seen(request, person, complex_id, route)
    ended = msgspec.structs.replace(versions[-1], ended=True)
    return await _put(request, person, complex_id, route, form, ended)


async def _seen(request: Request, person: Person, complex_id: str, route: str = "") -> list[Route]:
    """The versions of a route that is in reach. Raises HTTPException 404 where it, or the complex, is not."""
    async with house_of(request).db.read() as connection:
        await found_place(connection, person, complex_id)
        versions = (await patrol_rows.routes(connection, complex_id)).get(route, ()) if route else ()
    if route and not versions:
        raise HTTPException(404, "no such route")
    return [one.route for one in versions]


async def _put(
    request: Request, person: Person, complex_id: str, identity: str, form: FormData, route: Route | None = None
) -> Response:
    """The route that the form says, or ``route``, behind the version the page showed."""
    house, after = house_of(request), field(form, "version", 9) or "0"
    if not (after.isascii() and after.isdigit()):
        raise HTTPException(422, "version: which version the page showed")
    try:
        async with house.db.write(complex_id) as connection:
            names = {one.name: one.id for one in await patrol_rows.points(connection, complex_id)}
            said = route or route_form.read(lambda name, most: field(form, name, most), names)
            given = (int(after), said, person.username, house.now())
            await patrol_rows.put_route(connection, complex_id, identity, *given)
            await _note(request, person, connection, "round.route_changed", complex_id, identity)
    except BadRoute as error:
        return _back(complex_id, str(error).partition(":")[0])
    except Overtaken:
        return _back(complex_id, "overtaken")
    except TooMany:
        return _back(complex_id, "too_many")
    return _back(complex_id)


async def _note(
    request: Request, person: Person, connection: AsyncConnection, action: str, complex_id: str, ref: str
) -> None:
    on = Subject("round", ref)
    record(connection, person.actor, action, house_of(request).now(), on=on, complex_id=complex_id)


def _back(complex_id: str, refused: str = "") -> Response:
    return see(f"/rounds/{quote(complex_id, safe='')}/plan" + (f"?refused={refused}" if refused else ""))
