"""Bills given for a day: each known by what stands in it, or refused whole with the reason; taken back, and again."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Annotated, Any, BinaryIO

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Request
from starlette.datastructures import UploadFile
from starlette.responses import Response

from domain.reconciliation import BadBill, BankColumns, ShedColumns
from server.api.day_parts import day_in, need_place, usual_day
from server.api.who import CLOSING, Accounting, Reconciling
from server.audit import Subject, record
from server.auth import Form, Person, field, require
from server.bill_files import Mappings, check_day, head_of, read_given, told_of
from server.books.day_close import mappings_of
from server.payments.taking import refused_for
from server.store import day_views, place_views, upload_rows
from server.web.answers import house_of, page, see

router = APIRouter(prefix="/parking/bills")

MOST_FILES, MOST_BYTES = 20, 64 * 1024 * 1024
Giving = Annotated[Person, Depends(require(*CLOSING, most_bytes=MOST_BYTES, most_files=MOST_FILES))]
CHANNELS = ("wechat", "alipay")
_one_at_a_time = asyncio.Semaphore(1)  # a large bill costs a core for seconds
_SETTING = {"bank": "bank_columns", "shed": "shed_columns"}
_BANK = tuple(BankColumns.__struct_fields__)
_SHED = tuple(name for name in ShedColumns.__struct_fields__ if name != "foot")


class Answer(msgspec.Struct, frozen=True):
    """What became of a file that was given just now."""

    name: str
    word: str  # given | known | refused
    reason: str = ""
    line: int | None = None
    remedy: str = ""
    head: list[list[str]] = []


@router.get("")
async def choose(request: Request, person: Accounting, complex: str = "", day: str = "") -> Response:
    """To the bills of a day."""
    async with house_of(request).db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
    if not complexes:
        return page(request, person, "bills.html", place=None, day=None, **_nothing())
    place = next((one for one in complexes if one.id == complex), complexes[0])
    return see(f"/parking/bills/{place.id}/{day_in(day) if day else usual_day(request, place)}")


def _nothing() -> dict[str, Any]:
    lists: dict[str, list[Any]] = {name: [] for name in ("complexes", "uploads", "answers", "refused_bills")}
    return {**lists, "mappings": None, "state": None, "fields": {}}


@router.get("/{complex_id}/{day}")
async def show(request: Request, complex_id: str, day: str, person: Accounting) -> Response:
    """What was given for a day."""
    return await _page(request, person, complex_id, day_in(day), [])


async def _page(request: Request, person: Person, complex_id: str, day: date, answers: list[Answer]) -> Response:
    place = await need_place(request, person, complex_id)
    async with house_of(request).db.read() as connection:
        uploads = await upload_rows.of_day(connection, complex_id, f"{day}", removed=True)
        mappings = await mappings_of(connection, complex_id)
        complexes = await place_views.complexes_of(connection, person.scope)
        (state,) = await day_views.month(connection, complex_id, [day])
        refused = await refused_for(connection, house_of(request).desk.calls.merchants, complex_id, f"{day}")
    without = {one.name for one in uploads if one.is_none and one.removed_at is None}
    context: dict[str, Any] = {
        "uploads": uploads,
        "answers": answers,
        "mappings": mappings,
        "state": state,
        "complexes": complexes,
    }
    context |= {"channels": [one for one in CHANNELS if one not in without], "kept_days": upload_rows.KEPT_DAYS}
    context["refused_bills"] = refused
    fields = {"bank": _BANK, "shed": _SHED}
    context |= {"fields": fields, "most": MOST_FILES, "may_give": person.may(*CLOSING)}
    return page(request, person, "bills.html", place=place, day=day, **context)


@router.post("/{complex_id}/{day}")
async def give(request: Request, complex_id: str, day: str, person: Giving) -> Response:
    """Takes files. Each is read whole and kept, or refused whole."""
    await need_place(request, person, complex_id)
    on, form = day_in(day), await request.form(max_files=MOST_FILES, max_fields=50)
    files = [one for one in form.getlist("file") if isinstance(one, UploadFile) and one.size]
    if not files:
        raise HTTPException(422, "choose a file")
    async with house_of(request).db.read() as connection:
        mappings = await mappings_of(connection, complex_id)
    answers = [await _give(request, person, complex_id, on, one, mappings) for one in files]
    return await _page(request, person, complex_id, on, answers)


async def _give(
    request: Request, person: Person, complex_id: str, day: date, file: UploadFile, mappings: Mappings
) -> Answer:
    name = (file.filename or "file")[:200]
    try:
        async with _one_at_a_time:
            row = await asyncio.to_thread(_read, name, file.file, day, mappings)
    except BadBill as error:
        head = await asyncio.to_thread(head_of, file.file) if "--bank-columns" in error.remedy else []
        return Answer(name, "refused", error.reason, error.line, error.remedy, head)
    house = house_of(request)
    async with house.db.write(complex_id) as connection:
        is_new = await upload_rows.give(connection, complex_id, f"{day}", row, person.username, house.now())
        told = {"sha256": row["sha256"], "kind": row["told"].kind, "channel": row["told"].channel, "new": is_new}
        on = Subject("bills", f"{day}")
        record(connection, person.actor, "bills.given", house.now(), on=on, complex_id=complex_id, details=told)
    return Answer(name, "given" if is_new else "known")


def _read(name: str, stream: BinaryIO, day: date, mappings: Mappings) -> dict[str, Any]:
    """Raises BadBill."""
    stream.seek(0)
    found = read_given(name, stream, mappings)
    check_day(found, day)
    size = stream.seek(0, 2)
    stream.seek(0)
    said = {"sha256": found.digests.sha256, "name": name, "told": told_of(found), "size_bytes": size}
    return {**said, "body": upload_rows.packed(stream)}


@router.post("/{complex_id}/{day}/none")
async def give_none(request: Request, complex_id: str, day: str, person: Reconciling, form: Form) -> Response:
    """Its provider says that there was no trade."""
    await need_place(request, person, complex_id)
    channel, on, house = field(form, "channel", 20), day_in(day), house_of(request)
    if channel not in CHANNELS:
        raise HTTPException(422, f"channel is one of {', '.join(CHANNELS)}")
    async with house.db.write(complex_id) as connection:
        await upload_rows.say_none(connection, complex_id, f"{on}", channel, person.username, house.now())
        subject, told = Subject("bills", f"{on}"), {"kind": "none", "channel": channel}
        record(connection, person.actor, "bills.given", house.now(), on=subject, complex_id=complex_id, details=told)
    return see(f"/parking/bills/{complex_id}/{on}")


@router.post("/{complex_id}/{day}/back")
async def take_back(request: Request, complex_id: str, day: str, person: Reconciling, form: Form) -> Response:
    """Takes a file back; with ``again``, that is undone."""
    await need_place(request, person, complex_id)
    sha256, on, house = field(form, "sha256", 64), day_in(day), house_of(request)
    by = None if field(form, "again", 1) else person.username
    async with house.db.write(complex_id) as connection:
        await upload_rows.take_back(connection, complex_id, f"{on}", sha256, by, house.now())
        told = {"sha256": sha256, "again": by is None}
        subject = Subject("bills", f"{on}")
        record(
            connection, person.actor, "bills.taken_back", house.now(), on=subject, complex_id=complex_id, details=told
        )
    return see(f"/parking/bills/{complex_id}/{on}")


@router.post("/{complex_id}/{day}/columns")
async def set_columns(request: Request, complex_id: str, day: str, person: Reconciling, form: Form) -> Response:
    """What the complex's bank or its sheds call their columns; kept for every day."""
    await need_place(request, person, complex_id)
    which, on, house = field(form, "which", 10), day_in(day), house_of(request)
    if which not in _SETTING:
        raise HTTPException(422, "which is bank or shed")
    names = _BANK if which == "bank" else _SHED
    value: dict[str, Any] = {name: text for name in names if (text := field(form, name, 60))}
    if which == "shed" and field(form, "no_foot", 1):
        value["foot"] = False
    async with house.db.write(complex_id) as connection:
        told = {"which": which, "columns": value}
        await upload_rows.put_setting(connection, complex_id, _SETTING[which], value, person.username, house.now())
        subject = Subject("bills", which)
        record(connection, person.actor, "bills.settings", house.now(), on=subject, complex_id=complex_id, details=told)
    return see(f"/parking/bills/{complex_id}/{on}")
