"""Places from a workbook: a template to fill in, a preview of every row, and nothing written before it is confirmed."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request
from starlette.datastructures import UploadFile
from starlette.responses import Response

from server.api.who import OPERATING, Governing
from server.audit import record
from server.auth import Form, Person, field, require
from server.house import House
from server.place_book import BY_KEY, MOST_BYTES, MOST_ROWS, SHEETS, Book, read_book
from server.place_plan import Plan, make_plan
from server.place_template import template
from server.store import place_imports
from server.store.engine import stamp
from server.web.answers import house_of, page, see
from server.web.languages import N_
from server.workbook import TYPE

log = structlog.get_logger()
router = APIRouter(prefix="/places/import")

_MOST_UPLOAD_BYTES = MOST_BYTES + 64 * 1024  # the file, and the form around it
_KEPT_FOR = timedelta(hours=1)
_SHOWN = 1_000
_one_at_a_time = asyncio.Semaphore(1)  # a large file costs a core for seconds
Uploading = Annotated[
    Person, Depends(require(*OPERATING, everywhere=True, second_factor=True, most_bytes=_MOST_UPLOAD_BYTES))
]

# What is wrong in a cell, and what to do.
FAULTS = {
    "too_large": N_("文件超过 5 MB。请分成几个文件。"),
    "too_large_unpacked": N_("文件解开后太大。请只保留需要的表，删去图片和空白行列。"),
    "not_xlsx": N_("读不出来：不是完好的 .xlsx 文件。请用下载的模板另存一次。"),
    "no_sheet": N_("没有一张表的名称与模板相同。请用模板里的表名。"),
    "too_many_rows": N_("行数太多（空白行也算）。请删去多余的行，或分成几个文件。"),
    "unknown_heading": N_("没有这一列，或者这一列出现了两次。请照模板写第一行。"),
    "no_column": N_("第一行缺少必需的一列。请照模板写第一行。"),
    "merged": N_("有合并的单元格。请取消合并，每一行都填上。"),
    "formula": N_("这里是公式。请改成数值：复制后选择性粘贴。"),
    "not_text": N_("这里不是文字或整数。请把单元格设为文本，重新填写。"),
    "not_printable": N_("这里有不能显示的字符。请重新填写。"),
    "too_long": N_("太长了。名称最多 100 个字，其他最多 200 个字。"),
    "empty": N_("这一格必须填写。"),
    "twice": N_("这一行与前面的一行重复（括号里是那一行的行号）。请删去一行。"),
    "bad_id": N_("编号只能有字母、数字、点、横线和下划线，最多 64 个。"),
    "bad_kind": N_("级别只能是：区县、街道、社区。"),
    "other_kind": N_("这个区域已经是另一个级别。请用新的编号。"),
    "parent_of_district": N_("区县没有上级。请清空这一格。"),
    "parent_of_street": N_("街道的上级要是一个区县的编号。请先加区县，或改正编号。"),
    "parent_of_community": N_("社区的上级要是一个街道的编号。请先加街道，或改正编号。"),
    "no_community": N_("没有这个编号的社区。请先在“区域”表里加上，或改正编号。"),
    "cell_stays": N_("网格不能换到别的社区。请用新的编号另建一个。"),
    "name_taken": N_("同一个社区里已经有这个名称的网格。"),
    "no_account": N_("没有这个账号。请先建账号，或清空这一格。"),
    "bad_management": N_("管理方式只能是：专业物业、居民自管、委托代管。"),
    "bad_timezone": N_("没有这个时区。一般填 Asia/Shanghai。"),
    "in_settings": N_("这个小区写在 server.toml 里，名称和时区以那里为准。请到那里改。"),
    "no_cell": N_("小区所在的社区没有这个编号的网格。请先加网格，或改正编号。"),
    "no_complex": N_("没有这个编号的小区。请先在“小区”表里加上，或改正编号。"),
}


@router.get("")
async def choose(request: Request, person: Governing) -> Response:
    """What to fill in, and where to send it."""
    return page(request, person, "place_import.html", sheets=SHEETS, most_rows=MOST_ROWS)


@router.get("/template.xlsx")
async def get_template(person: Governing, filled: str = "") -> Response:
    """The headings; with ``filled``, examples too."""
    headers = {"Content-Disposition": 'attachment; filename="gatehouse-places.xlsx"'}
    body = await asyncio.to_thread(template, is_filled=bool(filled))
    return Response(body, media_type=TYPE, headers=headers)


@router.post("")
async def upload(request: Request, person: Uploading) -> Response:
    """Reads the workbook, keeps what it says for an hour, and shows what it would do. Writes no place."""
    house = house_of(request)
    given = (await request.form(max_files=1, max_fields=50)).get("file")
    if not isinstance(given, UploadFile):
        raise HTTPException(422, "choose a file")
    async with _one_at_a_time:
        book = await asyncio.to_thread(read_book, await given.read(MOST_BYTES + 1))
    async with house.db.write() as connection:
        await place_imports.keep(connection, person.id, book, stamp(house.now()))
        record(connection, person.actor, "place.uploaded", house.now())
    return await _preview(request, person, house, book)


async def _preview(request: Request, person: Person, house: House, book: Book, *, is_stale: bool = False) -> Response:
    async with house.db.read() as connection:
        known = await place_imports.known(connection, _fixed(house))
    plan = await asyncio.to_thread(make_plan, book, known)
    shown = sorted((change for change in plan.changes if change.action != "same"), key=lambda change: not change.moves)
    context = {"plan": plan, "shown": shown[:_SHOWN], "most": _SHOWN, "faults": FAULTS, "is_stale": is_stale}
    headings = {sheet.key: {column.key: column.heading for column in sheet.columns} for sheet in SHEETS}
    titles = {key: sheet.title for key, sheet in BY_KEY.items()}
    return page(request, person, "place_preview.html", headings=headings, titles=titles, **context)


def _fixed(house: House) -> list[str]:
    return [place.id for place in house.config.complexes]


@router.post("/confirm")
async def confirm(request: Request, person: Governing, form: Form) -> Response:
    """All of what was shown, or nothing: where something changed meanwhile, it is shown anew."""
    house, digest = house_of(request), field(form, "digest", 64)
    async with house.db.write() as connection:
        book = await place_imports.kept(connection, person.id, stamp(house.now() - _KEPT_FOR))
        if book is None:
            return see("/places/import")
        known = await place_imports.known(connection, _fixed(house))
        plan = await asyncio.to_thread(make_plan, book, known)
        is_as_shown = not plan.faults and plan.digest == digest
        if is_as_shown:
            await place_imports.write(connection, plan, known.accounts)
            await place_imports.forget(connection, person.id)
            told = {"digest": plan.digest, "added": plan.count("add"), "changed": plan.count("change")}
            record(connection, person.actor, "place.imported", house.now(), details=told)
    if not is_as_shown:
        return await _preview(request, person, house, book, is_stale=True)
    _log_import(person, plan)
    return see("/places")


def _log_import(person: Person, plan: Plan) -> None:
    counts = {"added": plan.count("add"), "changed": plan.count("change")}
    log.info("places_imported", account=person.id, username=person.username, digest=plan.digest, **counts)
