"""Residents: the households of a complex, and one with its people, cards, PINs, plates and visitors' links."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData
from starlette.responses import Response

from server.api.reveal import REASONS, reason_of, reveal
from server.api.who import Residing
from server.audit import Subject
from server.auth import Form, Person, field
from server.residents import changing
from server.store import place_views, reach_views, resident_rows, resident_views
from server.store.resident_rows import NotPossible, Rights, new_id
from server.store.resident_views import HouseholdView
from server.web.answers import house_of, page, see
from server.web.formats import zone_of
from server.web.languages import N_

router = APIRouter(prefix="/residents")

_PAGE = 50
_USUAL_LIFE = timedelta(days=365)
# Why something was not done, by the word of the refusal.
REFUSED = {
    "no_room": N_("请填写房号。"),
    "no_name": N_("请填写姓名。"),
    "room_taken": N_("这一户已经有了。请在列表里找到它。"),
    "bad_text": N_("文字要能显示，最多 100 个字。"),
    "bad_card": N_("这不是卡号：只能有字母和数字。"),
    "card_taken": N_("这张卡正由别的住户使用。请先在那里停用。"),
    "bad_pin": N_("门禁密码要 4 到 16 位数字。"),
    "pin_taken": N_("这个密码已经有人用了。请换一个。"),
    "bad_plate": N_("这不是车牌。"),
    "plate_taken": N_("这个车牌正由别的住户使用。请先在那里停用。"),
    "bad_night": N_("夜间的时间要写成 22:00 这样，两格都填。"),
    "bad_places": N_("车位数要是 1 到 100，而且是这一户的。"),
    "bad_day": N_("日期不对：要是 2000 年到 2100 年之间的一天，而且不早于开始的日子。"),
    "no_group": N_("没有这个权限组。"),
    "too_many": N_("这个小区的凭证太多了。"),
    "no_swipe": N_("没有等到刷卡，或者太久了。请再刷一次。"),
    "no_schedule": N_("没有这个时段。"),
    "group_in_use": N_("还有卡或访客链接在用这个权限组。"),
    "in_use": N_("还有权限组在用这个时段。"),
    "bad_access": N_("没有写对：门写作“设备 点位”，时间写作 08:00-18:00。"),
}


@router.get("")
async def households(request: Request, person: Residing, complex: str = "", q: str = "", after: str = "") -> Response:
    """Households by place; a search by place, or by a whole name, telephone, card number or plate."""
    house = house_of(request)
    sought, cursor = q.strip()[:100], after.split("~") if after.count("~") == 3 else None
    async with house.db.read() as connection:
        found = await resident_views.households(connection, person.scope, complex, sought, cursor, _PAGE + 1)
        complexes = await place_views.complexes_of(connection, person.scope)
    shown = found[:_PAGE]
    following = shown[-1].cursor if len(found) > _PAGE else None
    filters = {"complex": complex, "q": sought}
    context = {"households": shown, "following": following, "complexes": complexes, "filters": filters}
    return page(request, person, "residents.html", refused=_refused(request), **context)


def _refused(request: Request) -> str:
    return REFUSED.get(request.query_params.get("refused", ""), "")


@router.post("")
async def add(request: Request, person: Residing, form: Form) -> Response:
    """A household, which then has a page."""
    house, complex_id = house_of(request), field(form, "complex", 200)
    async with house.db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
    if complex_id not in {one.id for one in complexes}:
        raise HTTPException(404, "no such complex")
    said = {name: field(form, name, 100) for name in ("building", "unit", "room", "name", "phone")}
    identity = new_id("household")
    try:
        change = changing(house, person.actor, complex_id, "household.added", Subject("household", identity))
        async with change as (connection, by):
            await resident_rows.add_household(connection, by, identity, said)
    except NotPossible as error:
        return see(f"/residents?complex={complex_id}&refused={error.reason}")
    return see(f"/residents/{identity}")


async def found_household(connection: AsyncConnection, person: Person, identity: str) -> HouseholdView:
    """Raises HTTPException 404 where the person sees no such household."""
    found = await resident_views.one(connection, person.scope, identity)
    if found is None:
        raise HTTPException(404, "no such household")
    return found


async def need_household(request: Request, person: Person, identity: str) -> HouseholdView:
    async with house_of(request).db.read() as connection:
        return await found_household(connection, person, identity)


@router.get("/{identity}")
async def household(request: Request, identity: str, person: Residing, undo: str = "") -> Response:
    """One household; ``undo``: the card that was revoked just now."""
    return await household_page(request, person, identity, undo=undo)


async def household_page(request: Request, person: Person, identity: str, **more: Any) -> Response:
    house = house_of(request)
    async with house.db.read() as connection:
        view = await found_household(connection, person, identity)
        whole = await resident_views.whole(connection, view)
        groups = await resident_rows.groups_of(connection, view.complex)
        reaches = {kind: await reach_views.reach(connection, view.complex, kind) for kind in ("credentials", "passes")}
    today = house.now().astimezone(zone_of(view.timezone)).date()
    shown: dict[str, Any] = {"undo": "", "is_whole": False, "link": None, **more}
    days = {"today": today.isoformat(), "usual": (today + _USUAL_LIFE).isoformat()}
    context = {"whole": whole, "home": view, "groups": groups, "reaches": reaches, "reasons": REASONS}
    return page(request, person, "household.html", refused=_refused(request), **days, **context, **shown)


@router.post("/{identity}")
async def describe(request: Request, identity: str, person: Residing, form: Form) -> Response:
    """The household's name and telephone. A field that is left empty stays as it is: it was not shown."""
    view = await need_household(request, person, identity)
    name, phone = field(form, "name", 100) or view.name, field(form, "phone", 100) or view.phone or ""

    async def work(connection: AsyncConnection, _by: resident_rows.By) -> None:
        await resident_rows.describe(connection, identity, name, phone)

    return await done(request, person, view, "household.changed", work)


@router.post("/{identity}/shown")
async def show(request: Request, identity: str, person: Residing, form: Form) -> Response:
    """Names, telephones, numbers and plates whole, for a reason that the audit keeps."""
    reason_of(form)
    view = await need_household(request, person, identity)
    await reveal(request, person, "household.shown", Subject("household", identity), view.complex, form)
    return await household_page(request, person, identity, is_whole=True)


@router.post("/{identity}/people")
async def add_person(request: Request, identity: str, person: Residing, form: Form) -> Response:
    view = await need_household(request, person, identity)
    name, phone = field(form, "name", 100), field(form, "phone", 100)

    async def work(connection: AsyncConnection, by: resident_rows.By) -> None:
        await resident_rows.add_resident(connection, by, identity, name, phone)

    return await done(request, person, view, "resident.added", work)


@router.post("/{identity}/people/{resident}")
async def change_person(request: Request, identity: str, resident: str, person: Residing, form: Form) -> Response:
    """Another name or telephone; without a name the person leaves the household."""
    view = await need_household(request, person, identity)
    name, phone = field(form, "name", 100), field(form, "phone", 100)

    async def work(connection: AsyncConnection, _by: resident_rows.By) -> None:
        await resident_rows.change_resident(connection, identity, resident, name, phone)

    return await done(request, person, view, "resident.changed", work)


async def done(
    request: Request,
    person: Person,
    view: HouseholdView,
    action: str,
    work: Any,
    *,
    on: Subject | None = None,
    back: str = "",
) -> Response:
    """Do it and go back to the household; what cannot be is said there, and nothing is kept of it."""
    home = f"/residents/{view.id}"
    subject = on or Subject("household", view.id)
    try:
        change = changing(
            house_of(request), person.actor, view.complex, action, subject, details={"household": view.id}
        )
        async with change as (connection, by):
            await work(connection, by)
    except NotPossible as error:
        return see(f"{home}?refused={error.reason}")
    return see(back or home)


def day_in(form: FormData, name: str) -> date:
    """Raises NotPossible for what is no day of these times."""
    try:
        found = date.fromisoformat(field(form, name, 20))
    except ValueError as error:
        raise NotPossible("bad_day") from error
    if not 2000 <= found.year <= 2100:
        raise NotPossible("bad_day")
    return found


async def rights_in(connection: AsyncConnection, form: FormData, complex_id: str) -> Rights:
    """Until when, and which groups. Raises NotPossible."""
    named = tuple(dict.fromkeys(str(one) for one in form.getlist("group") if one))
    known = await resident_rows.groups_of(connection, complex_id)
    if not set(named) <= set(known):
        raise NotPossible("no_group")
    return Rights(day_in(form, "until"), named)
