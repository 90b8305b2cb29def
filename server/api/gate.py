"""The gate: cash that guards took there and no shift has yet, and the guards with their PINs."""

from __future__ import annotations

from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from domain.desired import BadDesired
from domain.guards import LEAST_PIN, MOST_PIN, Guard, kept_pin
from server.api.desk import REFUSED, need_complex
from server.api.who import Cashing, Publishing
from server.audit import Subject, record
from server.auth import Form, field
from server.books import desk, gate_cash
from server.books.desk import NotDone
from server.store import guard_rows, place_views
from server.web.answers import house_of, page, see
from server.web.languages import N_

router = APIRouter(prefix="/parking/gate")

_REFUSED = {
    **REFUSED,
    "claimed": N_("这些现金已经入账到某个班次。"),
    "bad_guard": N_("值班员的账号不对，或密码不是 6 到 16 位数字。"),
    "no_guard": N_("没有这个值班员。"),
}


@router.get("")
async def show(request: Request, person: Cashing, complex: str = "", refused: str = "") -> Response:
    """What waits for a shift, and who may use the gate's screen."""
    house = house_of(request)
    async with house.db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
        here = next((one for one in complexes if one.id == complex), complexes[0] if complexes else None)
        waiting = await gate_cash.unclaimed(connection, here.id) if here else ()
        guards = (await guard_rows.of_complex(connection, here.id)).guards if here else ()
        shift = await desk.shift_of(connection, here.id, person.username) if here else None
    found = {"waiting": waiting, "guards": guards, "shift": shift, "pin": (LEAST_PIN, MOST_PIN)}
    words = {"refused": _REFUSED.get(refused, ""), "may": person.may("operator")}
    return page(request, person, "gate.html", complexes=complexes, here=here, **found, **words)


@router.post("/{complex_id}/claim")
async def claim(request: Request, complex_id: str, person: Cashing, form: Form) -> Response:
    """Take what was ticked into one's own shift: it is in the till now."""
    house, now = house_of(request), house_of(request).now()
    numbers = [str(one)[:80] for one in form.getlist("payment")]
    try:
        async with house.db.write(complex_id) as connection:
            await need_complex(connection, person, complex_id)
            shift = await desk.shift_of(connection, complex_id, person.username)
            if shift is None:
                raise NotDone("no_shift")
            fen = await gate_cash.claim(connection, shift, numbers, field(form, "note", 200), now)
            told = {"fen": fen, "payments": len(numbers)}
            on = Subject("desk", shift["id"])
            record(connection, person.actor, "cash.claimed", now, on=on, details=told, complex_id=complex_id)
    except NotDone as error:
        return _back(complex_id, str(error))
    return _back(complex_id)


@router.post("/{complex_id}/guards")
async def put(request: Request, complex_id: str, person: Publishing, form: Form) -> Response:
    """Add a guard, or give one another PIN; gateways hear of it within a second."""
    house, now = house_of(request), house_of(request).now()
    try:
        said = {
            "id": field(form, "guard", 64),
            "name": field(form, "name", 100),
            "pin": kept_pin(field(form, "pin", 32)),
        }
        guard = msgspec.convert(said, Guard)
    except (ValueError, msgspec.ValidationError):
        async with house.db.read() as connection:
            await need_complex(connection, person, complex_id)
        return _back(complex_id, "bad_guard")
    try:
        async with house.db.write() as connection:
            await need_complex(connection, person, complex_id)
            await guard_rows.put(connection, complex_id, guard, person.username, now)
            on = Subject("desired", guard.id)
            record(connection, person.actor, "guard.put", now, on=on, complex_id=complex_id)
    except BadDesired:
        return _back(complex_id, "bad_guard")
    house.desired.ring({complex_id})
    return _back(complex_id)


@router.post("/{complex_id}/guards/{guard}/remove")
async def remove(request: Request, complex_id: str, guard: str, person: Publishing, form: Form) -> Response:
    """A guard who may no longer use the screen: logged out there within a second."""
    house, now = house_of(request), house_of(request).now()
    async with house.db.write() as connection:
        await need_complex(connection, person, complex_id)
        if not await guard_rows.remove(connection, complex_id, guard, person.username, now):
            return _back(complex_id, "no_guard")
        record(connection, person.actor, "guard.removed", now, on=Subject("desired", guard[:64]), complex_id=complex_id)
    house.desired.ring({complex_id})
    return _back(complex_id)


def _back(complex_id: str, refused: str = "") -> Response:
    said = {"complex": complex_id, **({"refused": refused} if refused else {})}
    return see(f"/parking/gate?{urlencode(said)}")
