"""A complex's alert rules: every rule with its hours and bounds, what yesterday would have fired, and versions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData
from starlette.responses import Response

from domain.alerts.document import BadRules, document_of
from domain.alerts.rules import Rules, RuleSet
from domain.alerts.words import CATEGORIES, SEVERITIES
from server import rule_preview, rules_desk, rules_form
from server.api.places import found_place
from server.api.who import ROSTERING, Rostering, Ruling, Watching
from server.auth import Form, Person, WideForm, field
from server.rule_book import RuleBook, rules_of
from server.rules_desk import MOST_DOCUMENT, NoVersion
from server.rules_form import BadField
from server.store import place_views, rule_rows
from server.store.area_views import PlaceView
from server.store.device_names import names_of
from server.store.rule_rows import Draft, Overtaken, Published, TooEarly
from server.web.answers import house_of, page, see
from server.web.rule_words import REFUSED, WANTS

router = APIRouter(prefix="/rules")

MOST_REASON = 200
_LOCAL = "%Y-%m-%dT%H:%M"
_MOST_VERSION = 2**31 - 1


class Refused(Exception):
    """Not done; ``reason`` is a word of REFUSED, ``where`` and ``detail`` say more."""

    def __init__(self, reason: str, detail: str = "", where: tuple[str, str] = ("", "")) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason, self.detail, self.where = reason, detail, where


class Seen(NamedTuple):
    """A complex's rules as a request finds them. ``counts``: the number of the version in force, 0 the built-in set."""

    place: PlaceView
    newest: Published | None
    counts: int

    @property
    def version(self) -> int:
        return self.newest.version if self.newest else 0

    @property
    def known(self) -> RuleSet:
        return rules_desk.set_of(self.newest.body if self.newest else b"")


@router.get("")
async def everywhere(request: Request, person: Watching) -> Response:
    """The rules of the first complex of those in reach."""
    async with house_of(request).db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
    if not complexes:
        return page(request, person, "rules.html", place=None)
    return see(f"/rules/{quote(complexes[0].id, safe='')}")


@router.get("/{complex_id}")
async def rules(request: Request, complex_id: str, person: Watching, refused: str = "") -> Response:
    """Every rule, and the versions; as JSON, the document."""
    seen = await _seen(request, person, complex_id)
    if wants_json(request):
        said = {"version": seen.version, "in_force": seen.counts, "rules": document_of(seen.known)}
        return as_json(said | {"since": seen.newest.since if seen.newest else None})
    return await _show(request, person, seen, refused=Refused(refused) if refused in REFUSED else None)


async def _seen(request: Request, person: Person, complex_id: str) -> Seen:
    house = house_of(request)
    async with house.db.read() as connection:
        place = await found_place(connection, person, complex_id)
        newest = await rule_rows.newest(connection, complex_id)
        counts = (await RuleBook().of(connection, [complex_id]))[complex_id].dated(house.now())
    return Seen(place, newest, counts.version if counts else 0)


async def _show(
    request: Request, person: Person, seen: Seen, preview: rule_preview.Preview | None = None, **more: Any
) -> Response:
    house, complex_id = house_of(request), seen.place.id
    async with house.db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
        versions = await rule_rows.history(connection, complex_id)
        called = await names_of(
            connection, {(complex_id, one.alert.device) for one in preview.lines} if preview else ()
        )
    rows = rules_form.rows(seen.known)
    today = house.now().astimezone(house.acting.duties.place(complex_id).zone).date()
    context: dict[str, Any] = {
        "place": seen.place,
        "complexes": complexes,
        "version": seen.version,
        "counts": seen.counts,
        "newest": seen.newest,
        "versions": versions,
        "groups": [(one, [row for row in rows if row.rule.category == one]) for one in CATEGORIES],
        "is_long": len(rows) > rules_form.MOST_IN_FORM,
        "days_text": rules_form.days_text(seen.known.calendar),
        "document": rules_desk.text_of(seen.known),
        "severities": SEVERITIES,
        "may_edit": person.may(*ROSTERING),
        "today": today.isoformat(),
        "typed": {"day": (today - timedelta(days=1)).isoformat()},
        "preview": preview,
        "called": called,
        "refused": None,
        "reasons": REFUSED,
        "wants": WANTS,
    }
    return page(request, person, "rules.html", **(context | more))


@router.post("/{complex_id}")
async def edit(request: Request, complex_id: str, person: Ruling, form: WideForm) -> Response:
    """``what``: preview a day under the draft, or publish it. The draft is the form's, or ``source=document`` its text.

    What cannot be is said beside the draft, which nobody loses.
    """
    seen = await _seen(request, person, complex_id)
    try:
        draft = await _draft(request, seen, form)
        if field(form, "what", 16) == "publish":
            return await _published(request, person, seen, form, draft)
        found = await _previewed(request, seen, form, draft)
    except Refused as error:
        if wants_json(request):
            raise HTTPException(409 if error.reason == "overtaken" else 422, _in_words(error)) from error
        return await _show(request, person, seen, refused=error, typed=_typed(form, seen))
    if wants_json(request):
        return as_json(found)
    return await _show(request, person, seen, preview=found, typed=_typed(form, seen))


def _in_words(error: Refused) -> str:
    rule, name = error.where
    return ": ".join(part for part in (error.reason, f"{rule or 'rules'}.{name}" if name else "", error.detail) if part)


def _typed(form: FormData, seen: Seen) -> dict[str, str]:
    """What stands in the form, to be shown again as it was written."""
    said = {name: str(value) for name, value in form.multi_items() if isinstance(value, str)}
    return said if "day" in said else said | {"day": ""}


async def _draft(request: Request, seen: Seen, form: FormData) -> RuleSet:
    """The form upon the version that the page showed, or the document alone. Raises Refused."""
    try:
        if field(form, "source", 16) == "document":
            return rules_desk.read_text(_document(form))
        async with house_of(request).db.read() as connection:
            base = await rules_desk.of_version(connection, seen.place.id, number(form, "version"))
        return rules_form.read(base, lambda name: field(form, name, 20_000) if name in form else None)
    except BadField as error:
        raise Refused("field", error.text[:200], (error.rule, error.name)) from error
    except BadRules as error:
        raise Refused("document", str(error)) from error
    except NoVersion as error:
        raise Refused("no_version") from error


def _document(form: FormData) -> str:
    text = form.get("document")
    text = text.replace("\r\n", "\n") if isinstance(text, str) else ""
    if len(text) > MOST_DOCUMENT:
        raise Refused("document", f"{len(text)} signs, at most {MOST_DOCUMENT}")
    return text


def number(form: FormData, name: str) -> int:
    """Which version a page showed. Raises HTTPException 422."""
    text = field(form, name, 10)
    if not (text.isascii() and text.isdigit()) or int(text) > _MOST_VERSION:
        raise HTTPException(422, f"{name}: the number of a version")
    return int(text)


def reason_of(form: FormData) -> str:
    """Raises Refused."""
    text = field(form, "reason", 1_000)
    if not text or len(text) > MOST_REASON or not text.isprintable():
        raise Refused("no_reason")
    return text


async def _published(request: Request, person: Person, seen: Seen, form: FormData, known: RuleSet) -> Response:
    """Raises Refused."""
    house, reason = house_of(request), reason_of(form)
    after, since = number(form, "version"), _since(form, house.acting.duties.place(seen.place.id).zone)
    body = _body(known)
    if after == seen.version and body == rules_desk.body_of(seen.known):
        raise Refused("same")
    try:
        made = await rules_desk.publish(house, person.actor, seen.place.id, Draft(after, body, reason, since))
    except Overtaken as error:
        raise Refused("overtaken") from error
    except TooEarly as error:
        raise Refused("too_early", str(error)) from error
    return _done(request, seen.place.id, made)


def _body(known: RuleSet) -> bytes:
    try:
        return rules_desk.body_of(known)
    except BadRules as error:
        raise Refused("document", str(error)) from error


def _done(request: Request, complex_id: str, made: Published) -> Response:
    if wants_json(request):
        return as_json({"version": made.version, "since": made.since})
    return see(f"/rules/{quote(complex_id, safe='')}#versions")


def _since(form: FormData, zone: Any) -> datetime | None:
    """By the clocks of the complex; None: at once. Raises Refused."""
    text = field(form, "since", 16)
    if not text:
        return None
    try:
        moment = datetime.strptime(text, _LOCAL).replace(tzinfo=zone)
    except ValueError as error:
        raise Refused("bad_since") from error
    if not 2000 <= moment.year <= 2100:
        raise Refused("bad_since")
    return moment.astimezone(UTC)


async def _previewed(request: Request, seen: Seen, form: FormData, known: RuleSet) -> rule_preview.Preview:
    """Raises Refused."""
    house, complex_id = house_of(request), seen.place.id
    place = house.acting.duties.place(complex_id)
    day = _day(field(form, "day", 10), house.now().astimezone(place.zone).date())
    async with house.db.read() as connection:
        now = await RuleBook().at(connection, complex_id, house.now())
    asked = rule_preview.Asked(complex_id, place, day, now, Rules(known))
    return await rule_preview.preview(house.db, asked, house.now)


def _day(text: str, today: date) -> date:
    """Raises Refused."""
    try:
        day = date.fromisoformat(text) if text else today - timedelta(days=1)
    except ValueError as error:
        raise Refused("bad_day") from error
    if not date(2000, 1, 1) <= day <= today:
        raise Refused("bad_day")
    return day


@router.post("/{complex_id}/restore")
async def restore(request: Request, complex_id: str, person: Rostering, form: Form) -> Response:
    """An older version again, as a new one; 0 is the built-in set."""
    seen = await _seen(request, person, complex_id)
    try:
        async with house_of(request).db.read() as connection:
            known = await rules_desk.of_version(connection, complex_id, number(form, "to"))
        return await _published(request, person, seen, form, known)
    except (Refused, NoVersion) as error:
        word = error.reason if isinstance(error, Refused) else "no_version"
        if wants_json(request):
            raise HTTPException(409 if word == "overtaken" else 422, word) from error
        return see(f"/rules/{quote(complex_id, safe='')}?refused={word}")


@router.get("/{complex_id}/versions/{version}")
async def one_version(request: Request, complex_id: str, version: int, person: Watching) -> Response:
    """The document of a version, and what it says."""
    seen = await _seen(request, person, complex_id)
    async with house_of(request).db.read() as connection:
        found = await _one(connection, complex_id, version)
    if wants_json(request):
        return as_json({"version": found.version, "since": found.since, "rules": msgspec.Raw(found.body)})
    known = rules_of(found.body).known
    return page(request, person, "rule_version.html", place=seen.place, row=found, document=rules_desk.text_of(known))


async def _one(connection: AsyncConnection, complex_id: str, version: int) -> Published:
    found = await rule_rows.one(connection, complex_id, version) if 0 < version <= _MOST_VERSION else None
    if found is None:
        raise HTTPException(404, "no such version")
    return found


def wants_json(request: Request) -> bool:
    return request.headers.get("accept", "").startswith("application/json")


def as_json(content: Mapping[str, Any] | msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
