"""A new gateway: a one-time code for a complex, and the QR code that an installer scans."""

from __future__ import annotations

import segno
import structlog
from fastapi import APIRouter, HTTPException, Request
from markupsafe import Markup
from starlette.responses import Response

from domain.enrolment import EnrolLink, in_groups
from server.api.who import Operating
from server.auth import Form, Person, field
from server.config import BadConfig
from server.enrol_link import enrol_link
from server.store.place_views import ComplexView, complexes_of
from server.web.answers import house_of, page

log = structlog.get_logger()
router = APIRouter()

_QR_SCALE, _QR_ERRORS = 6, "m"


@router.get("/gateways/new")
async def choose(request: Request, person: Operating) -> Response:
    """Which complex the gateway will belong to."""
    return page(request, person, "gateway_new.html", complexes=await _complexes(request, person))


@router.post("/gateways/new")
async def issue(request: Request, person: Operating, form: Form) -> Response:
    """A code, shown this once: only its digest is kept, and nothing of it is logged."""
    chosen = field(form, "complex", 200)
    place = next((view for view in await _complexes(request, person) if view.id == chosen), None)
    if place is None:
        raise HTTPException(422, "choose a complex")
    return await code_page(request, person, place)


async def code_page(request: Request, person: Person, place: ComplexView, replaces: str | None = None) -> Response:
    """A new code on a page with its QR code; ``replaces``: whose key ends when it is used."""
    house = house_of(request)
    code, expires_at = await house.gateways.issue_code(place.id, person.actor, replaces)
    link = _link(request, code)
    left_s = max(0, int((expires_at - house.now()).total_seconds()))
    shown = {"place": place, "code": code, "expires_at": expires_at, "left_s": left_s, "url": link.url}
    qr = {"link": link.text(), "qr": _qr(link), "fingerprint": in_groups(link.sha256), "replaces": replaces}
    return page(request, person, "gateway_code.html", **shown, **qr)


async def _complexes(request: Request, person: Person) -> list[ComplexView]:
    async with house_of(request).db.read() as connection:
        return await complexes_of(connection, person.scope)


def _link(request: Request, code: str) -> EnrolLink:
    """A mistake in the settings must not keep an installer waiting: then the link has no fingerprint."""
    house, asked_at = house_of(request), str(request.base_url).rstrip("/")
    try:
        return enrol_link(house.folder, house.config, code, asked_at)
    except BadConfig as error:
        log.error("enrol_link_poor", error=str(error))
        return EnrolLink(asked_at, code)


def _qr(link: EnrolLink) -> Markup:
    """An SVG of paths and attributes alone: the policy lets no style stand in a page."""
    made = segno.make(link.text(), error=_QR_ERRORS, micro=False)
    return Markup(made.svg_inline(scale=_QR_SCALE, dark="#000", light="#fff", svgclass="qr", omitsize=True))  # noqa: S704
