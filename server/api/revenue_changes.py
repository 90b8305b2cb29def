"""What people do with public revenue: drafts, papers, and the steps of the path; each with its row in the audit."""

from __future__ import annotations

import asyncio
import re
from datetime import date
from typing import Annotated
from urllib.parse import quote

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData, UploadFile
from starlette.responses import Response

from domain.ids import content_name
from domain.masking import tells_of_someone
from domain.revenue import SETTLED, NotNow, step_named
from server.api.revenue import KINDS, PURPOSES, need_entry, need_place
from server.api.who import KEEPING, Deciding, Keeping
from server.audit import Subject, record
from server.auth import Form, Person, field, require
from server.books.revenue import MOST_FEN, By, Said, take
from server.documents import MOST_BYTES, BadDocument, Document, read_document
from server.media import MediaAway
from server.store import revenue_rows
from server.store.engine import stamp
from server.web.answers import house_of, see

log = structlog.get_logger()
router = APIRouter(prefix="/complexes")

_one_at_a_time = asyncio.Semaphore(1)  # a large picture costs a core for seconds
Uploading = Annotated[Person, Depends(require(*KEEPING, most_bytes=MOST_BYTES + 64 * 1024))]
_YUAN = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,2})?")
_MOST_TITLE, _MOST_NOTE, _MOST_VOTES = 100, 1_000, 1_000_000


def fen_of(text: str) -> int | None:
    """``12.5`` yuan as whole fen; None for what is no such sum."""
    if not _YUAN.fullmatch(text):
        return None
    yuan, _, rest = text.partition(".")
    return int(yuan) * 100 + int(rest.ljust(2, "0") or "0")


@router.post("/{complex_id}/revenue/new")
async def draft(request: Request, complex_id: str, person: Keeping, form: Form) -> Response:
    """A draft: nothing of it is public, and no money moves."""
    house = house_of(request)
    await need_place(request, person, complex_id)
    side, kind = field(form, "side", 16), field(form, "kind", 32)
    title, fen = " ".join(field(form, "title", 400).split()), fen_of(field(form, "amount", 16))
    back = f"{_of(complex_id)}/new?side={quote(side)}&refused="
    if kind not in KINDS.get(side, ()) or not 0 < len(title) <= _MOST_TITLE or not fen or fen > MOST_FEN:
        return see(f"{back}bad_entry")
    if tells_of_someone(title):
        return see(f"{back}personal")
    earmark = _whole(field(form, "earmark", 10)) if side == "spending" else None
    async with house.db.write(complex_id) as connection:
        if earmark is not None and not await _is_income(connection, complex_id, earmark):
            return see(f"{back}bad_earmark")
        said = {"side": side, "kind": kind, "title": title, "planned_fen": fen, "earmark": earmark}
        number = await revenue_rows.add(connection, complex_id, person.username, house.now(), **said)
        on, told = Subject("revenue", str(number)), {"side": side, "kind": kind, "planned_fen": fen}
        record(connection, person.actor, "revenue.drafted", house.now(), on=on, complex_id=complex_id, details=told)
    return see(f"{_of(complex_id)}/{number}")


async def _is_income(connection: AsyncConnection, complex_id: str, number: int) -> bool:
    found = await revenue_rows.entry(connection, complex_id, number)
    return found is not None and found.side == "income" and found.state in SETTLED


def _of(complex_id: str) -> str:
    return f"/complexes/{quote(complex_id, safe='')}/revenue"


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text) < 2**31 else None


@router.post("/{complex_id}/revenue/{number}/change")
async def change(request: Request, complex_id: str, number: int, person: Keeping, form: Form) -> Response:
    """Name and sum of a draft."""
    house = house_of(request)
    await need_place(request, person, complex_id)
    title, fen = " ".join(field(form, "title", 400).split()), fen_of(field(form, "amount", 16))
    back = f"{_of(complex_id)}/{number}"
    if not 0 < len(title) <= _MOST_TITLE or not fen or fen > MOST_FEN:
        return see(f"{back}?refused=bad_entry")
    if tells_of_someone(title):
        return see(f"{back}?refused=personal")
    async with house.db.write(complex_id) as connection:
        found = await need_entry(connection, complex_id, number)
        if found.state != "draft":
            return see(f"{back}?refused=not_now")
        await revenue_rows.change(connection, complex_id, number, title=title, planned_fen=fen)
        on, told = Subject("revenue", str(number)), {"planned_fen": fen, "before_fen": found.planned_fen}
        record(connection, person.actor, "revenue.changed", house.now(), on=on, complex_id=complex_id, details=told)
    return see(back)


@router.post("/{complex_id}/revenue/{number}/documents")
async def add_document(request: Request, complex_id: str, number: int, person: Uploading) -> Response:
    """A paper, kept by its content. ``is_public``: whoever adds it says that nothing personal is on it."""
    house = house_of(request)
    await need_place(request, person, complex_id)
    async with house.db.read() as connection:
        await need_entry(connection, complex_id, number)
    form = await request.form(max_files=1, max_fields=50)
    back = f"{_of(complex_id)}/{number}"
    try:
        paper = await _paper(request, complex_id, form)
        async with house.db.write(complex_id) as connection:
            await _keep(connection, complex_id, number, paper, person, form, stamp(house.now()))
            on = Subject("revenue", str(number))
            told = {"sha256": content_name(paper.body), "is_public": bool(field(form, "is_public", 8))}
            now = house.now()
            record(connection, person.actor, "revenue.document_added", now, on=on, complex_id=complex_id, details=told)
    except (BadDocument, NotNow) as error:
        log.info("document_refused", complex=complex_id, entry=number, reason=error.reason, detail=str(error))
        return see(f"{back}?refused={error.reason}")
    return see(f"{back}#papers")


async def _paper(request: Request, complex_id: str, form: FormData) -> Document:
    """What was uploaded, looked at and kept. Raises BadDocument."""
    given = form.get("file")
    body = await given.read(MOST_BYTES + 1) if isinstance(given, UploadFile) else b""
    async with _one_at_a_time:
        paper = await asyncio.to_thread(read_document, body)
    try:
        await house_of(request).media.keep(content_name(paper.body), complex_id, paper.body, paper.type)
    except MediaAway as error:
        log.error("media_away", path=request.url.path, error=str(error))
        raise BadDocument("media_away", str(error)) from error
    return paper


async def _keep(
    connection: AsyncConnection, complex_id: str, number: int, paper: Document, person: Person, form: FormData, at: str
) -> None:
    """Raises NotNow."""
    found = await need_entry(connection, complex_id, number)
    if found.state in ("closed", "withdrawn", "reversed"):
        raise NotNow("late", f"entry {number} is {found.state}")
    sha256, purpose = content_name(paper.body), field(form, "purpose", 16)
    title = " ".join(field(form, "title", 400).split())[:_MOST_TITLE]
    if tells_of_someone(title):
        raise NotNow("personal", "the title tells of someone")
    kept = await revenue_rows.documents(connection, complex_id, [number])
    if len(kept) >= revenue_rows.MOST_DOCUMENTS:
        raise NotNow("too_many", f"entry {number} has {len(kept)} documents")
    if any(one.sha256 == sha256 for one in kept):
        raise NotNow("known", f"entry {number} has {sha256}")
    said = {"sha256": sha256, "type": paper.type, "size_bytes": len(paper.body), "title": title, "added_at": at}
    said |= {"purpose": purpose if purpose in PURPOSES else "plan", "added_by": person.username}
    await revenue_rows.add_document(
        connection, complex_id, number, is_public=int(bool(field(form, "is_public", 8))), **said
    )


@router.post("/{complex_id}/revenue/{number}/steps/{action}")
async def step_on(
    request: Request, complex_id: str, number: int, action: str, person: Deciding, form: Form
) -> Response:
    """The next step of the path, with its words; at the end of the path the money is booked."""
    house, step = house_of(request), step_named(action)
    await need_place(request, person, complex_id)
    async with house.db.read() as connection:
        await need_entry(connection, complex_id, number)
    if step is None:
        raise HTTPException(404, "no such step")
    by, back = By(person.username, person.role, house.now()), f"{_of(complex_id)}/{number}"
    try:
        async with house.db.write(complex_id) as connection:
            said = said_in(form)
            await take(connection, complex_id, number, step, by, said)
            on, told = Subject("revenue", str(number)), {"step": action, "fen": said.fen}
            record(
                connection,
                person.actor,
                "revenue.stepped",
                house.now(),
                on=on,
                complex_id=complex_id,
                reason=said.note,
                details=told,
            )
    except NotNow as error:
        log.info("revenue_refused", complex=complex_id, entry=number, reason=error.reason, detail=str(error))
        return see(f"{back}?refused={error.reason}")
    log.info("revenue_stepped", complex=complex_id, entry=number, step=action, account=person.id)
    return see(back)


def said_in(form: FormData) -> Said:
    """What the form of a step says; what is no number is nothing, and the step says what it needs."""
    return Said(
        note=field(form, "note", _MOST_NOTE),
        votes_for=_votes(form, "votes_for"),
        votes_against=_votes(form, "votes_against"),
        fen=fen_of(field(form, "amount", 16)),
        day=_day(field(form, "day", 16)),
        is_without_names=bool(field(form, "nothing_personal", 8)),
    )


def _votes(form: FormData, name: str) -> int | None:
    text = field(form, name, 7)
    return int(text) if text.isascii() and text.isdigit() and int(text) <= _MOST_VOTES else None


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 2000 <= found.year <= 2100 else None
