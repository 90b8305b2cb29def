"""Requests made up by schemathesis from the application's OpenAPI: whatever comes, nothing answers 500."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import requests
import schemathesis
from fastapi import APIRouter, Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.openapi import from_dict

from server.api.by_first_word import ByFirstWord
from server.auth import public
from tests.server import rows
from tests.server.asgi import ask
from tests.server.centre import Gateway
from tests.server.engines import SQLITE, Engine
from tests.server.people import BASE, City, city
from tests.server.scoped_people import Someone, add_areas, sign_in

pytestmark = pytest.mark.long
PARTS = 6  # so that several processes share them
# Routes read their forms themselves, so that FastAPI cannot name the fields: these are they.
FIELDS = ("action", "request", "note", "reason", "complex", "name", "kind", "parent", "to", "id", "management")
FIELDS += ("address", "grid_cell", "worker", "phone", "username", "password", "next", "digest")
FIELDS += ("words", "category", "origin", "what", "unit", "stars", "places")
FORM = {"type": "object", "properties": {name: {"type": "string"} for name in FIELDS}}
LEFT_OUT = ("/logout", "/v1/desired")  # ends the login that all others need; waits half a minute by intent
EACH = settings(
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


def described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI of every route, with a body for each that takes one. The served application shows none of it."""
    routes = [route for found in app.routes for route in (found.routes if isinstance(found, ByFirstWord) else [found])]
    found = get_openapi(title="Gatehouse", version="1", routes=routes)
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            operation.pop("operationId", None)
            if method in ("post", "put") and "requestBody" not in operation:
                kind = "application/json" if path.startswith("/v1") else "application/x-www-form-urlencoded"
                schema = {"type": "object"} if path.startswith("/v1") else FORM
                operation["requestBody"] = {"content": {kind: {"schema": schema}}}
    found["paths"] = {path: operations for path, operations in found["paths"].items() if path not in LEFT_OUT}
    return found


class Caller:
    """Sends what was made up, as an operator of the city or as a gateway, and keeps what answered 500."""

    def __init__(self, runner: asyncio.Runner, town: City, gateway: Gateway, someone: Someone) -> None:
        self._runner, self._town, self._gateway, self._someone = runner, town, gateway, someone
        self.broken: list[str] = []
        self.statuses: dict[int, int] = {}

    def send(self, case: schemathesis.Case) -> None:
        made = requests.Request(**_plain(case.as_transport_kwargs(base_url=BASE))).prepare()
        url, method = urlsplit(str(made.url)), str(made.method)
        headers = {"content-type": made.headers.get("content-type", "application/json")} | self._who(url.path)
        body = made.body.encode() if isinstance(made.body, str) else made.body or b""
        target = url.path + (f"?{url.query}" if url.query else "")
        try:
            status = self._runner.run(ask(self._town.app, method, target, headers, body)).status
        except Exception as error:  # noqa: BLE001 - what the application lets through, a server answers with 500
            status = 500
            self.broken.append(f"{method} {target} {body!r}: {error!r}"[:600])
        else:
            if status == 500:
                self.broken.append(f"{method} {target} {body!r}: {status}"[:600])
        self.statuses[status] = self.statuses.get(status, 0) + 1

    def _who(self, path: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self._gateway.token()}"} if path.startswith("/v1") else self._someone.headers


def _plain(given: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in given.items() if name in ("method", "url", "params", "data", "json", "headers")
    }


@contextmanager
def caller(folder: Path, engine: Engine) -> Iterator[Caller]:
    with asyncio.Runner() as runner:
        entered = city(folder, engine)
        town = runner.run(entered.__aenter__())
        try:
            yield Caller(runner, town, *runner.run(_enter(town)))
        finally:
            runner.run(entered.__aexit__(None, None, None))


async def _enter(town: City) -> tuple[Gateway, Someone]:
    someone = Someone("operator", "city", 1)
    async with town.house.db.write() as connection:
        await add_areas(connection)
    await sign_in(town.house, someone)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(town.app), base_url=BASE)
    gateway, (code, _) = Gateway(client), await town.house.gateways.issue_code(rows.GARDEN)
    assert (await gateway.enrol(code)).status_code == 200
    await client.aclose()
    return gateway, someone


def fuzz(by: Caller, operations: Sequence[Any], most: int = 2) -> None:
    """``most`` sound and as many unsound requests of each operation."""
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, *([GenerationMode.NEGATIVE] if can_be_unsound(operation) else [])):
            _try(by, operation, mode, most)


def can_be_unsound(operation: Any) -> bool:
    """Whether it takes anything but words of its path, of which all are sound: that is found out by 459 tries."""
    words = [parameter.definition.get("schema", {}) for parameter in operation.path_parameters]
    elsewhere = [*operation.query, *operation.headers, *operation.cookies, *operation.body]
    return bool(elsewhere) or any(set(word) - {"type", "title"} or word.get("type") != "string" for word in words)


def operations_of(app: FastAPI) -> list[Any]:
    return [found.ok() for found in from_dict(described(app)).get_all_operations()]


def _try(by: Caller, operation: Any, mode: GenerationMode, most: int) -> None:
    @seed(count_of(operation.label))
    @settings(EACH, max_examples=most)
    @given(operation.as_strategy(generation_mode=mode))
    def each(case: schemathesis.Case) -> None:
        by.send(case)

    with contextlib.suppress(Unsatisfiable):  # of a route that takes nothing, nothing can be unsound
        each()


def count_of(label: str) -> int:
    """The same requests each time: what was found is found again."""
    return sum(label.encode())


@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_answers_500(tmp_path: Path, engine: Engine, part: int) -> None:
    with caller(tmp_path, engine) as by:
        operations = operations_of(by._town.app)[part::PARTS]
        # What a value may be is a matter of the stricter engine, and takes minutes: the other is asked once each.
        fuzz(by, operations, most=1 if engine is SQLITE else 2)
        assert len(operations) > 40 and by.broken == []
        assert by.statuses.get(200, 0) > 8 and by.statuses.get(404, 0) > 2, "it gets past the door"


@pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])
def test_a_route_that_breaks_is_found(tmp_path: Path, engine: Engine) -> None:
    """The positive control."""
    router = APIRouter()

    @router.get("/breaks", dependencies=[Depends(public)])
    async def _breaks(number: int = 1) -> float:
        return 1 / (number * 0)

    with caller(tmp_path, engine) as by:
        by._town.app.include_router(router)
        fuzz(by, [one for one in operations_of(by._town.app) if one.path == "/breaks"])
        assert by.broken


@pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])
@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/redoc"])
async def test_the_served_application_describes_itself_to_nobody(tmp_path: Path, engine: Engine, path: str) -> None:
    async with city(tmp_path, engine, is_filled=False) as town:
        assert (await ask(town.app, "GET", path)).status == 404
