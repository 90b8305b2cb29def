"""Whether each day's records add up between a gateway and the centre: a page to read and to print."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from domain.conservation import Judged
from domain.days import date_of
from domain.statements import Untaken
from server.api.noted import note
from server.api.who import Operating, Overseeing
from server.audit import Subject
from server.auth import Person
from server.conservation import Balance
from server.gateway_auth import Gateway
from server.house import House
from server.store import gateway_views
from server.store.gateway_views import GatewayView
from server.web.answers import house_of, page, see

router = APIRouter(prefix="/gateways/{identity}/conservation")

_MOST_DAYS = 400


@router.get("")
async def conservation(request: Request, identity: str, person: Overseeing, day: str = "", all: str = "") -> Response:
    """A row a day and stream, the newest first; ``day`` for one only, ``all`` for more than the last forty."""
    house = house_of(request)
    gateway = await _gateway(house, person, identity)
    chosen = _date(day)
    found = await house.conservation.balance(Gateway(gateway.id, gateway.complex), is_full=bool(all or chosen))
    if found.broken:
        house.conservation.compare_soon(gateway.id)  # what is seen here first becomes an alert too
    told = {"day": str(chosen)} if chosen else None
    await note(request, person, "statement.seen", Subject("gateway", gateway.id), gateway.complex, details=told)
    context = {"gateway": gateway, "balance": found, "days": _days(found, chosen), "chosen": chosen, "all": bool(all)}
    return page(request, person, "conservation.html", most=_MOST_DAYS, **context)


@router.post("/ask")
async def ask(request: Request, identity: str, person: Operating) -> Response:
    """Ask the gateway for its numbers as they are now; they come with its next hello."""
    house = house_of(request)
    gateway = await _gateway(house, person, identity)
    await house.conservation.ask(gateway.id, person.actor, gateway.complex)
    return see(f"/gateways/{gateway.id}/conservation")


async def _gateway(house: House, person: Person, identity: str) -> GatewayView:
    async with house.db.read() as connection:
        found = await gateway_views.gateway_of(connection, person.scope, identity)
    if found is None:
        raise HTTPException(404, "no such gateway")
    return found


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise HTTPException(422, f"{text!r} is no date such as 2026-11-23") from error


class Day(NamedTuple):
    """A day with its streams, and with what its gateway turned away."""

    date: date
    streams: list[Judged]
    untaken: list[Untaken]


def _days(found: Balance, chosen: date | None) -> list[Day]:
    days: dict[int, Day] = {}
    for row in found.days:
        days.setdefault(row.day, Day(date_of(row.day), [], [])).streams.append(row)
    for entry in found.untaken:
        if entry.day in days:
            days[entry.day].untaken.append(entry)
    return [day for day in days.values() if chosen is None or day.date == chosen][:_MOST_DAYS]
