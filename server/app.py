"""The FastAPI application: gateways' and people's routes over one House."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from server.api import cells, gateway_desired, gateway_side, ops, viid, viid_above, viid_below, viid_wishes
from server.api.ahead import Ahead
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


def create_app(house: House, readers: Sequence[str] = (), span: SpanOf = no_span) -> FastAPI:
    """The application; documentation pages are off, because they load from elsewhere.

    ``readers`` are those whose lag is shown; ``span`` is whoever traces.
    """
    app = FastAPI(title="Gatehouse", docs_url=None, redoc_url=None, openapi_url=None, telemetry=_NO_TELEMETRY)
    app.state.house = house
    app.state.readiness, app.state.metrics = Readiness(house), Metrics(house, readers)
    for error in gateway_side.REFUSED:
        app.add_exception_handler(error, gateway_side.refusals)
    app.add_exception_handler(cells.NotNow, cells.not_now)
    app.add_exception_handler(Refused, viid.refused)
    app.router.routes += _BUSIEST  # looked at first
    app.include_router(gateway_side.router)
    app.include_router(ops.router)
    app.include_router(cells.router)
    for library in (viid, viid_wishes, viid_above, viid_below):  # the last takes any word
        app.include_router(library.router)
    for router in routers():
        app.include_router(router)
    app.add_middleware(Ahead, routes=_BUSIEST, refused=gateway_side.REFUSED, refuse=gateway_side.refusals)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Observed, answered=app.state.metrics.answered, span=span)
    mount_static(app)
    refuse_undeclared(app.routes)
    return app
