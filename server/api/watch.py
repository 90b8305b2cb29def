"""Watch lists, for security officers alone: orders with their document and their end, and hits for whom they are."""

from __future__ import annotations

import secrets
from datetime import date, datetime, time, timedelta
from typing import Any

import msgspec
from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData
from starlette.responses import Response

from domain.watch.entries import MOST_DAYS, MOST_SIGNS, BadEntry, Entry
from server.api.noted import note
from server.api.who import Guarding, PlacingOrders
from server.audit import Subject
from server.auth import Form, Person, field
from server.house import House
from server.store import audit_rows, place_views, platform_rows, watch_hit_rows, watch_order_rows, watch_rows
from server.store.device_names import names_of
from server.store.scope import Scope, complexes_in
from server.store.watch_rows import Kept, Sender
from server.watch import book
from server.watch.book import Order
from server.watch.views import EntryView, RefusedOrder, entry_view, entry_views, hit_shown, refused_order
from server.web.answers import house_of, page, see
from server.web.formats import zone_of
from server.web.languages import N_

router = APIRouter(prefix="/watch")

REFUSED = {
    "plate": N_("没有保存：请写完整的车牌。"),
    "unit": N_("没有保存：请写批准单位。"),
    "document": N_("没有保存：请写文书编号。"),
    "purpose": N_("没有保存：请写布控目的。"),
    "begins": N_("没有保存：请写开始日期。"),
    "ends": N_("没有保存：要有结束日期，不能早于今天和开始日期，最长 366 天。"),
    "complex": N_("没有保存：请选择小区。"),
    "reason": N_("没有撤销：请写撤销的原因。"),
}
_MOST_AUDIT = 100


@router.get("")
async def watch(request: Request, person: Guarding, refused: str = "") -> Response:
    """Hits for this person, entries in their scope, and what was done with them; that they looked is on record."""
    house, now = house_of(request), house_of(request).now()
    async with house.db.read() as connection:
        kept = await watch_rows.page(connection, person.scope)
        complexes = await place_views.complexes_of(connection, person.scope)
        steps = await audit_rows.confidential(connection, person.scope, _MOST_AUDIT)
        refused_orders = await _refused_orders(connection, house, person)
    await note(request, person, "watch.seen", details={"entries": len(kept)})
    rows, hits = entry_views(house.seal, kept, now), await _hits(house, person)
    if wants_json(request):
        told = {"refused": [one.plain for one in refused_orders]}
        return _json({"entries": [one.plain(whole=False) for one in rows], "hits": hits, **told})
    shown: dict[str, Any] = {"rows": rows, "hits": await _shown(house, person), "steps": steps, "complexes": complexes}
    shown["refused_orders"] = refused_orders
    bounds = {
        "most_days": MOST_DAYS,
        "most_signs": MOST_SIGNS,
        "request_id": _request_id(),
        "today": now.astimezone(zone_of(None)).date().isoformat(),
    }
    return page(request, person, "watch.html", **shown, **bounds, refused=REFUSED.get(refused, ""))


def _request_id() -> str:
    return secrets.token_hex(16)


@router.get("/hits")
async def hits(request: Request, person: Guarding) -> Response:
    """The list alone, which an open page fetches again and again; plates are masked in it."""
    house = house_of(request)
    if wants_json(request):
        return _json({"hits": await _hits(house, person)})
    return page(request, person, "watch_hits.html", hits=await _shown(house, person))


@router.get("/hits/{complex_id}/{identity}")
async def one_hit(request: Request, complex_id: str, identity: str, person: Guarding) -> Response:
    """A hit, whole: what is looked for, what was read, where; that it was seen, and by whom, is on record."""
    house, now = house_of(request), house_of(request).now()
    async with house.db.read() as connection:
        found = await watch_hit_rows.one(connection, person.username, person.scope, complex_id, identity)
        called = await names_of(connection, {(complex_id, found.device)} if found else ())
    if found is None:
        raise HTTPException(404, "no such hit")
    async with house.db.write() as connection:
        await watch_hit_rows.seen(connection, person.username, complex_id, identity, now)
    await note(request, person, "watch.hit_seen", on=Subject("watch_hit", identity), complex_id=complex_id)
    shown = hit_shown(house.seal, found, now)
    if wants_json(request):
        return _json(shown.plain(whole=True))
    return page(request, person, "watch_hit.html", one=shown, called=called)


@router.post("")
async def place(request: Request, person: PlacingOrders, form: Form) -> Response:
    """An order, in one complex or several; the same form sent twice is one order."""
    house = house_of(request)
    try:
        entry = _entry(form)
        complexes = await _complexes(house, person, form)
        order = Order(entry, complexes, Sender("account", person.username), _disposition(form))
        async with house.db.write() as connection:
            fresh = await book.place(connection, house.seal, order, person.actor, house.now())
    except BadEntry as error:
        return _refusal(request, str(error))
    house.desired.ring(set(fresh))
    return _json({"disposition": order.disposition, "complexes": fresh}) if wants_json(request) else see("/watch")


@router.get("/{complex_id}/{identity}")
async def one(request: Request, complex_id: str, identity: str, person: Guarding, refused: str = "") -> Response:
    """An entry, whole; that it was seen is on record."""
    house, view = house_of(request), await _found(request, person, complex_id, identity)
    on = Subject("watch", identity)
    await note(request, person, "watch.seen", on=on, complex_id=complex_id)
    if wants_json(request):
        return _json(view.plain(whole=True))
    return page(request, person, "watch_one.html", one=view, now=house.now(), refused=REFUSED.get(refused, ""))


@router.post("/{complex_id}/{identity}/withdraw")
async def withdraw(request: Request, complex_id: str, identity: str, person: PlacingOrders, form: Form) -> Response:
    """At once: its words go, and gateways are given a list without it."""
    house, view = house_of(request), await _found(request, person, complex_id, identity)
    reason = field(form, "reason", MOST_SIGNS)
    if not reason:
        return _refusal(request, "reason: say why", f"/watch/{complex_id}/{identity}")
    async with house.db.write() as connection:
        gone = await book.withdraw(connection, house.seal, [view.kept], person.actor, reason, house.now())
    house.desired.ring({complex_id})
    return _json({"withdrawn": gone}) if wants_json(request) else see("/watch")


async def _found(request: Request, person: Person, complex_id: str, identity: str) -> EntryView:
    """Raises HTTPException 404 for what is not in reach."""
    house = house_of(request)
    async with house.db.read() as connection:
        kept: Kept | None = await watch_rows.one(connection, person.scope, complex_id, identity)
    if kept is None:
        raise HTTPException(404, "no such entry")
    return entry_view(house.seal, kept, house.now())


async def _refused_orders(connection: AsyncConnection, house: House, person: Person) -> list[RefusedOrder]:
    """Orders of platforms that were not taken, of those that may place some where this person sees."""
    mine = await complexes_in(connection, person.scope)
    found: list[RefusedOrder] = []
    for one in await watch_order_rows.refused(connection):
        platform = await platform_rows.find(connection, one.platform)
        area = frozenset({platform.area}) if platform is not None and platform.area else None
        reached = await complexes_in(connection, Scope(areas=area)) if area is not None else None
        if mine is None or reached is None or mine & reached:
            found.append(refused_order(house.seal, one, platform.name if platform is not None else one.platform))
    return found


async def _shown(house: House, person: Person) -> list[Any]:
    async with house.db.read() as connection:
        found = await watch_hit_rows.page(connection, person.username, person.scope)
    return [hit_shown(house.seal, one, house.now()) for one in found]


async def _hits(house: House, person: Person) -> list[dict[str, Any]]:
    return [one.plain(whole=False) for one in await _shown(house, person)]


def _entry(form: FormData) -> Entry:
    """As the form says it: whole days, the last one included. Raises BadEntry."""
    begins, last = _day(form, "begins"), _day(form, "ends")
    words = {name: field(form, name, 2 * MOST_SIGNS) for name in ("plate", "unit", "document", "purpose")}
    return Entry(**words, begins=_midnight(begins), ends=_midnight(last + timedelta(days=1)))


def _day(form: FormData, name: str) -> date:
    try:
        found = date.fromisoformat(field(form, name, 10))
    except ValueError as error:
        raise BadEntry(f"{name}: a day is wanted, as 2026-12-31") from error
    if not 2000 <= found.year <= 2200:
        raise BadEntry(f"{name}: {found.year} is no year to look for anybody")
    return found


def _midnight(day: date) -> datetime:
    """By Beijing's clock, as the police's orders count."""
    return datetime.combine(day, time(), zone_of(None))


async def _complexes(house: House, person: Person, form: FormData) -> list[str]:
    """Those that were chosen, all in reach. Raises BadEntry or HTTPException 404."""
    wanted = {one for one in form.getlist("complex") if isinstance(one, str) and one}
    if not wanted:
        raise BadEntry("complex: choose where")
    async with house.db.read() as connection:
        reached = {one.id for one in await place_views.complexes_of(connection, person.scope)}
    if wanted - reached:
        raise HTTPException(404, "no such complex")
    return sorted(wanted)


def _disposition(form: FormData) -> str:
    """The form's own number: whoever sends it twice places it once."""
    return field(form, "request", 64) or _request_id()


def _refusal(request: Request, why: str, back: str = "/watch") -> Response:
    if wants_json(request):
        raise HTTPException(422, why)
    return see(f"{back}?refused={why.partition(':')[0]}")


def wants_json(request: Request) -> bool:
    return request.headers.get("accept", "").startswith("application/json")


def _json(content: object) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(msgspec.json.encode(content), media_type="application/json", headers=headers)
