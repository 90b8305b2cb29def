"""The plan of a complex to look at: its doors, lanes and devices where they are, and how each stands now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from domain.ids import content_name
from domain.site_layout import HEIGHT, WIDTH, Shape, lay_out
from server.api.alerts import LIVE_DAYS
from server.api.gateways import SILENT_AFTER
from server.api.places import found_place
from server.api.who import OPERATING, OVERSEEING, Watching
from server.store import area_views, live_rows, pin_rows, plan_marks, plan_rows, plan_things
from server.store.area_views import PartView
from server.store.pin_rows import Pin
from server.store.plan_marks import Mark
from server.store.plan_rows import DRAWN, SitePlan
from server.store.plan_things import Spot, Thing
from server.web.answers import house_of, page
from server.web.languages import N_

router = APIRouter(prefix="/complexes")

FIRST_NAME = N_("总平面图")  # of the plan that stands for none, until somebody names it
LEGEND = ("closed", "open", "forced", "held", "offline", "here", "unknown")
# Why something was not done, by the word of the refusal, and what to do.
REFUSED = {
    "empty": N_("没有选择图片。请选择一个 PNG、JPEG 或 WebP 文件。"),
    "too_large": N_("图片超过 8 MB。请缩小，或另存为 JPEG。"),
    "svg": N_("不接受 SVG，里面可能有脚本。请导出为 PNG 再上传。"),
    "not_picture": N_("这不是 PNG、JPEG 或 WebP 图片。请用看图软件另存为 PNG；PDF 和 CAD 图请先导出为图片。"),
    "too_many_pixels": N_("图片太大：最多 4000 万像素，每边最多 12000。请缩小后再上传。"),
    "too_small": N_("图片太小：每边至少 200 像素。请上传清楚一些的。"),
    "moving": N_("这是动图。请另存为一张静止的图片。"),
    "two_files": N_("图片里还藏着别的文件，没有接受。请用看图软件打开，另存为新的 PNG 再上传。"),
    "damaged": N_("图片已损坏，读不完整。请重新导出或重新拍一张。"),
    "media_away": N_("图片存储现在用不了，什么也没有改。请过一会儿再试，或请管理员运行 doctor。"),
    "bad_name": N_("名称要有 1 到 100 个可显示的字符。"),
    "bad_rank": N_("顺序要是 0 到 9999 的整数。"),
    "bad_spot": N_("位置要是 0 到 1000 的整数：从左、从上各占千分之几。"),
    "no_building": N_("没有这栋楼。请先在地点里添加。"),
    "no_plan": N_("这张平面图已经不在了。"),
    "no_thing": N_("没有这个门、车道或设备。请先把它写进设备清单。"),
    "too_many_plans": N_("平面图已经够多了。请删除不用的，30 天后就腾出位置。"),
    "too_many_pins": N_("这张图上的标记已经够多了。请分成几张图。"),
}


class Placed(NamedTuple):
    """A pin as it is shown: where, what it is and how it stands, and where a click leads."""

    pin: Pin
    mark: Mark
    href: str
    is_sought: bool = False

    @property
    def id(self) -> str:
        return pin_id(self.pin.device, self.pin.point)

    @property
    def left(self) -> str:
        return f"{self.pin.x / 10:g}%"

    @property
    def top(self) -> str:
        return f"{self.pin.y / 10:g}%"


class Loose(NamedTuple):
    """What is not on the plan, and where it would be put first."""

    mark: Mark
    href: str
    start: tuple[int, int]
    is_sought: bool = False


class Seen(NamedTuple):
    """What a plan's page is made of, in one snapshot: from ``position`` its stream goes on."""

    position: int
    plans: Sequence[SitePlan]
    pins: Sequence[Pin]
    things: Sequence[Thing]
    known: plan_marks.Known
    silent: Sequence[tuple[str, datetime | None]]
    buildings: Sequence[PartView]
    gates: Sequence[PartView]

    def shapes(self) -> list[Shape]:
        """The schematic: of the buildings, or of the places that devices name."""
        named = [one.name for one in self.buildings] or sorted({one.place for one in self.things if one.place})
        return lay_out(named, [one.name for one in self.gates])


async def _seen(connection: AsyncConnection, complex_id: str, now: datetime) -> Seen:
    _, position = await live_rows.ends(connection)
    return Seen(
        position,
        await plan_rows.plans_of(connection, complex_id),
        await pin_rows.pins_of(connection, complex_id),
        await plan_things.things_of(connection, complex_id),
        await plan_marks.known_of(connection, complex_id, now - timedelta(days=LIVE_DAYS)),
        await plan_marks.silent_gateways(connection, complex_id, now, SILENT_AFTER),
        await area_views.buildings(connection, complex_id),
        await area_views.gates(connection, complex_id),
    )


def pin_id(device: str, point: str) -> str:
    """The element of a pin, the same each time the page is made."""
    return f"pin-{content_name(f'{device} {point}'.encode())[:12]}"


@router.get("/{complex_id}/plan")
async def plan_page(
    request: Request,
    complex_id: str,
    person: Watching,
    plan: str = "",
    edit: str = "",
    device: str = "",
    point: str = "",
    refused: str = "",
) -> Response:
    """One plan with its pins; ``device`` and ``point`` are looked for on it, as an alert names them."""
    house = house_of(request)
    now, may_edit = house.now(), person.may(*OPERATING)
    async with house.db.read() as connection:
        place = await found_place(connection, person, complex_id)
        seen = await _seen(connection, complex_id, now)
    sought = _sought(seen.things, device, point) if device else None
    kept = [one for one in seen.plans if one.removed_at is None] or [SitePlan(DRAWN, complex_id, FIRST_NAME)]
    shown = _chosen(kept, seen.pins, plan, sought)
    shapes = seen.shapes()
    is_editing = may_edit and bool(edit)
    on_plan = _placed(shown, seen.pins, seen.things, seen.known, sought)
    on_any = {(one.device, one.point) for one in seen.pins if not is_editing or one.plan == shown.id}
    loose = [one for one in plan_marks.marks(seen.things, seen.known) if one.thing.key not in on_any]
    return page(
        request,
        person,
        "plan.html",
        place=place,
        plans=kept,
        removed=[one for one in seen.plans if one.removed_at is not None] if is_editing else [],
        shown=shown,
        is_drawn=shown.picture is None,
        drawing=(WIDTH, HEIGHT, shapes),
        on_plan=on_plan,
        loose=[
            Loose(one, _href(complex_id, one), _start(shown, shapes, one.thing), one.thing is sought) for one in loose
        ],
        elsewhere={(one.device, one.point) for one in seen.pins if one.plan != shown.id},
        sought=sought,
        is_lost=bool(device) and not any(one.is_sought for one in on_plan),
        silent=seen.silent,
        buildings=seen.buildings,
        position=seen.position,
        legend=LEGEND,
        is_editing=is_editing,
        may_edit=may_edit,
        may_oversee=person.may(*OVERSEEING),
        refused=REFUSED.get(refused, ""),
    )


def _sought(things: Sequence[Thing], device: str, point: str) -> Thing | None:
    """The thing of this very name; else the door, the lane, or the device that is meant by it."""
    exact = (one for one in things if one.key == (device, point) or (device, point) in one.spots)
    return next(exact, None) or next((one for one in things if one.is_meant(device, point)), None)


def _chosen(kept: Sequence[SitePlan], pins: Sequence[Pin], plan: str, sought: Thing | None) -> SitePlan:
    """The plan that is asked for; else one on which what is sought is pinned; else the first."""
    if plan and plan != DRAWN:
        found = next((one for one in kept if one.id == plan), None)
        if found is None:
            raise HTTPException(404, "no such plan")
        return found
    on = {one.plan for one in pins if sought is not None and (one.device, one.point) == sought.key}
    return next((one for one in kept if one.id in on), kept[0])


def _placed(
    shown: SitePlan, pins: Sequence[Pin], things: Sequence[Thing], known: plan_marks.Known, sought: Thing | None
) -> list[Placed]:
    """What is pinned there, first what wants looking at; also what no document names any more, to be taken off."""
    by_key: dict[Spot, Thing] = {one.key: one for one in things}
    here = [pin for pin in pins if pin.plan == shown.id]
    named = [by_key.get((pin.device, pin.point)) or _gone(pin) for pin in here]
    found = zip(here, plan_marks.marks(named, known), strict=True)
    placed = [Placed(pin, mark, _href(shown.complex, mark), mark.thing is sought) for pin, mark in found]
    return sorted(placed, key=lambda one: one.mark.order)


def _gone(pin: Pin) -> Thing:
    return Thing("gone", pin.device, pin.point, f"{pin.device} {pin.point}".strip())


def _href(complex_id: str, mark: Mark) -> str:
    """The gravest alert; else the door's own page, where it can be opened; else the devices."""
    if mark.alerts:
        return f"/alerts/{mark.alerts[0].id}"
    return door_page(complex_id, mark.thing) or f"/complexes/{complex_id}/devices"


def door_page(complex_id: str, thing: Thing) -> str:
    """Where a door or a barrier is shown alone; empty for what is neither."""
    if thing.page is None:
        return ""
    return "/doors/one?" + urlencode({"complex": complex_id, "device": thing.page[0], "point": thing.page[1]})


def _start(shown: SitePlan, shapes: Sequence[Shape], thing: Thing) -> tuple[int, int]:
    """On a drawn schematic at the building or gate that the list of devices names; else in the middle."""
    if shown.picture is not None:
        return 500, 500
    return next((shape.middle for shape in shapes if thing.place and shape.name == thing.place), (500, 500))
