"""Silences: what is not to ring, until when and why; and which sources were wrong so often that they count for less."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import quote
from uuid import uuid4

from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData
from starlette.responses import Response

from domain.alerts.noise import noisy, rates
from domain.alerts.silences import MOST, MOST_ON_A_PHONE, MOST_REASON_SIGNS, BadSilence, Silence, check
from domain.alerts.words import CATEGORIES, RECENT_WITHIN, SEVERITIES, Category, Severity
from server.api.places import found_place
from server.api.who import ROSTERING, Silencing, Watching
from server.audit import Subject, record
from server.auth import Form, Person, field
from server.store import alert_views, place_views, silence_rows
from server.store.alert_views import AlertView
from server.store.device_names import named_in, names_of
from server.store.engine import stamp
from server.store.live_rows import announce_all
from server.web.answers import house_of, page, see
from server.web.languages import N_

router = APIRouter(prefix="/silences")

REFUSED = {
    "reason": N_("没有保存：请写为什么静音，接班的人要看。"),
    "until": N_("没有保存：静音要有结束时间；手机上最长 24 小时，电脑上最长 30 天。"),
    "up_to": N_("没有保存：紧急报警只能对一个设备静音。"),
    "complex": N_("没有保存：请选择小区。"),
}
_HOURS = (1, 2, 4, 8, 24, 72, 168, 720)
_MOST_NOISE = 50


@router.get("")
async def silences(request: Request, person: Watching, complex: str = "") -> Response:
    """Those in force first, and the sources by how often they were wrong."""
    house = house_of(request)
    async with house.db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
        found = await silence_rows.page(connection, person.scope, complex)
        judged = await silence_rows.judged_in(connection, person.scope, house.now())
        its = [one for one in judged if not complex or one.source.complex == complex]
        notices, rated = noisy(its, house.now()), rates(its, house.now())
        worst = sorted(rated.items(), key=lambda item: (-item[1].false, -item[1].share, item[0]))[:_MOST_NOISE]
        shown = {(one.complex, one.device) for one in (*found, *(source for source, _ in worst))}
        called = await names_of(connection, shown)
    return page(
        request,
        person,
        "silences.html",
        in_force=[one for one in found if one.is_in_force(house.now())],
        over=[one for one in found if not one.is_in_force(house.now())],
        noise=[(source, rate, notices.get(source)) for source, rate in worst],
        called=called,
        names={one.id: one.name for one in complexes},
        complexes=complexes,
        filters={"complex": complex},
        may_silence=_may(person),
    )


def _may(person: Person) -> bool:
    return person.role not in ("auditor", "clerk")


@router.get("/new")
async def new(request: Request, person: Silencing, alert: str = "", complex: str = "", refused: str = "") -> Response:
    """The form; from an alert, with what it was of."""
    async with house_of(request).db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
        view = await alert_views.one(connection, person.scope, alert) if alert else None
        chosen = _chosen(view, complexes[0].id if len(complexes) == 1 else complex)
        place = next((one for one in complexes if one.id == chosen["complex"]), None)
        devices = await named_in(connection, place.id) if place else ()
    return page(
        request,
        person,
        "silence_new.html",
        view=view,
        complexes=complexes,
        chosen=chosen,
        place=place,
        devices=devices,
        hours=[one for one in _HOURS if timedelta(hours=one) <= _most(request, person)],
        categories=CATEGORIES,
        severities=SEVERITIES,
        most_signs=MOST_REASON_SIGNS,
        refused=REFUSED.get(refused, ""),
    )


def _chosen(view: AlertView | None, complex_id: str) -> dict[str, str]:
    if view is None:
        return {"complex": complex_id, "rule": "", "device": "", "place": ""}
    return {"complex": view.complex, "rule": view.rule, "device": view.device, "place": view.place or ""}


def _most(request: Request, person: Person) -> timedelta:
    return MOST_ON_A_PHONE if is_on_a_phone(request, person) else MOST


def is_on_a_phone(request: Request, person: Person) -> bool:
    """By what the browser says of itself; and whoever has no desk is taken to be."""
    said = request.headers.get("sec-ch-ua-mobile", "") == "?1" or "Mobile" in request.headers.get("user-agent", "")
    return said or not person.may(*ROSTERING)


@router.post("")
async def make(request: Request, person: Silencing, form: Form) -> Response:
    """From now on, to its end."""
    house = house_of(request)
    complex_id = field(form, "complex", 200)
    if not complex_id:
        return see("/silences/new?refused=complex")
    async with house.db.read() as connection:
        await found_place(connection, person, complex_id)
    try:
        silence = _said(person, complex_id, form, house.now())
        check(silence, on_a_phone=is_on_a_phone(request, person))
    except BadSilence as error:
        reason = str(error).partition(":")[0]
        return see(f"/silences/new?refused={reason}&complex={quote(complex_id)}")
    async with house.db.write(complex_id) as connection:
        await silence_rows.add(connection, silence)
        details = {"until": silence.until.isoformat(), "rule": silence.rule, "device": silence.device}
        on = Subject("silence", silence.id)
        record(connection, person.actor, "silence.made", house.now(), on=on, complex_id=complex_id, details=details)
        await _show_anew(connection, complex_id, house.now())
    house.live.ring()
    return see("/silences")


def _said(person: Person, complex_id: str, form: FormData, now: datetime) -> Silence:
    """Raises BadSilence, and HTTPException for what no form of ours sends."""
    hours, category, up_to = field(form, "hours", 4), field(form, "category", 16), field(form, "up_to", 16) or "high"
    if not (hours.isascii() and hours.isdigit()):
        raise BadSilence("until: choose for how long")
    of: Category | None = next((one for one in CATEGORIES if one == category), None)
    least: Severity | None = next((one for one in SEVERITIES if one == up_to), None)
    if least is None or (category and of is None):
        raise HTTPException(422, "no such category or severity")
    return Silence(
        id=uuid4().hex,
        complex=complex_id,
        by=person.username,
        reason=field(form, "reason", MOST_REASON_SIGNS),
        since=now,
        until=now + timedelta(hours=int(hours)),
        rule=field(form, "rule", 200),
        category=of,
        device=field(form, "device", 200),
        place=field(form, "place", 200),
        up_to=least,
    )


@router.post("/{identity}/end")
async def end(request: Request, identity: str, person: Silencing, form: Form) -> Response:
    """Before its end. What did not ring for it and still stands rings then."""
    house = house_of(request)
    async with house.db.read() as connection:
        view = await _found(connection, person, identity)
    async with house.db.write(view) as connection:
        if await silence_rows.end(connection, identity, person.username, house.now()):
            on = Subject("silence", identity)
            record(connection, person.actor, "silence.ended", house.now(), on=on, complex_id=view)
            await _show_anew(connection, view, house.now())
    house.live.ring()
    return see("/silences")


async def _show_anew(connection: AsyncConnection, complex_id: str, now: datetime) -> None:
    """A phone that rings hears of it, and one that was quiet: their cards say whether they are silenced."""
    may_ring = await alert_views.newly_critical(connection, complex_id, now - RECENT_WITHIN)
    await announce_all(connection, "alert", [(complex_id, one) for one in may_ring], stamp(now))


async def _found(connection: AsyncConnection, person: Person, identity: str) -> str:
    """Its complex. Raises HTTPException 404 for what is not in reach."""
    view = await silence_rows.one(connection, person.scope, identity)
    if view is None:
        raise HTTPException(404, "no such silence")
    return view.complex
