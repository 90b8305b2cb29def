"""What providers tell of payments: proved, held against the order, and answered as each of them expects it."""

from __future__ import annotations

import asyncio

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from server.auth import address_of, public
from server.few import Few
from server.payments.provider import BadNotice, Channel
from server.store.failures import DatabaseBusy
from server.web.answers import house_of

log = structlog.get_logger()
router = APIRouter(prefix="/pay/notify", dependencies=[Depends(public)])

_MOST_BYTES = 64 * 1024
_ANSWER_WITHIN_S = 4.5  # of the five that WeChat Pay waits
_asking = Few(most=600, within_s=60.0)
_kept = Few(most=60, within_s=60.0)  # refusals: strangers' rubbish pushes nothing else out of the list


@router.post("/wechat/{merchant}")
async def wechat(request: Request, merchant: str) -> Response:
    """A notice of WeChat Pay; whatever is not taken comes again."""
    status, reason = await _take(request, "wechat", merchant)
    if status == 200:
        return JSONResponse({"code": "SUCCESS"})
    return JSONResponse({"code": "FAIL", "message": reason}, status)


@router.post("/alipay/{merchant}")
async def alipay(request: Request, merchant: str) -> Response:
    """A notice of Alipay; only the word success stops it from coming again."""
    status, _ = await _take(request, "alipay", merchant)
    return PlainTextResponse("success" if status == 200 else "fail", status)


async def _take(request: Request, channel: Channel, merchant: str) -> tuple[int, str]:
    house = house_of(request)
    if not _asking.may(address_of(request) or "", house.now()):
        raise HTTPException(429, "too many requests")
    provider = house.desk.calls.of(channel, merchant)
    if provider is None:
        raise HTTPException(404, "no such merchant")
    body = await _body(request)
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            await house.desk.take(provider.callback(headers, body, house.now()))
    except BadNotice as error:
        log.warning("notice_refused", channel=channel, merchant=merchant, reason=error.reason)
        if _kept.may("", house.now()):
            await house.ingest.refuse(f"pay/{channel}/{merchant}", error.reason, error.detail, body)
        return 400, error.reason
    except (TimeoutError, DatabaseBusy):
        return 503, "busy"
    return 200, ""


async def _body(request: Request) -> bytes:
    """Raises HTTPException 413."""
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > _MOST_BYTES:
            raise HTTPException(413, f"at most {_MOST_BYTES} bytes")
    return bytes(found)
