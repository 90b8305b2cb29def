"""Switching the language of the screens."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from server.auth import public
from server.web.answers import came_from, see
from server.web.languages import COOKIE, as_language

router = APIRouter()
_YEAR_S = 365 * 24 * 3600


@router.get("/lang/{language}", dependencies=[Depends(public)])
async def switch(request: Request, language: str) -> Response:
    """Remembers the language and goes back."""
    answer = see(came_from(request))
    answer.set_cookie(COOKIE, as_language(language), max_age=_YEAR_S, samesite="lax")
    return answer
