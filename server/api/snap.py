"""随手拍: a resident scans the code at a place, says what is wrong, sees what becomes of it, and rates it.

Nobody signs in. Whoever has a reporter's code sees that report alone; the desk does not have the code.
"""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import quote
from uuid import uuid4

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData
from starlette.responses import Response

from domain.events import Event
from domain.items.acts import Act, Rate, Withdraw
from domain.items.categories import CATEGORIES, OTHER
from domain.items.item import RESIDENT, Asked, Item, Refused
from eventlog.log import LogBroken
from server import items as acting
from server import reported
from server.api.item_parts import category_in, text_in
from server.audit import Actor, nobody
from server.auth import Form, address_of, check_length, check_origin, field, public
from server.centre_voice import say
from server.few import Few
from server.house import House
from server.item_pictures import MOST_BYTES, MOST_FILES, NotTaken, keep_pictures, read_pictures
from server.media import MediaAway
from server.store import item_rows, item_views, snap_rows
from server.store.item_rows import Kept
from server.store.item_views import ItemView
from server.store.scope import of_complexes
from server.store.snap_rows import SnapPlace
from server.web.answers import house_of, open_page, see

log = structlog.get_logger()
router = APIRouter(prefix="/snap", dependencies=[Depends(public)])

_MOST_WORDS, _MOST_A_DAY = 500, 100
_PHONE = re.compile(r"[0-9 +()-]{0,30}")
_KEY = re.compile(r"[0-9a-zA-Z-]{16,64}")
_asking = Few(most=120, within_s=60.0)  # pages of one address: nobody tries codes
# A provider's many telephones share an address, so that one of them may report more often than one person would.
_reporting = Few(most=20, within_s=3_600.0)
_at_a_place = Few(most=30, within_s=3_600.0)


@router.get("/status")
async def look_up(request: Request, code: str = "") -> Response:
    """Where a code is typed that somebody wrote down."""
    _not_too_often(request)
    typed = "".join(code.split()).lower()[:64]
    return see(f"/snap/status/{quote(typed, safe='')}") if typed else open_page(request, "snap_status.html", view=None)


@router.get("/{token}")
async def form_of(request: Request, token: str, refused: str = "") -> Response:
    """The form of a place."""
    _not_too_often(request)
    place = await _place(request, token)
    context = {"place": place, "categories": tuple(CATEGORIES), "other": OTHER, "refused": refused}
    more = {"most_signs": _MOST_WORDS, "most_files": MOST_FILES, "request_key": uuid4().hex}
    return open_page(request, "snap.html", 200 if place else 410, token=token, **context, **more)


async def _place(request: Request, token: str) -> SnapPlace | None:
    async with house_of(request).db.read() as connection:
        return await snap_rows.find(connection, token)


@router.post("/{token}")
async def report(request: Request, token: str) -> Response:
    """A report, once however often the form is sent; its own page says what becomes of it."""
    check_origin(request)
    check_length(request, MOST_BYTES)
    place = await _place(request, token)
    if place is None:
        raise HTTPException(404, "no such place")
    if not await _may(request, token):
        return see(f"/snap/{quote(token, safe='')}?refused=too_many")
    form = await request.form(max_files=MOST_FILES, max_fields=10)
    try:
        code = await _kept(request, place, form)
    except (Refused, NotTaken) as error:
        return see(f"/snap/{quote(token, safe='')}?refused={error.reason}")
    return see(f"/snap/status/{code}?new=1")


async def _may(request: Request, token: str) -> bool:
    """By the address, by the place, and over all processes by what was reported there within a day."""
    house = house_of(request)
    now = house.now()
    if not (_reporting.may(address_of(request) or "", now) and _at_a_place.may(token, now)):
        return False
    async with house.db.read() as connection:
        return await item_rows.reported_since(connection, token, now - timedelta(days=1)) < _MOST_A_DAY


async def _kept(request: Request, place: SnapPlace, form: FormData) -> str:
    """The reporter's code. Raises Refused, NotTaken, HTTPException."""
    house, key = house_of(request), field(form, "request", 64)
    if not _KEY.fullmatch(key):
        raise HTTPException(422, "request: the key of the form, 16 to 64 letters and digits")
    words, phone, category = text_in(form, "words", _MOST_WORDS), field(form, "phone", 60), category_in(form)
    if not words:
        raise Refused("words", "say what is wrong")
    if not _PHONE.fullmatch(phone):
        raise Refused("phone", "a telephone number is digits, spaces and + - ( )")
    pictures = await keep_pictures(house.media, place.complex, await read_pictures(form))
    code, now = snap_rows.code_of(key), house.now()
    event = reported.event_of(place, category, snap_rows.digest_of(code), now)
    async with house.db.read() as connection:
        due = await acting.due_of(connection, house.acting.duties, place.complex, category, now)
        site = house.acting.duties.place(place.complex)
        alert = await reported.alert_of(connection, place.complex, event, site, now) if event else ""
    if event is not None:  # before the report is kept: after a kill in between the form is unanswered, and comes again
        await _say(house, place.complex, event)
    one = Item(
        id=uuid4().hex,
        complex=place.complex,
        origin="report",
        category=category,
        due_at=due,
        asked=Asked(now, RESIDENT, words, place.place, pictures, alert),
    )
    kept = Kept(place.token, snap_rows.digest_of(code), phone or None)
    if await acting.add(house.db, house.acting.duties, _reporter(request), one, now, kept=kept):
        log.info("snap_reported", complex=place.complex, item=one.id, pictures=len(pictures))
    return code


async def _say(house: House, complex_id: str, event: Event) -> None:
    """Raises HTTPException 503 where nothing can be written now."""
    try:
        await say(house.log, complex_id, event)
    except LogBroken as error:
        raise HTTPException(503, "the centre cannot keep the report just now; send it again") from error


def _reporter(request: Request) -> Actor:
    return nobody(address_of(request), RESIDENT)


@router.get("/status/{code}")
async def status(request: Request, code: str, new: str = "", refused: str = "") -> Response:
    """What became of a report: how it stands, what was done and, once it is closed, the rating."""
    _not_too_often(request)
    async with house_of(request).db.read() as connection:
        view = await item_views.of_code(connection, snap_rows.digest_of(code))
        lines = await item_rows.lines_of(connection, view.id) if view else []
    context = {"lines": lines, "is_new": bool(new), "refused": refused, "request_key": uuid4().hex}
    more = {"code": code, "most_signs": _MOST_WORDS, "is_unknown": view is None}
    return open_page(request, "snap_status.html", 200 if view else 404, view=view, **context, **more)


@router.get("/status/{code}/pictures/{sha256}")
async def picture(request: Request, code: str, sha256: str) -> Response:
    """A picture that the reporter gave, or that proves what was done."""
    _not_too_often(request)
    house = house_of(request)
    async with house.db.read() as connection:
        view = await _report(connection, code)
    if sha256 not in shown_of(view.item):
        raise HTTPException(404, "no such picture")
    kind = await house.media.kind_for(sha256, of_complexes(view.complex))
    try:
        body = await house.media.get(sha256) if kind else b""
    except FileNotFoundError as error:
        raise HTTPException(404, "the picture is gone") from error
    except MediaAway as error:
        raise HTTPException(503, "the store of the pictures does not answer; come again") from error
    if not kind:
        raise HTTPException(404, "no such picture")
    return Response(body, media_type=kind, headers={"Cache-Control": "private, max-age=3600"})


def shown_of(one: Item) -> tuple[str, ...]:
    """Which pictures its reporter sees: their own, and the evidence once somebody else has looked at it."""
    done = one.done.pictures if one.done and one.status == "closed" else ()
    return (*one.asked.pictures, *done)


@router.post("/status/{code}/rate")
async def rate(request: Request, code: str, form: Form) -> Response:
    """One to five, once and for ever; by who reported it."""
    stars, words = field(form, "stars", 1), text_in(form, "words", _MOST_WORDS)
    if stars not in ("1", "2", "3", "4", "5"):
        raise HTTPException(422, "stars: 1 to 5")
    return await _act(request, code, Rate(key=_key(form), by=RESIDENT, stars=int(stars), words=words))


@router.post("/status/{code}/withdraw")
async def withdraw(request: Request, code: str, form: Form) -> Response:
    """It is no longer needed; until somebody is at work on it."""
    return await _act(request, code, Withdraw(key=_key(form), by=RESIDENT, words=text_in(form, "words", _MOST_WORDS)))


def _key(form: FormData) -> str:
    key = field(form, "request", 64)
    if not key:
        raise HTTPException(422, "the request names no key")
    return f"reporter/{key}"


async def _act(request: Request, code: str, act: Act) -> Response:
    check_origin(request)
    _not_too_often(request)
    house = house_of(request)
    async with house.db.read() as connection:
        view = await _report(connection, code)
    here = f"/snap/status/{quote(code, safe='')}"
    try:
        await acting.act(house.db, house.acting.duties, _reporter(request), view.complex, view.id, act, house.now())
    except Refused as error:
        return see(f"{here}?refused={error.reason}")
    return see(here)


async def _report(connection: AsyncConnection, code: str) -> ItemView:
    """Raises HTTPException 404."""
    view = await item_views.of_code(connection, snap_rows.digest_of(code))
    if view is None:
        raise HTTPException(404, "no such report")
    return view


def _not_too_often(request: Request) -> None:
    """Raises HTTPException 429."""
    if not _asking.may(address_of(request) or "", house_of(request).now()):
        raise HTTPException(429, "too many requests: come again in a minute")
