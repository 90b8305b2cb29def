"""Switching the colours of the screens."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from server.auth import public
from server.web.answers import came_from, see
from server.web.themes import COOKIE, as_theme

router = APIRouter()
_YEAR_S = 365 * 24 * 3600


@router.get("/theme/{theme}", dependencies=[Depends(public)])
async def switch(request: Request, theme: str) -> Response:
    """Remembers the colours and goes back."""
    answer = see(came_from(request))
    answer.set_cookie(COOKIE, as_theme(theme), max_age=_YEAR_S, samesite="lax")
    return answer
