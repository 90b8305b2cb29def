"""Upper platforms: whom we owe records, on which basis they may go, which classes are switched off, how it stands."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from typing import Annotated, Any, cast
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from domain.feeds.basis import BadBasis, Basis, check
from domain.feeds.classes import CLASSES, DataClass
from server.audit import Subject, record
from server.auth import Form, Person, field, require
from server.store import handover_rows, place_tree, platform_rows
from server.store.engine import stamp, unstamp
from server.store.platform_rows import Platform
from server.web.answers import house_of, page, see
from server.web.formats import zone_of

router = APIRouter(prefix="/platforms")

HANDING = ("operator", "security_officer")
Looking = Annotated[Person, Depends(require(*HANDING, everywhere=True))]
# Says to whom records leave the city, and on which basis: with the second factor.
Handing = Annotated[Person, Depends(require(*HANDING, everywhere=True, second_factor=True))]
KINDS = ("gat1400", "cascade", "gb28181", "mqtt", "webhook")
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_WEB = ("http", "https")
SCHEMES = {"gat1400": _WEB, "cascade": _WEB, "gb28181": ("sip",), "mqtt": ("mqtt", "mqtts"), "webhook": _WEB}
_SECRET = re.compile(r"[A-Za-z0-9._-]{0,80}")


@router.get("")
async def platforms(request: Request, person: Looking) -> Response:
    """All of them, with what waits for each."""
    return await _list(request, person, "")


@router.post("")
async def add(request: Request, person: Handing, form: Form) -> Response:
    """A new one, off."""
    house = house_of(request)
    now = house.now()
    try:
        one = _read(form, person, now)
    except ValueError as error:
        return await _list(request, person, str(error))
    async with house.db.write() as connection:
        if not await platform_rows.add(connection, one):
            raise HTTPException(409, f"there is a platform {one.id} already")
        told = {"kind": one.kind, "area": one.area}
        record(connection, person.actor, "platform.added", now, on=Subject("platform", one.id), details=told)
    return see(f"/platforms/{one.id}")


@router.get("/{id_}")
async def platform(request: Request, id_: str, person: Looking) -> Response:
    """One of them."""
    return await one_page(request, person, id_, "")


@router.post("/{id_}/turn")
async def turn(request: Request, id_: str, person: Handing, form: Form) -> Response:
    """On or off. Off, what is owed waits."""
    house, is_on = house_of(request), field(form, "on", 1) == "1"
    async with house.db.write() as connection:
        await need(connection, id_)
        await platform_rows.turn(connection, id_, is_on=is_on)
        on = Subject("platform", id_)
        record(connection, person.actor, "platform.turned", house.now(), on=on, details={"on": is_on})
    return see(f"/platforms/{id_}")


@router.post("/{id_}/basis")
async def record_basis(request: Request, id_: str, person: Handing, form: Form) -> Response:
    """Why records may go there, and which: from then on they do, where it is on."""
    house = house_of(request)
    now = house.now()
    try:
        basis = check(_basis(form), now)
    except (BadBasis, ValueError) as error:
        return await one_page(request, person, id_, str(error))
    async with house.db.write() as connection:
        await need(connection, id_)
        number = await platform_rows.record_basis(connection, id_, basis, person.username, now)
        told = {"basis": number, "document": basis.document, "classes": sorted(basis.classes)}
        told |= {"since": stamp(basis.since), "until": stamp(basis.until), "identity_fields": basis.identity_fields}
        on = Subject("platform", id_)
        record(connection, person.actor, "platform.basis_recorded", now, on=on, details=told)
    return see(f"/platforms/{id_}")


@router.post("/{id_}/basis/{number}/end")
async def end_basis(request: Request, id_: str, number: int, person: Handing, form: Form) -> Response:
    """It holds no more: what waits on it alone is withheld."""
    house, why = house_of(request), field(form, "reason", 200)
    now = house.now()
    if not why:
        return await one_page(request, person, id_, "reason: say why it ends")
    async with house.db.write() as connection:
        await need(connection, id_)
        if not await platform_rows.end_basis(connection, id_, number, person.username, why, now):
            raise HTTPException(409, "no such basis in force")
        on = Subject("platform", id_)
        record(connection, person.actor, "platform.basis_ended", now, on=on, reason=why, details={"basis": number})
    return see(f"/platforms/{id_}")


@router.post("/{id_}/classes/{data_class}")
async def switch(request: Request, id_: str, data_class: str, person: Handing, form: Form) -> Response:
    """A class off, whatever the bases say, or on again."""
    house, is_on = house_of(request), field(form, "on", 1) == "1"
    if data_class not in CLASSES:
        raise HTTPException(404, f"a class is one of {', '.join(CLASSES)}")
    async with house.db.write() as connection:
        await need(connection, id_)
        now, by = house.now(), person.username
        await platform_rows.switch(connection, id_, data_class, by, now, is_on=is_on)
        told = {"class": data_class, "on": is_on}
        on = Subject("platform", id_)
        record(connection, person.actor, "platform.class_switched", now, on=on, details=told)
    return see(f"/platforms/{id_}")


async def need(connection: AsyncConnection, id_: str) -> Platform:
    """Raises HTTPException 404."""
    found = await platform_rows.find(connection, id_)
    if found is None:
        raise HTTPException(404, "no such platform")
    return found


async def _list(request: Request, person: Person, wrong: str) -> Response:
    async with house_of(request).db.read() as connection:
        every = await platform_rows.every(connection)
        waits = {one.id: (await handover_rows.backlog(connection, one.id))[0] for one in every}
        areas = await place_tree.names(connection, person.scope)
    shown: dict[str, Any] = {"platforms": every, "waits": waits, "areas": areas, "kinds": KINDS, "wrong": wrong}
    return page(request, person, "platforms.html", **shown, most=platform_rows.MOST_SHOWN)


async def one_page(request: Request, person: Person, id_: str, wrong: str) -> Response:
    """A platform's page, with what was wrong with what was entered."""
    house = house_of(request)
    now = house.now()
    async with house.db.read() as connection:
        one = await need(connection, id_)
        bases = await platform_rows.bases(connection, id_)
        off = await platform_rows.off(connection, id_)
        cover = await platform_rows.cover_of(connection, id_, now)
        waits, since = await handover_rows.backlog(connection, id_)
        areas = await place_tree.names(connection, person.scope)
    today = now.astimezone(zone_of(None)).date()
    shown: dict[str, Any] = {"one": one, "bases": bases, "off": off, "covered": cover.classes, "classes": CLASSES}
    shown["areas"] = areas
    shown["in_force"] = [row for row in bases if row.basis.is_in_force(now)]
    shown |= {"waits": waits, "since": since and unstamp(since), "area": dict(areas).get(one.area, one.area).strip()}
    shown |= {"days": [today - timedelta(days=back) for back in range(7)], "wrong": wrong}
    shown["answered_at"] = one.answered_at and unstamp(one.answered_at)
    return page(request, person, "platform.html", **shown)


def _read(form: Any, person: Person, now: datetime) -> Platform:
    """Raises ValueError."""
    id_, kind, address = field(form, "id", 40), field(form, "kind", 20), field(form, "address", 300)
    secret_file, name = field(form, "secret_file", 80), field(form, "name", 80)
    if not _ID.fullmatch(id_):
        raise ValueError("id: small letters, digits and hyphens, at most 40")
    if kind not in KINDS:
        raise ValueError(f"kind: one of {', '.join(KINDS)}")
    return Platform(
        id=id_,
        name=name or id_,
        kind=kind,
        address=checked_address(kind, address),
        settings={},
        secret_file=checked_secret_file(secret_file),
        area=field(form, "area", 80),
        made_at=stamp(now),
        made_by=person.username,
        session_at=stamp(now),
    )


def checked_address(kind: str, address: str) -> str:
    """Raises ValueError."""
    parts = urlsplit(address)
    if parts.scheme not in SCHEMES[kind] or not parts.hostname or parts.password:
        raise ValueError(f"address: {' or '.join(SCHEMES[kind])}://host:port/, without a password")
    return address


def checked_secret_file(name: str) -> str:
    """Raises ValueError."""
    if not _SECRET.fullmatch(name) or name.startswith("."):
        raise ValueError("secret_file: the name of a file beside server.toml, not a path")
    return name


def _basis(form: Any) -> Basis:
    """Days are the city's; the last one counts whole. Raises ValueError."""
    chosen = frozenset(name for name in CLASSES if field(form, f"class_{name}", 3))
    return Basis(
        unit=field(form, "unit", 200),
        document=field(form, "document", 200),
        classes=cast("frozenset[DataClass]", chosen),
        since=midnight(field(form, "since", 10), "since"),
        until=midnight(field(form, "until", 10), "until") + timedelta(days=1),
        identity_fields=bool(field(form, "identity_fields", 3)),
    )


def midnight(text: str, name: str) -> datetime:
    """The beginning of a day of the city. Raises ValueError."""
    try:
        return datetime.combine(datetime.strptime(text, "%Y-%m-%d").date(), time(), zone_of(None))  # noqa: DTZ007 - a day
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{name}: a day as 2026-11-27") from error
