"""Our view library's session (GA/T 1400): register by digest, keep alive, the time, farewell."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from domain.viid.envelopes import MEDIA_TYPE, BadEnvelope, Fields, Sent, objects_in
from domain.viid.statuses import BAD_CONTENT, BAD_JSON, BUSY, OK, several, single, status
from domain.viid.times import stamp
from server.api.gateway_side import TooLarge, body_of
from server.auth import address_of, declare
from server.viid.door import Asked, Refused
from server.viid.library import Library
from server.viid.settings import Peer
from server.viid.taking import Verdict

router = APIRouter(prefix="/VIID")

MOST_BYTES = 8 * 1024 * 1024
_MOST_SESSION_BYTES = 4_096
_reading = asyncio.Semaphore(16)


def library_of(request: Request) -> Library:
    return request.app.state.house.viid


async def peer_of(request: Request) -> Peer:
    """Whose session the request goes on in. Raises Refused."""
    code = request.headers.get("user-identify", "").strip()
    return await library_of(request).door.caller(code, address_of(request) or "")


async def registering(request: Request) -> Peer:
    """Who shows its password. Raises Refused: some clients ask for the challenge with an empty body."""
    device = _device(await read(request, _MOST_SESSION_BYTES))
    asked = Asked(
        device, request.headers.get("authorization", ""), request.method, request.url.path, address_of(request) or ""
    )
    return await library_of(request).door.register(asked)


FromPeer = Annotated[Peer, Depends(declare(peer_of, "view library: a session"))]
Registering = Annotated[Peer, Depends(declare(registering, "view library: digest"))]


@router.post("/System/Register")
async def register(request: Request, peer: Registering) -> Response:
    """A session begins."""
    return one(request, peer.code)


@router.post("/System/Keepalive")
async def keepalive(request: Request, peer: FromPeer) -> Response:
    """A sign of life."""
    return one(request, peer.code)


@router.post("/System/UnRegister")
async def unregister(request: Request, peer: FromPeer) -> Response:
    """A session ends."""
    await library_of(request).door.unregister(peer, address_of(request) or "")
    return one(request, peer.code)


async def time(request: Request, peer: FromPeer) -> Response:
    """Ours, for who sets its clock by it; mode 1 is the network's."""
    library = library_of(request)
    told = {"VIIDServerID": library.code, "TimeMode": "1", "LocalTime": stamp(library.now()), "TimeZone": "GMT+08:00"}
    return answer({"SystemTimeObject": {**told, "RequestURL": request.url.path}})


router.get("/System/Time")(time)
router.post("/System/Time")(time)  # one server knows it only so, and its clients with it


async def read(request: Request, most_bytes: int = MOST_BYTES) -> bytes:
    """The body, within its bound. Raises Refused, also where too many are on their way at one time."""
    if _reading.locked():
        raise Refused(503, BUSY, "too much at one time; send it again")
    try:
        async with _reading:
            return await body_of(request, most_bytes)
    except TooLarge as error:
        raise Refused(413, BAD_CONTENT, str(error)) from error


async def sent(request: Request, *names: str, opened: bool = True) -> list[Sent]:
    """The objects of a message, all of these names. Raises Refused."""
    try:
        body = msgspec.json.decode(await read(request), type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, BAD_JSON, f"no JSON object: {error}") from error
    try:
        found = objects_in(body, opened=opened)
    except BadEnvelope as error:
        raise Refused(400, BAD_CONTENT, str(error)) from error
    if strange := sorted({each.name for each in found} - set(names)):
        raise Refused(400, BAD_CONTENT, f"{strange[0][:40]} is not what {request.url.path} takes")
    return found


def one(request: Request, number: str, code: int = OK, said: str = "", http: int = 200) -> Response:
    """The answer about a session, or one resource."""
    return answer(single(_status(request, number, code, said)), http)


def answer(said: Mapping[str, Any], http: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(said), http, headers, media_type=MEDIA_TYPE)


def told(request: Request, verdicts: Sequence[Verdict], http: int = 200) -> Response:
    """The answer about a list: a status for each object."""
    return answer(several([_status(request, one.number, one.code, one.said) for one in verdicts]), http)


def _status(request: Request, number: str, code: int, said: str) -> Fields:
    return status(request.url.path, code, number, library_of(request).now(), said)


def _device(body: bytes) -> str:
    """The DeviceID of a message about the session; "" where there is none."""
    try:
        found = objects_in(msgspec.json.decode(body, type=dict[str, Any])) if body else []
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, BadEnvelope):
        return ""
    return found[0].number if found else ""


def refused(request: Request, error: Exception) -> Response:
    """In the standard's words, with the challenge that would open."""
    if not isinstance(error, Refused):
        raise error
    headers = {"WWW-Authenticate": error.challenge} if error.challenge else {}
    said = single(_status(request, request.headers.get("user-identify", "")[:20], error.code, str(error)))
    return answer(said, error.http, headers)
