"""Public revenue to look at: what came in and went out, how far each entry is, and its papers."""

from __future__ import annotations

from typing import NamedTuple

import structlog
from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from domain.revenue import INCOME, SPENDING, STAGES, Who, open_to
from server.api.noted import note
from server.api.places import found_place
from server.api.who import KEEPING, Accounting, Keeping
from server.auth import Person
from server.media import MediaAway
from server.store import public_rows, revenue_rows
from server.store.area_views import PlaceView
from server.store.revenue_rows import EntryView, StepView
from server.web import titles
from server.web.answers import house_of, page
from server.web.formats import zone_of
from server.web.languages import N_, translate
from server.web.sheets import Column, Row, as_download, sheet

log = structlog.get_logger()
router = APIRouter(prefix="/complexes")

_PAGE = 50
SIDES = ("income", "spending")
PURPOSES = ("plan", "meeting", "voucher", "result")
KINDS = {"income": INCOME, "spending": SPENDING}
# Why something was not done, by the word of the refusal, and what to do.
REFUSED = {
    "not_now": N_("这一步现在不能做，可能别人刚刚做过。请看上面的进度。"),
    "other_role": N_("这一步要由另一个角色来做。"),
    "same_person": N_("同一个人不能提议又审核，也不能审核两次；冲销要由别人来做。请换一个人。"),
    "needs_note": N_("请写说明。"),
    "needs_votes": N_("请写赞成和反对的票数。"),
    "needs_money": N_("请写实际金额（元，最多两位小数）和日期。"),
    "needs_any_document": N_("先上传至少一份材料：方案、合同或会议记录。"),
    "needs_voucher": N_("先上传凭证：发票、收据或银行回单。"),
    "needs_result": N_("先上传可以公开的结果材料。"),
    "needs_nothing_personal": N_("请确认公开的内容里没有个人信息。"),
    "not_carried": N_("赞成票没有多于反对票，不能提议。"),
    "personal": N_("里面有车牌、手机号或身份证号。这些文字会公开，请删去。"),
    "over_plan": N_("实际金额超过了批准的金额。超出的部分请另外提议。"),
    "over_earmark": N_("超过了这笔专项收入的余额。"),
    "bad_entry": N_("请选类别，写 1 到 100 个字的名称和大于 0 的金额（元，最多两位小数）。"),
    "bad_earmark": N_("没有这笔收入，或它还没有到账。"),
    "no_entry": N_("没有这一笔。"),
    "empty": N_("没有选择文件。请选择 PDF、PNG、JPEG 或 WebP。"),
    "too_large": N_("文件超过 8 MB。请缩小后再上传。"),
    "not_picture": N_("这不是 PDF、PNG、JPEG 或 WebP。"),
    "svg": N_("不接受 SVG，里面可能有脚本。请导出为 PNG 再上传。"),
    "acting_pdf": N_("PDF 里有脚本或附件。请打印成新的 PDF 再上传。"),
    "damaged": N_("文件不完整。请重新导出或重新拍一张。"),
    "two_files": N_("图片里还藏着别的文件，没有接受。"),
    "moving": N_("这是动图。请另存为一张静止的图片。"),
    "too_many_pixels": N_("图片太大：最多 4000 万像素，每边最多 12000。"),
    "too_small": N_("图片太小：每边至少 200 像素。"),
    "too_many": N_("一笔最多 40 份材料。"),
    "known": N_("这份材料已经在这一笔里了。"),
    "media_away": N_("存储现在用不了，什么也没有改。请过一会儿再试。"),
    "late": N_("结果已公开或已撤回，不能再加材料。"),
}


class Stage(NamedTuple):
    """A stage of the path as it is drawn: behind, where it stands now, or to come."""

    action: str
    is_behind: bool
    is_next: bool
    by: StepView | None


async def need_place(request: Request, person: Person, complex_id: str) -> PlaceView:
    async with house_of(request).db.read() as connection:
        return await found_place(connection, person, complex_id)


async def need_entry(connection: AsyncConnection, complex_id: str, number: int) -> EntryView:
    """Raises HTTPException 404."""
    found = await revenue_rows.entry(connection, complex_id, number) if 0 < number < 2**31 else None
    if found is None:
        raise HTTPException(404, "no such entry")
    return found


@router.get("/{complex_id}/revenue")
async def entries(
    request: Request, complex_id: str, person: Accounting, side: str = "", state: str = "", before: int = 0
) -> Response:
    """What came in and went out, the newest first; what is left of earmarked income."""
    async with house_of(request).db.read() as connection:
        place = await found_place(connection, person, complex_id)
        found = await revenue_rows.entries(
            connection, complex_id, side=side, state=state, before=_bounded(before), limit=_PAGE + 1
        )
        balances = await revenue_rows.balances(connection, complex_id)
    shown = found[:_PAGE]
    older = str(shown[-1].number) if len(found) > _PAGE else None
    filters = {"side": side, "state": state}
    context = {"entries": shown, "older": older, "filters": filters, "balances": balances, "sides": SIDES}
    states = titles.names("revenue_state")
    return page(request, person, "revenue.html", place=place, states=states, may_keep=person.may(*KEEPING), **context)


def _bounded(number: int) -> int:
    return number if 0 < number < 2**31 else 0


@router.get("/{complex_id}/revenue.xlsx")
async def entries_sheet(request: Request, complex_id: str, person: Accounting) -> Response:
    """Every entry as a workbook."""
    async with house_of(request).db.read() as connection:
        place = await found_place(connection, person, complex_id)
        found = await revenue_rows.entries(connection, complex_id, limit=revenue_rows.MOST_ENTRIES)
    await note(request, person, "sheet.taken", complex_id=complex_id, details={"sheet": "revenue"})

    def said(vocabulary: str, name: str) -> str:
        return translate(person.lang, titles.word(vocabulary, name))

    heads = (N_("编号"), N_("收支"), N_("类别"), N_("名称"), N_("计划"), N_("实际"), N_("入账日"), N_("状态"))
    kinds = ("number", "text", "text", "text", "fen", "fen", "text", "text")
    more = ((N_("专项收入"), "number"), (N_("起草时间"), "time"), (N_("起草人"), "text"), (N_("分录号"), "number"))
    named = [*zip(heads, kinds, strict=True), *more]
    columns = [Column(translate(person.lang, title), kind) for title, kind in named]  # pyright: ignore[reportArgumentType]

    def row(one: EntryView) -> Row:
        kind = said(f"{one.side}_kind", one.kind)
        money = (one.planned_fen, one.actual_fen, one.day, said("revenue_state", one.state))
        made = one.made_at.astimezone(zone_of(place.timezone))
        head = (one.number, said("revenue_side", one.side), kind, one.title)
        return (*head, *money, one.earmark, made, one.made_by, one.journal)

    file = await sheet(translate(person.lang, N_("公共收益")), columns, (row(one) for one in found))
    return as_download(file, f"gatehouse-revenue-{complex_id}.xlsx")


@router.get("/{complex_id}/revenue/new")
async def new_entry(
    request: Request, complex_id: str, person: Keeping, side: str = "income", refused: str = ""
) -> Response:
    async with house_of(request).db.read() as connection:
        place = await found_place(connection, person, complex_id)
        balances = await revenue_rows.balances(connection, complex_id)
    side = side if side in SIDES else "income"
    context = {"place": place, "side": side, "sides": SIDES, "kinds": KINDS[side], "balances": balances}
    return page(request, person, "revenue_new.html", refused=REFUSED.get(refused, ""), **context)


@router.get("/{complex_id}/revenue/{number}")
async def one_entry(request: Request, complex_id: str, number: int, person: Accounting, refused: str = "") -> Response:
    """One entry: its path drawn as steps, what this person may do next, and its papers."""
    house = house_of(request)
    async with house.db.read() as connection:
        place = await found_place(connection, person, complex_id)
        found = await need_entry(connection, complex_id, number)
        taken = await revenue_rows.steps(connection, complex_id, number)
        papers = await revenue_rows.documents(connection, complex_id, [number])
        roles = (await public_rows.account(connection, complex_id)).reviews
        earmark = await revenue_rows.entry(connection, complex_id, found.earmark) if found.earmark else None
    steps = open_to(revenue_rows.standing_of(found, taken), Who(person.username, person.role), roles)
    context = {"place": place, "entry": found, "taken": taken, "papers": papers, "roles": roles, "earmark": earmark}
    return page(
        request,
        person,
        "revenue_entry.html",
        stages=stages_of(found, taken),
        steps=steps,
        purposes=PURPOSES,
        today=house.now().astimezone(zone_of(place.timezone)).date().isoformat(),
        may_keep=person.may(*KEEPING),
        refused=REFUSED.get(refused, ""),
        **context,
    )


def stages_of(found: EntryView, taken: list[StepView]) -> list[Stage]:
    """The path as it is drawn: who did what, in the round that counts."""
    done = {one.action: one for one in taken if one.round == found.round}
    order = [state for _, state in STAGES]
    at = order.index(found.state) + 1 if found.state in order else 0
    if found.state == "reversed":
        at = len(order) if "publish_result" in done else len(order) - 1
    is_over = found.state in ("withdrawn", "reversed")
    return [
        Stage(action, place < at, place == at and not is_over, done.get(action) if place < at else None)
        for place, (action, _) in enumerate(STAGES)
    ]


@router.get("/{complex_id}/revenue/{number}/documents/{sha256}")
async def document(request: Request, complex_id: str, number: int, sha256: str, person: Accounting) -> Response:
    """A paper of an entry, to whoever may look at the entry."""
    async with house_of(request).db.read() as connection:
        await found_place(connection, person, complex_id)
        papers = await revenue_rows.documents(connection, complex_id, [number] if 0 < number < 2**31 else [])
    kind = next((paper.type for paper in papers if paper.sha256 == sha256), None)
    return await paper_answer(request, sha256, kind, "private, max-age=31536000, immutable")


async def paper_answer(request: Request, sha256: str, kind: str | None, cache: str) -> Response:
    """The bytes of a paper. Raises HTTPException 404 where there is none, and 503."""
    if kind is None:
        raise HTTPException(404, "no such document")
    headers = {"Cache-Control": cache, "ETag": f'"{sha256}"', "Content-Disposition": "inline"}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    try:
        return Response(await house_of(request).media.get(sha256), media_type=kind, headers=headers)
    except FileNotFoundError as error:
        raise HTTPException(404, "the document is listed, but its bytes are gone") from error
    except MediaAway as error:
        log.error("media_away", path=request.url.path, error=str(error))
        raise HTTPException(503, "the store of the pictures does not answer; come again") from error
