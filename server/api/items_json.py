"""Items for programs, as JSON: the lists as they are filtered, and one with all that was done to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from domain.items.item import Item
from domain.masking import masked_text
from server.api.item_parts import need_item
from server.api.items import PAGE, chosen_items
from server.api.noted import note
from server.api.who import Watching
from server.audit import Subject
from server.store import item_rows, item_views
from server.store.engine import stamp
from server.store.item_rows import Line
from server.store.item_views import ItemView
from server.web.answers import house_of

router = APIRouter(prefix="/api/v1/items")


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """An item as programs get it: texts without plates and long numbers, never the telephone."""

    id: str
    complex: str
    list: str
    origin: str
    category: str
    status: str
    place: str
    unit: str
    doer: str
    words: str
    pictures: tuple[str, ...]
    asked_at: datetime
    due_at: datetime
    is_late: bool
    alert: str | None = None
    done_at: datetime | None = None
    done_words: str | None = None
    done_pictures: tuple[str, ...] = ()
    over_at: datetime | None = None
    stars: int | None = None
    history: Sequence[Line] = ()


@router.get("")
async def lists(request: Request, person: Watching) -> Response:
    """The newest first; ``older`` is the next page's ``before``."""
    house = house_of(request)
    async with house.db.read() as connection:
        found = await item_views.page(connection, person.scope, chosen_items(request, person), PAGE + 1)
    shown = found[:PAGE]
    older = f"{stamp(shown[-1].item.asked.at)}~{shown[-1].id}" if len(found) > PAGE else None
    return _json({"items": [told(view, house.now()) for view in shown], "older": older})


@router.get("/{identity}")
async def one(request: Request, identity: str, person: Watching) -> Response:
    """One, with every act: who, when, what."""
    house, view = house_of(request), await need_item(request, person, identity)
    async with house.db.read() as connection:
        lines = await item_rows.lines_of(connection, identity)
    await note(request, person, "item.seen", Subject("item", identity), view.complex)
    plain = [msgspec.structs.replace(line, words=masked_text(line.words)) for line in lines]
    return _json(msgspec.structs.replace(told(view, house.now()), history=plain))


def told(view: ItemView, now: datetime) -> Told:
    item: Item = view.item
    done = item.done
    return Told(
        id=view.id,
        complex=view.complex,
        list=view.list,
        origin=item.origin,
        category=item.category,
        status=item.status,
        place=view.place,
        unit=item.unit,
        doer=item.doer,
        words=masked_text(item.asked.words),
        pictures=item.asked.pictures,
        asked_at=item.asked.at,
        due_at=item.due_at,
        is_late=view.is_late(now),
        alert=view.alert,
        done_at=done.at if done else None,
        done_words=masked_text(done.words) if done else None,
        done_pictures=done.pictures if done else (),
        over_at=item.over_at,
        stars=item.rated.stars if item.rated else None,
    )


def _json(content: object) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
