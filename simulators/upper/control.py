"""What a test asks of the simulator beside the platform's interface: what it kept, and what shall go wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from simulators.upper.faults import fault_named

if TYPE_CHECKING:
    from simulators.upper.platform import UpperPlatform


class Control:
    """Under /sim of the same port."""

    def __init__(self, platform: UpperPlatform) -> None:
        self._platform = platform

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/sim/kept", self._kept)
        app.router.add_get("/sim/counts", self._counts)
        app.router.add_get("/sim/order", self._order)
        app.router.add_post("/sim/fault/{fault}", self._fault)
        app.router.add_post("/sim/sessions/end", self._end_sessions)
        app.router.add_post("/sim/away/{state:on|off}", self._away)

    async def _kept(self, request: web.Request) -> web.Response:
        """``?kind=``, ``?device=``; ``?full=1`` with the fields, pictures as their hashes; ``?from=``: a serial."""
        query = request.query
        found = self._platform.kept.of(query.get("kind", ""), query.get("device", ""))
        since = int(query.get("from", "0"))
        rows = [_row(msgspec.to_builtins(one), bool(query.get("full"))) for one in found if one.serial >= since]
        return _json({"objects": rows})

    async def _counts(self, request: web.Request) -> web.Response:
        told = msgspec.to_builtins(self._platform.kept.counts())
        return _json({**told, "sessions": self._platform.sessions.names, "door": dict(self._platform.door.counts)})

    async def _order(self, request: web.Request) -> web.Response:
        return _json(self._platform.kept.order())

    async def _fault(self, request: web.Request) -> web.Response:
        """Of the next request that brings something; ``?at=register``: of the next about the session."""
        try:
            fault = fault_named(request.match_info["fault"])
        except ValueError as error:
            raise web.HTTPNotFound(text=str(error)) from error
        faults = self._platform.faults
        queue = faults.at_register if request.query.get("at") == "register" else faults.coming
        queue.extend(fault for _ in range(int(request.query.get("times", "1"))))
        return _json({"coming": list(queue)})

    async def _end_sessions(self, request: web.Request) -> web.Response:
        self._platform.sessions.close_all()
        return web.Response(status=204)

    async def _away(self, request: web.Request) -> web.Response:
        """On: every line is cut before a word is said."""
        self._platform.is_away = request.match_info["state"] == "on"
        return web.Response(status=204)


def _row(plain: dict[str, Any], full: bool) -> dict[str, Any]:
    hidden = {"digest"} if full else {"digest", "said"}
    return {key: value for key, value in plain.items() if key not in hidden}


def _json(said: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(said), content_type="application/json")
