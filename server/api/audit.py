"""The audit to look at, for the auditor: who saw, changed and took out what."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated

import msgspec
from fastapi import APIRouter, HTTPException, Query, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from domain.audit import ACTIONS, CONFIDENTIAL, KEEP_YEARS
from server import audit_book
from server.api.noted import note
from server.api.who import Auditing, AuditingAll
from server.audit_export import CsvWriter
from server.auth import Form, field
from server.store import audit_rows, place_views
from server.store.audit_rows import Filter
from server.store.device_names import names_of
from server.store.engine import stamp
from server.web.answers import house_of, page, see
from server.web.formats import zone_of

router = APIRouter(prefix="/audit")

_PAGE = 100
_MOST_NAME_SIGNS, _MOST_REASON_SIGNS = 256, 200
_FIELDS = ("who", "action", "complex", "since", "until")
_BOM = "\ufeff"  # by which spreadsheets see that it is UTF-8


@router.get("")
async def audit(
    request: Request,
    person: Auditing,
    who: str = "",
    action: str = "",
    complex: str = "",
    since: str = "",
    until: str = "",
    before: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
) -> Response:
    """Rows by person, action, complex and day, the newest first; that they were looked for is a row itself."""
    chosen = _filter(who, action, complex, since, until, before)
    house = house_of(request)
    async with house.db.read() as connection:
        found = await audit_rows.search(connection, person.scope, chosen, _PAGE + 1)
        complexes = await place_views.complexes_of(connection, person.scope)
        names = await _names_of(connection, found[:_PAGE])
        head = await audit_rows.head(connection)
        old, _ = await audit_rows.old(connection, audit_book.blank_before(house.now()))
    if before is None:  # the pages that follow are of the same look
        await note(request, person, "audit.seen", complex_id=complex or None, details=_told(chosen))
    filters = {"who": who, "action": action, "complex": complex, "since": since, "until": until}
    shown = found[:_PAGE]
    context = {
        "rows": shown,
        "older": shown[-1].number if len(found) > _PAGE else None,
        "complexes": complexes,
        "complex_names": {one.id: one.name for one in complexes},
        "names": names,
        "filters": filters,
        "actions": sorted(ACTIONS - CONFIDENTIAL),
        "head": head,
        "old": old if person.scope.is_city else 0,
        "years": KEEP_YEARS,
    }
    return page(request, person, "audit.html", **context)


async def _names_of(connection: AsyncConnection, rows: Sequence[audit_rows.Row]) -> Mapping[tuple[str, str], str]:
    """What the lists call the devices among what these rows are about; "" for all else."""
    about = [row.content for row in rows if row.content is not None and row.content.kind == "device"]
    keys = {(one.complex, one.ref) for one in about if one.complex and one.ref}
    return defaultdict(str, await names_of(connection, keys) if keys else {})


@router.post("/export")
async def export(request: Request, person: Auditing, form: Form) -> Response:
    """The rows of a search as CSV, for a reason; recorded before it leaves."""
    reason = field(form, "reason", _MOST_REASON_SIGNS)
    if not reason:
        raise HTTPException(422, "say what the export is for")
    who, action, complex_id, since, until = (field(form, name, _MOST_NAME_SIGNS) for name in _FIELDS)
    chosen = _filter(who, action, complex_id, since, until, None)
    out, house = io.StringIO(), house_of(request)
    async with house.db.read() as connection:
        rows = await CsvWriter(out).write_all(connection, person.scope, chosen)
    told = {**_told(chosen), "rows": rows}
    await note(request, person, "audit.exported", complex_id=chosen.complex or None, reason=reason, details=told)
    name = f"audit-{house.now():%Y%m%d-%H%M%S}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response((_BOM + out.getvalue()).encode(), media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/blank")
async def blank(request: Request, person: AuditingAll) -> Response:
    """Take out the contents of rows older than the years they are kept; the chain stays whole."""
    house = house_of(request)
    async with house.db.write() as connection:
        await audit_book.blank(connection, person.actor, house.now())
    return see("/audit")


def _filter(who: str, action: str, complex_id: str, since: str, until: str, before: int | None) -> Filter:
    last = _day(until)
    ends = _midnight(last + timedelta(days=1)) if last else ""
    begins = _day(since)
    return Filter(who.strip(), action, complex_id, _midnight(begins) if begins else "", ends, before)


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 2000 <= found.year <= 2100 else None


def _midnight(day: date) -> str:
    return stamp(datetime.combine(day, time(), zone_of(None)))


def _told(chosen: Filter) -> dict[str, object]:
    return {name: value for name, value in msgspec.structs.asdict(chosen).items() if value}
