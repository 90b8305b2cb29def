"""A complex's month: income against what security cost, its exits, what is open; frozen and published by two people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from urllib.parse import quote

import structlog
from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from domain.ledger.month import Came, before, came, days_of, is_late, last_quarter, month_of
from domain.revenue import NotNow
from server.api.noted import note
from server.api.places import found_place
from server.api.who import KEEPING, Accounting, Booking
from server.audit import Subject, record
from server.auth import Form, Person, field
from server.books.months import Figures, figures, trend
from server.books.publishing import GRACE, freeze, publish, read_snapshot
from server.store import month_rows, public_rows
from server.store.month_rows import Place
from server.store.public_rows import Published
from server.web import titles
from server.web.answers import house_of, page, see
from server.web.formats import zone_of
from server.web.languages import N_, Language, translate
from server.web.sheets import Column, Row, as_download, sheet

log = structlog.get_logger()
router = APIRouter()

_BARS = 6  # months
_PAGE = 200
_OVER = ("income:parking:", "discount", "fee:channel", "writeoff", "expense:security")
REFUSED = {
    "not_over": N_("这个月还没有过完，不能公布。"),
    "same": N_("这些数字已经公布了，没有变化。"),
    "moved": N_("账又动过了，或公布的不是看到的那一版。请重新提交。"),
    "same_person": N_("提交和公布要两个人。请换一个人公布。"),
    "needs_nothing_personal": N_("请确认公开的内容里没有个人信息。"),
}


class Bar(NamedTuple):
    """A month's two bars, in units of the drawing: from the axis up."""

    month: str
    x: int
    came_height: int
    went_height: int
    percent: int | None


HEIGHT, STEP = 140, 110  # of the drawing


def bars(months: Sequence[tuple[str, Came]]) -> list[Bar]:
    """Parking's income beside what security cost."""
    top = max((max(one.parking_fen, one.security_fen) for _, one in months), default=0)

    def height(fen: int) -> int:
        return 0 if top <= 0 or fen <= 0 else max(1, fen * HEIGHT // top)

    return [
        Bar(month, place * STEP, height(one.parking_fen), height(one.security_fen), one.coverage_percent)
        for place, (month, one) in enumerate(months)
    ]


class Line(NamedTuple):
    """A line of an account over many complexes."""

    place: Place
    came: Came
    newest: str  # the last month that is published
    is_open: bool
    is_late: bool


def need_month(month: str) -> tuple[date, date]:
    """Raises HTTPException 404 for what is no month."""
    try:
        return days_of(month)
    except ValueError as error:
        raise HTTPException(404, str(error)) from error


@router.get("/complexes/{complex_id}/month")
async def this_month(request: Request, complex_id: str, person: Accounting) -> Response:
    async with house_of(request).db.read() as connection:
        place = await found_place(connection, person, complex_id)
    today = house_of(request).now().astimezone(zone_of(place.timezone)).date()
    return see(f"/complexes/{quote(complex_id, safe='')}/month/{month_of(today)}")


@router.get("/complexes/{complex_id}/month/{month}.xlsx")
async def month_sheet(request: Request, complex_id: str, month: str, person: Accounting) -> Response:
    """The month's accounts and days as a workbook."""
    need_month(month)
    async with house_of(request).db.read() as connection:
        place = await found_place(connection, person, complex_id)
        found = await figures(connection, complex_id, month, zone_of(place.timezone))
    await note(request, person, "sheet.taken", complex_id=complex_id, details={"sheet": "month", "month": month})
    heads = (N_("日期"), N_("科目"), N_("科目编号"), N_("金额"))
    kinds = ("text", "text", "text", "fen")
    columns = [Column(translate(person.lang, head), kind) for head, kind in zip(heads, kinds, strict=True)]  # pyright: ignore[reportArgumentType]
    file = await sheet(month, columns, month_lines(found, person.lang))
    return as_download(file, f"gatehouse-month-{complex_id}-{month}.xlsx")


def month_lines(found: Figures, lang: Language) -> list[Row]:
    """Accounts as they moved, income positive; then each day."""
    rows: list[Row] = [
        (found.month, account_words(account, lang), account, shown_fen(account, fen))
        for account, fen in found.accounts.items()
    ]
    names = (N_("停车净收入"), N_("其他收入"), N_("支出"))
    said = [translate(lang, name) for name in names]
    for day in found.days:
        sums = (day.parking_fen, day.other_fen, day.spending_fen)
        rows += [(day.day, name, "", fen) for name, fen in zip(said, sums, strict=True) if fen]
    return rows


def account_words(account: str, lang: Language) -> str:
    """``公共收益：广告``; a name that is only the operator's own stands as it is."""
    heads = titles.names("account_head")
    head = max((one for one in heads if account == one or account.startswith(f"{one}:")), key=len, default=account)
    said, below = translate(lang, titles.word("account_head", head)), account[len(head) + 1 :]
    if not below:
        return said
    kind = {"income:public": "income_kind", "expense": "spending_kind"}.get(head)
    return f"{said} · {translate(lang, titles.word(kind, below)) if kind else below}"


def shown_fen(account: str, fen: int) -> int:
    """As people read it: what came in is positive, and so is what was spent."""
    return (
        -fen if account.startswith(("income:", "deferred:", "passthrough:", "refund_payable", "suspense:long")) else fen
    )


@router.get("/complexes/{complex_id}/month/{month}")
async def month_page(request: Request, complex_id: str, month: str, person: Accounting, refused: str = "") -> Response:
    """The month, against the months before; what is published of it, and what waits for the second person."""
    need_month(month)
    house = house_of(request)
    async with house.db.read() as connection:
        place = await found_place(connection, person, complex_id)
        found = await figures(connection, complex_id, month, zone_of(place.timezone))
        months = await trend(connection, complex_id, month, _BARS)
        versions = await public_rows.month(connection, complex_id, month)
        account = await public_rows.account(connection, complex_id)
    waits = next((one for one in versions if one.published_at is None), None)
    published = [one for one in versions if one.published_at is not None]
    is_over = house.now().astimezone(zone_of(place.timezone)).date() > days_of(month)[1]
    return page(
        request,
        person,
        "month.html",
        place=place,
        found=found,
        came=found.came,
        bars=bars(months),
        height=HEIGHT,
        rows=[(account_words(name, person.lang), name, shown_fen(name, fen)) for name, fen in found.accounts.items()],
        owed=[(account_words(name, person.lang), shown_fen(name, fen)) for name, fen in found.owed.items()],
        waits=waits,
        published=published,
        is_stale=bool(published) and _differs(published[0], found),
        is_over=is_over,
        account=account,
        earlier=before(month),
        later=before(month, -1),
        may_keep=person.may(*KEEPING),
        refused=REFUSED.get(refused, ""),
    )


def _differs(published: Published, found: Figures) -> bool:
    return read_snapshot(published.body).figures.accounts != found.accounts


@router.post("/complexes/{complex_id}/month/{month}/propose")
async def propose_month(request: Request, complex_id: str, month: str, person: Booking) -> Response:
    """Freeze the month's figures with the ledger's number and hash; nothing is public yet."""
    need_month(month)
    house, back = house_of(request), f"/complexes/{quote(complex_id, safe='')}/month/{month}"
    async with house.db.read() as connection:
        place = await found_place(connection, person, complex_id)
    try:
        async with house.db.write(complex_id) as connection:
            frozen = await freeze(connection, place, month, person.username, house.now())
            _record(connection, person, "month.proposed", complex_id, frozen, house.now())
    except NotNow as error:
        return see(f"{back}?refused={error.reason}")
    return see(back)


@router.post("/complexes/{complex_id}/month/{month}/publish")
async def publish_month(request: Request, complex_id: str, month: str, person: Booking, form: Form) -> Response:
    """What another person froze becomes public, where the account is open."""
    need_month(month)
    house, back = house_of(request), f"/complexes/{quote(complex_id, safe='')}/month/{month}"
    async with house.db.read() as connection:
        place = await found_place(connection, person, complex_id)
    if not field(form, "nothing_personal", 8):
        return see(f"{back}?refused=needs_nothing_personal")
    try:
        async with house.db.write(complex_id) as connection:
            digest = field(form, "hash", 64)
            frozen = await publish(connection, place, month, digest, person.username, house.now())
            _record(connection, person, "month.published", complex_id, frozen, house.now())
    except NotNow as error:
        return see(f"{back}?refused={error.reason}")
    log.info("month_published", complex=complex_id, month=month, version=frozen.version, hash=frozen.hash)
    return see(back)


def _record(
    connection: AsyncConnection, person: Person, action: str, complex_id: str, frozen: Published, now: datetime
) -> None:
    on = Subject("month", f"{frozen.month}/{frozen.version}")
    told = {"hash": frozen.hash, "ledger": frozen.ledger_number}
    record(connection, person.actor, action, now, on=on, complex_id=complex_id, details=told)


async def _table(request: Request, person: Person, month: str) -> list[Line]:
    """Every complex in scope: its month, and whether its quarter is published."""
    house = house_of(request)
    first, last = need_month(month)
    async with house.db.read() as connection:
        places = await month_rows.places(connection, person.scope)
        sums = await month_rows.sums_over(connection, person.scope, first, last, _OVER)
        since = before(last_quarter(house.now().date())[1][0], 3)
        published = await public_rows.published_months(connection, person.scope, since)
        newest = await public_rows.newest_months(connection, person.scope)
        open_ = await public_rows.open_complexes(connection, person.scope)
    now = house.now()
    return [
        Line(
            place,
            came(sums.get(place.id, {})),
            newest.get(place.id, ""),
            place.id in open_,
            is_late(now.astimezone(zone_of(place.timezone)).date(), published.get(place.id, set()), GRACE),
        )
        for place in places
    ]


@router.get("/parking/accounts")
async def accounts(
    request: Request, person: Accounting, month: str = "", late: str = "", q: str = "", after: str = ""
) -> Response:
    """The complexes in scope: who published, who is late, and what parking pays for."""
    month = month if _is_month(month) else before(month_of(house_of(request).now().date()))
    lines = await _table(request, person, month)
    chosen = [one for one in lines if (not late or one.is_late) and q.strip() in one.place.name]
    start = int(after) if after.isascii() and after.isdigit() and len(after) < 6 else 0
    shown, rest = chosen[start : start + _PAGE], len(chosen) - start - _PAGE
    counts = {
        "all": len(lines),
        "open": sum(one.is_open for one in lines),
        "late": sum(one.is_late for one in lines),
    }
    filters = {"month": month, "late": late, "q": q}
    context = {"lines": shown, "counts": counts, "filters": filters, "next": start + _PAGE if rest > 0 else None}
    quarter, _ = last_quarter(house_of(request).now().date())
    return page(request, person, "public_accounts.html", quarter=quarter, **context)


def _is_month(text: str) -> bool:
    try:
        days_of(text)
    except ValueError:
        return False
    return True


@router.get("/parking/accounts.xlsx")
async def accounts_sheet(request: Request, person: Accounting, month: str = "") -> Response:
    month = month if _is_month(month) else before(month_of(house_of(request).now().date()))
    lines = await _table(request, person, month)
    await note(request, person, "sheet.taken", details={"sheet": "accounts", "month": month})
    heads = (N_("小区"), N_("停车净收入"), N_("安保支出"), N_("停车收入占安保支出 %"), N_("最近公布"), N_("公示"))
    kinds = ("text", "fen", "fen", "number", "text", "text")
    columns = [Column(translate(person.lang, head), kind) for head, kind in zip(heads, kinds, strict=True)]  # pyright: ignore[reportArgumentType]

    def row(one: Line) -> Row:
        state = N_("逾期") if one.is_late else N_("开放") if one.is_open else N_("未开放")
        money = (one.came.parking_fen, one.came.security_fen, one.came.coverage_percent)
        return (one.place.name, *money, one.newest, translate(person.lang, state))

    return as_download(await sheet(month, columns, (row(one) for one in lines)), f"gatehouse-accounts-{month}.xlsx")
