"""A platform of a few lines, which answers as a test says: what the simulated ones never do stands here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

Said = tuple[int, Any]
Judge = Callable[[list[dict[str, Any]]], Said]


def all_taken(objects: list[dict[str, Any]]) -> Said:
    statuses = [{"Id": number_of(one), "StatusCode": 0} for one in objects]
    return 200, {"ResponseStatusListObject": {"ResponseStatusObject": statuses}}


def number_of(one: dict[str, Any]) -> str:
    inner = one.get("ImageInfo", one)
    names = ("MotorVehicleID", "NonMotorVehicleID", "PersonID", "FaceID", "ImageID", "ApeID", "TollgateID", "LaneId")
    return str(next(inner[name] for name in names if name in inner))


class Peer:
    """``judge`` answers objects; ``system`` the session's messages by name, else 200 and code 0."""

    def __init__(self, judge: Judge = all_taken) -> None:
        self.judge, self.url = judge, ""
        self.system: dict[str, Callable[[], web.Response]] = {}
        self.requests: Counter[str] = Counter()
        self.taken: list[tuple[str, dict[str, Any]]] = []
        self.bodies: list[tuple[str, str, bytes]] = []
        self.headers: list[dict[str, str]] = []

    async def serve(self, request: web.Request) -> web.Response:
        body = await request.read()
        name = request.path.rsplit("/", 1)[1]
        self.requests[name] += 1
        self.headers.append(dict(request.headers))
        if "/System/" in request.path:
            made = self.system.get(name)
            return made() if made else web.json_response({"ResponseStatusObject": {"StatusCode": 0}})
        self.bodies.append((request.method, request.path, body))
        objects = objects_of(body)
        status, said = self.judge(objects)
        if status < 300:
            self.taken += [(request.path, one) for one in objects]
        return web.Response(status=status, body=b"" if said is None else json.dumps(said).encode())

    @property
    def plates(self) -> list[str]:
        return [one["PlateNo"] for path, one in self.taken if path == "/VIID/MotorVehicles"]


def objects_of(body: bytes) -> list[dict[str, Any]]:
    (inner,) = json.loads(body).values()
    (objects,) = inner.values()
    return objects


@asynccontextmanager
async def peer(one: Peer) -> AsyncIterator[Peer]:
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{rest:.*}", one.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield one
    await runner.cleanup()


def answering(status: int, body: Any = None, **headers: str) -> Callable[[], web.Response]:
    return lambda: web.Response(status=status, body=b"" if body is None else json.dumps(body).encode(), headers=headers)
