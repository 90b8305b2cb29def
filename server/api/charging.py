"""What charging brings: sessions of cars by their meters, e-bike sheds by their sheets, and the prices of a complex."""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from typing import Any

import msgspec
from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from domain.charging import Prices
from server.api.day_parts import need_place, today
from server.api.who import CLOSING, Accounting, Closing
from server.audit import Subject, record
from server.auth import Form, field
from server.store import day_views, place_views, upload_rows
from server.store.charging_rows import Drawn, of_day, prices_of
from server.store.device_names import names_of
from server.store.our_side import span_of, zone_of
from server.web.answers import house_of, page, see

router = APIRouter(prefix="/parking/charging")

_SHOWN = 500


@router.get("")
async def show(request: Request, person: Accounting, complex: str = "", month: str = "") -> Response:
    """A month of it."""
    async with house_of(request).db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
        if not complexes:
            return page(request, person, "charging.html", place=None, complexes=[])
        place = next((one for one in complexes if one.id == complex), complexes[0])
        first = _month(month, today(request, place))
        last = first.replace(day=monthrange(first.year, first.month)[1])
        zone, prices = await zone_of(connection, place.id), await prices_of(connection, place.id)
        drawn = await of_day(connection, place.id, span_of(first, zone)[0], span_of(last, zone)[1])
        called = await names_of(connection, {(place.id, one.session.device) for one in drawn[:_SHOWN]})
        sheds = await day_views.shed_days(connection, place.id, f"{first}", f"{last}")
    context: dict[str, Any] = {"drawn": drawn[:_SHOWN], "sums": _sums(drawn), "sheds": sheds, "prices": prices}
    context |= {
        "called": called,
        "complexes": complexes,
        "first": first,
        "most": _SHOWN,
        "may_set": person.may(*CLOSING),
    }
    return page(request, person, "charging.html", place=place, **context)


def _month(text: str, now: date) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return now.replace(day=1)


def _sums(drawn: list[Drawn]) -> dict[str, int]:
    return {
        "count": len(drawn),
        "drawn_wh": sum(one.session.drawn_wh or 0 for one in drawn),
        "energy_fen": sum(one.energy_fen for one in drawn),
        "service_fen": sum(one.service_fen for one in drawn),
        "doubts": sum(bool(one.session.doubts) for one in drawn),
    }


@router.post("/{complex_id}")
async def set_prices(request: Request, complex_id: str, person: Closing, form: Form) -> Response:
    """What a kWh costs: for the grid, and for the service."""
    await need_place(request, person, complex_id)
    house = house_of(request)
    prices = Prices(_e4(field(form, "energy", 10)), _e4(field(form, "service", 10)))
    async with house.db.write(complex_id) as connection:
        value = msgspec.to_builtins(prices)
        await upload_rows.put_setting(connection, complex_id, "charging", value, person.username, house.now())
        on = Subject("bills", "charging")
        record(connection, person.actor, "bills.settings", house.now(), on=on, complex_id=complex_id, details=value)
    return see(f"/parking/charging?complex={complex_id}")


def _e4(text: str) -> int:
    """Yuan with up to four decimals, in ten-thousandths. Raises HTTPException 422."""
    whole, _, rest = (text or "0").partition(".")
    is_number = whole.isascii() and whole.isdecimal() and (not rest or (rest.isascii() and rest.isdecimal()))
    value = int(whole) * 10_000 + int(rest.ljust(4, "0")) if is_number and len(rest) <= 4 and len(whole) <= 2 else -1
    if value < 0:
        raise HTTPException(422, f"{text!r} is no price: write yuan, with up to four decimals")
    return value
