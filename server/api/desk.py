"""The cash desk: a shift with its float, what a car owes, cash with a receipt, the barrier told, the count."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Path, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData
from starlette.responses import Response

from domain.orders import Order
from domain.plates import canonical
from server.api.receipts import receipt_url
from server.api.who import Accounting, Approving, Cashing
from server.audit import Subject, record
from server.auth import Form, Person, field
from server.books import debts, desk, pass_income
from server.books.desk import NOTES_FEN, NotDone
from server.books.quotes import GOOD_FOR, Quote, quote
from server.house import House
from server.residents import changing
from server.store import desk_views, order_rows, place_views, resident_rows
from server.store.engine import unstamp
from server.store.order_rows import NoGateway
from server.store.place_views import ComplexView
from server.web.answers import house_of, page, see
from server.web.languages import N_
from server.web.qr import qr_of

router = APIRouter(prefix="/parking/desk")
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]  # of a receipt, as its column holds it

_ORDER_GOOD_FOR = timedelta(minutes=2)
_LEAST_SIGNS = 3
REFUSED = {
    "shift_open": N_("这个班还没有交。"),
    "no_shift": N_("请先开班。"),
    "nothing_due": N_("这辆车现在不用交钱。"),
    "changed": N_("应收已经变了，请按新的金额收取。"),
    "other_shift": N_("这笔钱不是本班收的，不能在本班退。"),
    "no_reason": N_("请填写原因。"),
    "given_back": N_("这笔钱已经退过。"),
    "not_in_till": N_("钱箱里没有这么多钱。"),
    "no_document": N_("请填写单据号。"),
    "deposited": N_("这张单据已经登记过。"),
    "same_person": N_("交班的人不能自己签认。"),
    "bad_sum": N_("金额不对。"),
    "bad_days": N_("起止日期不对。"),
    "no_pass": N_("没有这个车牌的通行证，请先在住户页登记。"),
    "barrier": N_("钱已收好，但没有网关能开闸，请人工放行。"),
}


@router.get("")
async def show(
    request: Request, person: Cashing, complex: str = "", plate: str = "", session: str = "", refused: str = ""
) -> Response:
    """The desk: open a shift, find a car, take its money, end the shift."""
    house, now = house_of(request), house_of(request).now()
    async with house.db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
        chosen = _chosen(complexes, complex)
        found = await _of_desk(connection, house, person, chosen, _as_plate(plate), session, now) if chosen else {}
    words = {"refused": REFUSED.get(refused, ""), "notes": NOTES_FEN, "once": secrets.token_hex(8)}
    filters = {"complex": chosen.id if chosen else "", "plate": plate}
    return page(request, person, "desk.html", complexes=complexes, here=chosen, filters=filters, **found, **words)


def _chosen(complexes: list[ComplexView], named: str) -> ComplexView | None:
    return next((one for one in complexes if one.id == named), complexes[0] if complexes else None)


def _as_plate(text: str) -> str:
    return "".join(sign for sign in text.upper() if not sign.isspace() and sign not in "·.-")[:16]


async def _of_desk(
    connection: AsyncConnection,
    house: House,
    person: Person,
    place: ComplexView,
    plate: str,
    session: str,
    now: datetime,
) -> dict[str, Any]:
    shift = await desk.shift_of(connection, place.id, person.username)
    found: dict[str, Any] = {"shift": shift, "lanes": await desk_views.exits(connection, place.id)}
    if shift is None:
        return found
    cars = await desk_views.cars(connection, place.id, plate, now) if len(plate) >= _LEAST_SIGNS else ()
    lot = await house.lots.one(connection, place.id)
    quoted = await quote(connection, place.id, session, lot, now) if session else None
    taken = await desk_views.receipts(connection, place.id, shift["id"])
    return {**found, "cars": cars, "quoted": quoted, "receipts": taken, "due": await desk.expected(connection, shift)}


async def need_complex(connection: AsyncConnection, person: Person, complex_id: str) -> ComplexView:
    """Raises HTTPException 404 where the person sees no such complex."""
    for one in await place_views.complexes_of(connection, person.scope):
        if one.id == complex_id:
            return one
    raise HTTPException(404, "no such complex")


@router.post("/{complex_id}/{what}")
async def act(request: Request, complex_id: str, what: str, person: Cashing, form: Form) -> Response:
    """Open a shift, take money, give it back, pay out, close; each in one transaction with its journal and its row."""
    house, now = house_of(request), house_of(request).now()
    do = _ACTS.get(what)
    async with house.db.read() as connection:
        await need_complex(connection, person, complex_id)
    if do is None:
        raise HTTPException(404, "no such act")
    back = f"/parking/desk?{urlencode({'complex': complex_id})}"
    try:
        async with house.db.write(complex_id) as connection:
            done = await do(_Act(connection, house, person, complex_id, form, now))
    except NotDone as error:
        return see(f"{back}&refused={error}")
    if done.sold is not None:
        await _lengthen(house, person, complex_id, *done.sold)
    if done.order is not None and not await _tell(house, complex_id, done.order):
        return see(f"{back}&refused=barrier&receipt={done.receipt}")
    return see(f"/parking/desk/{complex_id}/receipts/{done.receipt}" if done.receipt else back)


class _Done:
    """What became of an act: a receipt, what its gateway must hear of, and which days of a plate's pass were sold."""

    def __init__(
        self, receipt: int = 0, order: Order | None = None, sold: tuple[str, tuple[date, date]] | None = None
    ) -> None:
        self.receipt, self.order, self.sold = receipt, order, sold


class _Act:
    """One act of a person at a desk."""

    def __init__(
        self,
        connection: AsyncConnection,
        house: House,
        person: Person,
        complex_id: str,
        form: FormData,
        now: datetime,
    ) -> None:
        self.connection, self.house, self.person = connection, house, person
        self.complex, self.form, self.now = complex_id, form, now

    def said(self, name: str, most: int = 200) -> str:
        return field(self.form, name, most)

    @property
    def request(self) -> str:
        return re.sub(r"\W", "", self.said("request", 40)) or secrets.token_hex(8)

    def fen(self, name: str) -> int:
        return fen_of(self.said(name, 16))

    async def shift(self) -> Mapping[Any, Any]:
        found = await desk.shift_of(self.connection, self.complex, self.person.username)
        if found is None:
            raise NotDone("no_shift")
        return found

    def note(self, action: str, ref: str, reason: str | None = None, **details: Any) -> None:
        on = Subject("desk", ref)
        more = {"complex_id": self.complex, "reason": reason}
        record(self.connection, self.person.actor, action, self.now, on=on, details=details, **more)


def fen_of(text: str) -> int:
    """Yuan as a person types them, in fen. Raises NotDone."""
    if not re.fullmatch(r"\d{1,6}(\.\d{1,2})?", text):
        raise NotDone("bad_sum")
    whole, _, rest = text.partition(".")
    return int(whole) * 100 + int(rest.ljust(2, "0") or 0)


async def _open(act: _Act) -> _Done:
    lane = act.said("lane", 64)
    shift = await desk.open_shift(act.connection, act.complex, act.person.username, lane, act.fen("float"), act.now)
    act.note("shift.opened", shift, float_fen=act.fen("float"), lane=lane)
    return _Done()


async def _take(act: _Act) -> _Done:
    shift, request = await act.shift(), act.request
    known = await desk.payment_of(act.connection, act.complex, f"CASH-{request}")
    if known is not None and known["session"] == act.said("session", 64):  # a second tap
        return _Done(known["receipt"])
    if known is not None:  # a page that was gone back to: its number has been used for something else
        raise NotDone("changed")
    quoted = await _quoted(act)
    row = await desk.take(act.connection, shift, quoted, request, act.now)
    act.note("cash.taken", str(row["receipt"]), fen=row["amount_fen"], session=quoted.session)
    return _Done(row["receipt"], _paid_order(act, shift, quoted))


async def _quoted(act: _Act) -> Quote:
    """What was quoted to the driver, where that was a short while ago. Raises NotDone where another sum is due."""
    at = _moment(act.said("quoted_at", 40)) or act.now
    at = at if act.now - GOOD_FOR <= at <= act.now else act.now
    lot = await act.house.lots.one(act.connection, act.complex)
    found = await quote(act.connection, act.complex, act.said("session", 64), lot, at)
    if found is None:
        raise HTTPException(404, "no such stay")
    if found.due_fen != act.fen("yuan"):
        raise NotDone("changed")
    return found


def _moment(text: str) -> datetime | None:
    try:
        found = unstamp(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _paid_order(act: _Act, shift: Mapping[Any, Any], quoted: Quote) -> Order | None:
    """The gateway hears of the money of a car that is inside: where it waits, its barrier opens."""
    if quoted.exited_at is not None or not shift["lane"]:
        return None
    said: dict[str, Any] = {"plate": quoted.plate, "fen": quoted.due_fen}
    until, identity = act.now + _ORDER_GOOD_FOR, secrets.token_hex(16)
    return Order(identity, f"lane:{shift['lane']}", "lane.paid", act.now, until, act.person.username, said)


async def _lengthen(house: House, person: Person, complex_id: str, plate: str, days: tuple[date, date]) -> None:
    """What was paid for holds at the barriers too: gateways are told. The same again is nothing."""
    async with changing(house, person.actor, complex_id, "pass.extended", Subject("pass", "sold")) as (connection, by):
        await resident_rows.lengthen_pass(connection, by, plate, days)


async def _tell(house: House, complex_id: str, order: Order) -> bool:
    try:
        async with house.db.write() as connection:
            await order_rows.place(connection, complex_id, order)
    except NoGateway:
        return False
    house.desired.ring({complex_id})
    return True


async def _undo(act: _Act) -> _Done:
    reason = act.said("reason")
    found = await desk.give_back(act.connection, await act.shift(), act.said("payment", 80), reason, act.now)
    if found["session"] and await _has_left(act, found["session"]):
        await debts.look_at(act.connection, act.complex, found["session"], act.now)
    act.note("cash.given_back", str(found["receipt"]), reason, fen=found["amount_fen"])
    return _Done()


async def _has_left(act: _Act, session: str) -> bool:
    found = await quote(act.connection, act.complex, session, None, act.now)
    return found is not None and found.exited_at is not None


async def _payout(act: _Act) -> _Done:
    shift, reason, fen = await act.shift(), act.said("reason"), act.fen("yuan")
    await desk.pay_out(act.connection, shift, fen, reason, act.request, act.now)
    act.note("cash.paid_out", shift["id"], reason, fen=fen)
    return _Done()


async def _pass(act: _Act) -> _Done:
    """Days of a household's pass, for a price."""
    plate, fen = canonical(act.said("plate", 20)), act.fen("yuan")
    try:
        days = (date.fromisoformat(act.said("first", 10)), date.fromisoformat(act.said("last", 10)))
    except ValueError as error:
        raise NotDone("bad_days") from error
    request = f"{act.request}P"  # the desk's other forms have the same number on one page
    row = await pass_income.sell(act.connection, await act.shift(), plate, fen, days, request, act.now)
    act.note("pass.sold", str(row["receipt"]), fen=fen, first=days[0].isoformat(), last=days[1].isoformat())
    return _Done(row["receipt"], sold=(plate, days))


async def _close(act: _Act) -> _Done:
    shift, note = await act.shift(), act.said("note")
    counts = {worth: _pieces(act.said(f"n{worth}", 5)) for worth in NOTES_FEN}
    over = await desk.close(act.connection, shift, counts, note, act.now)
    act.note("shift.closed", shift["id"], note or None, over_fen=over)
    return _Done()


def _pieces(text: str) -> int:
    """How many notes were counted. Raises NotDone."""
    if not re.fullmatch(r"\d{0,5}", text):
        raise NotDone("bad_sum")
    return int(text or 0)


_ACTS = {"open": _open, "take": _take, "undo": _undo, "payout": _payout, "pass": _pass, "close": _close}


@router.get("/shifts")
async def shifts(request: Request, person: Accounting, complex: str = "", refused: str = "") -> Response:
    """Shifts with what was counted, and what it should have been."""
    async with house_of(request).db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
        found = await desk_views.shifts(connection, person.scope, complex)
    context = {"shifts": found, "complexes": complexes, "filters": {"complex": complex}}
    return page(request, person, "shifts.html", refused=REFUSED.get(refused, ""), **context)


@router.post("/{complex_id}/shifts/{shift}/{what}")
async def of_shift(request: Request, complex_id: str, shift: str, what: str, person: Approving, form: Form) -> Response:
    """Sign for a count that somebody else made; or note that its cash was taken to the bank."""
    house, now = house_of(request), house_of(request).now()
    try:
        async with house.db.write(complex_id) as connection:
            await need_complex(connection, person, complex_id)
            found = await desk_views.shift(connection, complex_id, shift)
            if found is None or what not in ("sign", "deposit"):
                raise HTTPException(404, "no such shift")
            act = _Act(connection, house, person, complex_id, form, now)
            await (_sign if what == "sign" else _deposit)(act, found)
    except NotDone as error:
        return see(f"/parking/desk/shifts?{urlencode({'complex': complex_id, 'refused': str(error)})}")
    return see(f"/parking/desk/shifts?{urlencode({'complex': complex_id})}")


async def _sign(act: _Act, shift: Mapping[Any, Any]) -> None:
    await desk.sign(act.connection, shift, act.person.username, act.now)
    act.note("shift.signed", shift["id"])


async def _deposit(act: _Act, shift: Mapping[Any, Any]) -> None:
    fen, document = act.fen("yuan"), act.said("document", 64)
    await desk.deposit(act.connection, shift, fen, document, act.person.username, act.now)
    act.note("cash.deposited", shift["id"], fen=fen, document=document)


@router.get("/{complex_id}/receipts/{number}")
async def receipt(request: Request, complex_id: str, number: Number, person: Accounting, paper: str = "") -> Response:
    """A receipt to print, 58 or 80 mm wide, or on A4."""
    house = house_of(request)
    async with house.db.read() as connection:
        found = await desk_views.receipt(connection, person.scope, complex_id, number)
        if found is None:
            raise HTTPException(404, "no such receipt")
        quoted = None
        if found["session"]:
            at = unstamp(found["quoted_at"] or found["asked_at"])
            lot = await house.lots.one(connection, complex_id)
            quoted = await quote(connection, complex_id, found["session"], lot, at)
    size = paper if paper in ("58", "80", "a4") else "80"
    url = receipt_url(request, found["code"])
    papers = {"paper": size, "url": url, "qr": qr_of(url, 3) if url else ""}
    return page(request, person, "receipt.html", receipt=found, quoted=quoted, **papers)
