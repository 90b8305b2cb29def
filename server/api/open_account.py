"""The public account of a complex: published months, quarters, revenue and papers, for anyone, without a log-in.

A page is made once from what was frozen and kept in a bounded cache; what was not published is never read here.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import HTMLResponse, Response

from domain.ledger.month import Came, days_of, quarter_of
from server.api.months import HEIGHT, account_words, bars, shown_fen
from server.api.revenue import paper_answer
from server.auth import address_of, public
from server.books.months import Snapshot, open_entries, parts_of, public_ledger
from server.books.publishing import read_snapshot
from server.few import Few
from server.store import public_rows, revenue_rows
from server.store.public_rows import Edition, Open, Published
from server.web.answers import house_of
from server.web.formats import zone_of
from server.web.languages import Language, as_language
from server.web.qr import qr_of
from server.web.render import render

router = APIRouter(prefix="/open/{complex_id}", dependencies=[Depends(public)])

_asking = Few(most=120, within_s=60.0)  # pages of one address
_fetching = Few(most=12, within_s=60.0)  # whole files of journals
_one_at_a_time = asyncio.Semaphore(2)  # files of journals that are made
_MOST_PAGES = 512  # kept in memory, some tens of kilobytes each
_pages: OrderedDict[tuple[str, ...], bytes] = OrderedDict()
_CACHE = "public, max-age=60"  # so long a page may still be shown by a cache after the account was closed
_BARS = 6
_QUARTER = re.compile(r"[0-9]{4}-Q[1-4]")


class Quarter(NamedTuple):
    """A quarter, its months as they are published, and the sum of those."""

    name: str
    months: list[tuple[str, Came | None]]
    total: Came


async def _open(connection: AsyncConnection, request: Request, complex_id: str) -> Open:
    """Raises HTTPException 404 for an account that is closed as for one that is not, 429."""
    if not _asking.may(address_of(request) or "", house_of(request).now()):
        raise HTTPException(429, "too many requests: come again in a minute")
    found = await public_rows.open_one(connection, complex_id)
    if found is None:
        raise HTTPException(404, "no such account")
    return found


def _newest(editions: Sequence[Edition]) -> dict[str, Edition]:
    """Of each month its newest version, the newest month first."""
    found: dict[str, Edition] = {}
    for one in editions:
        found.setdefault(one.month, one)
    return found


@router.get("")
async def newest(request: Request, complex_id: str, lang: str = "") -> Response:
    """The newest month that is published; before there is one, a page that says so."""
    async with house_of(request).db.read() as connection:
        place = await _open(connection, request, complex_id)
        editions = await public_rows.editions(connection, complex_id)
        if editions:
            return await _month(request, connection, place, editions, editions[0], as_language(lang))
    return _answer(request, place, _rendered(request, "open_none.html", as_language(lang), place=place, editions={}))


@router.get("/revenue")
async def revenue(request: Request, complex_id: str, lang: str = "") -> Response:
    """Public revenue as it is now: what is decided, what goes on, what came of it. No draft is among it."""
    async with house_of(request).db.read() as connection:
        place = await _open(connection, request, complex_id)
        entries = await open_entries(connection, complex_id, zone_of(place.timezone))
        editions = _newest(await public_rows.editions(connection, complex_id))
    context = {"place": place, "entries": entries, "editions": editions}
    return _answer(request, place, _rendered(request, "open_revenue.html", as_language(lang), **context))


@router.get("/poster")
async def poster(request: Request, complex_id: str, lang: str = "") -> Response:
    """A sheet for the gatehouse's wall: whose account, and the code that leads to it."""
    async with house_of(request).db.read() as connection:
        place = await _open(connection, request, complex_id)
    url = _url(request, complex_id)
    context: dict[str, Any] = {"place": place, "url": url, "qr": qr_of(url, 8), "editions": {}}
    return _answer(request, place, _rendered(request, "open_poster.html", as_language(lang), **context))


@router.get("/documents/{sha256}")
async def document(request: Request, complex_id: str, sha256: str) -> Response:
    """A paper of a published entry, where somebody said that nothing personal is on it."""
    async with house_of(request).db.read() as connection:
        await _open(connection, request, complex_id)
        kind = await revenue_rows.public_document(connection, complex_id, sha256)
    return await paper_answer(request, sha256, kind, _CACHE)


@router.get("/{month}/journals.json")
async def journals(request: Request, complex_id: str, month: str, version: int = 0, part: int = 1) -> Response:
    """The month's journals in their chain, to be checked by ``gatehouse-server ledger verify-public``.

    A month of very many is in several parts, each in its own file; each says how many there are.
    """
    if not _fetching.may(address_of(request) or "", house_of(request).now()):
        raise HTTPException(429, "too many requests: come again in a minute")
    async with house_of(request).db.read() as connection:
        await _open(connection, request, complex_id)
        found = await _edition(connection, complex_id, month, version)
        headers = {"Cache-Control": _CACHE, "ETag": f'"{found.hash}-{part}"'}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        async with _one_at_a_time:
            shown = read_snapshot(found.body)
            if not 1 <= part <= parts_of(shown.figures.first, shown.figures.last):
                raise HTTPException(404, "no such part")
            ledger = await public_ledger(connection, shown, part)
            body = await asyncio.to_thread(msgspec.json.encode, ledger)
    behind = f"-{part}of{ledger.parts}" if ledger.parts > 1 else ""
    name = f"gatehouse-{quote(complex_id, safe='')}-{found.month}-{found.version}{behind}.json"
    headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return Response(body, media_type="application/json", headers=headers)


@router.get("/{month}/snapshot.json")
async def snapshot(request: Request, complex_id: str, month: str, version: int = 0) -> Response:
    """The very bytes that were frozen: their SHA-256 stands on the page."""
    async with house_of(request).db.read() as connection:
        await _open(connection, request, complex_id)
        found = await _edition(connection, complex_id, month, version)
    headers = {"Cache-Control": _CACHE, "ETag": f'"{found.hash}"', "Content-Disposition": "attachment"}
    return Response(found.body, media_type="application/json", headers=headers)


async def _edition(connection: AsyncConnection, complex_id: str, month: str, version: int) -> Published:
    """The version that is asked for, else the newest. Raises HTTPException 404."""
    editions = [one for one in await public_rows.editions(connection, complex_id) if one.month == month]
    wanted = next((one for one in editions if version in (0, one.version)), None)
    found = await public_rows.published_one(connection, complex_id, month, wanted.version) if wanted else None
    if found is None:
        raise HTTPException(404, "nothing is published of this month")
    return found


@router.get("/{month}")
async def month_page(request: Request, complex_id: str, month: str, lang: str = "", version: int = 0) -> Response:
    """A month as it was published, or a quarter written as 2026-Q4."""
    async with house_of(request).db.read() as connection:
        place = await _open(connection, request, complex_id)
        editions = await public_rows.editions(connection, complex_id)
        if _QUARTER.fullmatch(month):
            return await _quarter(request, connection, place, editions, month, as_language(lang))
        wanted = next((one for one in editions if one.month == month and version in (0, one.version)), None)
        if wanted is None:
            raise HTTPException(404, "nothing is published of this month")
        return await _month(request, connection, place, editions, wanted, as_language(lang))


async def _month(
    request: Request,
    connection: AsyncConnection,
    place: Open,
    editions: Sequence[Edition],
    wanted: Edition,
    language: Language,
) -> Response:
    known = ",".join(f"{one.month}/{one.hash}" for one in editions)
    key = (
        place.id,
        place.name,
        str(place.is_indexed),
        wanted.month,
        str(wanted.version),
        language,
        known,
        _base(request),
    )
    body = _kept(key)
    if body is None:
        frozen = await _edition(connection, place.id, wanted.month, wanted.version)
        months = await _months(connection, place.id, _newest(editions), wanted.month)
        context = _month_context(request, place, frozen, editions, months, language)
        body = await asyncio.to_thread(_rendered, request, "open_month.html", language, **context)
        _keep(key, body)
    return _answer(request, place, body)


async def _months(
    connection: AsyncConnection, complex_id: str, editions: Mapping[str, Edition], last: str
) -> list[tuple[str, Came]]:
    """The published months up to one, as they were frozen, the oldest first."""
    chosen = [one for month, one in editions.items() if month <= last][:_BARS]
    found = [await public_rows.published_one(connection, complex_id, one.month, one.version) for one in chosen]
    return [(one.month, read_snapshot(one.body).figures.came) for one in reversed(found) if one is not None]


def _month_context(
    request: Request,
    place: Open,
    frozen: Published,
    editions: Sequence[Edition],
    months: Sequence[tuple[str, Came]],
    language: Language,
) -> dict[str, Any]:
    shown = read_snapshot(frozen.body)
    of, last = shown.figures, days_of(frozen.month)[1]
    return {
        "place": place,
        "frozen": frozen,
        "shown": shown,
        "found": of,
        "came": of.came,
        "bars": bars(months),
        "height": HEIGHT,
        "owed": [(account_words(name, language), shown_fen(name, fen)) for name, fen in of.owed.items()],
        "items": [(one, (last - date.fromisoformat(one.since)).days) for one in of.items],
        "editions": _newest(editions),
        "versions": [one for one in editions if one.month == frozen.month],
        "quarter": quarter_of(frozen.month)[0],
        "parts": parts_of(of.first, of.last),
        "url": _url(request, place.id),
        "qr": qr_of(_url(request, place.id), 3),
        "is_moved": _is_moved(shown),
    }


def _is_moved(shown: Snapshot) -> bool:
    """Whether journals behind the month's last were booked before it was frozen: then two hashes are told."""
    return shown.ledger_number != shown.figures.last


async def _quarter(
    request: Request,
    connection: AsyncConnection,
    place: Open,
    editions: Sequence[Edition],
    name: str,
    language: Language,
) -> Response:
    newest_of = _newest(editions)
    months: list[tuple[str, Came | None]] = []
    for month in quarter_of(f"{name[:4]}-{int(name[-1]) * 3:02}")[1]:
        one = newest_of.get(month)
        frozen = await public_rows.published_one(connection, place.id, month, one.version) if one else None
        months.append((month, read_snapshot(frozen.body).figures.came if frozen else None))
    total = _added([came for _, came in months if came is not None])
    context = {"place": place, "quarter": Quarter(name, months, total), "editions": newest_of}
    return _answer(request, place, _rendered(request, "open_quarter.html", language, **context))


def _added(months: Sequence[Came]) -> Came:
    names = Came.__struct_fields__
    return Came(*(sum(getattr(one, name) for one in months) for name in names))


def _kept(key: tuple[str, ...]) -> bytes | None:
    if key in _pages:
        _pages.move_to_end(key)
    return _pages.get(key)


def _keep(key: tuple[str, ...], body: bytes) -> None:
    _pages[key] = body
    while len(_pages) > _MOST_PAGES:
        _pages.popitem(last=False)


def _rendered(request: Request, template: str, language: Language, **context: Any) -> bytes:
    path = request.url.path
    return render(language, template, path=path, now=house_of(request).now(), **context).encode()


def _answer(request: Request, place: Open, body: bytes) -> Response:
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"Cache-Control": _CACHE, "ETag": etag}
    if not place.is_indexed:
        headers["X-Robots-Tag"] = "noindex"
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return HTMLResponse(body, headers=headers)


def _base(request: Request) -> str:
    return house_of(request).config.public_url.rstrip("/") or str(request.base_url).rstrip("/")


def _url(request: Request, complex_id: str) -> str:
    return f"{_base(request)}/open/{quote(complex_id, safe='')}"
