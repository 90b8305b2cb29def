"""A household's cards and PINs: typed, or by a swipe at a reader; revoked by one click, which can be taken back."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Request
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from server.api.residents import day_in, done, need_household, rights_in
from server.api.who import Residing
from server.audit import Subject, record
from server.auth import Form, field
from server.store import reach_views, resident_rows, swipes
from server.store.engine import stamp
from server.store.resident_rows import By, NotPossible
from server.store.resident_tables import credential, resident
from server.web.answers import house_of, page, see

router = APIRouter(prefix="/residents")

_WAIT = timedelta(seconds=60)  # so long a page waits for a swipe
_GOOD_FOR = timedelta(minutes=10)  # so long what was swiped may be confirmed


@router.post("/{identity}/cards")
async def add(request: Request, identity: str, person: Residing, form: Form) -> Response:
    """A card by its number, or by the swipe that was shown; or a PIN."""
    view = await need_household(request, person, identity)
    kind, number, swipe = field(form, "kind", 10), field(form, "number", 100), field(form, "swipe", 100)
    since = stamp(house_of(request).now() - _GOOD_FOR)

    async def work(connection: AsyncConnection, by: By) -> None:
        rights = await rights_in(connection, form, view.complex)
        who = await _resident(connection, identity, field(form, "resident", 100))
        if kind == "pin":
            await resident_rows.add_secret(connection, by, identity, who, "pin", number, rights)
            return
        text = await swipes.number_of(connection, view.complex, swipe, since) if swipe else number
        if text is None:
            raise NotPossible("no_swipe")
        await resident_rows.add_card(connection, by, identity, who, text, rights)

    return await done(request, person, view, "card.added", work)


async def _resident(connection: AsyncConnection, home: str, identity: str) -> str | None:
    """One of the household; None for anybody else."""
    found = await resident_rows.one_of(connection, resident, home, identity) if identity else None
    return identity if found is not None else None


@router.post("/{identity}/cards/{card}/{what}")
async def change(request: Request, identity: str, card: str, what: str, person: Residing, form: Form) -> Response:
    """Revoke, take that back, or extend."""
    if what not in ("revoke", "restore", "extend"):
        raise HTTPException(404, "no such change")
    view = await need_household(request, person, identity)
    async with house_of(request).db.read() as connection:
        if await resident_rows.one_of(connection, credential, identity, card) is None:
            raise HTTPException(404, "no such card")

    async def work(connection: AsyncConnection, by: By) -> None:
        row = await resident_rows.one_of(connection, credential, identity, card)
        if row is None:
            raise HTTPException(404, "no such card")
        if what == "extend":
            await resident_rows.extend(connection, by, row, day_in(form, "until"))
        else:
            await _turn(connection, by, row, is_revoked=what == "revoke")

    words = {"revoke": "card.revoked", "restore": "card.restored", "extend": "card.extended"}
    back = f"/residents/{identity}" + (f"?{urlencode({'undo': card})}" if what == "revoke" else "")
    return await done(request, person, view, words[what], work, on=Subject("card", card), back=back)


async def _turn(connection: AsyncConnection, by: By, row: RowMapping, *, is_revoked: bool) -> None:
    """A second click changes nothing."""
    if is_revoked == (row["revoked_at"] is not None):
        return
    if is_revoked:
        await resident_rows.revoke(connection, by, row["id"])
    else:
        await resident_rows.restore(connection, by, row)


@router.post("/{identity}/swipe")
async def wait(request: Request, identity: str, person: Residing, form: Form) -> Response:
    """Begin to wait at a reader: the next card there that nobody has is no alert."""
    house, reader = house_of(request), field(form, "reader", 500)
    view = await need_household(request, person, identity)
    now = house.now()
    async with house.db.write() as connection:
        readers = await reach_views.doors_of(connection, view.complex)
        named = next((one for one in readers if _name(one) == reader), None)
        if named is None:
            raise HTTPException(404, "no such reader")
        await swipes.wait_at(connection, (view.complex, *named), person.id, now, now + _WAIT)
        on = Subject("household", identity)
        record(connection, person.actor, "swipe.awaited", now, on=on, complex_id=view.complex, details={"at": reader})
    return see(f"/residents/{identity}/swipe?{urlencode({'reader': reader, 'since': stamp(now)})}")


def _name(reader: tuple[str, str]) -> str:
    return " ".join(reader).strip()


@router.get("/{identity}/swipe")
async def swipe(request: Request, identity: str, person: Residing, reader: str = "", since: str = "") -> Response:
    """Choose a reader; then wait there for the next card that nobody has, and show it for confirmation."""
    house = house_of(request)
    view = await need_household(request, person, identity)
    began = _moment(since)
    async with house.db.read() as connection:
        readers = await reach_views.doors_of(connection, view.complex)
        named = next((one for one in readers if _name(one) == reader), None)
        is_waiting = named is not None and began is not None and house.now() - began <= _WAIT
        found = await swipes.next_unknown(connection, view.complex, named, began) if named and began else None
        groups = await resident_rows.groups_of(connection, view.complex)
    until = (house.now() + timedelta(days=365)).date().isoformat()
    left_s = int((began + _WAIT - house.now()).total_seconds()) if began else 0
    context = {"readers": readers, "reader": reader, "since": since, "found": found, "groups": groups}
    waits = {"is_waiting": is_waiting and found is None, "left_s": max(0, left_s), "usual": until}
    return page(request, person, "swipe.html", home=view, **context, **waits)


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
