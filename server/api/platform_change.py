"""A platform's name, address, secret's file and area changed: who gets which records needs a basis that covers it."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData
from starlette.responses import Response

from server.api.platforms import Handing, checked_address, checked_secret_file, need, one_page
from server.audit import Subject, record
from server.auth import Form, field
from server.feeds.platform_settings import CHECKS, BadSettings, check
from server.store import place_tree, platform_rows
from server.store.platform_rows import Platform
from server.store.scope import CITY
from server.web.answers import house_of, see

router = APIRouter(prefix="/platforms")

_LEADS = ("address", "secret_file", "area")  # what of it decides to whom records go, and whose


@router.post("/{id_}/change")
async def change(request: Request, id_: str, person: Handing, form: Form) -> Response:
    """The hand-over begins anew where it was: what was sent without an answer is sent again, to the new address."""
    house = house_of(request)
    now, why = house.now(), field(form, "reason", 200)
    async with house.db.read() as connection:
        one = await need(connection, id_)
    try:
        changed = await asyncio.to_thread(_read, form, one, house.folder)
        told = _told(one, changed)
        async with house.db.write() as connection:
            await _check_area(connection, one, changed)
            if told.keys() & set(_LEADS):
                told |= await _cover(connection, id_, field(form, "basis", 20), why, now)
            if told:
                await platform_rows.change(connection, changed)
                on = Subject("platform", id_)
                record(connection, person.actor, "platform.changed", now, on=on, reason=why or None, details=told)
    except ValueError as error:
        return await one_page(request, person, id_, str(error))
    return see(f"/platforms/{id_}")


def _read(form: FormData, one: Platform, folder: Path) -> Platform:
    """Raises ValueError."""
    address = checked_address(one.kind, field(form, "address", 300))
    secret_file = checked_secret_file(field(form, "secret_file", 80))
    if one.settings and one.kind in CHECKS:
        try:
            check(one.kind, one.settings, address, folder)
        except BadSettings as error:
            raise ValueError(f"address: the settings do not fit it: {error}") from error
    name, area = field(form, "name", 80) or one.name, field(form, "area", 80) if "area" in form else one.area
    return msgspec.structs.replace(one, name=name, address=address, secret_file=secret_file, area=area)


async def _check_area(connection: AsyncConnection, one: Platform, changed: Platform) -> None:
    """Raises ValueError."""
    if changed.area not in ("", one.area) and changed.area not in dict(await place_tree.names(connection, CITY)):
        raise ValueError(f"area: there is no area {changed.area!r}; leave it empty for the whole city")


def _told(one: Platform, changed: Platform) -> dict[str, Any]:
    """What changed, from what to what; of a secret only the name of its file."""
    pairs = {name: [getattr(one, name), getattr(changed, name)] for name in ("name", *_LEADS)}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


async def _cover(connection: AsyncConnection, id_: str, number: str, why: str, now: datetime) -> dict[str, Any]:
    """By which basis records may go there from now on; with none in force nothing goes. Raises ValueError."""
    if not why:
        raise ValueError("reason: say why records go elsewhere, or others go, from now on")
    standing = {str(one.number): one.basis for one in await platform_rows.bases(connection, id_)}
    in_force = {key: basis for key, basis in standing.items() if basis.is_in_force(now)}
    if not in_force:
        return {}
    if number not in in_force:
        raise ValueError("basis: say which of those in force covers the new address or area; end those that do not")
    return {"basis": int(number), "document": in_force[number].document}
