"""One version of a tariff: written, looked at, proposed, published by another person, withdrawn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, HTTPException, Path, Query, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from domain.tariff.examples import Example
from server import tariffs
from server.api.resident_import import need_place
from server.api.tariffs import REFUSED, row_of
from server.api.who import TARIFFING, Accounting, Tariffing, TariffPublishing
from server.auth import Form, Person, field
from server.house import House
from server.store import reach_views, tariff_rows
from server.store.engine import stamp
from server.store.place_views import ComplexView
from server.store.resident_rows import NotPossible
from server.store.tariff_rows import CHANGES, MOST_BODY, MOST_WORDS, Text, VersionView
from server.tariff_check import examine
from server.web.answers import house_of, page, see
from server.web.formats import zone_of
from server.web.languages import translate
from server.web.tariff_view import EXAMPLE_NAMES, classes, difference, in_force, problems

router = APIRouter(prefix="/complexes/{complex_id}/tariff/{number}")

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
Moment = Annotated[str, Query(max_length=16)]
_LOCAL = "%Y-%m-%dT%H:%M"


@router.get("")
async def version(
    request: Request, complex_id: str, number: Number, person: Accounting, entry: Moment = "", exit: Moment = ""
) -> Response:
    """The notice's words, the plan in YAML and in words, example stays beside those of the version in force."""
    place, row = await _found(request, person, complex_id, number)
    refused = REFUSED.get(request.query_params.get("refused", ""), "")
    return await _show(request, person, place, row, own=_own(entry, exit, place), refused=refused)


async def _found(request: Request, person: Person, complex_id: str, number: int) -> tuple[ComplexView, VersionView]:
    place = await need_place(request, person, complex_id)
    async with house_of(request).db.read() as connection:
        row = await tariff_rows.one(connection, complex_id, number)
    if row is None:
        raise HTTPException(404, "no such version")
    return place, row


def _own(entry: str, exit: str, place: ComplexView) -> list[Example]:
    """A stay of the reader's own; none where its times are none, or too far apart."""
    zone = zone_of(place.timezone)
    try:
        times = [datetime.strptime(text, _LOCAL).replace(tzinfo=zone) for text in (entry, exit)]
    except ValueError:
        return []
    is_stay = times[0] <= times[1] and (times[1] - times[0]).days <= 366 and 2000 <= times[0].year <= 2100
    return [Example("own", *times)] if is_stay else []


async def _show(
    request: Request, person: Person, place: ComplexView, row: VersionView, *, own: list[Example], **more: Any
) -> Response:
    house, speak = house_of(request), partial(translate, person.lang)
    now = house.now()
    async with house.db.read() as connection:
        lot = await house.lots.one(connection, place.id)
        rows = await tariff_rows.versions(connection, place.id)
        reach = await reach_views.reach(connection, place.id, tariffs.KIND)
        newest = await reach_views.newest(connection, place.id, tariffs.KIND)
    current = in_force(lot, now)
    before = current.tariff if current is not None and current.since != row.since else None
    found, zone = examine(row.body), zone_of(place.timezone)
    day = (row.since if row.since is not None and row.since > now else now).astimezone(zone).date()
    shown = classes(found.tariff, before, day, own, speak) if found.tariff else []
    changes = difference(before, found.tariff, speak) if found.tariff and before else []
    context: dict[str, Any] = {"place": place, "row": row, "examined": found, "classes": shown, "lines": changes}
    context |= {"problems": problems(found.problems, speak), "compared": row_of(rows, current), "has_current": current}
    context |= {"since": f"{row.since.astimezone(zone):{_LOCAL}}" if row.since else "", "changes": CHANGES}
    context |= {"names": EXAMPLE_NAMES, "may": person.may(*TARIFFING), "is_mine": row.proposed_by == person.username}
    context |= {"is_compared": before is not None, "reach": reach, "newest": newest, "seen": stamp(row.changed_at)}
    context |= {"own": own[0] if own else None, "is_to_come": row.is_to_come(now)}
    return page(request, person, "tariff_version.html", **{"refused": "", **context, **more})


@router.post("")
async def save(request: Request, complex_id: str, number: Number, person: Tariffing, form: Form) -> Response:
    """Keep the draft as it is written, right or wrong: nobody loses work. The page says what is wrong."""
    place, row = await _found(request, person, complex_id, number)
    house = house_of(request)
    try:
        said = _said(form, place)
        await tariffs.save(house, person.actor, complex_id, number, said, field(form, "seen", 40))
    except NotPossible as error:
        written = {"body": field(form, "body", MOST_BODY), "words": field(form, "words", MOST_WORDS)}
        shown = msgspec.structs.replace(row, **written)
        return await _show(request, person, place, shown, own=[], refused=REFUSED.get(error.reason, ""))
    return see(f"/complexes/{complex_id}/tariff/{number}")


def _said(form: FormData, place: ComplexView) -> Text:
    """Raises NotPossible."""
    body, words = (str(form.get(name) or "").replace("\r\n", "\n") for name in ("body", "words"))
    if len(body) > MOST_BODY or len(words) > MOST_WORDS or "\0" in body + words:
        raise NotPossible("too_long")
    change = field(form, "change", 10)
    kept = change if change in CHANGES else "entry"
    return Text(body, words, field(form, "default_class", 60), kept, _since(field(form, "since", 16), place))


def _since(text: str, place: ComplexView) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.strptime(text, _LOCAL).replace(tzinfo=zone_of(place.timezone))
    except ValueError as error:
        raise NotPossible("bad_since") from error
    if not 2000 <= moment.year <= 2100:
        raise NotPossible("bad_since")
    return moment


@router.post("/propose")
async def propose(request: Request, complex_id: str, number: Number, person: TariffPublishing) -> Response:
    """One person's word."""
    return await _done(request, person, complex_id, number, tariffs.propose)


@router.post("/publish")
async def publish(request: Request, complex_id: str, number: Number, person: TariffPublishing) -> Response:
    """Another person's word: it counts from its date on, and the gateways hear of it."""
    return await _done(request, person, complex_id, number, tariffs.publish)


@router.post("/return")
async def send_back(
    request: Request, complex_id: str, number: Number, person: TariffPublishing, form: Form
) -> Response:
    """It is a draft again, with the reason."""
    return await _with_reason(request, person, complex_id, number, form, tariffs.send_back)


@router.post("/withdraw")
async def withdraw(request: Request, complex_id: str, number: Number, person: TariffPublishing, form: Form) -> Response:
    """It is dropped before it comes into force."""
    return await _with_reason(request, person, complex_id, number, form, tariffs.withdraw)


async def _with_reason(
    request: Request, person: Person, complex_id: str, number: int, form: FormData, work: Callable[..., Awaitable[None]]
) -> Response:
    reason = field(form, "reason", 200)
    if not reason:
        await _found(request, person, complex_id, number)
        return see(f"/complexes/{complex_id}/tariff/{number}?refused=no_reason")

    async def with_reason(house: House, actor: Any, complex_id: str, number: int) -> None:
        await work(house, actor, complex_id, number, reason)

    return await _done(request, person, complex_id, number, with_reason)


async def _done(
    request: Request, person: Person, complex_id: str, number: int, work: Callable[..., Awaitable[None]]
) -> Response:
    """Do it and show the version; what cannot be is said there."""
    await _found(request, person, complex_id, number)
    here = f"/complexes/{complex_id}/tariff/{number}"
    try:
        await work(house_of(request), person.actor, complex_id, number)
    except NotPossible as error:
        return see(f"{here}?refused={error.reason}")
    return see(here)
