"""What goes wrong at a far end: the faults of the next requests, those that were asked for first."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Literal, get_args

import msgspec
from aiohttp import web

Fault = Literal[
    "429",  # too many, as HTTP says it, with a wait
    "500",
    "slow",  # an answer that does not come
    "cut",  # taken, and the line is gone before the answer
    "limited",  # too many, as the provider says it in an answer of 200
    "blocked",  # refused by the provider's own rules
    "gone",  # the key, or the browser, is no longer known
    "garbage",  # an answer that is none
]
FAULTS: tuple[Fault, ...] = get_args(Fault)
RETRY_AFTER_S = 3


class Faults:
    """One queue for all that is simulated; None: this one goes well."""

    def __init__(self) -> None:
        self.coming: deque[Fault | None] = deque(maxlen=1_000)

    def next(self) -> Fault | None:
        return self.coming.popleft() if self.coming else None


def fault_named(name: str) -> Fault:
    """Raises ValueError for one that there is not."""
    try:
        return msgspec.convert(name, Fault)
    except msgspec.ValidationError as error:
        raise ValueError(f"no fault {name}: there are {', '.join(FAULTS)}") from error


def as_http(fault: Fault | None, own: Mapping[str, Any]) -> web.Response | None:
    """The answer that a fault is, ``own`` being the provider's words for some; None where it is no answer's."""
    if fault is not None and fault in own:
        return web.json_response(own[fault])
    match fault:
        case "429":
            return web.Response(status=429, headers={"Retry-After": str(RETRY_AFTER_S)})
        case "500":
            return web.Response(status=500, text="<h1>internal error</h1>")
        case "garbage":
            return web.Response(text="<html>", content_type="text/html")
        case "gone":
            return web.Response(status=410)
        case "limited":
            return web.Response(status=429)
        case "blocked":
            return web.Response(status=403)
        case _:
            return None
