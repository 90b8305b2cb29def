"""The upper platform itself: its interface and what it kept, on one port of loopback; the redirecting one on two."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from simulators.upper.control import Control
from simulators.upper.door import Door
from simulators.upper.faults import Fault, Faults
from simulators.upper.intake import Intake
from simulators.upper.kept import Kept
from simulators.upper.profiles import Profile, profile_named
from simulators.upper.sessions import Sessions

CODE = "33010600005030000001"
PASSWORD_FILE = "upper.password"  # noqa: S105  # pragma: allowlist secret
_MAX_BODY_BYTES = 64 * 1024 * 1024
_SYSTEM = "/VIID/System"


class UpperPlatform:
    """Listens from ``start`` to ``stop``, again and again on its port; what it took stays in ``kept``."""

    def __init__(
        self,
        profile: str,
        port: int = 0,
        *,
        faults: Faults | None = None,
        session_scale: float = 1.0,
        hang_s: float = 30.0,
        answer_s: float = 0.0,
        now: Callable[[], datetime] | None = None,
        weigh: bool = True,
        seed: int = 1,
    ) -> None:
        self.profile: Profile = profile_named(profile)
        self.now = now or (lambda: datetime.now(UTC))
        self.faults, self.kept = faults or Faults(), Kept(weigh)
        self.sessions = Sessions(self.profile, session_scale)
        self.door = Door(self.profile, self.sessions, self.now, seed)
        self.port, self.behind_port = port, 0
        self.hang_s, self.answer_s, self.is_away = hang_s, answer_s, False
        self._intake = Intake(self.profile, self.door, self.kept, self.now)
        self._stopping = asyncio.Event()
        self._runners: list[web.AppRunner] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def receive_url(self) -> str:
        """Where it wants to be told: behind a redirecting one, at the server that takes what follows."""
        return f"http://127.0.0.1:{self.behind_port or self.port}"

    @property
    def password(self) -> str:
        return self.door.password

    async def start(self) -> None:
        """Raises OSError where the port is taken."""
        self._stopping.clear()
        main = self._app(self._serve)
        if self.profile.redirects:
            self.behind_port = await self._listen(main, self.behind_port)
            main = self._app(self._redirect)
        self.port = await self._listen(main, self.port)

    async def stop(self) -> None:
        """Sessions end with the process of a real one."""
        self._stopping.set()
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()
        self.sessions.close_all()

    async def move(self) -> None:
        """The server behind a redirecting one goes on at another port."""
        await self.stop()
        self.behind_port = 0
        await self.start()

    async def _listen(self, app: web.Application, port: int) -> int:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        self._runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", port).start()
        return int(runner.addresses[0][1])

    def _app(self, serve: Callable[[web.Request], Any]) -> web.Application:
        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        Control(self).add_to(app)
        app.router.add_route("*", "/VIID/{rest:.*}", serve)
        return app

    async def _redirect(self, request: web.Request) -> web.StreamResponse:
        """Only a registration is sent on; whatever else is asked here is asked without a session."""
        self.kept.requests[f"front {request.path}"] += 1
        if self.is_away:
            return self._cut(request)
        if request.path == f"{_SYSTEM}/Register":
            await request.read()
            return web.Response(status=302, headers={"Location": f"http://127.0.0.1:{self.behind_port}{request.path}"})
        return web.Response(status=403)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.kept.requests[f"{request.method} {request.path}"] += 1
        if self.is_away:
            return self._cut(request)
        response = await self._answer(request)
        if self.profile.closes:
            response.force_close()
        return response

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        system = request.path.startswith(_SYSTEM)
        fault = self.faults.next_register() if system else self.faults.next()
        if fault is not None:
            self.kept.requests[f"fault {fault}"] += 1
        if fault in ("500", "503"):
            return web.Response(status=int(fault), text="<h1>error</h1>", content_type="text/html")
        if fault == "hang":
            await self._pause(self.hang_s)
            return self._cut(request)
        response = await (self._system(request) if system else self._data(request, fault))
        await self._pause(self.answer_s)
        return await self._spoiled(request, response, fault)

    async def _system(self, request: web.Request) -> web.Response:
        match request.path.removeprefix(f"{_SYSTEM}/"), request.method:
            case "Register", "POST":
                return await self.door.register(request)
            case "Keepalive", "POST":
                return await self.door.keepalive(request)
            case "UnRegister", "POST":
                return await self.door.unregister(request)
            case "Time", method if method in self.profile.time_by:
                return self.door.answers.time(request.path, CODE, self.now())
            case _, _:
                return web.Response(status=405 if request.path == f"{_SYSTEM}/Time" else 404)

    async def _data(self, request: web.Request, fault: Fault | None) -> web.Response:
        if request.method not in ("POST", "PUT"):
            return web.Response(status=405)
        return self.door.lost(request) or await self._intake.take(request, fault)

    async def _spoiled(self, request: web.Request, response: web.Response, fault: Fault | None) -> web.StreamResponse:
        if fault == "lost":
            return self._cut(request)
        return await self._half(request, response) if fault == "half" else response

    async def _half(self, request: web.Request, response: web.Response) -> web.StreamResponse:
        body = response.body if isinstance(response.body, bytes) else b"{}"
        head = {"Content-Type": "application/json", "Content-Length": str(len(body) + 1)}
        broken = web.StreamResponse(status=response.status, headers=head)
        await broken.prepare(request)
        await broken.write(body[: len(body) // 2])
        return self._cut(request, broken)

    def _cut(self, request: web.Request, begun: web.StreamResponse | None = None) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return begun or web.Response(status=500)

    async def _pause(self, seconds: float) -> None:
        """Ends when the platform does."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds) if seconds else None
        except TimeoutError:
            return

    def settings(self) -> dict[str, Any]:
        """What a lower platform needs to know of it."""
        return {"url": self.url, "profile": self.profile.name, "platform": CODE, "password_file": PASSWORD_FILE}

    def write_password(self, folder: Path) -> None:
        """Into its file, for its owner alone."""
        (folder / PASSWORD_FILE).touch(0o600)
        (folder / PASSWORD_FILE).write_text(self.password)
