"""The FastAPI application: gateways' and people's routes over one House."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.types import ASGIApp, Receive, Scope, Send

from server.api import cells, gateway_desired, gateway_side, ops, viid, viid_above, viid_below, viid_wishes
from server.api.ahead import Ahead
from server.api.by_first_word import ByFirstWord
from server.auth import refuse_undeclared
from server.house import House
from server.metrics import Metrics
from server.readiness import Readiness
from server.spans import SpanOf, no_span
from server.viid.door import Refused
from server.web.headers import SecurityHeaders
from server.web.observed import Observed
from server.web.pages import mount_static, routers

# server/tracing.py traces, where it is asked to; the framework's own would look for a tracer at each request.
_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
_BUSIEST = (gateway_side.BATCHES, gateway_side.HELLO, gateway_desired.DESIRED)


class Application(FastAPI):
    """``front`` is asked first: what gateways ask thousands of times a second does not go through the framework."""

    front: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        await self.front(scope, receive, send)

    async def behind(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The framework's own layers and routes."""
        await super().__call__(scope, receive, send)


def create_app(house: House, readers: Sequence[str] = (), span: SpanOf = no_span) -> Application:
    """The application; documentation pages are off, because they load from elsewhere.

    ``readers`` are those whose lag is shown; ``span`` is whoever traces.
    """
    app = Application(title="Gatehouse", docs_url=None, redoc_url=None, openapi_url=None, telemetry=_NO_TELEMETRY)
    app.state.house = house
    app.state.readiness, app.state.metrics = Readiness(house), Metrics(house, readers)
    for error in gateway_side.REFUSED:
        app.add_exception_handler(error, gateway_side.refusals)
    app.add_exception_handler(cells.NotNow, cells.not_now)
    app.add_exception_handler(Refused, viid.refused)
    app.include_router(gateway_side.router)
    app.include_router(ops.router)
    app.include_router(cells.router)
    for library in (viid, viid_wishes, viid_above, viid_below):  # the last takes any word
        app.include_router(library.router)
    for router in routers():
        app.include_router(router)
    app.router.routes[:] = [*_BUSIEST, ByFirstWord(app.router.routes)]
    ahead = Ahead(app.behind, _BUSIEST, gateway_side.REFUSED, gateway_side.refusals)
    app.front = Observed(SecurityHeaders(ahead), app.state.metrics.answered, span)
    mount_static(app)
    refuse_undeclared(app.routes)
    return app
