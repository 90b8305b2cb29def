"""The FastAPI application: gateways' and people's routes over one House."""

from __future__ import annotations

from fastapi import FastAPI

from server.api import gateway_desired, gateway_side
from server.auth import refuse_undeclared
from server.house import House
from server.web.headers import SecurityHeaders
from server.web.pages import mount_static, routers


def create_app(house: House) -> FastAPI:
    """The application; documentation pages are off, because they load from elsewhere."""
    app = FastAPI(title="Gatehouse", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.house = house
    for error in gateway_side.REFUSED:
        app.add_exception_handler(error, gateway_side.refusals)
    app.router.routes.append(gateway_side.BATCHES)  # the first to be looked at
    app.include_router(gateway_side.router)
    app.include_router(gateway_desired.router)
    for router in routers():
        app.include_router(router)
    app.add_middleware(SecurityHeaders)
    mount_static(app)
    refuse_undeclared(app.routes)
    return app
