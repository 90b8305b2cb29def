"""Which of three hundred routes a request is for, without trying them all: the first word of its path says it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from server.auth import every_route

_CHOSEN = "gatehouse.route"


class ByFirstWord(BaseRoute):
    """``routes``, in their order, of which only those are tried whose paths begin as the request's does.

    A server's framework looks at each route in turn, some milliseconds a request where there are so many.
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        """Raises ValueError for a route that any first word may be meant for."""
        self.routes = list(routes)
        self._of: dict[str, list[BaseRoute]] = {}
        for route in self.routes:
            for word in dict.fromkeys(_words(route)):
                self._of.setdefault(word, []).append(route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """The first that takes the request; else the first that takes its path by another method."""
        other: tuple[Match, Scope] = (Match.NONE, {})
        for route in self._of.get(_first_word(_path(scope)), ()) if scope["type"] == "http" else ():
            match, child = route.matches(scope)
            if match is Match.FULL:
                return match, {**child, _CHOSEN: route}
            if match is Match.PARTIAL and other[0] is Match.NONE:
                other = match, {**child, _CHOSEN: route}
        return other

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope[_CHOSEN].handle(scope, receive, send)


def _words(route: BaseRoute) -> Iterator[str]:
    """The words that paths of a route, or of the routes that it includes, begin with."""
    for one in every_route([route]):
        path: Any = getattr(one, "path", "")
        word = _first_word(path)
        if not path.startswith("/") or "{" in word:
            raise ValueError(f"{path or one}: let its path begin with a word of its own")
        yield word


def _path(scope: Scope) -> str:
    """Without what a proxy puts before ours."""
    inside = scope["path"].removeprefix(scope.get("root_path", ""))
    return inside if inside[:1] in ("", "/") else scope["path"]


def _first_word(path: str) -> str:
    return path[1:].partition("/")[0]
