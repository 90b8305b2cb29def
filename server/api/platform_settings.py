"""A platform's settings and the codes of its devices: entered field by field, looked at before they are kept."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import UploadFile
from starlette.responses import Response

from server.api.platform_form import FIELDS, BadField, blamed, read, shown
from server.api.platforms import HANDING, Handing, Looking, need
from server.audit import Subject, record
from server.auth import Form, Person, field, require
from server.feeds.gat1400.codes import BadCodes, DeviceCodes, read_codes
from server.feeds.gat1400.settings import profile_texts
from server.feeds.platform_settings import CHECKS, BadSettings, check
from server.store import place_views, platform_rows
from server.store.platform_rows import Platform
from server.web.answers import house_of, page, see

router = APIRouter(prefix="/platforms")

_MOST_SHEET_BYTES = 16 * 1024 * 1024
_SHOWN = 200
_TEST_S = 5.0
_PORTS = {"http": 80, "https": 443, "mqtt": 1883, "mqtts": 8883, "sip": 5060}
Uploading = Annotated[
    Person,
    Depends(require(*HANDING, everywhere=True, second_factor=True, most_bytes=_MOST_SHEET_BYTES + 64 * 1024)),
]


@router.get("/{id_}/settings")
async def settings(request: Request, id_: str, person: Looking) -> Response:
    """As they are; of the secret only whether its file is there."""
    one = await _need(request, id_)
    return await _page(request, person, one, shown(one.kind, one.settings))


@router.post("/{id_}/settings")
async def put(request: Request, id_: str, person: Handing, form: Form) -> Response:
    """Looked at, and kept unless only looking was asked for; the hand-over begins anew with them."""
    house, one = house_of(request), await _need(request, id_)
    entered = {name: value for name, value in form.items() if isinstance(value, str)}
    try:
        said = read(one.kind, entered)
        if one.kind in CHECKS:
            await asyncio.to_thread(check, one.kind, said, one.address, house.folder)
    except BadField as error:
        return await _page(request, person, one, entered, faults={error.key: str(error)})
    except BadSettings as error:
        return await _page(request, person, one, entered, faults={blamed(one.kind, str(error)): str(error)})
    if field(form, "only", 8) == "check":
        return await _page(request, person, one, entered, done="checked")
    async with house.db.write() as connection:
        await platform_rows.put_settings(connection, id_, said)
        on, told = Subject("platform", id_), {"keys": sorted(said)}
        record(connection, person.actor, "platform.settings", house.now(), on=on, details=told)
    return see(f"/platforms/{id_}/settings")


@router.post("/{id_}/settings/test")
async def try_line(request: Request, id_: str, person: Handing) -> Response:
    """Whether somebody listens at its address. With no basis in force not even that is asked."""
    house, one = house_of(request), await _need(request, id_)
    async with house.db.write() as connection:
        cover = await platform_rows.cover_of(connection, id_, house.now())
        if not cover.bases:
            raise HTTPException(409, "no basis is in force: nothing is sent there, a trial neither")
        record(connection, person.actor, "platform.tested", house.now(), on=Subject("platform", id_))
    done, words = await _tried(one.address)
    return await _page(request, person, one, shown(one.kind, one.settings), done=done, words=words)


@router.post("/{id_}/codes")
async def put_codes(request: Request, id_: str, person: Uploading) -> Response:
    """A sheet instead of all that were entered; looked at, and kept unless only looking was asked for."""
    house, one = house_of(request), await _need(request, id_)
    form = await request.form(max_files=1, max_fields=20)
    given, now = form.get("file"), house.now()
    if not isinstance(given, UploadFile):
        raise HTTPException(422, "choose a file")
    try:
        rows = await asyncio.to_thread(read_codes, _as_text(await given.read(_MOST_SHEET_BYTES + 1)))
    except BadCodes as error:
        return await _page(request, person, one, shown(one.kind, one.settings), faults={"file": str(error)})
    if field(form, "only", 8) == "check":
        said = shown(one.kind, one.settings)
        return await _page(request, person, one, said, done="codes_checked", words=str(len(rows)))

    def noted(connection: AsyncConnection) -> None:
        on, told = Subject("platform", id_), {"devices": len(rows)}
        record(connection, person.actor, "platform.codes", now, on=on, details=told)

    await DeviceCodes(house.db, id_).replace(rows, noted)
    return see(f"/platforms/{id_}/settings")


def _as_text(body: bytes) -> str:
    """Raises BadCodes."""
    if len(body) > _MOST_SHEET_BYTES:
        raise BadCodes(f"more than {_MOST_SHEET_BYTES} bytes")
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise BadCodes(f"not UTF-8 at byte {error.start}: save it as CSV UTF-8") from error


async def _tried(address: str) -> tuple[str, str]:
    """No byte of ours is sent."""
    parts = urlsplit(address)
    if parts.scheme == "sip":
        return "no_trial", ""  # datagrams: who listens says so only when we register
    try:
        async with asyncio.timeout(_TEST_S):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or _PORTS[parts.scheme])
            writer.close()
    except (OSError, TimeoutError) as error:
        return "unreachable", str(error) or type(error).__name__
    return "reachable", ""


async def _need(request: Request, id_: str) -> Platform:
    async with house_of(request).db.read() as connection:
        return await need(connection, id_)


async def _page(
    request: Request,
    person: Person,
    one: Platform,
    said: dict[str, str],
    *,
    faults: dict[str, str] | None = None,
    done: str = "",
    words: str = "",
) -> Response:
    house = house_of(request)
    codes = await DeviceCodes(house.db, one.id).all()
    told: dict[str, Any] = {"fields": FIELDS[one.kind], "said": said, "faults": faults or {}, "done": done}
    told |= {"words": words, "codes": sorted(codes.items())[:_SHOWN], "count": len(codes)}
    told["profiles"] = sorted(await asyncio.to_thread(profile_texts, house.folder)) if one.kind == "gat1400" else []
    async with house.db.read() as connection:
        told["places"] = {place.id: place.name for place in await place_views.complexes_of(connection, person.scope)}
    told["has_secret"] = bool(one.secret_file) and await asyncio.to_thread((house.folder / one.secret_file).is_file)
    return page(request, person, "platform_settings.html", one=one, **told)
