"""Cameras that the gateway itself looks at: where is what on the picture, what is told of it, what fired and why."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, NamedTuple
from urllib.parse import quote, urlencode

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import JSONResponse, Response

from domain.alerts.built_in import RESTRICTED
from domain.desired import BadDesired
from server import cameras
from server.api.resident_import import need_place
from server.api.who import EQUIPPING, Drawing, Overseeing
from server.auth import Person, WideForm, field
from server.camera_entry import (
    NAMED,
    WHATS,
    Draft,
    RuleRow,
    WrongRow,
    draft_in,
    draft_of,
    entry_of,
    questions,
    tuning,
)
from server.store import camera_rows, detection_views, device_views, reach_views
from server.store.detection_views import Seen, Wanted
from server.store.device_views import DeviceView
from server.store.order_rows import NoGateway
from server.store.place_views import ComplexView
from server.store.resident_rows import NotPossible
from server.web.answers import house_of, page, see
from server.web.languages import N_

router = APIRouter(prefix="/complexes/{complex_id}/cameras")

KIND = "camera:"
_PAGE = 30
_RESTRICTED_RULES = ("person_in_zone", "loitering")  # what they tell rings by itself in a zone of that name alone
Word = Annotated[str, Field(max_length=200)]
# Why nothing was done, and what to do.
REFUSED = {
    "camera_changed": N_("这期间别人改了这台摄像机，什么都没有写入。请看一遍新的，再改。"),
    "nothing_changed": N_("和现在的一样，没有新的版本。"),
    "no_version": N_("没有这个版本。"),
    "no_reason": N_("请写为什么改。"),
    "no_gateway": N_("没有哪台网关管这台摄像机，或者有几台。请到网关页看。"),
    "no_camera": N_("清单里没有这台摄像机，可能刚被移除。"),
}
# What is wrong with a row, and what to do.
WRONG = {
    "no_name": N_("区域和线要有名称。"),
    "name_twice": N_("同一个名称用了两次。请换一个。"),
    "bad_points": N_("点没有写对。每个点是两个 0 到 1000 的数：从左、从上各占千分之几，例如 100,500。"),
    "bad_number": N_("这里要是数字。"),
}


class Asked(BaseModel):
    """Which camera, and of what fired, which."""

    device: Word = ""
    refused: Word = ""
    asked: Word = ""  # a picture that was asked for just now
    days: Annotated[int, Field(ge=1, le=30)] = 7
    rule: Word = ""
    label: Word = ""
    alerts: Annotated[str, Field(max_length=1)] = ""
    before: Word = ""


class Listed(NamedTuple):
    """A camera on the page of all: how it is, its newest picture, and how much is drawn and told."""

    view: DeviceView
    picture: Seen | None
    zones: int
    rules: int
    told: int


@router.get("")
async def listing(request: Request, complex_id: str, person: Overseeing, refused: Word = "") -> Response:
    """Every camera that this complex's gateways look at themselves."""
    house, place = house_of(request), await need_place(request, person, complex_id)
    async with house.db.read() as connection:
        _, views = await device_views.devices(connection, complex_id, house.now())
        entries = (await camera_rows.current(connection, complex_id)).cameras
        found = [
            await _listed(connection, complex_id, one, entries.get(one.device.id, {}), house.now())
            for one in views
            if one.device.id.startswith(KIND)
        ]
    return page(request, person, "cameras.html", place=place, cameras=found, refused=REFUSED.get(refused, ""))


async def _listed(connection: AsyncConnection, complex_id: str, view: DeviceView, entry: Any, now: Any) -> Listed:
    picture = await detection_views.newest_picture(connection, complex_id, view.device.id)
    rates = await detection_views.rates(connection, complex_id, view.device.id, now)
    return Listed(
        view, picture, len(entry.get("zones", ())), len(entry.get("rules", ())), sum(one.told for one in rates)
    )


@router.get("/one")
async def one(request: Request, complex_id: str, person: Overseeing, asked: Annotated[Asked, Query()]) -> Response:
    """One camera: its picture with what is drawn, its rules, and what fired. Which is said behind the question mark."""
    place = await need_place(request, person, complex_id)
    return await _page(request, person, place, asked)


async def _page(
    request: Request,
    person: Person,
    place: ComplexView,
    asked: Asked,
    typed: Draft | None = None,
    wrong: str = "",
    detail: str = "",
    reason: str = "",
) -> Response:
    """``typed``: a form that was not kept; ``wrong``: why, and ``detail`` where exactly."""
    house = house_of(request)
    async with house.db.read() as connection:
        _, views = await device_views.devices(connection, place.id, house.now())
        view = next((one for one in views if one.device.id == asked.device), None)
        if view is None or not asked.device.startswith(KIND):
            return _gone(place.id) if asked.device else see(_base(place.id))
        context = await _found(connection, place, asked, house.now())
    entry = context.pop("entry")
    draft = typed or draft_of(entry)
    context |= {"draft": draft, "was": cameras.digest(entry), "wrong": wrong, "detail": detail, "reason": reason}
    context |= {"questions": questions(), "tuning": tuning(), "whats": WHATS, "named": NAMED}
    context |= {
        "asked": asked,
        "may_draw": person.may(*EQUIPPING),
        "unheard": _unheard(draft),
        "restricted": sorted(RESTRICTED),
    }
    words = REFUSED.get(asked.refused, "")
    answer = page(request, person, "camera.html", place=place, view=view, refused=words, **context)
    answer.status_code = 422 if wrong else 200
    return answer


async def _found(connection: AsyncConnection, place: ComplexView, asked: Asked, now: Any) -> dict[str, Any]:
    """What a page shows of a camera beside its device, in one snapshot."""
    entries = await camera_rows.current(connection, place.id)
    since, device = now - timedelta(days=asked.days), asked.device
    wanted = Wanted(place.id, device, since, asked.rule, asked.label, bool(asked.alerts), asked.before)
    seen = await detection_views.seen(connection, wanted, _PAGE + 1)
    rates = await detection_views.rates(connection, place.id, device, now)
    return {
        "entry": entries.cameras.get(device),
        "version": entries.version,
        "sent_at": await camera_rows.made_at(connection, place.id, entries.version),
        "reach": await reach_views.reach(connection, place.id, camera_rows.KIND),
        "changes": await camera_rows.changes(connection, place.id, device),
        "picture": await detection_views.newest_picture(connection, place.id, device),
        "seen": seen[:_PAGE],
        "older": seen[_PAGE - 1].occurred_at.isoformat() if len(seen) > _PAGE else None,
        "rates": rates,
        "labels": await detection_views.labels(connection, place.id, device, since),
    }


def _unheard(draft: Draft) -> list[RuleRow]:
    """Rules of persons that no built-in alert rule hears of, for the zone's name."""
    rules = (row for row in draft.rules if row.kind in _RESTRICTED_RULES)
    return [row for row in rules if row.said.get("zone", "") not in RESTRICTED]


def _base(complex_id: str) -> str:
    return f"/complexes/{quote(complex_id, safe='')}/cameras"


def _gone(complex_id: str) -> Response:
    return see(f"{_base(complex_id)}?refused=no_camera")


def _here(complex_id: str, device: str, **more: str) -> Response:
    return see(f"{_base(complex_id)}/one?{urlencode({'device': device, **more})}")


@router.post("/save")
async def save(request: Request, complex_id: str, person: Drawing, form: WideForm) -> Response:
    """What is drawn and asked, as a new version; or the form again, with one row more or with what is wrong in it."""
    place, device = await need_place(request, person, complex_id), field(form, "device", 200)
    if not await _is_listed(request, complex_id, device):
        return _gone(complex_id)
    draft, reason = draft_in(lambda name, most: field(form, name, most)), field(form, "reason", 200)
    asked = Asked(device=device)
    if add := field(form, "add", 80):
        return await _page(request, person, place, asked, _with_row(draft, add), reason=reason)
    if not reason:
        return await _page(request, person, place, asked, draft, REFUSED["no_reason"])
    try:
        entry = None if field(form, "back", 8) else entry_of(draft)
        await cameras.save(house_of(request), person.actor, complex_id, device, entry, reason, field(form, "was", 64))
    except WrongRow as error:
        return await _page(request, person, place, asked, draft, WRONG[error.reason], _where(error), reason)
    except BadDesired as error:
        wrong = N_("没有写入：有一处不能这样。")
        return await _page(request, person, place, asked, draft, wrong, str(error), reason)
    except NotPossible as error:
        return await _page(request, person, place, asked, draft, REFUSED[error.reason], "", reason)
    return _here(complex_id, device)


def _where(error: WrongRow) -> str:
    return tuning()[error.index].name if error.what == "tune" else f"{error.what} {error.index + 1}"


def _with_row(draft: Draft, add: str) -> Draft:
    """The form with one rule more, for who has no scripts."""
    if add not in questions():
        raise HTTPException(422, "no such rule")
    return Draft(draft.shapes, (*draft.rules, RuleRow(add)), draft.tuned)


async def _is_listed(request: Request, complex_id: str, device: str) -> bool:
    """Whether it is a camera of the complex's list."""
    async with house_of(request).db.read() as connection:
        listed, _ = await device_views.devices(connection, complex_id, house_of(request).now())
    return device.startswith(KIND) and listed.of(device) is not None


@router.post("/undo")
async def undo(request: Request, complex_id: str, person: Drawing, form: WideForm) -> Response:
    """An earlier version put back, as a new one."""
    await need_place(request, person, complex_id)
    device, to, reason = field(form, "device", 200), field(form, "to", 12), field(form, "reason", 200)
    if not await _is_listed(request, complex_id, device):
        return _gone(complex_id)
    if not reason:
        return _here(complex_id, device, refused="no_reason")
    try:
        number = int(to) if to.isascii() and to.isdigit() else 0
        await cameras.undo(house_of(request), person.actor, complex_id, device, number, reason)
    except NotPossible as error:
        return _here(complex_id, device, refused=error.reason)
    return _here(complex_id, device)


@router.post("/picture")
async def ask_picture(request: Request, complex_id: str, person: Drawing, form: WideForm) -> Response:
    """Ask the gateway for a picture as it is just now; masks are over it."""
    await need_place(request, person, complex_id)
    device = field(form, "device", 200)
    if not await _is_listed(request, complex_id, device):
        return _gone(complex_id)
    try:
        order = await cameras.look(house_of(request), person.actor, complex_id, device)
    except NoGateway:
        return _here(complex_id, device, refused="no_gateway")
    return _here(complex_id, device, asked=order)


@router.get("/news")
async def news(request: Request, complex_id: str, person: Overseeing, asked: Annotated[Asked, Query()]) -> Response:
    """What a page that waits looks at: whether the picture it asked for has come, and how far the last version is."""
    place = await need_place(request, person, complex_id)
    async with house_of(request).db.read() as connection:
        picture = await detection_views.newest_picture(connection, place.id, asked.device)
        entries = await camera_rows.current(connection, place.id)
        stand = (await reach_views.reach(connection, place.id, camera_rows.KIND)).of(entries.version or None)
    has_come = bool(asked.asked) and picture is not None and picture.said.asked.endswith(asked.asked)
    said: dict[str, Any] = {"picture": has_come, "version": entries.version, "gateways": stand.gateways}
    return JSONResponse(said | {"of": stand.of_gateways, "refused": stand.refused or ""})
