"""Care: households that asked to be looked after, visits with their results, and the page that the family holds."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from urllib.parse import quote
from uuid import uuid4

from fastapi import APIRouter, Depends, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData
from starlette.responses import Response

from domain.care.watch import LEAST_HOURS, MOST_HOURS, BadTerms, Terms, check
from server.api.noted import note
from server.api.places import found_place
from server.api.who import Caring
from server.audit import Subject, nobody, record
from server.auth import Form, Person, address_of, check_origin, field, public
from server.few import Few
from server.patrol.route_form import tidy
from server.store import care_rows, place_views
from server.store.care_rows import MOST_WORDS, RESULTS, WatchView
from server.store.device_names import names_of
from server.store.engine import stamp
from server.store.scope import of_complexes
from server.web.answers import house_of, open_page, page, see
from server.web.languages import N_
from server.web.qr import qr_of

router = APIRouter(prefix="/care")

REFUSED = {
    "complex": N_("没有登记：请选择小区。"),
    "home": N_("没有登记：住户里没有这一户，请核对楼栋、单元和房号。"),
    "watched": N_("没有登记：这一户已经登记了。"),
    "consent": N_("没有登记：请写家里谁同意的，并勾选已经当面说明。"),
    "hours": N_("没有登记：小时数要在 4 到 72 之间。"),
    "quiet": N_("没有登记：夜里不算的时间写成 22:00 和 06:00，最长 16 小时；两个都不写就都算。"),
    "door": N_("没有登记：请从列表里选这一户自己的门，或选按门卡。"),
    "words": N_("没有保存：请选结果，并写几句话。"),
}
LIVES = (30, 90, 180, 365)
_asking = Few(most=60, within_s=60.0)  # requests of one address: nobody tries tokens


@router.get("")
async def everyone(request: Request, person: Caring) -> Response:
    """Those to look after, visits first; that somebody looked is in the audit."""
    house = house_of(request)
    async with house.db.read() as connection:
        found = await care_rows.views(connection, person.scope)
    await note(request, person, "care.seen", details={"households": len(found)})
    now = house.now()
    rows = [(one, one.state(now)) for one in found]
    rows.sort(key=lambda row: (row[0].open_task is None, row[1] != "unknown"))
    return page(request, person, "care.html", rows=rows)


@router.get("/new")
async def new(request: Request, person: Caring, complex: str = "", refused: str = "") -> Response:
    """The form: which complex first, then which household and by which door."""
    async with house_of(request).db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
        chosen = complex or (complexes[0].id if len(complexes) == 1 else "")
        doors = await place_views.doors(connection, person.scope, chosen) if chosen else []
        called = await names_of(connection, {(one.complex, one.device) for one in doors})
    return page(
        request,
        person,
        "care_new.html",
        complexes=complexes,
        chosen=chosen,
        doors=doors,
        called=called,
        lives=LIVES,
        bounds=(LEAST_HOURS, MOST_HOURS),
        refused=REFUSED.get(refused, ""),
    )


class _Refused(Exception):
    """What the form lacks, by a word of REFUSED."""


@router.post("")
async def begin(request: Request, person: Caring, form: Form) -> Response:
    """A household, by its family's consent; the family's link is shown this once."""
    house, complex_id, token = house_of(request), field(form, "complex", 200), secrets.token_urlsafe(24)
    if not complex_id:
        return see("/care/new?refused=complex")
    async with house.db.read() as connection:
        await found_place(connection, person, complex_id)
        doors = await place_views.doors(connection, person.scope, complex_id)
    try:
        said = _said(form, {f"{one.device} {one.point}": (one.device, one.point) for one in doors})
        async with house.db.write(complex_id) as connection:
            identity = await _add(connection, person, complex_id, form, said, token, house.now())
    except _Refused as error:
        return see(f"/care/new?complex={quote(complex_id, safe='')}&refused={error}")
    base = house.config.public_url.rstrip("/") or str(request.base_url).rstrip("/")
    url = f"{base}/care/family/{token}"
    return await _shown(request, person, identity, link={"url": url, "qr": qr_of(url)})


def _said(form: FormData, doors: dict[str, tuple[str, str]]) -> dict[str, object]:
    """Terms, consent and door, as columns. Raises _Refused."""
    hours, consent, door = field(form, "hours", 3), tidy(field(form, "consent_by", 100)), field(form, "door", 500)
    if not consent or not field(form, "explained", 8):
        raise _Refused("consent")
    if not (hours.isascii() and hours.isdigit()):
        raise _Refused("hours")
    try:
        terms = check(Terms(int(hours), field(form, "quiet_from", 5), field(form, "quiet_to", 5)))
    except BadTerms as error:
        raise _Refused(str(error).partition(":")[0]) from error
    if door and door not in doors:
        raise _Refused("door")
    device, point = doors.get(door, ("", ""))
    quiet = {"quiet_from": terms.quiet_from, "quiet_to": terms.quiet_to}
    return {"consent_by": consent, "hours": terms.hours, "device": device, "point": point, **quiet}


async def _add(
    connection: AsyncConnection,
    person: Person,
    complex_id: str,
    form: FormData,
    said: dict[str, object],
    token: str,
    now: datetime,
) -> str:
    """Its name. Raises _Refused."""
    address = [field(form, name, 100) for name in ("building", "unit", "room")]
    home = await care_rows.home_of(connection, complex_id, address[0], address[1], address[2])
    if home is None:
        raise _Refused("home")
    if await care_rows.is_watched(connection, complex_id, home):
        raise _Refused("watched")
    days = field(form, "days", 4)
    if days not in {str(one) for one in LIVES}:
        raise HTTPException(422, f"days: one of {LIVES}")
    identity, at = uuid4().hex[:16], stamp(now)
    times = {"consented_at": at, "counts_from": at, "made_at": at, "until": stamp(now + timedelta(days=int(days)))}
    of = {"complex": complex_id, "id": identity, "household": home, "made_by": person.username}
    await care_rows.add(connection, {**of, **times, **said, "digest": care_rows.digest_of(token)})
    told = {"days": int(days), "hours": said["hours"]}
    on = Subject("care", identity)
    record(connection, person.actor, "care.begun", now, on=on, complex_id=complex_id, details=told)
    return identity


@router.get("/family/{token}", dependencies=[Depends(public)])
async def family(request: Request, token: str) -> Response:
    """What the family sees: how it stands, since when by whose consent, and the switch."""
    _not_too_often(request)
    house = house_of(request)
    async with house.db.read() as connection:
        found = await care_rows.by_token(connection, token)
    state = found.state(house.now()) if found else ""
    return open_page(request, "care_family.html", 200 if found else 410, found=found, state=state, token=token)


@router.post("/family/{token}/{what}", dependencies=[Depends(public)])
async def switch(request: Request, token: str, what: str) -> Response:
    """Off for a while, on again, or over for good; at once, and without asking anybody."""
    check_origin(request)
    _not_too_often(request)
    house = house_of(request)
    if what not in ("off", "on", "end"):
        raise HTTPException(404, "no such word")
    async with house.db.read() as connection:
        found = await care_rows.by_token(connection, token)
    if found is None:
        raise HTTPException(404, "no such link")
    by, now = nobody(address_of(request), f"family of {found.id}"), house.now()
    async with house.db.write(found.complex) as connection:
        if what == "end":
            is_new = await care_rows.end(connection, found.complex, found.id, "family", now)
        else:
            is_new = await care_rows.set_off(connection, found, now, is_off=what == "off")
        if is_new:
            action, on = ("care.ended" if what == "end" else "care.switched"), Subject("care", found.id)
            record(connection, by, action, now, on=on, complex_id=found.complex, details={"what": what})
    return see(f"/care/family/{quote(token, safe='')}")


def _not_too_often(request: Request) -> None:
    """Raises HTTPException 429."""
    if not _asking.may(address_of(request) or "", house_of(request).now()):
        raise HTTPException(429, "too many requests: come again in a minute")


@router.get("/{identity}")
async def one(request: Request, identity: str, person: Caring, refused: str = "") -> Response:
    """A household: how it stands, and what came of visits."""
    return await _shown(request, person, identity, refused=refused)


async def _shown(
    request: Request, person: Person, identity: str, link: dict[str, object] | None = None, refused: str = ""
) -> Response:
    house = house_of(request)
    found = await _found(request, person, identity)
    async with house.db.read() as connection:
        tasks = await care_rows.tasks_of(connection, found.complex, identity)
        door = await _door_of(connection, found) if found.device else ""
    await note(request, person, "care.seen", on=Subject("care", identity), complex_id=found.complex)
    return page(
        request,
        person,
        "care_one.html",
        door=door,
        one=found,
        state=found.state(house.now()),
        tasks=tasks,
        results=RESULTS,
        most_signs=MOST_WORDS,
        link=link,
        refused=REFUSED.get(refused, ""),
    )


async def _door_of(connection: AsyncConnection, one: WatchView) -> str:
    """The door that is looked at, in the words of the site."""
    doors = await place_views.doors(connection, of_complexes(one.complex), one.complex)
    place = next((its.place for its in doors if (its.device, its.point) == (one.device, one.point)), None)
    name = place or (await names_of(connection, {(one.complex, one.device)})).get((one.complex, one.device), one.device)
    return f"{name} {one.point}".strip()


async def _found(request: Request, person: Person, identity: str) -> WatchView:
    """Raises HTTPException 404 for what is not in reach."""
    async with house_of(request).db.read() as connection:
        found = await care_rows.view(connection, person.scope, identity)
    if found is None:
        raise HTTPException(404, "no such household")
    return found


@router.post("/{identity}/end")
async def end(request: Request, identity: str, person: Caring) -> Response:
    """For good; the family's link ends with it."""
    house, found = house_of(request), await _found(request, person, identity)
    async with house.db.write(found.complex) as connection:
        if await care_rows.end(connection, found.complex, identity, person.username, house.now()):
            on = Subject("care", identity)
            record(connection, person.actor, "care.ended", house.now(), on=on, complex_id=found.complex)
    return see(f"/care/{identity}")


@router.post("/tasks/{task}/done")
async def done(request: Request, task: str, person: Caring, form: Form) -> Response:
    """What came of a visit, in words; the household's hours begin anew."""
    house = house_of(request)
    async with house.db.read() as connection:
        found = await care_rows.task(connection, person.scope, task)
    if found is None:
        raise HTTPException(404, "no such visit")
    result, words = field(form, "result", 16), field(form, "words", MOST_WORDS)
    if result not in RESULTS or not tidy(words):
        return see(f"/care/{found.watch}?refused=words")
    async with house.db.write(found.complex) as connection:
        if await care_rows.done(connection, found, result, words, person.username, house.now()):
            on, details = Subject("care", found.watch), {"task": task, "result": result}
            record(
                connection, person.actor, "care.visited", house.now(), on=on, complex_id=found.complex, details=details
            )
    return see(f"/care/{found.watch}")
