"""One item of a day: what it rests on, the acts that close it, and the way back while the day is open."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from domain.reconciliation import BadBill
from domain.reconciliation.acts import ACTS, NoAct, acts_for
from domain.reconciliation.rows import Trade
from server.api.day_parts import day_in, need_place
from server.api.who import CLOSING, Accounting, Closing
from server.auth import Form, Person, field
from server.bill_files import trades_of
from server.books import day_close, resolving
from server.books.reconciled import NotDone
from server.books.resolving import Said
from server.store import bill_rows, day_views, parking_views
from server.web.answers import house_of, page, see
from server.web.bill_titles import BILL_WORDS
from server.web.day_words import why_not

router = APIRouter(prefix="/parking/days/{complex_id}/{day}/item")


@router.get("")
async def show(
    request: Request, complex_id: str, day: str, person: Accounting, channel: str = "", key: str = ""
) -> Response:
    """An item with its sources."""
    return await _show(request, person, complex_id, day_in(day), (channel, key))


async def _show(
    request: Request, person: Person, complex_id: str, day: date, named: tuple[str, str], refused: str = ""
) -> Response:
    place = await need_place(request, person, complex_id)
    async with house_of(request).db.read() as connection:
        row = await bill_rows.one(connection, complex_id, named)
        if row is None:
            raise HTTPException(404, "no such item")
        item = bill_rows.item_of(row)
        rests_on = await day_views.sources(connection, complex_id, item)
        here = await parking_views.pictures_here(connection, complex_id, rests_on.pictures)
    trade = await _trade(request, complex_id, row["since"], named)
    age = (house_of(request).now().date() - date.fromisoformat(row["since"])).days
    context = {"item": item, "row": row, "rests_on": rests_on, "here": here, "trade": trade, "age": age}
    context |= {"acts": acts_for(item), "may_close": person.may(*CLOSING), "refused": refused}
    context |= {"meanings": BILL_WORDS["bill_meaning"], "why_not": why_not}
    answer = page(request, person, "day_item.html", place=place, day=day, **context)
    answer.status_code = 409 if refused else 200
    return answer


async def _trade(request: Request, complex_id: str, since: str, named: tuple[str, str]) -> Trade | None:
    """The row of the bill, while its bytes are here."""
    try:
        what = await day_close.given(house_of(request).db, complex_id, date.fromisoformat(since))
    except (NotDone, BadBill):
        return None
    return trades_of(what.files, named[0]).get(named[1])


@router.post("/resolve")
async def resolve(request: Request, complex_id: str, day: str, person: Closing, form: Form) -> Response:
    """Closes an item by an act, with words and a document."""
    await need_place(request, person, complex_id)
    on, named, house = day_in(day), (field(form, "channel", 40), field(form, "key", 200)), house_of(request)
    act = field(form, "act", 20)
    if act not in ACTS:
        raise HTTPException(422, f"act is one of {', '.join(ACTS)}")
    said = Said(act, field(form, "how", 300), field(form, "document", 100))
    try:
        await resolving.resolve(house.db, complex_id, named, said, person.actor, house.now())
    except (NotDone, NoAct, BadBill) as error:
        return await _show(request, person, complex_id, on, named, str(error))
    return see(f"/parking/days/{complex_id}/{on}#open")


@router.post("/undo")
async def undo(request: Request, complex_id: str, day: str, person: Closing, form: Form) -> Response:
    """Takes back what closed an item, while no report that tells of it is signed."""
    await need_place(request, person, complex_id)
    on, named, house = day_in(day), (field(form, "channel", 40), field(form, "key", 200)), house_of(request)
    try:
        await resolving.undo(house.db, complex_id, named, person.actor, house.now())
    except NotDone as error:
        return await _show(request, person, complex_id, on, named, str(error))
    return see(f"/parking/days/{complex_id}/{on}#open")
