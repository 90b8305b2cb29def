"""Pictures, by content hash, to those in whose scope they are."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from server.api.who import Anyone
from server.auth import Person
from server.web.answers import house_of

router = APIRouter()
# What a browser may show as it is; anything else a gateway sent is only bytes to save.
_SHOWN = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
_CACHE = "private, max-age=31536000, immutable"


@router.get("/media/{sha256}")
async def picture(request: Request, sha256: str, person: Anyone) -> Response:
    """The bytes; 404 both where there is none and where it is not for this person."""
    media = house_of(request).media
    kind = _seen_by(person, await media.owners(sha256))
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


def _seen_by(person: Person, owners: dict[str, str]) -> str | None:
    """The media type, where a complex of the person has the picture."""
    seen = (kind for complex_id, kind in owners.items() if not person.complexes or complex_id in person.complexes)
    return next(seen, None)
