"""The figures of a process that serves nobody else, on this machine alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import structlog
from aiohttp import web

from server.metrics import CONTENT_TYPE_LATEST, Metrics

log = structlog.get_logger()

_HOST = "127.0.0.1"


@asynccontextmanager
async def figures_on(port: int, metrics: Metrics) -> AsyncGenerator[None]:
    """Answer ``GET /metrics`` while the block lasts; port 0: not. A port that cannot be had is said, and stops
    nothing."""
    if not port:
        yield
        return

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=await metrics.page(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application(client_max_size=1024)
    app.router.add_get("/metrics", answer)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await _listen(runner, port)
        yield
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, port: int) -> None:
    try:
        await web.TCPSite(runner, _HOST, port).start()
    except OSError as error:
        log.warning("metrics_not_served", host=_HOST, port=port, error=str(error))
