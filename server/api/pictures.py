"""Pictures, by content hash, to those in whose scope they are."""

from __future__ import annotations

from collections.abc import Awaitable

import structlog
from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from server.api.who import Anyone
from server.auth import Person
from server.media import MediaAway
from server.plan_pictures import BadPicture
from server.web.answers import house_of, see

log = structlog.get_logger()

router = APIRouter()
# What a browser may show as it is; anything else a gateway sent is only bytes to save.
_SHOWN = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
_CACHE = "private, max-age=31536000, immutable"


@router.get("/media/{sha256}")
async def picture(request: Request, sha256: str, person: Anyone) -> Response:
    """The bytes; 404 both where there is none and where it is not for this person."""
    kind, headers = await _kind(request, sha256, person), _headers(sha256)
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if kind not in _SHOWN:
        kind, headers["Content-Disposition"] = "application/octet-stream", "attachment"
    return Response(await _read(request, house_of(request).media.get(sha256)), media_type=kind, headers=headers)


@router.get("/media/{sha256}/small")
async def small(request: Request, sha256: str, person: Anyone) -> Response:
    """The same in at most 30 kB, for lists and slow lines; the picture itself where no such can be made of it."""
    kind, headers = await _kind(request, sha256, person), _headers(f"{sha256}-small")
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if kind not in _SHOWN:
        return see(f"/media/{sha256}")
    try:
        body = await _read(request, house_of(request).media.small(sha256))
    except BadPicture as error:  # cut off on its way, or of another kind than it says: browsers may show a part
        log.info("no_small_picture", sha256=sha256, reason=error.reason, detail=str(error))
        return see(f"/media/{sha256}")
    return Response(body, media_type="image/jpeg", headers=headers)


async def _kind(request: Request, sha256: str, person: Person) -> str:
    kind = await house_of(request).media.kind_for(sha256, person.scope)
    if kind is None:
        raise HTTPException(404, "no such picture")
    return kind


def _headers(tag: str) -> dict[str, str]:
    return {"Cache-Control": _CACHE, "ETag": f'"{tag}"', "Content-Disposition": "inline"}


async def _read(request: Request, reading: Awaitable[bytes]) -> bytes:
    try:
        return await reading
    except FileNotFoundError as error:
        raise HTTPException(404, "the picture is listed, but its bytes are gone") from error
    except MediaAway as error:
        log.error("media_away", path=request.url.path, error=str(error))
        raise HTTPException(503, "the store of the pictures does not answer; come again") from error
