"""The register of retrievals: who asks for kept records and why, who else allows it, what was viewed and taken out."""

from __future__ import annotations

import asyncio
import secrets
from datetime import datetime, timedelta
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, HTTPException, Request
from starlette.responses import Response

from domain.feeds.classes import OF_RECORDS, DataClass, class_of
from domain.feeds.retrieval import BadRetrieval, NotTwo, Wanted, check, need_two
from server.api.day_parts import need_place
from server.api.platforms import midnight
from server.audit import Subject, record
from server.auth import Form, Person, field, require
from server.facts import Fact
from server.feeds.retrieved import TooMany, package, pictures, records, watermark
from server.feeds.watermarked import FontMissing
from server.media import MediaAway
from server.store import device_lists, place_views, retrieval_rows
from server.store.retrieval_rows import Retrieval
from server.web.answers import house_of, page, see

router = APIRouter(prefix="/retrievals")

_ROLES = ("operator", "security_officer")
Registering = Annotated[Person, Depends(require(*_ROLES))]
# Allows what another asked for, or takes it out: with the second factor.
Releasing = Annotated[Person, Depends(require(*_ROLES, second_factor=True))]
_SHOWN = 200
_DECISIONS = {"approved": "retrieval.approved", "refused": "retrieval.refused"}
_one_at_a_time = asyncio.Semaphore(1)  # each reads a complex's log


@router.get("")
async def register(request: Request, person: Registering) -> Response:
    """The newest."""
    return await _register(request, person, "")


@router.post("")
async def ask(request: Request, person: Registering, form: Form) -> Response:
    """Somebody outside asks, and a person of ours writes it down."""
    place, house = await need_place(request, person, field(form, "complex", 200)), house_of(request)
    try:
        wanted = check(_wanted(form))
    except (BadRetrieval, ValueError) as error:
        return await _register(request, person, str(error))
    id_, now = f"v-{secrets.token_hex(6)}", house.now()
    async with house.db.write() as connection:
        await retrieval_rows.ask(connection, id_, place.id, wanted, person.username, now)
        told = {"document": wanted.document, "classes": sorted(wanted.classes)}
        on = Subject("retrieval", id_)
        record(connection, person.actor, "retrieval.asked", now, on=on, complex_id=place.id, details=told)
    return see(f"/retrievals/{id_}")


@router.get("/{id_}")
async def retrieval(request: Request, id_: str, person: Registering) -> Response:
    """One of them; not what it asks for."""
    asked = await _need(request, person, id_)
    return page(
        request, person, "retrieval.html", one=asked, facts=None, mark="", **await _named(request, person, asked)
    )


@router.post("/{id_}/decide")
async def decide(request: Request, id_: str, person: Releasing, form: Form) -> Response:
    """Somebody else than who asked allows it, or does not."""
    house, state = house_of(request), field(form, "state", 10)
    asked, now = await _need(request, person, id_), house.now()
    if state not in _DECISIONS:
        raise HTTPException(422, f"state is one of {', '.join(_DECISIONS)}")
    try:
        need_two(asked.asked_by, person.username)
    except NotTwo as error:
        raise HTTPException(409, str(error)) from error
    async with house.db.write() as connection:
        if not await retrieval_rows.decide(connection, id_, state, person.username, now):
            raise HTTPException(409, "it was decided already")
        on = Subject("retrieval", id_)
        record(connection, person.actor, _DECISIONS[state], now, on=on, complex_id=asked.complex)
    return see(f"/retrievals/{id_}")


@router.post("/{id_}/view")
async def view(request: Request, id_: str, person: Registering) -> Response:
    """What it asks for, on the screen, under the watermark."""
    house = house_of(request)
    asked, facts = await _released(request, person, id_)
    now = house.now()
    async with house.db.write() as connection:
        await retrieval_rows.viewed(connection, id_, person.username, now)
        on, told = Subject("retrieval", id_), {"records": len(facts)}
        record(connection, person.actor, "retrieval.viewed", now, on=on, complex_id=asked.complex, details=told)
    mark = watermark(asked, person.username, now)
    named = await _named(request, person, asked)
    told = [(fact, class_of(fact.event)) for fact in facts[:_SHOWN]]
    shown: dict[str, Any] = {"facts": told, "mark": mark, "total": len(facts), **named}
    return page(request, person, "retrieval.html", one=asked, **shown)


@router.post("/{id_}/export")
async def export(request: Request, id_: str, person: Releasing) -> Response:
    """The package, whose hash the register keeps."""
    house = house_of(request)
    asked, facts = await _released(request, person, id_)
    now = house.now()
    body, sha256, count = await _packed(request, facts, watermark(asked, person.username, now))
    async with house.db.write() as connection:
        await retrieval_rows.exported(connection, id_, sha256, person.username, now)
        on, told = Subject("retrieval", id_), {"records": len(facts), "pictures": count, "sha256": sha256}
        record(connection, person.actor, "retrieval.exported", now, on=on, complex_id=asked.complex, details=told)
    headers = {"Content-Disposition": f'attachment; filename="{id_}.zip"'}
    return Response(body, media_type="application/zip", headers=headers)


async def _packed(request: Request, facts: list[Fact], mark: str) -> tuple[bytes, str, int]:
    """The package, its hash, and of how many originals it was made. Raises HTTPException."""
    try:
        async with _one_at_a_time:
            originals = await pictures(house_of(request).media, facts)
            body, sha256 = await asyncio.to_thread(package, facts, mark, originals)
    except TooMany as error:
        raise HTTPException(409, str(error)) from error
    except MediaAway as error:
        raise HTTPException(503, f"pictures cannot be read now: {error}") from error
    except FontMissing as error:
        raise HTTPException(503, str(error)) from error
    return body, sha256, len(originals)


async def _released(request: Request, person: Person, id_: str) -> tuple[Retrieval, list[Fact]]:
    """Raises HTTPException 409 where nobody else has allowed it."""
    asked = await _need(request, person, id_)
    if asked.state != "approved":
        raise HTTPException(409, "nobody else has allowed it")
    try:
        async with _one_at_a_time:
            return asked, await records(house_of(request).db, asked)
    except TooMany as error:
        raise HTTPException(409, str(error)) from error


async def _named(request: Request, person: Person, asked: Retrieval) -> dict[str, Any]:
    """The complex, and what its devices are called by people."""
    place = await need_place(request, person, asked.complex)
    async with house_of(request).db.read() as connection:
        listed = await device_lists.current(connection, asked.complex)
    return {"place": place, "devices": {one.id: one.name for one in listed.devices if one.name}}


async def _need(request: Request, person: Person, id_: str) -> Retrieval:
    async with house_of(request).db.read() as connection:
        found = await retrieval_rows.find(connection, person.scope, id_)
    if found is None:
        raise HTTPException(404, "no such retrieval")
    return found


async def _register(request: Request, person: Person, wrong: str) -> Response:
    async with house_of(request).db.read() as connection:
        found = await retrieval_rows.newest(connection, person.scope, _SHOWN)
        complexes = await place_views.complexes_of(connection, person.scope)
    shown: dict[str, Any] = {"retrievals": found, "complexes": complexes, "classes": OF_RECORDS, "wrong": wrong}
    shown["names"] = {one.id: one.name or one.id for one in complexes}
    return page(request, person, "retrievals.html", **shown)


def _wanted(form: Any) -> Wanted:
    """Days are the city's; the last one counts whole. Raises ValueError."""
    words = {name: field(form, name, 200) for name in ("applicant", "unit", "document", "purpose")}
    chosen = frozenset(name for name in OF_RECORDS if field(form, f"class_{name}", 3))
    since, until = _span(form)
    return Wanted(**words, since=since, until=until, classes=cast("frozenset[DataClass]", chosen))


def _span(form: Any) -> tuple[datetime, datetime]:
    since = midnight(field(form, "since", 10), "since")
    return since, midnight(field(form, "until", 10), "until") + timedelta(days=1)
