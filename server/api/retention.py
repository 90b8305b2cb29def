"""What is kept how long, what is held, whose data are found, handed out or erased: for operators of the city."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, HTTPException, Path, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from domain.retention import Hold
from domain.subjects import KINDS, BadSubject, Subject
from server.api.who import Governing
from server.auth import Form, Person, field
from server.retention import holds, rights
from server.retention.holds import NoHold, Why
from server.store.place_views import complexes_of
from server.web.answers import house_of, page, see

log = structlog.get_logger()
router = APIRouter(prefix="/retention")

_MOST = 200
_SURE = "yes"
_running: set[asyncio.Task[None]] = set()  # an erasure goes on when the page that asked for it is closed


@router.get("")
async def retention(request: Request, person: Governing) -> Response:
    """Terms, what went, holds, erasures, and where to ask for more."""
    house = house_of(request)
    async with house.db.read() as connection:
        placed, complexes = await holds.all_of(connection), await complexes_of(connection, person.scope)
    shown = {"kept": await house.retention.status(), "holds": placed, "erasures": await rights.recent(house.db)}
    return page(request, person, "retention.html", complexes=complexes, kinds=KINDS, **shown)


@router.post("/holds")
async def place_hold(request: Request, person: Governing, form: Form) -> Response:
    """Keep what fits all that is named."""
    house = house_of(request)
    names = {name: field(form, name, _MOST).strip() for name in ("complex", "plate", "card", "person", "device")}
    since, until, ends = (_day(form, name) for name in ("since", "until", "ends"))
    try:
        hold = Hold(**names, since=since, until=until and until + timedelta(days=1))
        _ = hold.forms
        async with house.db.write() as connection:
            await holds.place(connection, hold, _why(form, person), house.now(), ends)
    except ValueError as error:
        raise HTTPException(422, str(error)) from error
    return see("/retention")


@router.post("/holds/{number}/lift")
async def lift_hold(
    request: Request, person: Governing, form: Form, number: Annotated[int, Path(ge=1, le=2**63 - 1)]
) -> Response:
    """End a hold."""
    house = house_of(request)
    try:
        async with house.db.write() as connection:
            await holds.lift(connection, number, _why(form, person), house.now())
    except NoHold as error:
        raise HTTPException(404, str(error)) from error
    return see("/retention")


@router.post("/subject")
async def look(request: Request, person: Governing, form: Form) -> Response:
    """What names them, in numbers; from here it is handed out or, as a second step, erased."""
    subject, why = _subject(form), _why(form, person)
    complex_id = field(form, "complex", _MOST)
    found = await rights.look(house_of(request), subject, complex_id, why, _silent)
    context = {"subject": subject, "why": why, "complex": complex_id, "found": found}
    return page(request, person, "retention_subject.html", **context)


@router.post("/subject/export")
async def export(request: Request, person: Governing, form: Form) -> Response:
    """Everything that names them, as a file."""
    subject, why = _subject(form), _why(form, person)
    content = await rights.export(house_of(request), subject, field(form, "complex", _MOST), why, _silent)
    headers = {"Content-Disposition": 'attachment; filename="export.zip"', "Cache-Control": "no-store"}
    return Response(content, media_type="application/zip", headers=headers)


@router.post("/subject/delete")
async def delete(request: Request, person: Governing, form: Form) -> Response:
    """Erase them: it is begun here, and goes on behind."""
    subject, why = _subject(form), _why(form, person)
    if field(form, "sure", 10) != _SURE:
        raise HTTPException(422, "confirm that it is to be erased for good")
    house, complex_id = house_of(request), field(form, "complex", _MOST)
    identity = await house.eraser.begin(subject, complex_id, why)

    async def go_on() -> None:
        try:
            await rights.erase(house, subject, complex_id, why, _silent, identity)
        except Exception as error:  # noqa: BLE001 - the edge of a task: shown by the state that stays begun
            log.error("erasure_failed", id=identity, error=repr(error))

    task = asyncio.create_task(go_on())
    _running.add(task)
    task.add_done_callback(_running.discard)
    return see(f"/retention/erasures/{identity}")


@router.get("/erasures/{identity}")
async def erasure(request: Request, person: Governing, identity: str) -> Response:
    """How far an erasure is, what it found afterwards, and what gateways have answered."""
    found = await rights.status(house_of(request).db, identity)
    if found is None:
        raise HTTPException(404, "no such erasure")
    return page(request, person, "retention_erasure.html", erasure=found)


def _subject(form: FormData) -> Subject:
    kind: Any = field(form, "kind", 10)
    if kind not in KINDS:
        raise HTTPException(422, "choose a plate, a card or a person")
    subject = Subject(kind, field(form, "value", _MOST))
    try:
        _ = subject.form
    except BadSubject as error:
        raise HTTPException(422, str(error)) from error
    return subject


def _why(form: FormData, person: Person) -> Why:
    try:
        return Why(field(form, "reason", _MOST), field(form, "document", _MOST), person.username, person.actor)
    except ValueError as error:
        raise HTTPException(422, str(error)) from error


def _day(form: FormData, name: str) -> datetime | None:
    text = field(form, name, 10)
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None
    except ValueError as error:
        raise HTTPException(422, f"{text!r} is no date") from error


def _silent(_: str) -> None:
    """The page waits without a bar."""
