"""What another cell calls when a complex moves here. It is let in by a secret that both cells have."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from domain.wire import MAX_PACKED_BYTES
from eventlog.log import Adopted
from server.api.gateway_side import BadRequest, answer, body_of, house_of
from server.auth import declare
from server.cells.arrive import Announced, NotNow
from server.cells.rows import Parcel
from server.enrolment import NotAllowed
from server.house import House
from server.media import MAX_PICTURE_BYTES

T = TypeVar("T")
router = APIRouter(prefix="/v1/moves/{complex_id}")

_MAX_BYTES = 4 * MAX_PACKED_BYTES + 4 * MAX_PICTURE_BYTES


async def cell_of(request: Request) -> str:
    """The name of the cell that knows one of our secrets. Raises NotAllowed."""
    house = house_of(request)
    given = request.headers.get("authorization", "").removeprefix("Bearer ").encode()
    for cell in house.config.cells:
        kept = secret_of(house, cell.secret_file)
        if kept and secrets.compare_digest(kept, given):
            return cell.name
    raise NotAllowed("unknown_cell", "no [[cells]] of server.toml has this secret")


def secret_of(house: House, file: str) -> bytes:
    try:
        return (house.folder / file).read_bytes().strip()
    except OSError:
        return b""


FromCell = Annotated[str, Depends(declare(cell_of, "another cell"))]


async def _told(request: Request, kind: type[T]) -> T:
    try:
        return msgspec.msgpack.decode(await body_of(request, _MAX_BYTES), type=kind)
    except msgspec.MsgspecError as error:
        raise BadRequest(str(error)) from error


def _answer(content: Any) -> Response:
    return Response(msgspec.msgpack.encode(content), media_type="application/msgpack")


@router.post("/begin")
async def begin(request: Request, complex_id: str, cell: FromCell) -> Response:
    """A complex is to come."""
    return _answer(await house_of(request).arrivals.begin(complex_id, cell, await _told(request, Announced)))


@router.post("/standing")
async def standing(request: Request, complex_id: str, _cell: FromCell) -> Response:
    """How far it has come in."""
    return _answer(await house_of(request).arrivals.standing(complex_id))


@router.post("/batches/{after}")
async def batches(request: Request, complex_id: str, after: int, _cell: FromCell) -> Response:
    """Batches behind a position of the other log."""
    told = await _told(request, list[Adopted])
    return _answer(await house_of(request).arrivals.adopt(complex_id, after, told))


@router.post("/pictures")
async def pictures(request: Request, complex_id: str, _cell: FromCell) -> Response:
    """Which of some pictures are not here."""
    names = await _told(request, list[str])
    known = set(await house_of(request).media.known(complex_id, names))
    return _answer([name for name in names if name not in known])


@router.post("/picture/{sha256}")
async def picture(request: Request, complex_id: str, sha256: str, _cell: FromCell) -> Response:
    """A picture, of which no screen is told."""
    media_type, body = await _told(request, tuple[str, bytes])
    return _answer(await house_of(request).media.keep(sha256, complex_id, body, media_type))


@router.post("/rows/{step}")
async def rows(request: Request, complex_id: str, step: int, _cell: FromCell) -> Response:
    """The next parcel of rows."""
    return _answer(await house_of(request).arrivals.put_rows(complex_id, step, await _told(request, Parcel)))


@router.post("/digests")
async def digests(request: Request, complex_id: str, _cell: FromCell) -> Response:
    """What is here of it, summed up."""
    return _answer(await house_of(request).arrivals.digests(complex_id))


@router.post("/open")
async def open_(request: Request, complex_id: str, _cell: FromCell) -> Response:
    """All is here: let its gateways in."""
    return _answer(await house_of(request).arrivals.open(complex_id))


async def not_now(_request: Request, error: Exception) -> Response:
    """A step that does not follow what is here."""
    return answer(409, error=error.error if isinstance(error, NotNow) else "conflict", message=str(error))
