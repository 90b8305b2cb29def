"""What gateways ask for: desired state and orders, by a long poll."""

from __future__ import annotations

import msgspec
from fastapi import Request, Response

from server.api.gateway_side import answer, body_of, decoded, gateway_of, house_of
from server.auth import BareRoute
from server.desired import Asked
from server.store.engine import stamp

_MAX_ASKED_BYTES = 256 * 1024


async def desired(request: Request) -> Response:
    """The gateway's report in, what is new for it out; waits up to 25 s for something new."""
    house, gateway = house_of(request), await gateway_of(request)
    asked = decoded(await body_of(request, _MAX_ASKED_BYTES), Asked)
    wishes = await house.desired.poll(gateway, asked)
    return answer(200, **msgspec.structs.asdict(wishes), server_time=stamp(house.now()))


DESIRED = BareRoute("/v1/desired", desired, methods=["POST"], access="gateway")
