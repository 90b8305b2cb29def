"""What gateways call: enrol, hello, batches, pictures. Each answer is JSON; each refusal has a stable word."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import structlog
from fastapi import APIRouter, Depends, Request, Response

from domain.cells import ELSEWHERE, MOVED
from domain.statements import Statement
from domain.wire import MAX_PACKED_BYTES, BadBatch
from eventlog.log import Gap, GapReason, LogBroken, Receipt
from server.auth import BareRoute, address_of, declare, public
from server.cells.moves import MovedAway
from server.enrolment import Gateway, NotAllowed
from server.house import House
from server.ingest import Busy, checked
from server.media import MAX_PICTURE_BYTES, MediaAway, WrongHash
from server.store.engine import stamp
from server.store.failures import ComplexMoved, DatabaseBusy, NotStorable

log = structlog.get_logger()

T = TypeVar("T")
router = APIRouter(prefix="/v1")

_MAX_JSON_BYTES = 1024 * 1024
Sequence = Annotated[int, msgspec.Meta(ge=1, le=2**62)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[^\0]*$")]  # PostgreSQL keeps no NUL sign
_STATUS = {"stored": 200, "known": 200, "gap": 409, "overlap": 409}


class TooLarge(Exception):
    """A body over its bound."""


class BadRequest(Exception):
    """A body that is not what the path takes."""


class EnrolRequest(msgspec.Struct):
    """The code, and the public half of the gateway's key as a JWK."""

    code: str
    public_key: dict[str, Any]


class StreamHead(msgspec.Struct):
    """One stream of a gateway, as its hello says it."""

    epoch: str
    head: int


class GapRequest(msgspec.Struct):
    """Sequences that will never come, and why."""

    stream: Literal["urgent", "money", "routine"]
    epoch: Name
    first: Sequence
    last: Sequence
    reason: GapReason
    detail: Name = ""

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"a gap from {self.first} to {self.last} holds nothing")


class NoLonger(msgspec.Struct):
    """Sequences that were asked for again, and that the gateway does not have either."""

    stream: Name
    epoch: Name
    first: Sequence
    last: Sequence


class KnownMedia(msgspec.Struct):
    """Names of pictures, a few at a time."""

    names: Annotated[list[str], msgspec.Meta(max_length=200)]


class Hello(msgspec.Struct):
    """The least of a hello; the rest is kept for the gateways page."""

    streams: dict[str, StreamHead]


def answer(status: int, **content: Any) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def house_of(request: Request) -> House:
    return request.app.state.house


async def body_of(request: Request, most_bytes: int) -> bytes:
    """The body, read no further than its bound. Raises TooLarge."""
    parts: list[bytes] = []
    size_bytes = int(request.headers.get("content-length") or 0)
    if size_bytes > most_bytes:
        raise TooLarge(f"{size_bytes} bytes, at most {most_bytes}")
    size_bytes = 0
    async for part in request.stream():
        size_bytes += len(part)
        if size_bytes > most_bytes:
            raise TooLarge(f"more than {most_bytes} bytes")
        parts.append(part)
    return b"".join(parts)


async def gateway_of(request: Request) -> Gateway:
    """The gateway that signed the request. Raises NotAllowed."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return await house_of(request).gateways.check(token if scheme.lower() == "bearer" else "")


FromGateway = Annotated[Gateway, Depends(declare(gateway_of, "gateway"))]


@router.post("/enrol", dependencies=[Depends(public)])
async def enrol(request: Request) -> Response:
    """A one-time code becomes a gateway."""
    asked = decoded(await body_of(request, 16_384), EnrolRequest)
    enrolled = await house_of(request).gateways.enrol(asked.code, asked.public_key, address_of(request))
    house = house_of(request)
    told = {"directory": house.config.directory.as_told()} if house.config.directory.url else {}
    return answer(200, gateway=enrolled.id, complex=enrolled.complex, server_time=stamp(house.now()), **told)


async def hello(request: Request) -> Response:
    """How the gateway is; the answer is up to where the centre has its streams' present epochs."""
    house, gateway = house_of(request), await gateway_of(request)
    body = await body_of(request, _MAX_JSON_BYTES)
    said = decoded(body, Hello)
    told = await house.hellos.take(gateway.id, msgspec.json.decode(body))
    watermarks = {name: told.watermarks.get((name, head.epoch), 0) for name, head in said.streams.items()}
    paces = {"again_s": told.again_s, "gather_s": told.gather_s}
    rest = {"wanted": told.wanted, "statement_wanted": told.statement_wanted, **paces}
    return answer(200, watermarks=watermarks, **rest, server_time=stamp(house.now()))


@router.post("/watermarks")
async def watermarks(request: Request, gateway: FromGateway) -> Response:
    """Up to where the centre has every epoch it knows of the gateway: for one that lost its store."""
    known = await house_of(request).log.watermarks(gateway.id)
    return answer(200, watermarks=[{"stream": s, "epoch": e, "last": last} for (s, e), last in known.items()])


@router.post("/media/known")
async def known_media(request: Request, gateway: FromGateway) -> Response:
    """Which of the named pictures are here already and need not be sent."""
    asked = decoded(await body_of(request, _MAX_JSON_BYTES), KnownMedia)
    return answer(200, known=await house_of(request).media.known(gateway.complex, asked.names))


@router.get("/hello")
async def who_am_i(request: Request, gateway: FromGateway) -> Response:
    """A gateway asks whether it is known here, in which version, and for the time; nothing is changed by it."""
    now = stamp(house_of(request).now())
    return answer(200, gateway=gateway.id, complex=gateway.complex, version=version("gatehouse"), server_time=now)


async def batches(request: Request) -> Response:
    """A batch; 200 and 409 both tell the watermark to go on from.

    ``pressing=true``: it holds what may be an alert, so that no reader shall rest before it has looked.
    """
    gateway = await gateway_of(request)
    packed = await body_of(request, MAX_PACKED_BYTES)
    presses = request.query_params.get("pressing") == "true"
    return _receipt(await house_of(request).ingest.take(gateway.id, gateway.complex, packed, presses))


# Called thousands of times a second, or by all gateways at once: without the framework's dependencies it costs half.
BATCHES = BareRoute("/v1/batches", batches, methods=["POST"], access="gateway")
HELLO = BareRoute("/v1/hello", hello, methods=["POST"], access="gateway")


@router.post("/gaps")
async def gaps(request: Request, gateway: FromGateway) -> Response:
    """A hole in a stream, declared by its gateway: listed for ever, and the stream goes on behind it."""
    said = decoded(await body_of(request, 16_384), GapRequest)
    span = (said.first, said.last, said.reason, said.detail)
    gap = Gap(gateway.id, said.stream, said.epoch, *span)
    return _receipt(await house_of(request).log.declare(gap, gateway.complex))


@router.post("/refills")
async def refills(request: Request, gateway: FromGateway) -> Response:
    """A batch that hello asked for again, because its row here was damaged or lost."""
    packed = await body_of(request, MAX_PACKED_BYTES)
    house = house_of(request)
    mended = await house.refill.take(checked(gateway.id, gateway.complex, packed))
    return answer(200, mended=mended)


@router.post("/refills/none")
async def no_refill(request: Request, gateway: FromGateway) -> Response:
    """Sequences that were asked for again and that the gateway has no more."""
    said = decoded(await body_of(request, 16_384), NoLonger)
    await house_of(request).refill.cannot(gateway.id, said.stream, said.epoch, said.first, said.last)
    return answer(200)


def _receipt(receipt: Receipt) -> Response:
    if receipt.outcome == "closed":
        raise ComplexMoved("this complex moves, or moved, to another cell")
    content: dict[str, Any] = {"outcome": receipt.outcome, "watermark": receipt.watermark}
    if _STATUS[receipt.outcome] != 200:
        content |= {"error": receipt.outcome, "message": f"go on from {receipt.watermark + 1}"}
    return answer(_STATUS[receipt.outcome], **content)


@router.post("/statements")
async def statements(request: Request, gateway: FromGateway) -> Response:
    """What the gateway states of its days; it is held against the log behind the request."""
    said = decoded(await body_of(request, _MAX_JSON_BYTES), Statement)
    return answer(200, news=await house_of(request).conservation.take(gateway, said))


@router.put("/media/{sha256}")
async def media(request: Request, sha256: str, gateway: FromGateway) -> Response:
    """A picture under the name of its content."""
    body = await body_of(request, MAX_PICTURE_BYTES)
    media_type = request.headers.get("content-type", "image/jpeg")
    house = house_of(request)
    try:
        new = await house.media.keep(sha256, gateway.complex, body, media_type)
    except WrongHash as error:
        await house.ingest.refuse(gateway.id, "wrong_hash", str(error), body)
        raise
    if new:
        await house.announce_picture(gateway.complex, sha256)
    return answer(200, stored=new)


def decoded(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise BadRequest(str(error)) from error


def refusals(request: Request, error: Exception) -> Response:
    """Each refusal's status and word."""
    match error:
        case NotAllowed():
            status = 403 if error.error.endswith(("_code", "_key", "_complex")) else 401
            now = stamp(house_of(request).now())
            return answer(status, error=error.error, message=str(error), server_time=now)
        case BadBatch():
            return answer(422, error=error.reason, message=str(error))
        case WrongHash():
            return answer(422, error="wrong_hash", message=str(error))
        case BadRequest():
            return answer(422, error="bad_request", message=str(error))
        case TooLarge():
            return answer(413, error="too_large", message=str(error))
        case Busy():
            return answer(503, error="busy", message=str(error))
        case DatabaseBusy():
            log.error("database_busy", path=request.url.path, error=str(error))
            return answer(503, error="busy", message="the database is busy; come again")
        case MovedAway():
            return answer(ELSEWHERE, error=MOVED, message=str(error), **msgspec.structs.asdict(error.where))
        case ComplexMoved():
            return answer(503, error="moving", message=f"{error}; come again")
        case NotStorable():
            return answer(422, error="bad_request", message=str(error))
        case MediaAway():
            log.error("media_away", path=request.url.path, error=str(error))
            return answer(503, error="media", message="the picture could not be kept; come again")
        case LogBroken():
            return answer(503, error="log", message="the log could not be written; nothing was acknowledged")
        case _:
            raise error


REFUSED: tuple[type[Exception], ...] = (
    NotAllowed,
    BadBatch,
    WrongHash,
    BadRequest,
    TooLarge,
    Busy,
    LogBroken,
    MediaAway,
    DatabaseBusy,
    NotStorable,
    MovedAway,
    ComplexMoved,
)
