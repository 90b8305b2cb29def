"""The directory over HTTP: anyone may ask for a complex by its id; cells, by a secret, say which are theirs."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from domain.cells import Whereabouts
from server.directory.register import Register

_MAX_BYTES = 16 * 1024 * 1024
Said = dict[Annotated[str, msgspec.Meta(min_length=1, max_length=200)], Whereabouts]


def create_app(register: Register, secret: bytes) -> FastAPI:
    """``secret``: what a cell must know to say something."""
    app = FastAPI(title="Gatehouse directory", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/v1/cells/{complex_id}")
    async def find(complex_id: str) -> Response:
        found = await run_in_threadpool(register.find, complex_id)
        if found is None:
            return _answer(404, error="unknown_complex", message="no cell has said that it serves this complex")
        return _answer(200, **msgspec.structs.asdict(found))

    @app.put("/v1/cells")
    async def put(request: Request) -> Response:
        given = request.headers.get("authorization", "").removeprefix("Bearer ").encode()
        if not secret or not secrets.compare_digest(secret, given):
            return _answer(401, error="unknown_cell", message="the secret is not the directory's")
        try:
            said = msgspec.json.decode(await _body(request), type=Said)
        except (msgspec.MsgspecError, ValueError) as error:
            return _answer(422, error="bad_request", message=str(error))
        other = await run_in_threadpool(register.put, list(said.items()))
        return _answer(409 if other else 200, other=other, error="other_cell" if other else "", message=_other(other))

    return app


async def _body(request: Request) -> bytes:
    parts: list[bytes] = []
    async for part in request.stream():
        parts.append(part)
        if sum(map(len, parts)) > _MAX_BYTES:
            raise ValueError(f"more than {_MAX_BYTES} bytes")
    return b"".join(parts)


def _other(complexes: list[str]) -> str:
    return f"another cell said later, or as late, that it serves {', '.join(complexes[:5])}" if complexes else ""


def _answer(status: int, **content: Any) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
