"""A receipt that anyone who holds it can check: number, sum, time and masked plate, by the code that stands on it."""

from __future__ import annotations

from fastapi import APIRouter, Depends, HTTPException, Request
from starlette.responses import Response

from server.auth import address_of, public
from server.few import Few
from server.store import receipt_rows
from server.web.answers import house_of, open_page
from server.web.qr import qr_of

router = APIRouter(prefix="/receipt", dependencies=[Depends(public)])

_asking = Few(most=60, within_s=60.0)  # of one address


def receipt_url(request: Request, code: str | None) -> str:
    """Where a receipt can be checked; empty for a payment that has none."""
    base = house_of(request).config.public_url.rstrip("/") or str(request.base_url).rstrip("/")
    return f"{base}/receipt/{code}" if code else ""


@router.get("/{code}")
async def check(request: Request, code: str, paper: str = "") -> Response:
    """The receipt as the books have it now, to read or to print; what was given back since stands on it."""
    house = house_of(request)
    if not _asking.may(address_of(request) or "", house.now()):
        raise HTTPException(429, "too many requests: come again in a minute")
    async with house.db.read() as connection:
        found = await receipt_rows.by_code(connection, code)
    place = {"complex_name": found.complex_name if found else "", "lane": "", "timezone": found and found.timezone}
    url = receipt_url(request, code) if found else ""
    size = paper if paper in ("58", "80", "a4") else "80"
    context = {"receipt": found, "qr": qr_of(url, 3) if url else "", "url": url, "paper": size}
    return open_page(request, "receipt_check.html", 200 if found else 404, place=place, **context)
