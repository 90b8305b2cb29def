"""Which routes are tried for a request: those whose paths begin as its does, in their order, and no other."""

from __future__ import annotations

import pytest
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match, Route
from starlette.types import Scope

from server.api.by_first_word import ByFirstWord
from tests.server.asgi import ask


def says(word: str, path: str, *methods: str) -> Route:
    async def answer(request: Request) -> Response:
        return PlainTextResponse(f"{word} {dict(request.path_params)}")

    return Route(path, answer, methods=methods or ("GET",))


class Tried(Route):
    """Notes that it was looked at."""

    looks = 0

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        self.looks += 1
        return super().matches(scope)


def application(*routes: Route) -> FastAPI:
    router = APIRouter()
    router.routes += routes
    made = FastAPI(openapi_url=None)
    made.include_router(router)
    made.router.routes[:] = [ByFirstWord(made.router.routes)]
    return made


async def test_the_first_that_takes_it_answers_and_a_method_alone_is_no_answer() -> None:
    app = application(
        says("root", "/"),
        says("changed", "/alerts/{identity}", "POST"),
        says("month", "/alerts/month"),
        says("one", "/alerts/{identity}"),
    )
    assert (await ask(app, "GET", "/")).body == b"root {}"
    assert (await ask(app, "GET", "/alerts/month")).body == b"month {}"
    assert (await ask(app, "GET", "/alerts/a1")).body == b"one {'identity': 'a1'}"
    assert (await ask(app, "GET", "/%61lerts/a1")).body == b"one {'identity': 'a1'}", "as it is, not as it was written"
    assert (await ask(app, "POST", "/alerts/a1")).body == b"changed {'identity': 'a1'}"
    assert (await ask(app, "DELETE", "/alerts/a1")).status == 405
    assert [(await ask(app, "GET", path)).status for path in ("/none", "//alerts/a1", "/alertsx/a1")] == [404] * 3
    slash = await ask(app, "GET", "/alerts/month/")
    assert (slash.status, slash.headers["location"]) == (307, "http://centre.example.invalid/alerts/month")


@pytest.mark.parametrize(("root", "path"), [("", "/doors/1"), ("/gatehouse", "/gatehouse/doors/1"), ("/d", "/doors/1")])
def test_others_are_not_looked_at_also_behind_a_proxy_that_puts_a_path_before_ours(root: str, path: str) -> None:
    near, far = (Tried(place, lambda _: Response()) for place in ("/doors/{number}", "/alerts/{identity}"))
    chosen, _ = ByFirstWord([far, near]).matches(
        {"type": "http", "method": "GET", "path": path, "root_path": root, "headers": []}
    )
    assert (chosen, near.looks, far.looks) == (Match.FULL, 1, 0)


def test_what_is_no_request_is_none_of_them() -> None:
    assert ByFirstWord([says("one", "/alerts")]).matches({"type": "websocket", "path": "/alerts"}) == (Match.NONE, {})


@pytest.mark.parametrize("path", ["/{identity}", "/{rest:path}", "/x{identity}/y"])
def test_a_route_that_any_word_may_be_meant_for_fails_the_start(path: str) -> None:
    with pytest.raises(ValueError, match="begin with a word of its own"):
        ByFirstWord([says("any", path)])
