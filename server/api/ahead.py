"""What gateways ask thousands of times a second, answered ahead of the framework's layers that pages need."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from server.auth import BareRoute


class Ahead:
    """ASGI middleware; ``refuse`` answers the errors ``refused``.

    The routes are the application's too, which answers the same where a proxy puts a path before ours.
    """

    def __init__(
        self,
        app: ASGIApp,
        routes: Sequence[BareRoute],
        refused: tuple[type[Exception], ...],
        refuse: Callable[[Request, Exception], Response],
    ) -> None:
        self._app, self._refused, self._refuse = app, refused, refuse
        self._routes = {(method, route.path): route for route in routes for method in route.methods or ()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = route  # figures and traces go by it
        request = Request(scope, receive, send)
        try:
            response = await route.answer(request)
        except self._refused as error:
            response = self._refuse(request, error)
        await response(scope, receive, send)
