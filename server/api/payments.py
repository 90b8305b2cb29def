"""Payments to look at, refunds that a person approves, and the sheet of codes that drivers scan."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from server.api.who import CLEARING, EQUIPPING, Accounting, Clearing, Equipping, Refunding
from server.audit import Subject, record
from server.auth import Form, Person, field
from server.payments.refunds import NotNow
from server.store import pay_code_rows, payment_views, place_views
from server.store.engine import stamp
from server.store.lane_settings import exits_of
from server.store.payment_views import PaymentFilter, PaymentView
from server.web.answers import house_of, page, see
from server.web.languages import N_
from server.web.qr import qr_of

router = APIRouter(prefix="/parking")

_PAGE, _REFUNDS = 50, 200
_YUAN = re.compile(r"\d{1,7}(?:\.\d{1,2})?")
REASONS = {
    "duplicate": N_("重复支付"),
    "wrong_fee": N_("多收了费用"),
    "not_left": N_("付款后没有停车"),
    "other": N_("其他"),
}
REFUSED = {
    "not_paid": N_("这笔没有支付，不能退。"),
    "too_much": N_("退款超过了可退的金额。"),
    "same_person": N_("提出退款的人不能自己批准。"),
    "not_open": N_("这笔退款已经有人处理。"),
}


@router.get("/payments")
async def payments(
    request: Request, person: Accounting, complex: str = "", status: str = "", before: str = ""
) -> Response:
    """Payments, the latest first."""
    wanted = status if status in payment_views.STATES else ""
    at, _, number = before.partition("~")
    chosen = PaymentFilter(complex, wanted, (at, number) if number else None)
    async with house_of(request).db.read() as connection:
        found = await payment_views.payments(connection, person.scope, chosen, _PAGE + 1)
        complexes = await place_views.complexes_of(connection, person.scope)
    shown = found[:_PAGE]
    older = _cursor(shown[-1]) if len(found) > _PAGE else None
    filters = {"complex": complex, "status": status}
    context = {"payments": shown, "older": older, "complexes": complexes, "filters": filters}
    return page(request, person, "payments.html", states=payment_views.STATES, **context)


def _cursor(one: PaymentView) -> str:
    return f"{stamp(one.asked_at)}~{one.out_trade_no}"


@router.get("/payments/{complex_id}/{number}")
async def payment(request: Request, complex_id: str, number: str, person: Accounting, refused: str = "") -> Response:
    """One payment and what of it went back."""
    async with house_of(request).db.read() as connection:
        found = await payment_views.one(connection, person.scope, complex_id, number)
        refunds = await payment_views.refunds_of(connection, person.scope, complex_id, number)
    if found is None:
        raise HTTPException(404, "no such payment")
    context = {"payment": found, "refunds": refunds, "reasons": REASONS, "may_propose": person.may(*CLEARING)}
    return page(request, person, "payment.html", refused=REFUSED.get(refused, ""), **context)


@router.post("/payments/{complex_id}/{number}/refund")
async def propose(request: Request, complex_id: str, number: str, person: Clearing, form: Form) -> Response:
    """Propose to give some of it back; someone else approves."""
    house = house_of(request)
    async with house.db.read() as connection:
        found = await payment_views.one(connection, person.scope, complex_id, number)
    reason, amount = field(form, "reason", 20), field(form, "amount", 12)
    if found is None:
        raise HTTPException(404, "no such payment")
    if reason not in REASONS or not _YUAN.fullmatch(amount):
        raise HTTPException(422, "say how much, and why")
    whole, _, part = amount.partition(".")
    fen = int(whole) * 100 + int(part.ljust(2, "0") or "0")
    back = f"/parking/payments/{quote(complex_id)}/{quote(number)}"
    try:
        await house.refunds.propose(complex_id, number, fen, REASONS[reason], person.actor)
    except NotNow as error:
        return see(f"{back}?refused={error.reason}")
    return see(back)


@router.get("/refunds")
async def refunds(request: Request, person: Accounting, refused: str = "") -> Response:
    """Refunds that wait for a person, that are on their way, and that are done."""
    async with house_of(request).db.read() as connection:
        found = await payment_views.refunds(connection, person.scope, _REFUNDS)
    context = {"refunds": found, "may_approve": person.may(*CLEARING), "me": person.username}
    return page(request, person, "refunds.html", refused=REFUSED.get(refused, ""), **context)


@router.post("/refunds/{complex_id}/{number}/{what}")
async def decide(request: Request, complex_id: str, number: str, what: str, person: Refunding, form: Form) -> Response:
    """Approve a refund, and its money goes back; or refuse it."""
    house = house_of(request)
    if what not in ("approve", "refuse"):
        raise HTTPException(404, "no such word")
    async with house.db.read() as connection:
        found = await payment_views.refund_named(connection, person.scope, complex_id, number)
    if found is None:
        raise HTTPException(404, "no such refund")
    try:
        if what == "approve":
            await house.refunds.approve(complex_id, number, person.actor)
        else:
            await house.refunds.refuse(complex_id, number, field(form, "reason", 200), person.actor)
    except NotNow as error:
        return see(f"/parking/refunds?refused={error.reason}")
    return see("/parking/refunds")


@router.get("/codes/{complex_id}")
async def codes(request: Request, complex_id: str, person: Accounting) -> Response:
    """A sheet to print: the code of the complex, and one of each exit."""
    place = await _place(request, complex_id, person)
    house = house_of(request)
    async with house.db.read() as connection:
        found = await pay_code_rows.of_complex(connection, complex_id)
        names = dict(await exits_of(connection, complex_id))
    base = house.config.public_url.rstrip("/") or str(request.base_url).rstrip("/")
    sheets = [_sheet(row, names, base) for row in found]
    missing = len({"", *names} - {row["lane"] for row in found})
    context = {"place": place, "sheets": sheets, "missing": missing, "may_make": person.may(*EQUIPPING)}
    return page(request, person, "pay_codes.html", **context)


def _sheet(row: Any, names: dict[str, str], base: str) -> dict[str, Any]:
    url = f"{base}/pay/{row['code']}"
    return {
        "code": row["code"],
        "lane": row["lane"],
        "name": names.get(row["lane"], row["lane"]),
        "url": url,
        "qr": qr_of(url),
    }


@router.post("/codes/{complex_id}")
async def make_codes(request: Request, complex_id: str, person: Equipping) -> Response:
    """The codes that are missing."""
    await _place(request, complex_id, person)
    house, now = house_of(request), house_of(request).now()
    async with house.db.write() as connection:
        lanes = [lane for lane, _ in await exits_of(connection, complex_id)]
        count = await pay_code_rows.make(connection, complex_id, lanes, person.username, now)
        if count:
            on = Subject("complex", complex_id)
            details = {"count": count}
            record(connection, person.actor, "payment.code_made", now, on=on, complex_id=complex_id, details=details)
    return see(f"/parking/codes/{quote(complex_id)}")


@router.post("/codes/{complex_id}/{code}/end")
async def end_code(request: Request, complex_id: str, code: str, person: Equipping) -> Response:
    """A code that was copied, or pasted over, leads nowhere any more."""
    await _place(request, complex_id, person)
    house, now = house_of(request), house_of(request).now()
    async with house.db.write() as connection:
        if not await pay_code_rows.end(connection, complex_id, code, now):
            raise HTTPException(404, "no such code")
        on = Subject("complex", complex_id)
        record(connection, person.actor, "payment.code_ended", now, on=on, complex_id=complex_id)
    return see(f"/parking/codes/{quote(complex_id)}")


async def _place(request: Request, complex_id: str, person: Person) -> Any:
    """Raises HTTPException 404."""
    async with house_of(request).db.read() as connection:
        found = await payment_views.place(connection, person.scope, complex_id)
    if found is None:
        raise HTTPException(404, "no such complex")
    return found
