"""The duty rota of a complex: a week by level, swaps by two taps, versions that can be taken back; and its ladder."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData
from starlette.responses import Response

from domain.alerts.words import CATEGORIES, SEVERITIES
from domain.duty.plan import LEVELS, BadPlan, Level
from domain.duty.rota import WEEK, Rota
from server.api.places import found_place
from server.api.who import ANSWERING, ROSTERING, Answering, Rostering, Watching
from server.audit import Subject, record
from server.auth import Form, Person, field
from server.duty import plan_form, rostering
from server.duty.duties import plan_of, rota_of
from server.duty.rostering import NotPossible
from server.duty.week import week_of
from server.store import duty_documents, duty_rows, duty_views, place_views
from server.store.duty_documents import Overtaken
from server.web.answers import house_of, page, see
from server.web.languages import N_

router = APIRouter(prefix="/duty")

REFUSED = {
    "nobody": N_("没有保存：值班人要有能看到这个小区的账号，角色与这一级相符。"),
    "bad_hours": N_("没有保存：时间要写成 20:00-08:00 这样，天数要选对。"),
    "no_turn": N_("没有保存：这一班已经不在了，请看现在的排班再改。"),
    "over": N_("没有保存：这一班已经结束。"),
    "overtaken": N_("没有保存：别人刚刚改过。请看现在的内容再改。"),
    "not_yours": N_("没有保存：只能换自己的班；别人的班请管理员或自管委来换。"),
    "bad_plan": N_("没有保存：时间要是整数，升级的级数至少一级，工作时间写成 08:30-12:00。"),
    "no_version": N_("没有保存：没有这个版本。"),
}
_DAYS = (*WEEK, "workday", "restday")
_MOST_ORDER = 99


@router.get("")
async def everywhere(request: Request, person: Watching) -> Response:
    """The rota of the first complex of those in reach."""
    async with house_of(request).db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
    if not complexes:
        return page(request, person, "duty.html", place=None, complexes=[])
    return see(f"/duty/{quote(complexes[0].id, safe='')}")


@router.get("/{complex_id}")
async def week(request: Request, complex_id: str, person: Watching, week: str = "", refused: str = "") -> Response:
    """Seven days by level; holes in red."""
    house = house_of(request)
    async with house.db.read() as connection:
        place = await found_place(connection, person, complex_id)
        complexes = await place_views.complexes_of(connection, person.scope)
        document = await duty_documents.newest(connection, "rota", complex_id)
        versions = await duty_documents.history(connection, "rota", complex_id)
        people = {level: await _people(connection, complex_id, level) for level in LEVELS}
    rota, of = rota_of(document.body), house.acting.duties.place(complex_id)
    first = _day(week) or house.now().astimezone(of.zone).date()
    return page(
        request,
        person,
        "duty.html",
        place=place,
        complexes=complexes,
        levels=week_of(rota, of, first),
        rota=rota,
        first=first,
        before=(first - timedelta(days=7)).isoformat(),
        after=(first + timedelta(days=7)).isoformat(),
        zone=of.zone.key,
        people=people,
        days=_DAYS,
        version=document.version,
        versions=versions,
        may_edit=person.may(*ROSTERING),
        may_swap=person.may(*ROSTERING, *ANSWERING),
        refused=REFUSED.get(refused, ""),
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


async def _people(connection: AsyncConnection, complex_id: str, level: Level) -> list[str]:
    roles = duty_views.LEVEL_ROLES[level]
    return [one.username for one in await duty_views.answerers(connection, complex_id, roles)]


Change = Callable[[AsyncConnection, bytes], Any]  # gives the document after it and its words


async def _changed(
    request: Request, person: Person, complex_id: str, form: FormData, kind: str, change: Change
) -> Response:
    """A new version behind the one the page showed; what cannot be is said there, and nothing is kept of it."""
    house, path = house_of(request), f"/duty/{quote(complex_id, safe='')}" + ("/plan" if kind == "plan" else "")
    text = field(form, "version", 9)
    if not text.isascii() or not text.isdigit():
        raise HTTPException(422, "version: which version the page showed")
    async with house.db.read() as connection:
        await found_place(connection, person, complex_id)
    try:
        async with house.db.write(complex_id) as connection:
            document = await duty_documents.newest(connection, kind, complex_id)
            body, words = await change(connection, document.body)
            given = (int(text), body, words, person.username, house.now())
            version = await duty_documents.add(connection, kind, complex_id, *given)
            await duty_rows.look_again(connection, complex_id, house.now())
            on, action = Subject(kind, complex_id), "rota.changed" if kind == "rota" else "ladder.changed"
            details = {"version": version, "words": words}
            record(connection, person.actor, action, house.now(), on=on, complex_id=complex_id, details=details)
    except (NotPossible, Overtaken, BadPlan) as error:
        default = "overtaken" if isinstance(error, Overtaken) else "bad_plan"
        return see(f"{path}?refused={getattr(error, 'reason', default)}")
    return see(path)


@router.post("/{complex_id}/turns")
async def add_turn(request: Request, complex_id: str, person: Rostering, form: Form) -> Response:
    """One more turn."""

    async def change(connection: AsyncConnection, body: bytes) -> tuple[bytes, str]:
        turn = _turn(form)
        people = await _people(connection, complex_id, turn["level"])
        rota = rostering.added(rota_of(body), turn, people)
        return msgspec.json.encode(rota), "+ " + rostering.words_of(rota.turns[-1])

    return await _changed(request, person, complex_id, form, "rota", change)


def _turn(form: FormData) -> dict[str, Any]:
    """Raises NotPossible."""
    level, order = field(form, "level", 16), field(form, "order", 2) or "1"
    if level not in LEVELS or not (order.isascii() and order.isdigit()):
        raise NotPossible("bad_hours", "choose a level and an order")
    hours = f"{field(form, 'from', 5)}-{field(form, 'to', 5)}"
    days = [day for day in _DAYS if field(form, day, 8)]
    turn: dict[str, Any] = {"person": field(form, "person", 200), "level": level, "hours": hours}
    return turn | {"order": min(int(order), _MOST_ORDER)} | ({"days": days} if days else {})


@router.post("/{complex_id}/turns/{index}/remove")
async def remove_turn(request: Request, complex_id: str, index: int, person: Rostering, form: Form) -> Response:
    async def change(_: AsyncConnection, body: bytes) -> tuple[bytes, str]:
        before = rota_of(body)
        after = rostering.removed(before, index)
        return msgspec.json.encode(after), "− " + rostering.words_of(before.turns[index])

    return await _changed(request, person, complex_id, form, "rota", change)


@router.post("/{complex_id}/turns/{index}/swap")
async def swap(request: Request, complex_id: str, index: int, person: Answering, form: Form) -> Response:
    """换班: another comes for this shift. One's own by anybody on the ladder, others' by who keeps the rota."""
    return await _swap(request, complex_id, index, person, form)


@router.post("/{complex_id}/turns/{index}/replace")
async def replace(request: Request, complex_id: str, index: int, person: Rostering, form: Form) -> Response:
    """The same for whoever keeps the rota."""
    return await _swap(request, complex_id, index, person, form)


async def _swap(request: Request, complex_id: str, index: int, person: Person, form: FormData) -> Response:
    house = house_of(request)

    async def change(connection: AsyncConnection, body: bytes) -> tuple[bytes, str]:
        rota = rota_of(body)
        people = await _people(connection, complex_id, rostering.level_of(rota, index))
        shift = rostering.shift_of(rota, house.acting.duties.place(complex_id), index, _since(form))
        if not person.may(*ROSTERING) and person.username not in (shift.person, rota.turns[index].person):
            raise NotPossible("not_yours", "only one's own shift")
        instead = field(form, "instead", 200)
        after: Rota = rostering.swapped(rota, shift, instead, people, house.now())
        return msgspec.json.encode(after), f"{shift.person} → {instead or '—'}"

    return await _changed(request, person, complex_id, form, "rota", change)


def _since(form: FormData) -> datetime:
    """Raises NotPossible."""
    try:
        since = datetime.fromisoformat(field(form, "since", 40))
    except ValueError as error:
        raise NotPossible("no_turn", "since: when the shift begins") from error
    return since.astimezone(UTC)


@router.post("/{complex_id}/{kind}/restore")
async def restore(request: Request, complex_id: str, kind: str, person: Rostering, form: Form) -> Response:
    """An earlier version again, as a new one; 0 is that of the beginning."""
    text = field(form, "to", 9)
    if kind not in duty_documents.TABLES or not (text.isascii() and text.isdigit()):
        raise HTTPException(404, "no such version")

    async def change(connection: AsyncConnection, _: bytes) -> tuple[bytes, str]:
        if text == "0":
            return msgspec.json.encode(plan_of(b"") if kind == "plan" else rota_of(b"")), "↺ 0"
        body = await duty_documents.of_version(connection, kind, complex_id, int(text))
        if body is None:
            raise NotPossible("no_version", "there is no such version")
        return body, f"↺ {text}"

    return await _changed(request, person, complex_id, form, kind, change)


@router.get("/{complex_id}/plan")
async def plan(request: Request, complex_id: str, person: Watching, refused: str = "") -> Response:
    """How matters climb, a form a category."""
    async with house_of(request).db.read() as connection:
        place = await found_place(connection, person, complex_id)
        document = await duty_documents.newest(connection, "plan", complex_id)
        versions = await duty_documents.history(connection, "plan", complex_id)
    known = plan_of(document.body)
    ladders = [(category, known.ladder(category), plan_form.rows(known.ladder(category))) for category in CATEGORIES]
    return page(
        request,
        person,
        "duty_plan.html",
        place=place,
        ladders=ladders,
        severities=SEVERITIES,
        version=document.version,
        versions=versions,
        may_edit=person.may(*ROSTERING),
        refused=REFUSED.get(refused, ""),
    )


@router.post("/{complex_id}/plan")
async def change_plan(request: Request, complex_id: str, person: Rostering, form: Form) -> Response:
    """One category's ladder, as the form says or as it was built in."""

    async def change(_: AsyncConnection, body: bytes) -> tuple[bytes, str]:
        category = plan_form.category_of(field(form, "category", 16))
        if field(form, "what", 16) == "default":
            return msgspec.json.encode(plan_form.with_default(plan_of(body), category)), f"{category} ↺"
        return msgspec.json.encode(
            plan_form.read(plan_of(body), category, lambda name: field(form, name, 60))
        ), category

    return await _changed(request, person, complex_id, form, "plan", change)
