"""Coupons at the desk: who may give which, what was given and used, what shops owe for it, taking one back."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any, cast
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData
from starlette.responses import Response

from server.api.coupon_page import qr_of
from server.api.desk import REFUSED as AT_THE_DESK
from server.api.desk import need_complex
from server.api.who import CLEARING, RESIDING, Accounting, Approving
from server.audit import Subject, record
from server.auth import Form, Person, field
from server.books import coupons, desk, merchant_bills
from server.books.desk import NotDone
from server.house import House
from server.store import coupon_issuers, coupon_views, place_views
from server.store.coupon_issuers import Terms
from server.store.place_views import ComplexView
from server.store.resident_rows import By, NotPossible
from server.web.answers import house_of, page, see
from server.web.coupon_sheet import payer, workbook
from server.web.formats import zone_of
from server.web.languages import N_, translate
from server.workbook import TYPE

router = APIRouter(prefix="/parking/coupons")

KINDS = ("minutes", "fen", "percent", "full")
REFUSED = {
    **AT_THE_DESK,
    "bad_text": N_("名称要能显示，最多 60 个字。"),
    "name_taken": N_("已经有这个发券方。"),
    "too_many": N_("太多了，请先停用不要的。"),
    "no_household": N_("没有这一户，或不止一户。请写作“楼-单元-房号”。"),
    "no_issuer": N_("没有这个发券方，或已经停用。"),
    "no_allotment": N_("没有这种停车券，或已经停用。"),
    "bad_amount": N_("减免的数不对：分钟和金额要大于 0，百分比是 1 到 100。"),
    "bad_count": N_("张数不对：每天的不超过每月的。"),
    "bad_day": N_("日期不对。"),
    "has_link": N_("住户用自己的访客链接发券。"),
    "no_coupon": N_("没有这张券。"),
    "not_inside": N_("车已经离场，券已经用掉。"),
    "paid": N_("这辆车已经付过款，不能再改。"),
    "month_not_over": N_("这个月还没有过完。"),
    "billed": N_("这个月已经出过账。"),
    "nothing_due": N_("没有要付的。"),
    "settled": N_("这个月已经结清。"),
}


@router.get("")
async def show(request: Request, person: Accounting, complex: str = "", month: str = "", refused: str = "") -> Response:
    """Issuers with what they were allotted and a month's sums; the newest coupons."""
    return await _page(request, person, complex, month, refused)


async def _page(
    request: Request, person: Person, complex_id: str, month: str, refused: str = "", link: Any = None
) -> Response:
    house, now = house_of(request), house_of(request).now()
    async with house.db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
        here = next((one for one in complexes if one.id == complex_id), complexes[0] if complexes else None)
        zone = zone_of(here.timezone if here else None)
        days = month_of(month, now.astimezone(zone).date())
        given = await coupon_views.given(connection, here.id, days, zone) if here else []
        found = await coupon_views.issuers(connection, here.id, given, now, zone) if here else []
    shown = {"issuers": found, "given": given[: coupon_views.MOST_SHOWN], "more": len(given) > coupon_views.MOST_SHOWN}
    may = {"may_change": person.may(*RESIDING), "may_cash": person.may(*CLEARING), "once": secrets.token_hex(8)}
    words = {"refused": REFUSED.get(refused, ""), "kinds": KINDS, "today": now.astimezone(zone).date(), "payer": payer}
    is_over = days[1] <= now.astimezone(zone).date()
    filters = {"complex": here.id if here else "", "month": f"{days[0]:%Y-%m}"}
    context = {"complexes": complexes, "here": here, "is_over": is_over, "link": link, "filters": filters}
    return page(request, person, "coupons.html", **context, **shown, **may, **words)


def month_of(text: str, today: date) -> tuple[date, date]:
    """The first day of a month, and that after its last; this month where none is named."""
    try:
        first = date.fromisoformat(f"{text}-01") if re.fullmatch(r"\d{4}-\d{2}", text) else today.replace(day=1)
    except ValueError:
        first = today.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1)


@router.get("/{complex_id}/coupons.xlsx")
async def sheet(request: Request, complex_id: str, person: Accounting, month: str = "") -> Response:
    """The month as a workbook."""
    house, now = house_of(request), house_of(request).now()
    async with house.db.read() as connection:
        place = await need_complex(connection, person, complex_id)
        zone = zone_of(place.timezone)
        days = month_of(month, now.astimezone(zone).date())
        given = await coupon_views.given(connection, complex_id, days, zone)
        found = await coupon_views.issuers(connection, complex_id, given, now, zone)
    body = workbook(found, given, zone.key, lambda text: translate(person.lang, text))
    name = f"gatehouse-coupons-{days[0]:%Y-%m}.xlsx"
    return Response(body, media_type=TYPE, headers={"Content-Disposition": f'attachment; filename="{name}"'})


class _Act:
    """One act of a person."""

    def __init__(
        self, connection: AsyncConnection, house: House, person: Person, place: ComplexView, form: FormData
    ) -> None:
        self.connection, self.person, self.place, self.form = connection, person, place, form
        self.now = house.now()
        self.by = By(person.username, self.now, place.id)
        self.token = ""  # of a page that was made

    def said(self, name: str, most: int = 200) -> str:
        return field(self.form, name, most).strip()

    def count(self, name: str) -> int | None:
        text = self.said(name, 9)
        return int(text) if text.isascii() and text.isdigit() else None

    def day(self, name: str) -> date | None:
        text = self.said(name, 10)
        try:
            return date.fromisoformat(text) if text else None
        except ValueError as error:
            raise NotPossible("bad_day") from error

    def note(self, action: str, kind: str, ref: str, reason: str | None = None, **details: Any) -> None:
        on, where = Subject(kind, ref), self.place.id
        record(
            self.connection,
            self.person.actor,
            action,
            self.now,
            on=on,
            complex_id=where,
            reason=reason,
            details=details,
        )


@router.post("/{complex_id}/{what}")
async def act(request: Request, complex_id: str, what: str, person: Approving, form: Form) -> Response:
    """Add or end an issuer, allot, make a shop's page, take a coupon back, bill a month, take the cash for it."""
    house, do = house_of(request), _ACTS.get(what)
    if do is None:
        raise HTTPException(404, "no such act")
    month = field(form, "month", 7)
    back = f"/parking/coupons?{urlencode({'complex': complex_id, 'month': month})}"
    try:
        async with house.db.write(complex_id) as connection:
            place = await need_complex(connection, person, complex_id)
            done = _Act(connection, house, person, place, form)
            await do(done)
    except (NotDone, NotPossible) as error:
        return see(f"{back}&refused={error}")
    if what == "revoke":
        house.desired.ring({complex_id})
    if not done.token:
        return see(back)
    base = house.config.public_url.rstrip("/") or str(request.base_url).rstrip("/")
    url = f"{base}/coupons/{done.token}"
    return await _page(request, person, complex_id, month, link={"url": url, "qr": qr_of(url)})


async def _add(act: _Act) -> None:
    identity = await coupon_issuers.add(act.connection, act.by, act.said("name"), act.said("home"))
    act.note("coupon.issuer_added", "coupon_issuer", identity)


async def _allot(act: _Act) -> None:
    kind, until = act.said("kind", 10), act.day("until")
    if kind not in KINDS:
        raise NotPossible("bad_amount")
    today = act.now.astimezone(zone_of(act.place.timezone)).date()
    amount, counts = act.count("amount") or 0, (act.count("per_month") or 0, act.count("per_day"))
    terms = Terms(act.said("name"), cast("Any", kind), amount, *counts, act.day("from") or today, until)
    identity = await coupon_issuers.allot(act.connection, act.by, act.said("issuer", 40), terms)
    counted = {"per_month": counts[0], "per_day": counts[1]}
    act.note("coupon.allotted", "coupon_allotment", identity, None, form=kind, amount=amount, **counted)


async def _new_page(act: _Act) -> None:
    issuer = act.said("issuer", 40)
    act.token = await coupon_issuers.new_page(act.connection, act.by, issuer)
    act.note("coupon.page_made", "coupon_issuer", issuer)


async def _end_issuer(act: _Act) -> None:
    issuer, why = act.said("issuer", 40), act.said("reason")
    await coupon_issuers.end(act.connection, act.by, issuer, why)
    act.note("coupon.issuer_ended", "coupon_issuer", issuer, why)


async def _end_allotment(act: _Act) -> None:
    issuer, one, why = act.said("issuer", 40), act.said("allotment", 40), act.said("reason")
    await coupon_issuers.end(act.connection, act.by, issuer, why, one)
    act.note("coupon.allotment_ended", "coupon_allotment", one, why)


async def _revoke(act: _Act) -> None:
    one, why = act.said("coupon", 80), act.said("reason")
    if not why:
        raise NotDone("no_reason")
    if not await coupons.take_back(act.connection, act.place.id, one, act.person.username, why, act.now):
        return
    await coupons.publish(act.connection, act.place.id, act.person.username, act.now)
    act.note("coupon.revoked", "coupon", one, why)


async def _bill(act: _Act) -> None:
    issuer, month = act.said("issuer", 40), act.said("month", 7)
    fen = await merchant_bills.bill(act.connection, act.place.id, issuer, month, act.person.username, act.now)
    act.note("merchant.billed", "coupon_issuer", issuer, fen=fen, month=month)


async def _settle(act: _Act) -> None:
    """Into the till of whoever has a shift open."""
    shift = await desk.shift_of(act.connection, act.place.id, act.person.username)
    if shift is None or not act.person.may(*CLEARING):
        raise NotDone("no_shift")
    issuer, month = act.said("issuer", 40), act.said("bill", 7)
    request = re.sub(r"\W", "", act.said("request", 40)) or secrets.token_hex(8)
    if await desk.payment_of(act.connection, act.place.id, f"CASH-{request}") is not None:
        return  # a second tap
    row = await merchant_bills.settle(act.connection, shift, issuer, month, request, act.now)
    act.note("merchant.settled", "coupon_issuer", issuer, fen=row["amount_fen"], month=month, receipt=row["receipt"])


_ACTS: dict[str, Callable[[_Act], Awaitable[None]]] = {
    "issuer": _add,
    "allot": _allot,
    "page": _new_page,
    "end-issuer": _end_issuer,
    "end-allotment": _end_allotment,
    "revoke": _revoke,
    "bill": _bill,
    "settle": _settle,
}
