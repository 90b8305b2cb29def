"""The devices of a complex: each as it is just now, and adding, changing and removing them with a way back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData
from starlette.responses import Response

from domain.desired_bodies import Device
from server.api.resident_import import need_place
from server.api.who import EQUIPPING, Equipping, Overseeing
from server.audit import Subject
from server.auth import Form, Person, field
from server.device_entry import FIELDS, Wrong, points_text, read_entry, texts
from server.devices import change, undo
from server.store import area_views, device_lists, device_views, reach_views
from server.store.device_lists import KIND, DeviceList
from server.store.device_views import STATES, DeviceView
from server.store.place_views import ComplexView
from server.store.resident_rows import NotPossible
from server.web.answers import house_of, page, see
from server.web.languages import N_

router = APIRouter(prefix="/complexes/{complex_id}/devices")

_PAGE, _MOST_SKIP = 100, 5_000
Word = Annotated[str, Field(max_length=200)]
# What is wrong with a field, in a form and in a sheet, by its stable word.
WRONG = {
    "empty": N_("这一格必须填写。"),
    "too_long": N_("太长了：最多 200 个字。"),
    "not_printable": N_("这里有不能显示的字符。请重新填写。"),
    "bad_device_id": N_("编号要写成 种类:厂家编号，例如 uhppote:405419896。"),
    "no_kind": N_("这个小区的网关不认识这一类设备。请对照种类表改正冒号前面的字，或先升级网关。"),
    "bad_direction": N_("方向只能是：进、出，或空着。"),
    "bad_zone": N_("区域只能是：公共、私人、限入，或空着。"),
    "bad_doors": N_("点位没有写对。用分号分开，例如 1; 2；里面有分号或引号的，用双引号括起来。"),
    "door_twice": N_("同一个点位写了两次。请删去一个。"),
    "too_many_doors": N_("一台设备最多 200 扇门。"),
    "bad_decides": N_("谁决定开门只能是：设备、网关。"),
    "decides_no_door": N_("写了由网关决定，却没有写是哪扇门。请填门的点位。"),
    "decides_each": N_("写一个词，或照门的次序每扇一个，用分号分开。"),
    "bad_yes_no": N_("只能是：是、否。"),
    "bad_device": N_("这一格不能这样写。请照说明改正。"),
    "taken": N_("清单里已经有这个编号。请到它那里修改。"),
}
# Why nothing was done.
REFUSED = {
    "devices_changed": N_("这期间清单变了，什么都没有写入。请再看一遍。"),
    "too_many_devices": N_("设备太多了：一个小区最多 5000 台。"),
    "no_device": N_("清单里没有这台设备，可能刚被移除。"),
}


class Asked(BaseModel):
    """What the page's address says of which devices; ``undo``: the version that was made just now."""

    q: Word = ""
    state: Word = ""
    kind: Word = ""
    skip: Annotated[int, Field(ge=0, le=_MOST_SKIP)] = 0
    undo: Annotated[int, Field(ge=0, lt=2**31)] = 0
    refused: Word = ""


@router.get("")
async def devices(request: Request, complex_id: str, person: Overseeing, asked: Annotated[Asked, Query()]) -> Response:
    """Every device of the list, what wants looking at first."""
    house, place = house_of(request), await need_place(request, person, complex_id)
    async with house.db.read() as connection:
        listed, views = await device_views.devices(connection, complex_id, house.now())
        reach = await reach_views.reach(connection, complex_id, KIND)
    found = [one for one in views if _fits(one, asked)]
    found.sort(key=lambda one: (not one.fault, STATES.index(one.state), one.device.place, one.device.id))
    counts = {state: sum(one.state == state for one in views) for state in STATES}
    filters = {"q": asked.q, "state": asked.state, "kind": asked.kind}
    context = {"listed": listed, "reach": reach, "counts": counts, "filters": filters, "total": len(found)}
    context |= {"devices": found[asked.skip : asked.skip + _PAGE], "skip": asked.skip, "most": _PAGE}
    context |= {"kinds": sorted({one.kind for one in views}), "states": STATES, "undo": _undo(listed, asked.undo)}
    words = REFUSED.get(asked.refused, "")
    return page(request, person, "devices.html", place=place, may_equip=_may(person), refused=words, **context)


def _fits(one: DeviceView, asked: Asked) -> bool:
    is_kind = not asked.kind or one.kind == asked.kind
    is_state = not asked.state or one.state == asked.state or (asked.state == "fault" and bool(one.fault))
    return is_kind and is_state and asked.q.strip().casefold() in one.words


def _undo(listed: DeviceList, version: int) -> int:
    """What can be taken back: the version that was made just now, while it is the newest."""
    return version if version and listed.version == version else 0


def _may(person: Person) -> bool:
    return person.may(*EQUIPPING)


@router.get("/new")
async def new(
    request: Request, complex_id: str, person: Equipping, device: Word = "", address: Word = "", name: Word = ""
) -> Response:
    """A form, with what is known of the device already."""
    place = await need_place(request, person, complex_id)
    return await _form_page(request, person, place, {"id": device, "address": address, "name": name})


@router.post("/new")
async def add(request: Request, complex_id: str, person: Equipping, form: Form) -> Response:
    """Another device in the list."""
    place, said = await need_place(request, person, complex_id), _said(form)
    wrong: Wrong = []

    async def work(connection: AsyncConnection, before: DeviceList) -> Sequence[Device]:
        kinds = await device_views.kinds(connection, complex_id)
        made, faults = read_entry(said, None, kinds)
        wrong.extend(faults if before.of(said["id"]) is None else [("id", "taken")])
        if wrong or made is None:
            raise NotPossible("wrong")
        return [*before.devices, made]

    return await _done(request, person, place, "device.added", said, work, wrong)


def _said(form: FormData) -> dict[str, str]:
    return {name: field(form, name, 32_000 if name in ("doors", "decides") else 1_000) for name in FIELDS}


async def _done(
    request: Request,
    person: Person,
    place: ComplexView,
    action: str,
    said: Mapping[str, str],
    work: Any,
    wrong: Wrong,
    *,
    was: str = "",
) -> Response:
    """Do it and show the list with the way back; or the form again, each fault at its field."""
    on = Subject("device", said["id"] or "-")
    base = f"/complexes/{place.id}/devices"
    try:
        version = await change(house_of(request), person.actor, place.id, action, work, on=on)
    except NotPossible as error:
        if wrong:
            return await _form_page(request, person, place, said, wrong, was=was)
        return see(f"{base}?refused={error.reason}")
    return see(f"{base}?undo={version}" if version else base)


async def _form_page(
    request: Request,
    person: Person,
    place: ComplexView,
    said: Mapping[str, str],
    wrong: Sequence[tuple[str, str]] = (),
    *,
    was: str = "",
) -> Response:
    """``was``: of a device that is in the list, what its entry was when it was shown."""
    async with house_of(request).db.read() as connection:
        kinds = await device_views.kinds(connection, place.id)
        listed = await device_lists.current(connection, place.id)
        parts = [*await area_views.buildings(connection, place.id), *await area_views.gates(connection, place.id)]
    places = sorted({part.name for part in parts} | {one.place for one in listed.devices if one.place})
    lanes = sorted({one.lane for one in listed.devices if one.lane})
    faults = {name: WRONG[reason] for name, reason in reversed(wrong)}
    context = {"said": said, "faults": faults, "was": was, "kinds": kinds, "places": places, "lanes": lanes}
    answer = page(request, person, "device_form.html", place=place, may_equip=True, **context)
    answer.status_code = 422 if wrong else 200
    return answer


def entry_digest(device: Device) -> str:
    """What a form was made of: an entry that somebody else changed meanwhile is not overwritten."""
    return hashlib.sha256(msgspec.json.encode(device)).hexdigest()[:16]


@router.get("/one")
async def one(request: Request, complex_id: str, person: Overseeing, device: Word = "") -> Response:
    """One device: how it is, how far its entry has come, and the form to change it. Which is said behind the question
    mark."""
    house, place = house_of(request), await need_place(request, person, complex_id)
    async with house.db.read() as connection:
        listed, views = await device_views.devices(connection, complex_id, house.now())
        reach = await reach_views.reach(connection, complex_id, KIND)
    view = next((one for one in views if one.device.id == device), None)
    if view is None:
        return see(f"/complexes/{place.id}/devices" + ("?refused=no_device" if device else ""))
    context = {"view": view, "points": points_text(view.device.doors), "listed": listed, "reach": reach}
    query = urlencode({"device": view.device.id})
    return page(request, person, "device.html", place=place, may_equip=_may(person), query=query, **context)


@router.get("/change")
async def edit(request: Request, complex_id: str, person: Equipping, device: Word = "") -> Response:
    """The form of a device that is in the list."""
    place = await need_place(request, person, complex_id)
    async with house_of(request).db.read() as connection:
        known = (await device_lists.current(connection, complex_id)).of(device)
    if known is None:
        return see(f"/complexes/{place.id}/devices?refused=no_device")
    said = texts(known, is_english=True)  # as the values of its choices are
    return await _form_page(request, person, place, said, was=entry_digest(known))


@router.post("/change")
async def put(request: Request, complex_id: str, person: Equipping, form: Form) -> Response:
    """The entry as the form has it, unless somebody else changed it meanwhile."""
    place, said, was = await need_place(request, person, complex_id), _said(form), field(form, "was", 64)
    wrong: Wrong = []

    async def work(connection: AsyncConnection, before: DeviceList) -> Sequence[Device]:
        known = _known(before, said["id"], was)
        made, faults = read_entry(said, known, ())
        wrong.extend(faults)
        if made is None:
            raise NotPossible("wrong")
        return [made if device is known else device for device in before.devices]

    return await _done(request, person, place, "device.changed", said, work, wrong, was=was)


def _known(before: DeviceList, identity: str, was: str) -> Device:
    """Raises NotPossible where it is gone, or not what was shown."""
    known = before.of(identity)
    if known is None:
        raise NotPossible("no_device")
    if was and was != entry_digest(known):
        raise NotPossible("devices_changed")
    return known


@router.post("/remove")
async def remove(request: Request, complex_id: str, person: Equipping, form: Form) -> Response:
    """Out of the list: what the device says is set aside from then on."""
    place, identity = await need_place(request, person, complex_id), field(form, "id", 200)

    async def work(_connection: AsyncConnection, before: DeviceList) -> Sequence[Device]:
        known = _known(before, identity, "")
        return [device for device in before.devices if device is not known]

    return await _done(request, person, place, "device.removed", {"id": identity}, work, [])


@router.post("/undo")
async def take_back(request: Request, complex_id: str, person: Equipping, form: Form) -> Response:
    """The list as it was before the last change, while nobody made another."""
    place, version = await need_place(request, person, complex_id), field(form, "version", 12)
    if not version.isdigit():
        raise HTTPException(422, "say which version is taken back")
    base = f"/complexes/{place.id}/devices"
    try:
        await undo(house_of(request), person.actor, place.id, int(version))
    except NotPossible as error:
        return see(f"{base}?refused={error.reason}")
    return see(base)
