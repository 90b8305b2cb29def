"""The live stream of a screen, as server-sent events (WHATWG HTML)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.responses import Response, StreamingResponse

from server.api.who import Watching
from server.live import TooManyScreens
from server.live_screen import Hearer
from server.web.answers import house_of

router = APIRouter()
Position = Annotated[int | None, Query(ge=0, le=2**63 - 1)]
# After this the browser comes back by itself. A login that ended hears no longer much earlier (server/live.py).
STREAM_LIFE_S = 300.0


@router.get("/live")
async def live(request: Request, person: Watching, after: Position = None) -> Response:
    """What the person's complexes have to say, from position ``after`` or the browser's last event id."""
    last = request.headers.get("last-event-id", "")
    position = int(last) if last.isdecimal() and len(last) < 19 else after
    hub = house_of(request).live
    try:
        stream = hub.subscribe(Hearer(person.scope, person.login, person.role), person.lang, position, STREAM_LIFE_S)
    except TooManyScreens as error:
        raise HTTPException(503, str(error)) from error
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)
