"""The page by which a shop, or a household, gives coupons to cars inside: without an account, by a secret address."""

from __future__ import annotations

import re
import secrets
from typing import Any
from urllib.parse import quote

import segno
from fastapi import APIRouter, Depends, HTTPException, Request
from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from domain.plates import canonical
from server.audit import Actor, Subject, nobody, record
from server.auth import Form, address_of, check_origin, field, public
from server.books import coupons
from server.books.desk import NotDone
from server.few import Few
from server.store import coupon_issuers, coupon_views, visitor_rows
from server.store.coupon_issuers import Issuer
from server.store.coupon_views import Given
from server.web.answers import house_of, open_page, see
from server.web.formats import zone_of
from server.web.languages import N_

router = APIRouter(dependencies=[Depends(public)])

SHOP, HOME = "/coupons", "/visit"
REFUSED = {
    "too_many": N_("查得太多了，请过一分钟再试。"),
    "few_signs": N_("请至少输入车牌的四位。"),
    "no_car": N_("没有这样的车在场。"),
    "not_open": N_("这种停车券现在不能发。"),
    "not_inside": N_("这辆车已经不在场。"),
    "given": N_("这次停车已经发过一张。"),
    "enough": N_("这次停车的券已经够多了。"),
    "paid": N_("这辆车已经付款，券用不上了。"),
    "used_up": N_("这种停车券今天或本月已经发完。"),
    "too_late": N_("只能在十分钟内撤回。请找管理处。"),
    "no_coupon": N_("没有这张券。"),
}
_asking = Few(most=60, within_s=60.0)  # requests of one address: nobody tries tokens
_looking = Few(most=20, within_s=60.0)  # plates that one issuer looks for: nobody learns who is here


@router.get("/coupons/{token}")
async def shop(request: Request, token: str, refused: str = "") -> Response:
    """A shop's own page."""
    return await _show(request, SHOP, token, refused)


@router.get("/visit/{token}/coupons")
async def home(request: Request, token: str, refused: str = "") -> Response:
    """A household's, by its visitors' link."""
    return await _show(request, HOME, token, refused)


@router.post("/coupons/{token}")
async def find_at_shop(request: Request, token: str, form: Form) -> Response:
    """Cars inside whose plates have the signs that were typed; nothing is changed."""
    return await _find(request, SHOP, token, field(form, "plate", 16))


@router.post("/visit/{token}/coupons")
async def find_at_home(request: Request, token: str, form: Form) -> Response:
    """The same, for a household."""
    return await _find(request, HOME, token, field(form, "plate", 16))


@router.post("/coupons/{token}/give")
async def give_at_shop(request: Request, token: str, form: Form) -> Response:
    """One coupon to one car."""
    return await _give(request, SHOP, token, form)


@router.post("/visit/{token}/coupons/give")
async def give_at_home(request: Request, token: str, form: Form) -> Response:
    """The same, for a household."""
    return await _give(request, HOME, token, form)


@router.post("/coupons/{token}/undo")
async def undo_at_shop(request: Request, token: str, form: Form) -> Response:
    """Take one back, within minutes and before the car pays."""
    return await _undo(request, SHOP, token, form)


@router.post("/visit/{token}/coupons/undo")
async def undo_at_home(request: Request, token: str, form: Form) -> Response:
    """The same, for a household."""
    return await _undo(request, HOME, token, form)


def _path(where: str, token: str) -> str:
    return f"{where}/{quote(token, safe='')}{'/coupons' if where == HOME else ''}"


async def _show(
    request: Request, where: str, token: str, refused: str = "", cars: list[dict[str, Any]] | None = None
) -> Response:
    _not_too_often(request)
    house, now = house_of(request), house_of(request).now()
    async with house.db.read() as connection:
        issuer = await _issuer(connection, request, where, token)
        if issuer is None:
            return open_page(request, "coupon_shop.html", 410, issuer=None)
        zone = zone_of(issuer.timezone)
        today = now.astimezone(zone).date()
        offers = await coupon_views.offers(connection, issuer.complex, now, zone, issuer.id)
        days = (today, coupon_views.day_after(today))
        given = await coupon_views.given(connection, issuer.complex, days, zone, issuer.id, coupon_views.MOST_SHOWN)
    shown: dict[str, Any] = {"offers": [one for one in offers if one.is_open], "given": given, "cars": cars}
    may_undo = {one.id for one in given if _may_undo(one, now)}
    words: dict[str, Any] = {
        "refused": REFUSED.get(refused, ""),
        "once": secrets.token_hex(8),
        "at": _path(where, token),
    }
    return open_page(request, "coupon_shop.html", issuer=issuer, may_undo=may_undo, **shown, **words)


def _may_undo(one: Given, now: Any) -> bool:
    return one.state in ("given", "returned") and now <= one.given_at + coupons.UNDO_WITHIN


async def _issuer(connection: AsyncConnection, request: Request, where: str, token: str) -> Issuer | None:
    if where == SHOP:
        return await coupon_issuers.by_token(connection, token)
    link = await visitor_rows.open_link(connection, token, house_of(request).now())
    return await coupon_issuers.of_household(connection, link.complex, link.household) if link else None


async def _need(connection: AsyncConnection, request: Request, where: str, token: str) -> Issuer:
    """Raises HTTPException 404."""
    found = await _issuer(connection, request, where, token)
    if found is None:
        raise HTTPException(404, "no such page")
    return found


async def _find(request: Request, where: str, token: str, typed: str) -> Response:
    check_origin(request)
    _not_too_often(request)
    signs, house = canonical(typed) or re.sub(r"\W", "", typed).upper(), house_of(request)
    async with house.db.read() as connection:
        issuer = await _need(connection, request, where, token)
        if not _looking.may(issuer.id, house.now()):
            return see(f"{_path(where, token)}?refused=too_many")
        cars = await coupon_views.cars(connection, issuer.complex, signs)
    if not cars:
        return see(f"{_path(where, token)}?refused={'few_signs' if len(signs) < 4 else 'no_car'}")
    return await _show(request, where, token, cars=cars)


async def _give(request: Request, where: str, token: str, form: Form) -> Response:
    check_origin(request)
    _not_too_often(request)
    house, now = house_of(request), house_of(request).now()
    identity = re.sub(r"\W", "", field(form, "request", 40)) or secrets.token_hex(8)
    async with house.db.read() as connection:
        issuer = await _need(connection, request, where, token)
    try:
        async with house.db.write(issuer.complex) as connection:
            offers = await coupon_views.offers(connection, issuer.complex, now, zone_of(issuer.timezone), issuer.id)
            chosen = next((one.of for one in offers if one.of.id == field(form, "allotment", 40)), None)
            if chosen is None:
                raise NotDone("not_open")
            stay, by = field(form, "session", 64), _actor(request, issuer)
            if await coupons.give(connection, chosen, stay, identity, issuer.name, now):
                await coupons.publish(connection, issuer.complex, issuer.name, now)
                _note(connection, by, "coupon.given", identity, issuer, now)
    except NotDone as error:
        return see(f"{_path(where, token)}?refused={error}")
    house.desired.ring({issuer.complex})
    return see(_path(where, token))


async def _undo(request: Request, where: str, token: str, form: Form) -> Response:
    check_origin(request)
    _not_too_often(request)
    house, now = house_of(request), house_of(request).now()
    async with house.db.read() as connection:
        issuer = await _need(connection, request, where, token)
    try:
        async with house.db.write(issuer.complex) as connection:
            one = field(form, "coupon", 80)
            if await coupons.take_back(connection, issuer.complex, one, issuer.name, "", now, issuer.id):
                await coupons.publish(connection, issuer.complex, issuer.name, now)
                _note(connection, _actor(request, issuer), "coupon.undone", one, issuer, now)
    except NotDone as error:
        return see(f"{_path(where, token)}?refused={error}")
    house.desired.ring({issuer.complex})
    return see(_path(where, token))


def _note(connection: AsyncConnection, by: Actor, action: str, coupon: str, issuer: Issuer, now: Any) -> None:
    details = {"issuer": issuer.id}
    record(connection, by, action, now, on=Subject("coupon", coupon), complex_id=issuer.complex, details=details)


def _actor(request: Request, issuer: Issuer) -> Actor:
    return nobody(address_of(request), f"coupon page {issuer.id}")


def _not_too_often(request: Request) -> None:
    """Raises HTTPException 429."""
    if not _asking.may(address_of(request) or "", house_of(request).now()):
        raise HTTPException(429, "too many requests: come again in a minute")


def qr_of(text: str) -> Markup:
    """An SVG of paths and attributes alone: the policy lets no style stand in a page."""
    made = segno.make(text, error="m", micro=False)
    return Markup(made.svg_inline(scale=6, dark="#000", light="#fff", svgclass="qr", omitsize=True))  # noqa: S704
