"""What operators do to the plans of a complex in their scope: pictures, names, order, and where things are on them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import msgspec
import structlog
from fastapi import APIRouter, Depends, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData, UploadFile
from starlette.responses import Response

from domain.ids import content_name
from server.api.places import found_place
from server.api.plans import FIRST_NAME, pin_id
from server.api.who import OPERATING, Operating
from server.audit import Subject, record
from server.auth import Form, Person, field, require
from server.media import MediaAway
from server.plan_pictures import MOST_BYTES, BadPicture, Drawn, read_picture
from server.store import pin_rows, plan_rows, plan_things
from server.store.pin_rows import Pin
from server.store.place_rows import NotPossible
from server.web.answers import house_of, see

log = structlog.get_logger()
router = APIRouter(prefix="/complexes")

_one_at_a_time = asyncio.Semaphore(1)  # a large picture costs a core for seconds, and a hundred megabytes
Uploading = Annotated[Person, Depends(require(*OPERATING, most_bytes=MOST_BYTES + 64 * 1024))]
Work = Callable[[AsyncConnection], Awaitable[str]]  # gives the plan that it was about


async def _done(
    request: Request, person: Person, complex_id: str, what: str, work: Work, plan: str = "", **told: Any
) -> Response:
    """Do it and go back to the plan; what cannot be is said there, and nothing is kept of it."""
    house, thing = house_of(request), {name: told[name] for name in ("device", "point") if name in told}
    try:
        async with house.db.write(complex_id) as connection:
            plan = await work(connection)
            on, now = Subject("plan", plan), house.now()
            record(
                connection,
                person.actor,
                "plan.changed",
                now,
                on=on,
                complex_id=complex_id,
                details={"what": what, **told},
            )
    except NotPossible as error:
        return _refused(request, complex_id, plan, error.reason)
    log.info("plan_changed", what=what, complex=complex_id, plan=plan, account=person.id, username=person.username)
    if _wants_json(request):
        return Response(msgspec.json.encode({"plan": plan}), media_type="application/json")
    return see(_back(complex_id, "" if what == "remove" else plan, **thing))


def _wants_json(request: Request) -> bool:
    return request.headers.get("accept", "").startswith("application/json")


def _back(complex_id: str, plan: str, **more: str) -> str:
    """The plan as it is edited; at the pin that was just placed."""
    hash_ = f"#{pin_id(more['device'], more['point'])}" if "device" in more else ""
    query = {"plan": plan, "edit": "1", **more} if plan else {"edit": "1", **more}
    return f"/complexes/{quote(complex_id, safe='')}/plan?{urlencode(query)}{hash_}"


def _refused(request: Request, complex_id: str, plan: str, reason: str) -> Response:
    if _wants_json(request):
        raise HTTPException(422, reason)
    gone = {"no_plan", "too_many_plans"}
    return see(_back(complex_id, "" if reason in gone else plan, refused=reason))


async def _need_place(request: Request, person: Person, complex_id: str) -> None:
    async with house_of(request).db.read() as connection:
        await found_place(connection, person, complex_id)


@router.post("/{complex_id}/plan")
async def add_plan(request: Request, complex_id: str, person: Uploading) -> Response:
    """A new plan; without a picture, the schematic until there is one."""
    await _need_place(request, person, complex_id)
    form = await request.form(max_files=1, max_fields=50)
    name, building, house = field(form, "name", 200), field(form, "building", 64), house_of(request)
    try:
        drawn = await _picture(request, complex_id, form, is_needed=False)
    except NotPossible as error:
        return _refused(request, complex_id, "", error.reason)

    async def work(connection: AsyncConnection) -> str:
        plan = await plan_rows.add(connection, complex_id, name, building, person.username, house.now())
        if drawn is not None:
            size = (drawn.width_px, drawn.height_px)
            await plan_rows.show(connection, complex_id, plan, content_name(drawn.body), size)
        return plan

    return await _done(request, person, complex_id, "add", work)


async def _picture(request: Request, complex_id: str, form: FormData, *, is_needed: bool = True) -> Drawn | None:
    """What was uploaded, drawn anew and kept among the complex's pictures. Raises NotPossible."""
    given = form.get("file")
    body = await given.read(MOST_BYTES + 1) if isinstance(given, UploadFile) else b""
    if not body and not is_needed:
        return None
    try:
        async with _one_at_a_time:
            drawn = await asyncio.to_thread(read_picture, body)
        await house_of(request).media.keep(content_name(drawn.body), complex_id, drawn.body, drawn.type)
    except BadPicture as error:
        log.info("plan_refused", complex=complex_id, reason=error.reason, detail=str(error))
        raise NotPossible(error.reason, str(error)) from error
    except MediaAway as error:
        log.error("media_away", path=request.url.path, error=str(error))
        raise NotPossible("media_away", str(error)) from error
    return drawn


@router.post("/{complex_id}/plan/{plan}/picture")
async def change_picture(request: Request, complex_id: str, plan: str, person: Uploading) -> Response:
    """Another picture under the same pins; with ``drawn`` said, the schematic instead."""
    await _need_place(request, person, complex_id)
    form, house = await request.form(max_files=1, max_fields=50), house_of(request)
    try:
        drawn = None if field(form, "drawn", 8) else await _picture(request, complex_id, form)
    except NotPossible as error:
        return _refused(request, complex_id, plan, error.reason)
    picture = None if drawn is None else content_name(drawn.body)
    size = (None, None) if drawn is None else (drawn.width_px, drawn.height_px)

    async def work(connection: AsyncConnection) -> str:
        real = await plan_rows.ensured(connection, complex_id, plan, FIRST_NAME, person.username, house.now())
        await plan_rows.show(connection, complex_id, real, picture, size)
        return real

    return await _done(request, person, complex_id, "picture", work, plan, picture=picture)


@router.post("/{complex_id}/plan/{plan}/pins")
async def place_pin(request: Request, complex_id: str, plan: str, person: Operating, form: Form) -> Response:
    """Put a door, a lane or a device there; x and y are thousandths of the picture."""
    await _need_place(request, person, complex_id)
    device, point, house = field(form, "device", 200), field(form, "point", 200), house_of(request)
    x, y = (_thousandths(field(form, name, 8)) for name in ("x", "y"))

    async def work(connection: AsyncConnection) -> str:
        things = await plan_things.things_of(connection, complex_id)
        if all(one.key != (device, point) for one in things):
            raise NotPossible("no_thing", f"nothing is called {device} {point}")
        real = await plan_rows.ensured(connection, complex_id, plan, FIRST_NAME, person.username, house.now())
        await pin_rows.place(connection, complex_id, Pin(real, device, point, x, y), person.username, house.now())
        return real

    return await _done(request, person, complex_id, "pin", work, plan, device=device, point=point, x=x, y=y)


def _thousandths(text: str) -> int:
    """-1, which lies nowhere, for what is no whole number."""
    return int(text) if text.isascii() and text.isdigit() else -1


@router.post("/{complex_id}/plan/{plan}/unpin")
async def take_off_pin(request: Request, complex_id: str, plan: str, person: Operating, form: Form) -> Response:
    await _need_place(request, person, complex_id)
    device, point = field(form, "device", 200), field(form, "point", 200)

    async def work(connection: AsyncConnection) -> str:
        await pin_rows.take_off(connection, complex_id, plan, device, point)
        return plan

    return await _done(request, person, complex_id, "unpin", work, plan, device=device, point=point)


@router.post("/{complex_id}/plan/{plan}/{what}")
async def change_plan(
    request: Request, complex_id: str, plan: str, what: str, person: Operating, form: Form
) -> Response:
    """Its name, order and building; taken away, and put back within thirty days."""
    await _need_place(request, person, complex_id)
    works = {"describe": _describe, "remove": _remove, "restore": _restore}
    if what not in works:
        raise HTTPException(404, "no such thing to do")

    async def work(connection: AsyncConnection) -> str:
        return await works[what](request, connection, complex_id, plan, person, form)

    return await _done(request, person, complex_id, what, work, plan)


async def _describe(
    request: Request, connection: AsyncConnection, complex_id: str, plan: str, person: Person, form: FormData
) -> str:
    name, rank, building = field(form, "name", 200), field(form, "rank", 8), field(form, "building", 64)
    now = house_of(request).now()
    real = await plan_rows.ensured(connection, complex_id, plan, FIRST_NAME, person.username, now)
    await plan_rows.describe(connection, complex_id, real, name, _thousandths(rank), building)
    return real


async def _remove(
    request: Request, connection: AsyncConnection, complex_id: str, plan: str, _person: Person, _form: FormData
) -> str:
    await plan_rows.remove(connection, complex_id, plan, house_of(request).now())
    return plan


async def _restore(
    _request: Request, connection: AsyncConnection, complex_id: str, plan: str, _person: Person, _form: FormData
) -> str:
    await plan_rows.put_back(connection, complex_id, plan)
    return plan
