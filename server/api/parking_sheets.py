"""The tables of parking as workbooks, filtered as the page beside them; plates are masked, or whole for a reason."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import APIRouter, HTTPException, Request
from msgspec.structs import replace
from starlette.responses import Response

from server.api.charges import chosen_charges
from server.api.money_sheets import MONEY
from server.api.noted import note
from server.api.parking import chosen_sessions
from server.api.reveal import reason_of
from server.api.sheet_parts import WHOSE, Asked, Heads, Table, local
from server.api.who import Accounting, Clearing
from server.auth import Form, Person
from server.store import parking_views
from server.store.engine import stamp
from server.web.answers import house_of
from server.web.languages import N_, translate
from server.web.sheets import MOST_ROWS, Column, Row, as_download, sheet

router = APIRouter(prefix="/parking/sheets")

_AT_ONCE = 500
_UNREAD_AT_MOST = 20_000


async def _sessions(asked: Asked) -> AsyncIterator[Row]:
    chosen = chosen_sessions(*(asked.of(name) for name in ("state", "complex", "plate", "before")))
    for _ in range(0, MOST_ROWS, _AT_ONCE):
        found = await parking_views.sessions(asked.connection, asked.person.scope, chosen, _AT_ONCE)
        for one in found:
            times = (local(one.entered_at, one.timezone), local(one.exited_at, one.timezone))
            told = (asked.word("stay", one.state), *times, one.entry_lane, one.exit_lane, one.amount_fen)
            yield (one.complex_name or one.complex, one.plate, *told, one.id)
        if len(found) < _AT_ONCE:
            return
        last = found[-1]
        chosen = replace(chosen, before=(last.begun_at, last.complex, last.id))


async def _charges(asked: Asked) -> AsyncIterator[Row]:
    words = (asked.of(name) for name in ("since", "until", "complex", "before"))
    chosen, _, _ = await chosen_charges(asked.request, asked.connection, asked.person, *words)
    for _ in range(0, MOST_ROWS, _AT_ONCE):
        found = await parking_views.charges(asked.connection, asked.person.scope, chosen, _AT_ONCE)
        for one in found:
            times = (local(one.entered_at, one.timezone), local(one.exited_at, one.timezone))
            said = (asked.word("car_class", one.class_), asked.word("charge_reason", one.reason))
            yield (one.complex_name or one.complex, one.plate, *said, *times, one.amount_fen, one.tariff, one.session)
        if len(found) < _AT_ONCE:
            return
        chosen = replace(chosen, before=(stamp(found[-1].exited_at), found[-1].number))


async def _unread(asked: Asked) -> AsyncIterator[Row]:
    found = await parking_views.unread(asked.connection, asked.person.scope, asked.of("complex"), _UNREAD_AT_MOST)
    for one in found:
        said = (asked.word("direction", one.passage.direction), asked.word("plate_status", one.passage.plate_status))
        at = local(one.passage.occurred_at, one.timezone)
        yield (one.complex_name or one.complex, at, one.passage.lane, *said, one.passage.id.hex())


_WHEN: Heads = ((N_("入场"), "time"), (N_("出场"), "time"))
_SESSION: Heads = ((N_("停车编号"), "text"),)
TABLES = MONEY | {
    "sessions": Table(
        N_("停车记录"),
        (
            *WHOSE,
            (N_("状态"), "text"),
            *_WHEN,
            (N_("入口"), "text"),
            (N_("出口"), "text"),
            (N_("费用"), "fen"),
            *_SESSION,
        ),
        _sessions,
    ),
    "charges": Table(
        N_("停车收费"),
        (
            *WHOSE,
            (N_("车型"), "text"),
            (N_("状态"), "text"),
            *_WHEN,
            (N_("应收"), "fen"),
            (N_("收费标准版本"), "text"),
            *_SESSION,
        ),
        _charges,
    ),
    "unread": Table(
        N_("未识别"),
        (
            (N_("小区"), "text"),
            (N_("时间"), "time"),
            (N_("车道"), "text"),
            (N_("方向"), "text"),
            (N_("状态"), "text"),
            (N_("编号"), "text"),
        ),
        _unread,
    ),
}


@router.get("/{name}.xlsx")
async def take(request: Request, name: str, person: Accounting) -> Response:
    """The table as it is filtered, plates masked."""
    table = _table(name)
    await note(request, person, "sheet.taken", details={"sheet": name})
    return await _sheet(request, person, name, table, revealed=False)


@router.post("/{name}.xlsx")
async def take_whole(request: Request, name: str, person: Clearing, form: Form) -> Response:
    """The same with whole plates, for a reason that the audit keeps before anything is sent."""
    table = _table(name)
    await note(request, person, "sheet.revealed", reason=reason_of(form), details={"sheet": name})
    return await _sheet(request, person, name, table, revealed=True)


def _table(name: str) -> Table:
    """Raises HTTPException 404."""
    if name not in TABLES:
        raise HTTPException(404, "no such table")
    return TABLES[name]


async def _sheet(request: Request, person: Person, name: str, table: Table, *, revealed: bool) -> Response:
    columns = [Column(translate(person.lang, title), kind) for title, kind in table.heads]
    async with house_of(request).db.read() as connection:
        rows = table.rows(Asked(request, connection, person))
        file = await sheet(translate(person.lang, table.title), columns, rows, revealed=revealed)
    return as_download(file, f"gatehouse-{name}.xlsx")
