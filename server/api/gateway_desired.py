"""What gateways ask for: desired state and orders, by a long poll."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Request, Response

from server.api.gateway_side import FromGateway, answer, body_of, decoded, house_of
from server.desired import Asked
from server.store.engine import stamp

router = APIRouter(prefix="/v1")

_MAX_ASKED_BYTES = 256 * 1024


@router.post("/desired")
async def desired(request: Request, gateway: FromGateway) -> Response:
    """The gateway's report in, what is new for it out; waits up to 25 s for something new."""
    house = house_of(request)
    asked = decoded(await body_of(request, _MAX_ASKED_BYTES), Asked)
    wishes = await house.desired.poll(gateway, asked)
    return answer(200, **msgspec.structs.asdict(wishes), server_time=stamp(house.now()))
