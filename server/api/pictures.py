"""Pictures, by content hash, to those in whose scope they are."""

from __future__ import annotations

import structlog
from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from server.api.who import Anyone
from server.media import MediaAway
from server.web.answers import house_of

log = structlog.get_logger()

router = APIRouter()
# What a browser may show as it is; anything else a gateway sent is only bytes to save.
_SHOWN = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
_CACHE = "private, max-age=31536000, immutable"


@router.get("/media/{sha256}")
async def picture(request: Request, sha256: str, person: Anyone) -> Response:
    """The bytes; 404 both where there is none and where it is not for this person."""
    media = house_of(request).media
    kind = await media.kind_for(sha256, person.scope)
    if kind is None:
        raise HTTPException(404, "no such picture")
    headers = {"Cache-Control": _CACHE, "ETag": f'"{sha256}"', "Content-Disposition": "inline"}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if kind not in _SHOWN:
        kind, headers["Content-Disposition"] = "application/octet-stream", "attachment"
    try:
        return Response(await media.get(sha256), media_type=kind, headers=headers)
    except FileNotFoundError as error:
        raise HTTPException(404, "the picture is listed, but its bytes are gone") from error
    except MediaAway as error:
        log.error("media_away", path=request.url.path, error=str(error))
        raise HTTPException(503, "the store of the pictures does not answer; come again") from error
