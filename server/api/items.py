"""需求、服务、任务: three lists of one record, what was closed in numbers, one item in full, and a new one."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData
from starlette.responses import Response

from domain.ids import content_name
from domain.items.acts import Act, Send
from domain.items.categories import CATEGORIES, OTHER
from domain.items.figures import Closed, by_category
from domain.items.item import Asked, Item, Origin, owner
from domain.items.views import LISTS, List
from server import items as acting
from server.api import deliveries
from server.api.item_parts import (
    EVERY_UNIT,
    MOST_PLACE,
    MOST_WORDS,
    category_in,
    found_item,
    need_item,
    one_of,
    possible,
    text_in,
)
from server.api.noted import note
from server.api.places import found_place
from server.api.reveal import REASONS, reveal
from server.api.who import ANSWERING, ROSTERING, Serving, Watching
from server.audit import Subject
from server.auth import Form, Person, field
from server.item_pictures import MOST_FILES
from server.store import alert_views, item_rows, item_views, place_views
from server.store.alert_views import AlertView
from server.store.engine import stamp
from server.store.item_views import ItemFilter, ItemView
from server.web.answers import house_of, page, see

router = APIRouter(prefix="/items")

PAGE = 50
DAYS = (30, 90, 365)


def chosen_items(request: Request, person: Person) -> ItemFilter:
    """By the query of a page or of its workbook: what is not known asks nothing; without a state, what is open."""
    asked = request.query_params.get
    text = asked("list", "")
    named: List | None = next((one for one in LISTS if one == text), None)
    at, mark, identity = asked("before", "").partition("~")
    return ItemFilter(
        list=named or "need",
        state=asked("state", "open"),
        complex=asked("complex", ""),
        category=asked("category", ""),
        unit=asked("unit", ""),
        doer=person.username if asked("mine") else "",
        late_at=house_of(request).now() if asked("late") else None,
        before=(at, identity) if mark else None,
    )


def filters_of(chosen: ItemFilter) -> dict[str, str]:
    said = {"list": chosen.list or "need", "state": chosen.state, "complex": chosen.complex}
    said |= {"category": chosen.category, "unit": chosen.unit}
    return said | {"mine": "1" if chosen.doer else "", "late": "1" if chosen.late_at else ""}


@router.get("")
async def lists(request: Request, person: Watching) -> Response:
    """One of the three lists, the newest first."""
    chosen, house = chosen_items(request, person), house_of(request)
    async with house.db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
        found = await item_views.page(connection, person.scope, chosen, PAGE + 1)
        tallies = await item_views.tallies(connection, person.scope, chosen.complex, house.now())
    shown = found[:PAGE]
    older = f"{stamp(shown[-1].item.asked.at)}~{shown[-1].id}" if len(found) > PAGE else None
    return page(
        request,
        person,
        "items.html",
        items=shown,
        tallies=tallies,
        lists=LISTS,
        older=older,
        complexes=complexes,
        filters=filters_of(chosen),
        states=item_views.STATES,
        categories=tuple(CATEGORIES),
        units=EVERY_UNIT,
        may_add=person.may(*ANSWERING, "committee"),
        may_make_codes=person.may(*ROSTERING),
    )


@router.get("/figures")
async def figures(request: Request, person: Watching) -> Response:
    """How long closed items took, by category: average, median, p90; in time or not; what residents thought of it."""
    async with house_of(request).db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
        closed = await closed_items(request, connection, person)
    days, complex_id = days_of(request), request.query_params.get("complex", "")
    told = {"rows": by_category(closed), "days": days, "spans": DAYS, "complexes": complexes}
    return page(request, person, "item_figures.html", **told, filters={"complex": complex_id, "days": str(days)})


def days_of(request: Request) -> int:
    text = request.query_params.get("days", "")
    return next((one for one in DAYS if str(one) == text), DAYS[0])


async def closed_items(request: Request, connection: AsyncConnection, person: Person) -> list[Closed]:
    """What was closed within the days, and the complex, that a page's query names."""
    now, complex_id = house_of(request).now(), request.query_params.get("complex", "")
    return await item_views.closed(connection, person.scope, now - timedelta(days=days_of(request)), now, complex_id)


@router.get("/new")
async def new(request: Request, person: Serving, alert: str = "", complex: str = "", refused: str = "") -> Response:
    """The form; from an alert, with its place and its complex."""
    async with house_of(request).db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
        view = await alert_views.one(connection, person.scope, alert) if alert else None
    return page(
        request,
        person,
        "item_new.html",
        alert=view,
        complexes=complexes,
        chosen=view.complex if view else complex,
        categories=tuple(CATEGORIES),
        other=OTHER,
        units=EVERY_UNIT,
        may_send=person.may(*ROSTERING),
        most_signs=MOST_WORDS,
        request_key=uuid4().hex,
        refused="words" if refused else "",
    )


@router.post("")
async def make(request: Request, person: Serving, form: Form) -> Response:
    """A task of an alert or of our own, or what a resident asked for by telephone; sent at once to a unit it names."""
    house, key = house_of(request), field(form, "request", 64)
    async with house.db.read() as connection:
        alert = await _alert(connection, person, field(form, "alert", 64))
        complex_id = alert.complex if alert else field(form, "complex", 200)
        await found_place(connection, person, complex_id)
        category, now = category_in(form), house.now()
        due = await acting.due_of(connection, house.acting.duties, complex_id, category, now)
    words = text_in(form, "words")
    if not key:
        raise HTTPException(422, "the request names no key")
    if not words:
        return see(f"/items/new?complex={complex_id}&alert={alert.id if alert else ''}&refused=words")
    place = text_in(form, "place", MOST_PLACE) or (alert.place or "" if alert else "")
    asked = Asked(now, person.username, words, place, alert=alert.id if alert else "")
    one = Item(
        id=content_name(f"{person.id}/{key}".encode())[:32],
        complex=complex_id,
        origin=_origin(form, alert),
        category=category,
        due_at=due,
        asked=asked,
    )
    await acting.add(house.db, house.acting.duties, person.actor, one, now, first=_sent(person, form))
    return see(f"/items/{one.id}")


async def _alert(connection: AsyncConnection, person: Person, identity: str) -> AlertView | None:
    if not identity:
        return None
    found = await alert_views.one(connection, person.scope, identity)
    if found is None:
        raise HTTPException(404, "no such alert")
    return found


def _origin(form: FormData, alert: AlertView | None) -> Origin:
    if alert is not None:
        return "alert"
    return "call" if one_of(form, "origin", ("call", "work")) == "call" else "work"


def _sent(person: Person, form: FormData) -> list[Act]:
    if not field(form, "unit", 60) or not person.may(*ROSTERING):
        return []
    return [Send(key="made", by=person.username, unit=one_of(form, "unit", EVERY_UNIT))]


@router.get("/{identity}")
async def one(request: Request, identity: str, person: Watching, refused: str = "") -> Response:
    """What was asked, whose turn it is, every act with its words and pictures."""
    view = await need_item(request, person, identity)
    await note(request, person, "item.seen", Subject("item", identity), view.complex)
    async with house_of(request).db.read() as connection:
        told = await deliveries.of_item(connection, identity)
    await deliveries.seen(request, person, told)
    return await _shown(request, person, view, refused)


@router.post("/{identity}/phone")
async def show_whole(request: Request, identity: str, person: Serving, form: Form) -> Response:
    """The reporter's telephone and words whole, for a reason that the audit keeps."""
    view = await need_item(request, person, identity)
    await reveal(request, person, "item.phone_shown", Subject("item", identity), view.complex, form)
    return await _shown(request, person, view, is_whole=True)


async def _shown(
    request: Request, person: Person, view: ItemView, refused: str = "", *, is_whole: bool = False
) -> Response:
    async with house_of(request).db.read() as connection:
        view = await found_item(connection, person, view.id)
        lines = await item_rows.lines_of(connection, view.id)
    return page(
        request,
        person,
        "item.html",
        view=view,
        item=view.item,
        owner=owner(view.item),
        lines=lines,
        possible=possible(person, view.item),
        categories=tuple(CATEGORIES),
        units=EVERY_UNIT,
        reasons=REASONS,
        most_signs=MOST_WORDS,
        most_files=MOST_FILES,
        request_key=uuid4().hex,
        may_show=person.may(*ANSWERING, "committee"),
        is_whole=is_whole,
        refused=refused,
    )
