"""What the routes of items share: which units there are, what somebody may do to an item, a form's texts."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData

from domain.duty.plan import LEVELS
from domain.items.categories import CATEGORIES
from domain.items.item import Item
from server.api.duty_acts import UNITS
from server.api.who import ANSWERING, ROSTERING
from server.auth import Person, field
from server.items import is_of_unit
from server.store import item_views
from server.store.item_views import ItemView
from server.web.answers import house_of

EVERY_UNIT: tuple[str, ...] = (*LEVELS, *UNITS)
MOST_WORDS, MOST_PLACE = 1_000, 100


def possible(person: Person, item: Item) -> list[str]:
    """What the person may do to it as it stands, in the order of its way."""
    own, rosters = item.doer == person.username, person.may(*ROSTERING)
    takes = person.may(*ANSWERING) and is_of_unit(person.role, item.unit)
    is_other = person.username not in (*item.doers, item.asked.by)
    said = {
        "send": item.status == "asked" and rosters,
        "take": item.status == "sent" and takes,
        "finish": item.status == "taken" and own,
        "pass": item.status == "done" and rosters and is_other,
        "send_back": item.status == "done" and rosters and is_other,
        "hand_over": (item.status == "sent" and (rosters or takes)) or (item.status == "taken" and own),
        "give_back": item.status == "taken" and own,
        "refuse": item.status in ("asked", "sent") and rosters,
        "withdraw": item.status in ("asked", "sent") and item.origin != "report" and person.username == item.asked.by,
    }
    return [name for name, may in said.items() if may]


async def need_item(request: Request, person: Person, identity: str) -> ItemView:
    """Raises HTTPException 404 where the person sees no such item."""
    async with house_of(request).db.read() as connection:
        return await found_item(connection, person, identity)


async def found_item(connection: AsyncConnection, person: Person, identity: str) -> ItemView:
    view = await item_views.one(connection, person.scope, identity)
    if view is None:
        raise HTTPException(404, "no such item")
    return view


def text_in(form: FormData, name: str, most_signs: int = MOST_WORDS) -> str:
    """A text that both engines keep. Raises HTTPException 422."""
    return field(form, name, most_signs).replace("\0", "\ufffd")


def one_of(form: FormData, name: str, choices: Sequence[str]) -> str:
    """Raises HTTPException 422 for what is none of the choices."""
    chosen = field(form, name, 60)
    if chosen not in choices:
        raise HTTPException(422, f"{name}: one of {', '.join(choices)}")
    return chosen


def category_in(form: FormData) -> str:
    return one_of(form, "category", tuple(CATEGORIES))
