"""The tariff of a complex: what is in force, what it was, what is to come, and how two versions differ."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.responses import Response

from domain.tariff import LotTariff, Tariff
from server import tariffs
from server.api.resident_import import need_place
from server.api.who import TARIFFING, Accounting, Tariffing
from server.auth import Form, field
from server.store import reach_views, tariff_rows
from server.store.place_views import ComplexView
from server.store.resident_rows import NotPossible
from server.store.tariff_rows import Text, VersionView
from server.tariff_check import examine
from server.web.answers import house_of, page, see
from server.web.formats import zone_of
from server.web.languages import N_, translate
from server.web.tariff_templates import STARTS
from server.web.tariff_view import EXAMPLE_NAMES, classes, difference, in_force

router = APIRouter(prefix="/complexes/{complex_id}/tariff")

_MOST = 2**31 - 1
# Why something was not done, by the word of the refusal.
REFUSED = {
    "not_so": N_("这个版本已经不是刚才的状态了。请看一看现在的样子。"),
    "too_many_drafts": N_("草稿太多了。请先作废几份。"),
    "changed_meanwhile": N_("这期间别人改了草稿。下面是你写的，还没有保存：请对照后再保存。"),
    "date_passed": N_("生效时间已经过去了。请退回，改一个以后的时间，再提交。"),
    "date_taken": N_("已经有一个版本在同一时刻生效。请换一个时间。"),
    "same_person": N_("提交的人不能自己发布。请另一位有权限的人来看。"),
    "in_force": N_("已经生效的版本不能作废。请起草新版本。"),
    "not_sound": N_("还有错误没有改正，不能提交。"),
    "split_looks_back": N_("有连续时段封顶、或按天限次数的免费时长时，不能在生效时刻分开计费。"),
    "bad_since": N_("生效时间没有写对。"),
    "too_long": N_("文字太长了。"),
    "no_reason": N_("请写明原因。"),
}
Number = Annotated[int, Query(ge=0, le=_MOST)]


@router.get("")
async def overview(request: Request, complex_id: str, person: Accounting, refused: str = "") -> Response:
    """What is in force, in words and in examples; all versions; which gateways have them."""
    house, place = house_of(request), await need_place(request, person, complex_id)
    now = house.now()
    async with house.db.read() as connection:
        lot = await house.lots.one(connection, complex_id)
        rows = await tariff_rows.versions(connection, complex_id)
        reach = await reach_views.reach(connection, complex_id, tariffs.KIND)
        newest = await reach_views.newest(connection, complex_id, tariffs.KIND)
    current = in_force(lot, now)
    speak, today = partial(translate, person.lang), now.astimezone(zone_of(place.timezone)).date()
    shown = classes(current.tariff, None, today, (), speak) if current else []
    context: dict[str, Any] = {"place": place, "rows": rows, "current": current, "classes": shown}
    context |= {"row": row_of(rows, current), "reach": reach, "newest": newest, "starts": STARTS}
    context |= {"names": EXAMPLE_NAMES, "may": person.may(*TARIFFING), "is_compared": False}
    return page(request, person, "tariff.html", refused=REFUSED.get(refused, ""), **context)


def row_of(rows: Sequence[VersionView], lot: LotTariff | None) -> VersionView | None:
    """The version that a tariff is; None for the file of server.toml."""
    published = (row for row in rows if row.state == "published")
    return None if lot is None else next((row for row in published if row.since == lot.since), None)


@router.post("/new")
async def begin(request: Request, complex_id: str, person: Tariffing, form: Form) -> Response:
    """A draft: from one of the usual plans, from what is in force, or from another version."""
    place = await need_place(request, person, complex_id)
    said = await _beginning(request, place, field(form, "from", 20))
    try:
        number = await tariffs.draft(house_of(request), person.actor, complex_id, said)
    except NotPossible as error:
        return see(f"/complexes/{complex_id}/tariff?refused={error.reason}")
    return see(f"/complexes/{complex_id}/tariff/{number}")


async def _beginning(request: Request, place: ComplexView, start: str) -> Text:
    if start in STARTS:
        return Text(STARTS[start].body, STARTS[start].words)
    house = house_of(request)
    async with house.db.read() as connection:
        rows = await tariff_rows.versions(connection, place.id)
        lot = in_force(await house.lots.one(connection, place.id), house.now())
    row = next((row for row in rows if str(row.number) == start), None) if start != "current" else row_of(rows, lot)
    if row is not None:
        return Text(row.body, row.words, row.default_class, row.change)
    if start == "current" and lot is not None:
        return Text(_file_of(request, place.id), "", lot.default)
    raise HTTPException(422, "from: no such beginning")


def _file_of(request: Request, complex_id: str) -> str:
    """The file of server.toml as it stands."""
    house = house_of(request)
    named: list[Path] = [house.folder / one.tariff for one in house.config.complexes if one.id == complex_id]
    return named[0].read_text(encoding="utf-8-sig")[: tariff_rows.MOST_BODY]


@router.get("/compare")
async def compare(request: Request, complex_id: str, person: Accounting, a: Number = 0, b: Number = 0) -> Response:
    """Any two versions: what changes in words, and what stays come to; 0: the file of server.toml."""
    house, place = house_of(request), await need_place(request, person, complex_id)
    async with house.db.read() as connection:
        rows = await tariff_rows.versions(connection, complex_id)
    readable = {row.number: found for row in rows if (found := tariff_in(row)) is not None}
    if complex_id in house.lots.files:
        readable[0] = house.lots.files[complex_id].tariff
    speak, today = partial(translate, person.lang), house.now().astimezone(zone_of(place.timezone)).date()
    old, new = readable.get(a), readable.get(b)
    context: dict[str, Any] = {"place": place, "numbers": sorted(readable), "a": a, "b": b, "names": EXAMPLE_NAMES}
    if old is not None and new is not None:
        context |= {"lines": difference(old, new, speak), "classes": classes(new, old, today, (), speak)}
    else:
        context |= {"lines": [], "classes": []}
    return page(request, person, "tariff_compare.html", is_compared=True, may=person.may(*TARIFFING), **context)


def tariff_in(row: VersionView) -> Tariff | None:
    """The plans of a version; None where its draft cannot be read."""
    return examine(row.body).tariff
