"""Runs the centre: HTTP in front, readers behind, stopped together."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from server.app import create_app
from server.behind import Part, reader_names, run_behind
from server.bootstrap import close_house, open_house
from server.config import Config
from server.house import House
from server.metrics import Metrics
from server.rubbish import collect_seldom
from server.tracing import tracing
from server.worker_metrics import figures_on

_GRACE_S = 3
_BACKLOG = 2_048


class _Server(uvicorn.Server):
    """uvicorn, that says where it listens and ends the open streams first when it is told to stop."""

    def __init__(self, config: uvicorn.Config, house: House, ready: Callable[[str], None]) -> None:
        super().__init__(config)
        self._house, self._ready = house, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._ready(f"http://{host}:{port}")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._house.live.close()  # else uvicorn waits for screens that stay,
        self._house.desired.close()  # and for gateways that wait
        await super().shutdown(sockets=sockets)


async def serve(
    folder: Path, config: Config, ready: Callable[[str], None], part: Part = "all", *, share_port: bool = False
) -> None:
    """Serve until told to stop by a signal. A reader's defect does not stop the requests; a broken wiring does.

    With ``share_port`` others of us may listen beside: the system shares out who calls.
    """
    house = await open_house(folder, config)
    try:
        with tracing(config) as house.ingest.span:
            readers = asyncio.create_task(run_behind(house, part))
            server = _Server(_uvicorn_config(house, config), house, ready)
            sockets = [_shared(config.host, config.port)] if share_port else None
            collect_seldom()
            serving = asyncio.create_task(server.serve(sockets))
            await asyncio.wait({readers, serving}, return_when=asyncio.FIRST_COMPLETED)
            await _stop(server, serving, readers)
    finally:
        await close_house(house)


async def work(folder: Path, config: Config, ready: Callable[[], None]) -> None:
    """Read the log and serve nobody, until cancelled."""
    house = await open_house(folder, config)
    try:
        async with figures_on(config.worker_metrics_port, Metrics(house, reader_names(config))):
            collect_seldom()
            ready()
            await run_behind(house, "readers")
    finally:
        await close_house(house)


async def _stop(server: uvicorn.Server, serving: asyncio.Task[None], readers: asyncio.Task[None]) -> None:
    server.should_exit = True
    await serving
    broken = readers.done()
    readers.cancel()
    try:
        await readers
    except asyncio.CancelledError:
        if broken:
            raise


def _shared(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG, reuse_port=True)


def _uvicorn_config(house: House, config: Config) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(house, reader_names(config), house.ingest.span),
        host=config.host,
        port=config.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_GRACE_S,
        timeout_keep_alive=75,
        backlog=_BACKLOG,
        server_header=False,
    )
