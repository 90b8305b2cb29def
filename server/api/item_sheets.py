"""The three lists and their figures as workbooks, filtered as the page beside them; plates and long numbers masked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from fastapi import APIRouter, HTTPException, Request
from msgspec.structs import replace
from starlette.responses import Response

from domain.items.figures import Figures, by_category
from domain.items.views import LISTS
from domain.masking import masked_text
from server.api.items import chosen_items, closed_items
from server.api.noted import note
from server.api.sheet_parts import Asked, Heads, local
from server.api.who import Watching
from server.store import item_views
from server.store.engine import stamp
from server.store.item_views import ItemFilter, ItemView
from server.web.answers import house_of
from server.web.languages import N_, translate
from server.web.sheets import MOST_ROWS, Column, Row, as_download, sheet

router = APIRouter(prefix="/items/sheets")

_AT_ONCE = 500
_FIGURES = "figures"
_ITEMS: Heads = (
    (N_("编号"), "text"),
    (N_("小区"), "text"),
    (N_("哪里"), "text"),
    (N_("类别"), "text"),
    (N_("来源"), "text"),
    (N_("什么事"), "text"),
    (N_("状态"), "text"),
    (N_("单位"), "text"),
    (N_("谁在办"), "text"),
    (N_("提出"), "time"),
    (N_("期限"), "time"),
    (N_("办完"), "time"),
    (N_("超期"), "text"),
    (N_("评价"), "number"),
)
_NUMBERS: Heads = (
    (N_("类别"), "text"),
    (N_("已办结"), "number"),
    (N_("平均小时"), "text"),
    (N_("中位小时"), "text"),
    (N_("九成在几小时内"), "text"),
    (N_("按时"), "number"),
    (N_("超期"), "number"),
    (N_("评价"), "text"),
)


@router.get("/{name}.xlsx")
async def take(request: Request, name: str, person: Watching) -> Response:
    """A list as it is filtered, or how long closed items took."""
    if name not in (*LISTS, _FIGURES):
        raise HTTPException(404, "no such table")
    await note(request, person, "sheet.taken", details={"sheet": f"items-{name}"})
    async with house_of(request).db.read() as connection:
        asked = Asked(request, connection, person)
        heads, rows = (_NUMBERS, _numbers(asked)) if name == _FIGURES else (_ITEMS, _items(asked, name))
        columns = [Column(translate(person.lang, title), kind) for title, kind in heads]
        title = N_("办理时长") if name == _FIGURES else asked.word("item_list", name)
        file = await sheet(translate(person.lang, title), columns, rows)
    return as_download(file, f"gatehouse-{name}.xlsx")


async def _items(asked: Asked, name: str) -> AsyncIterator[Row]:
    chosen: ItemFilter = replace(
        chosen_items(asked.request, asked.person), list=next(one for one in LISTS if one == name)
    )
    now = house_of(asked.request).now()
    for _ in range(0, MOST_ROWS, _AT_ONCE):
        found = await item_views.page(asked.connection, asked.person.scope, chosen, _AT_ONCE)
        for view in found:
            yield _row(asked, view, now)
        if len(found) < _AT_ONCE:
            return
        chosen = replace(chosen, before=(stamp(found[-1].item.asked.at), found[-1].id))


def _row(asked: Asked, view: ItemView, now: datetime) -> Row:
    item, zone = view.item, view.timezone
    said = (asked.word("item_category", item.category), asked.word("item_origin", item.origin))
    stands = (asked.word("item_status", item.status), asked.word("desk", item.unit) if item.unit else "", item.doer)
    done = item.done.at if item.done else None
    times = (local(item.asked.at, zone), local(item.due_at, zone), local(done, zone))
    late = translate(asked.person.lang, N_("超期")) if view.is_late(now) else ""
    words, stars = masked_text(item.asked.words), item.rated.stars if item.rated else None
    return (view.id, view.complex_name or view.complex, view.place, *said, words, *stands, *times, late, stars)


async def _numbers(asked: Asked) -> AsyncIterator[Row]:
    closed = await closed_items(asked.request, asked.connection, asked.person)
    for name, one in by_category(closed):
        title = asked.word("item_category", name) if name else translate(asked.person.lang, N_("全部"))
        yield (title, one.closed, *_hours(one), one.on_time, one.late, _tenths(one.stars))


def _hours(one: Figures) -> tuple[str, str, str]:
    return _tenths(one.average_h), _tenths(one.median_h), _tenths(one.p90_h)


def _tenths(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
