"""The driver's page: scan the code at the lane or on the wall, see what is due and why, pay, leave in time.

Nobody signs in. A stranger who types a plate learns no more than what paying for it needs, and not often.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import JSONResponse, Response

from domain.plates import PROVINCES, canonical, classify
from server.auth import Form, address_of, check_origin, field, public
from server.books.quotes import Quote
from server.few import Few
from server.payments.desk import NoChannel, NothingDue
from server.payments.provider import Channel, ProviderAway, ProviderRefused, Way
from server.store import pay_code_rows, payment_rows
from server.store.engine import stamp, unstamp
from server.store.lane_settings import grace_of
from server.web.answers import house_of, open_page, see
from server.web.languages import N_
from server.web.qr import qr_of

router = APIRouter(prefix="/pay", dependencies=[Depends(public)])

Row = Mapping[str, Any]
# What the page's own keyboard has: what plates begin with, and what comes then.
KEYS = {
    "first": [*PROVINCES, "使", "民", "WJ"],
    "then": [*"1234567890", *"ABCDEFGHJKLMN", *"PQRSTUVWXYZO", *"港澳学警挂领试使航"],
    "example": "粤B12345",
}
_STANDS = timedelta(minutes=15)
_SILENT = timedelta(minutes=3)
_asking = Few(most=240, within_s=60.0)  # pages of one address: a page that waits asks every two seconds
_typing = Few(most=15, within_s=600.0)  # plates of one address
_of_plate = Few(most=30, within_s=3_600.0)  # whoever types it
REFUSED = {
    "bad_plate": N_("车牌不完整：省份、字母，再加 5 位或 6 位（新能源）。"),
    "not_inside": N_("没有找到这辆车的在场记录。请核对车牌；没有入场记录请联系管理处。"),
    "away": N_("支付渠道暂时没有应答，请稍后再试，或换一种支付方式。"),
    "no_channel": N_("这里不能用这种方式支付，请换一种。"),
    "too_many": N_("查询太频繁，请过几分钟再试。"),
}


@router.get("/{code}")
async def begin(request: Request, code: str, refused: str = "", typed: str = "") -> Response:
    """At an exit the car that waits there; else the plate is typed."""
    _not_too_often(request)
    house = house_of(request)
    async with house.db.read() as connection:
        found = await _code(connection, code)
        session = await _at_the_lane(connection, found, house.now()) if not (refused or typed) else None
    if session is not None:
        return await _stay(request, found, session, at_lane=True)
    return _entry(request, found, refused)


def _entry(request: Request, found: Row, refused: str) -> Response:
    words = REFUSED.get(refused, "")
    return open_page(request, "pay.html", 200, code=found["code"], place=found, keys=KEYS, refused=words)


async def _at_the_lane(connection: AsyncConnection, found: Row, now: datetime) -> str | None:
    """The stay of the car that this lane's gateway asks to pay just now."""
    car = await payment_rows.lane(connection, found["complex"], found["lane"]) if found["lane"] else None
    if car is None or not car["plate"] or car["at"] < stamp(now - _STANDS):
        return None
    return await payment_rows.inside(connection, found["complex"], car["plate"])


@router.post("/{code}")
async def look(request: Request, code: str, form: Form) -> Response:
    """The stay of the plate that was typed; of one that is not inside, the newest by which it owes."""
    check_origin(request)
    house, now = house_of(request), house_of(request).now()
    plate = canonical(field(form, "plate", 16))
    if classify(plate) is None:
        return see(f"/pay/{code}?refused=bad_plate")
    if not (_typing.may(address_of(request) or "", now) and _of_plate.may(plate, now)):
        return see(f"/pay/{code}?refused=too_many")
    async with house.db.read() as connection:
        found = await _code(connection, code)
        session = await payment_rows.inside(connection, found["complex"], plate)
        owed = await payment_rows.debts_of(connection, found["complex"], plate)
    session = session or next(reversed(owed), None)
    return see(f"/pay/{code}/{session}" if session else f"/pay/{code}?refused=not_inside")


@router.get("/{code}/{session}")
async def stay(request: Request, code: str, session: str, refused: str = "") -> Response:
    """What is due, line by line, and how it can be paid."""
    _not_too_often(request)
    async with house_of(request).db.read() as connection:
        found = await _code(connection, code)
    return await _stay(request, found, session, refused)


async def _stay(request: Request, found: Row, session: str, refused: str = "", *, at_lane: bool = False) -> Response:
    house = house_of(request)
    looked = await house.desk.look(found["complex"], session)
    if looked is None:
        raise HTTPException(404, "no such stay")
    row, quote = looked
    async with house.db.read() as connection:
        heard = await pay_code_rows.heard_at(connection, found["complex"])
    # Whoever scans the code of an exit sees who stands there: of that car nothing more than this stay.
    others = [] if at_lane else await house.desk.others(row)
    silent = heard is None or heard < stamp(house.now() - _SILENT)
    channels = _channels(request, house.desk.calls.channels_of(found["complex"]))
    context = {"stay": _shown(row, quote), "quote": quote, "channels": channels, "silent": silent, "at_lane": at_lane}
    context |= {"others": others, "others_fen": sum(one.payable_fen for one in others)}
    is_inside = "MicroMessenger" in request.headers.get("user-agent", "")
    context["inside"] = is_inside and house.desk.calls.login_for(found["complex"]) is not None
    words = REFUSED.get(refused, "")
    return open_page(request, "pay_stay.html", 200, code=found["code"], place=found, refused=words, **context)


def _shown(row: Row, quote: Quote) -> dict[str, Any]:
    """Only what paying needs: no lane, no picture, no stay that is paid, and of the plate both ends."""
    entered_at = unstamp(row["entered_at"]) if row["entered_at"] else None
    lasted = (quote.exited_at or quote.at) - entered_at if entered_at else timedelta()
    said = {"id": row["id"], "plate": row["plate"], "entered_at": entered_at, "exited_at": quote.exited_at}
    return {**said, "lasted": max(lasted, timedelta())}


def _channels(request: Request, there: list[Channel]) -> list[Channel]:
    """In a provider's own browser only that one; else all."""
    agent = request.headers.get("user-agent", "")
    inside: Channel | None = "wechat" if "MicroMessenger" in agent else "alipay" if "AlipayClient" in agent else None
    return [inside] if inside in there else there


@router.post("/{code}/{session}")
async def ask(request: Request, code: str, session: str, form: Form) -> Response:
    """An order at the chosen provider, and the page that leads there."""
    check_origin(request)
    _not_too_often(request)
    house = house_of(request)
    async with house.db.read() as connection:
        found = await _code(connection, code)
    chosen = field(form, "channel", 10)
    channel: Channel = "alipay" if chosen == "alipay" else "wechat"
    here = f"/pay/{found['code']}/{session}"
    where = (found["complex"], session)
    back = f"{house.config.public_url.rstrip('/')}{here}/ORDER"
    more = {"lane": found["lane"], "address": address_of(request) or "127.0.0.1", "back_url": back}
    try:
        number = await house.desk.ask(*where, channel, _way(request), **more)
    except NothingDue:
        return see(here)
    except NoChannel:
        return see(f"{here}?refused=no_channel")
    except (ProviderAway, ProviderRefused):
        return see(f"{here}?refused=away")
    return see(f"{here}/{number}")


def _way(request: Request) -> Way:
    """A phone goes to the provider's page; a desk shows a code for a phone."""
    agent = request.headers.get("user-agent", "")
    return "page" if any(word in agent for word in ("Mobile", "Android", "iPhone", "AlipayClient")) else "code"


@router.get("/{code}/{session}/inside")
async def ask_inside(request: Request, code: str, session: str) -> Response:
    """Inside WeChat: who looks is asked of WeChat, and comes back with a code for the order that only they can pay.

    A link and no form, because the policy lets no form lead elsewhere; asked twice it is the same order.
    """
    _not_too_often(request)
    house = house_of(request)
    async with house.db.read() as connection:
        found = await _code(connection, code)
    here = f"/pay/{found['code']}/{session}"
    login, given = house.desk.calls.login_for(found["complex"]), request.query_params.get("code", "")
    if login is None:
        return see(f"{here}?refused=no_channel")
    if not given:
        return see(login.begin(f"{house.config.public_url.rstrip('/')}{here}/inside"))
    try:
        payer = await house.desk.calls.run(lambda: login.who(given[:200]))
        number = await house.desk.ask(found["complex"], session, "wechat", "inside", lane=found["lane"], payer=payer)
    except NothingDue:
        return see(here)
    except (NoChannel, ProviderAway, ProviderRefused):
        return see(f"{here}?refused=away")
    return see(f"{here}/{number}")


@router.get("/{code}/{session}/{number}")
async def order(request: Request, code: str, session: str, number: str) -> Response:
    """Where to pay; once it is paid, the receipt and until when to leave."""
    _not_too_often(request)
    async with house_of(request).db.read() as connection:
        found = await _code(connection, code)
        row = await _order(connection, found, session, number)
        stay = await payment_rows.stay(connection, found["complex"], session)
        grace = await grace_of(connection, found["complex"])
    if stay is None:
        raise HTTPException(404, "no such stay")
    quoted_at = unstamp(row["quoted_at"])
    others = await house_of(request).desk.others(stay) if row["status"] == "paid" else []
    times: dict[str, Any] = {"until": quoted_at + grace, "paid_at": unstamp(row["paid_at"]) if row["paid_at"] else None}
    qr = qr_of(row["url"]) if row["url"] and row["way"] == "code" and row["status"] == "pending" else ""
    context = {"order": row, "plate": stay["plate"], "left": stay["state"] != "inside", "qr": qr, **times}
    context |= {"others": others, "others_fen": sum(one.payable_fen for one in others)}
    return open_page(request, "pay_order.html", 200, code=found["code"], place=found, session=session, **context)


@router.get("/{code}/{session}/{number}/state")
async def state(request: Request, code: str, session: str, number: str) -> Response:
    """For the page that waits."""
    _not_too_often(request)
    async with house_of(request).db.read() as connection:
        row = await _order(connection, await _code(connection, code), session, number)
    return JSONResponse({"state": row["status"]})


async def _order(connection: AsyncConnection, found: Row, session: str, number: str) -> Row:
    """Raises HTTPException 404."""
    row = await payment_rows.by_number(connection, number)
    if row is None or (row["complex"], row["session"]) != (found["complex"], session):
        raise HTTPException(404, "no such order")
    return row


async def _code(connection: AsyncConnection, code: str) -> Row:
    """Raises HTTPException 404."""
    found = await pay_code_rows.find(connection, code)
    if found is None:
        raise HTTPException(404, "no such code")
    return found


def _not_too_often(request: Request) -> None:
    """Raises HTTPException 429."""
    if not _asking.may(address_of(request) or "", house_of(request).now()):
        raise HTTPException(429, "too many requests: come again in a minute")
