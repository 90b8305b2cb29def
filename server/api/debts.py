"""Debts of cars that left without paying: their age, reminders, and letting them off by two people."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from server.api.desk import fen_of, need_complex
from server.api.who import CLEARING, RESIDING, Accounting, Approving
from server.audit import Subject, record
from server.auth import Form, field
from server.books import letting_off
from server.books.desk import NotDone
from server.books.letting_off import KINDS, WAYS
from server.store import debt_views, place_views
from server.web.answers import house_of, page, see
from server.web.languages import N_

router = APIRouter(prefix="/parking/debts")
MOST = 500  # on a page; the sum and the workbook are of all

REFUSED = {
    "no_reason": N_("请填写原因。"),
    "bad_sum": N_("金额不对。"),
    "proposed": N_("已经有人提出，等另一人决定。"),
    "not_proposed": N_("没有待决定的申请。"),
    "same_person": N_("提出的人不能自己批准。"),
    "nothing_due": N_("这辆车现在不欠费。"),
}


@router.get("")
async def show(request: Request, person: Accounting, complex: str = "", refused: str = "") -> Response:
    """Who owes, the oldest first."""
    async with house_of(request).db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
        here = next((one for one in complexes if one.id == complex), complexes[0] if complexes else None)
        found = await debt_views.debts(connection, here.id) if here else []
    may = {"may_ask": person.may(*RESIDING), "may_cash": person.may(*CLEARING), "once": secrets.token_hex(8)}
    context = {
        "complexes": complexes,
        "here": here,
        "debts": found,
        "most": MOST,
        "owed": debt_views.owed(found),
        **may,
    }
    words = {"refused": REFUSED.get(refused, ""), "kinds": KINDS, "ways": WAYS}
    return page(request, person, "debts.html", filters={"complex": here.id if here else ""}, **context, **words)


@router.get("/{complex_id}/{session}/notice")
async def notice(request: Request, complex_id: str, session: str, person: Accounting) -> Response:
    """A notice to print: what is owed for which stay, and where to pay; the plate masked."""
    async with house_of(request).db.read() as connection:
        place = await need_complex(connection, person, complex_id)
        found = await debt_views.debts(connection, complex_id, session)
    if not found:
        raise HTTPException(404, "no such debt")
    return page(request, person, "debt_notice.html", debt=found[0], place=place)


@router.post("/{complex_id}/{session}/{what}")
async def act(request: Request, complex_id: str, session: str, what: str, person: Approving, form: Form) -> Response:
    """Note a reminder; propose to let it off; approve or refuse what somebody else proposed."""
    house, now = house_of(request), house_of(request).now()
    back, reason = f"/parking/debts?{urlencode({'complex': complex_id})}", field(form, "reason", 200)
    key = re.sub(r"\W", "", field(form, "request", 40)) or secrets.token_hex(8)
    said = _Said(complex_id, session, person.username, f"{key}/{session}", reason, now)
    try:
        async with house.db.write(complex_id) as connection:
            await need_complex(connection, person, complex_id)
            action = await _done(connection, what, said, form)
            if action:
                on, why = Subject("stay", session), reason or None
                record(connection, person.actor, action, now, on=on, complex_id=complex_id, reason=why)
    except NotDone as error:
        return see(f"{back}&refused={error}")
    return see(back)


class _Said(msgspec.Struct, frozen=True):
    """What a person says of a debt; ``key``: the same tap again is the same act."""

    complex: str
    session: str
    who: str
    key: str
    reason: str
    now: datetime


async def _done(connection: AsyncConnection, what: str, said: _Said, form: Form) -> str:
    """Do it; the audit's word for it, "" where it was done before. Raises NotDone."""
    match what:
        case "remind":
            way = field(form, "way", 16)
            new = await letting_off.remind(connection, said.complex, said.session, way, said.who, said.key, said.now)
            return "debt.reminded" if new else ""
        case "propose":
            kind, fen = field(form, "kind", 16), fen_of(field(form, "yuan", 16))
            args = (said.session, kind, fen, said.reason, said.who, said.key, said.now)
            await letting_off.propose(connection, said.complex, *args)
            return "debt.proposed"
        case "approve" | "refuse":
            is_good = what == "approve"
            await letting_off.decide(connection, said.complex, said.session, said.who, said.now, approved=is_good)
            return "debt.let_off" if is_good else "debt.refused"
        case _:
            raise HTTPException(404, "no such act")
