"""What machines ask of a server: whether it lives, whether it can do its work, and its figures."""

from __future__ import annotations

import ipaddress
import secrets
from pathlib import Path
from typing import Any

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Request, Response

from server.auth import declare, public
from server.config import Config
from server.house import House
from server.metrics import CONTENT_TYPE_LATEST, Metrics
from server.readiness import Readiness

router = APIRouter()

# What a proxy adds: then the machine that asks is another than the one the connection comes from.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_HERE = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})


async def scraper(request: Request) -> None:
    """Who bears the token; where none is set, only this machine itself. Raises HTTPException 403."""
    house: House = request.app.state.house
    token = token_of(house.folder, house.config)
    if token:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and secrets.compare_digest(given.strip().encode(), token.encode()):
            return
    elif _is_from_here(request):
        return
    raise HTTPException(403, "figures are for who bears the token of metrics_token_file, or asks on this machine")


declare(scraper, "machine: token, or this machine itself")


def token_of(folder: Path, config: Config) -> str:
    """The token of the settings; empty where none is set. One that cannot be read lets nobody in."""
    if not config.metrics_token_file:
        return ""
    try:
        return (folder / config.metrics_token_file).read_text().strip() or secrets.token_hex()
    except OSError:
        return secrets.token_hex()


def _is_from_here(request: Request) -> bool:
    """From this machine, by its own name, and not through a proxy that stands on it."""
    if any(name in request.headers for name in _FORWARDED) or (request.url.hostname or "") not in _HERE:
        return False
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


@router.get("/metrics", dependencies=[Depends(scraper)])
async def metrics(request: Request) -> Response:
    """This process's figures, in Prometheus' form."""
    shown: Metrics = request.app.state.metrics
    return Response(await shown.page(), media_type=CONTENT_TYPE_LATEST)


@router.get("/healthz", dependencies=[Depends(public)])
async def healthz() -> Response:
    """The process lives and its loop turns."""
    return _said(200, status="ok")


@router.get("/readyz", dependencies=[Depends(public)])
async def readyz(request: Request) -> Response:
    """Whether it can do its work; what is missing, in a word each. Why stands in its log."""
    readiness: Readiness = request.app.state.readiness
    missing = await readiness.missing()
    return _said(503, status="not ready", missing=missing) if missing else _said(200, status="ready", missing=[])


def _said(code: int, **content: Any) -> Response:
    return Response(msgspec.json.encode(content), code, media_type="application/json")
