"""Visitors: a link for a household, a page without log-in where it makes passes, and the pass with its QR code."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from urllib.parse import quote

import segno
from fastapi import APIRouter, Depends, HTTPException, Request
from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData
from starlette.responses import Response

from server.api.residents import REFUSED, done, household_page, need_household
from server.api.who import Residing
from server.audit import Actor, Subject, nobody
from server.auth import Form, address_of, check_origin, field, public
from server.few import Few
from server.house import House
from server.residents import changing
from server.store import coupon_issuers, reach_views, resident_rows, visitor_rows
from server.store.resident_rows import By, NotPossible
from server.store.resident_tables import credential, visitor_link
from server.store.visitor_rows import LONGEST, LONGEST_AHEAD, OpenLink, VisitorPass, Window
from server.web.answers import house_of, open_page, see
from server.web.formats import zone_of
from server.web.languages import N_

router = APIRouter()

_LIFE_DAYS = (1, 7, 30, 180, 365)
_WORDS = {
    **REFUSED,
    "enough": N_("这个链接的访客码已经够多了。请停用不要的，或明天再来。"),
    "bad_hours": N_("时间不对：从今天起 30 天内开始，结束要晚于开始和现在，最长 3 天。"),
}
_asking = Few(most=60, within_s=60.0)  # requests of one address: nobody tries tokens


@router.post("/residents/{identity}/links")
async def add_link(request: Request, identity: str, person: Residing, form: Form) -> Response:
    """A link for the household, shown this once: only its digest is kept."""
    view = await need_household(request, person, identity)
    token, house = visitor_rows.new_token(), house_of(request)
    days = _days_in(form)
    named = [str(one) for one in form.getlist("group") if one]

    async def work(connection: AsyncConnection, by: By) -> None:
        if not set(named) <= set(await resident_rows.groups_of(connection, view.complex)):
            raise NotPossible("no_group")
        digest, ends = visitor_rows.digest_of_token(token), by.at + timedelta(days=days)
        await resident_rows.add_link(connection, by, identity, digest, named, ends)

    answer = await done(request, person, view, "visitor_link.made", work)
    if "refused=" in answer.headers.get("location", ""):
        return answer
    base = house.config.public_url.rstrip("/") or str(request.base_url).rstrip("/")
    url = f"{base}/visit/{token}"
    return await household_page(request, person, identity, link={"url": url, "qr": _qr(url), "days": days})


def _days_in(form: FormData) -> int:
    text = field(form, "days", 4)
    if not text.isdigit() or int(text) not in _LIFE_DAYS:
        raise HTTPException(422, f"days: one of {_LIFE_DAYS}")
    return int(text)


@router.post("/residents/{identity}/links/{link}/end")
async def end_link(request: Request, identity: str, link: str, person: Residing) -> Response:
    """The link and all passes that it made."""
    view = await need_household(request, person, identity)
    async with house_of(request).db.read() as connection:
        if await resident_rows.one_of(connection, visitor_link, identity, link) is None:
            raise HTTPException(404, "no such link")

    async def work(connection: AsyncConnection, by: By) -> None:
        await resident_rows.end_link(connection, by, identity, link)

    return await done(request, person, view, "visitor_link.ended", work, on=Subject("visitor_link", link))


@router.get("/visit/pass/{token}", dependencies=[Depends(public)])
async def show_pass(request: Request, token: str) -> Response:
    """The QR code that a visitor shows at the reader; whoever has the address has the pass."""
    _not_too_often(request)
    async with house_of(request).db.read() as connection:
        found = await visitor_rows.shown(connection, token)
        behind = await _behind(connection, found.complex, [found]) if found else {}
    if found is None:
        return open_page(request, "visit_pass.html", 404, found=None, state="", qr="")
    now = _local(request, found.timezone)
    state = found.state(now, now.date())
    qr = _qr(visitor_rows.code_of(token)) if state == "good" else ""
    return open_page(request, "visit_pass.html", found=found, state=state, qr=qr, behind=behind)


async def _behind(connection: AsyncConnection, complex_id: str, passes: list[VisitorPass]) -> dict[str, int]:
    """How many gateways do not know yet that a pass was used: at their doors it may open once more. The one that let it
    in knows."""
    used = [one for one in passes if one.used_at is not None]
    if not used:
        return {}
    reach = await reach_views.reach(connection, complex_id, "credentials")
    return {one.id: len(set(reach.behind(one.version)) - {one.used_by}) for one in used}


@router.get("/visit/{token}", dependencies=[Depends(public)])
async def visit(request: Request, token: str, refused: str = "") -> Response:
    """Where a household makes passes, and sees and ends those it made."""
    _not_too_often(request)
    house = house_of(request)
    async with house.db.read() as connection:
        link = await visitor_rows.open_link(connection, token, house.now())
        now = _local(request, link.timezone if link else "")
        passes = await visitor_rows.of_link(connection, link, now.date()) if link else []
        behind = await _behind(connection, link.complex, passes) if link else {}
        gives = await coupon_issuers.of_household(connection, link.complex, link.household) if link else None
    context = {"link": link, "passes": passes, "behind": behind, "gives": gives, "refused": _WORDS.get(refused, "")}
    return open_page(request, "visit.html", 200 if link else 410, token=token, **context, **_choice(now))


def _choice(now: datetime) -> dict[str, str]:
    """What the two fields of a window may hold; usually from now to the end of the day."""
    morning, night = now.replace(hour=0, minute=0), now.replace(hour=23, minute=59)
    moments = {"usual_from": now, "usual_until": night, "first": morning, "last_from": night + LONGEST_AHEAD}
    moments["last_until"] = night + LONGEST_AHEAD + LONGEST
    return {name: f"{at:%Y-%m-%dT%H:%M}" for name, at in moments.items()}


@router.post("/visit/{token}", dependencies=[Depends(public)])
async def make_pass(request: Request, token: str, form: Form) -> Response:
    """A pass for some hours; its own page shows it."""
    link = await _link(request, token)
    house, pass_token = house_of(request), visitor_rows.new_token()
    name = field(form, "name", 100)
    try:
        window = _window(form, _local(request, link.timezone))
        async with _changing(house, request, link, "visitor.made") as (connection, by):
            await visitor_rows.make(connection, by, link, name, window, pass_token)
    except NotPossible as error:
        return see(f"/visit/{quote(token, safe='')}?refused={error.reason}")
    return see(f"/visit/pass/{pass_token}")


def _window(form: FormData, now: datetime) -> Window:
    """The moments of a pass, by the complex's clock as ``now`` is; the last minute is whole. Raises NotPossible."""
    try:
        said = [datetime.strptime(field(form, name, 16), "%Y-%m-%dT%H:%M") for name in ("from", "until")]  # noqa: DTZ007
    except ValueError as error:
        raise NotPossible("bad_hours") from error
    begins, ends = said[0].replace(tzinfo=now.tzinfo), said[1].replace(second=59, tzinfo=now.tzinfo)
    is_near = now.date() <= begins.date() <= (now + LONGEST_AHEAD).date()
    if not (is_near and now < ends and begins < ends <= begins + LONGEST + timedelta(minutes=1)):
        raise NotPossible("bad_hours")
    return Window(begins, ends)


@router.post("/visit/{token}/end", dependencies=[Depends(public)])
async def end_pass(request: Request, token: str, form: Form) -> Response:
    """The household ends a pass that it made."""
    link, card = await _link(request, token), field(form, "pass", 100)
    async with _changing(house_of(request), request, link, "visitor.ended") as (connection, by):
        row = await resident_rows.one_of(connection, credential, link.household, card)
        if row is None or row["link"] != link.id:
            raise HTTPException(404, "no such pass")
        if row["revoked_at"] is None:
            await resident_rows.revoke(connection, by, card)
    return see(f"/visit/{quote(token, safe='')}")


def _changing(
    house: House, request: Request, link: OpenLink, action: str
) -> AbstractAsyncContextManager[tuple[AsyncConnection, By]]:
    by: Actor = nobody(address_of(request), f"visitor link {link.id}")
    return changing(house, by, link.complex, action, Subject("visitor_link", link.id))


async def _link(request: Request, token: str) -> OpenLink:
    """Raises HTTPException 404 for a link that is over, and 403 for another site's form."""
    check_origin(request)
    _not_too_often(request)
    house = house_of(request)
    async with house.db.read() as connection:
        link = await visitor_rows.open_link(connection, token, house.now())
    if link is None:
        raise HTTPException(404, "no such link")
    return link


def _not_too_often(request: Request) -> None:
    """Raises HTTPException 429."""
    if not _asking.may(address_of(request) or "", house_of(request).now()):
        raise HTTPException(429, "too many requests: come again in a minute")


def _local(request: Request, zone: str) -> datetime:
    """Now, by the clocks of a complex."""
    return house_of(request).now().astimezone(zone_of(zone))


def _qr(text: str) -> Markup:
    """An SVG of paths and attributes alone: the policy lets no style stand in a page."""
    made = segno.make(text, error="m", micro=False)
    return Markup(made.svg_inline(scale=6, dark="#000", light="#fff", svgclass="qr", omitsize=True))  # noqa: S704
