"""Each request as figures and, where somebody traces, as a span: by its route, never by its path or its arguments."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.spans import SpanOf

Answered = Callable[[str, str, int, float], None]  # method, route, status, seconds
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})


class Observed:
    """ASGI middleware; a live stream counts by its first byte."""

    def __init__(self, app: ASGIApp, answered: Answered, span: SpanOf) -> None:
        self._app, self._answered, self._span = app, answered, span

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, method = time.monotonic(), scope["method"] if scope["method"] in _METHODS else "OTHER"
        with self._span("request", {"http.request.method": method}) as span:

            async def send_and_note(message: Message) -> None:
                if message["type"] == "http.response.start":
                    route, status = _route(scope), message["status"]
                    self._answered(method, route, status, time.monotonic() - began)
                    _note(span, method, route, status)
                await send(message)

            await self._app(scope, receive, send_and_note)


def _route(scope: Scope) -> str:
    """The route's own words, such as /alerts/{alert}; one word for all paths that nobody serves."""
    path = getattr(scope.get("route"), "path", None)
    if isinstance(path, str):
        return path
    return "/static" if str(scope["path"]).startswith("/static/") else "none"


def _note(span: Any, method: str, route: str, status: int) -> None:
    if span is None:
        return
    span.update_name(f"{method} {route}")
    span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
