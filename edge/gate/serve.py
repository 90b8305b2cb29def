"""The gate's screen over HTTP, for the guards' room: asked by a page with a session, or by a command with a PIN."""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets
import ssl
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import structlog
from aiohttp import hdrs, web

from domain.guards import Guard, Guards
from edge.config import Gate as Settings
from edge.control.lanes import LaneControl
from edge.gate import view
from edge.gate.acts import GateActs, NotDone, Tap
from edge.gate.guarded import LASTS_S, Guarded, Session
from edge.gate.screen import STYLE, Screen
from edge.gate.words import REFUSED, spoken
from eventlog.log import LogBroken

log = structlog.get_logger()

_COOKIE, _MOST_BODY = "gate", 4096
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_FIELDS = ("request", "lane", "what", "plate", "reason")


class GateScreen:
    """The pages and what their buttons do."""

    def __init__(
        self,
        settings: Settings,
        acts: GateActs,
        control: LaneControl,
        guards: Callable[[], Guards],
        now: Callable[[], datetime],
        zone: ZoneInfo,
        picture: Callable[[str], Path],
    ) -> None:
        self._settings, self._acts, self._control, self._guards = settings, acts, control, guards
        self._now, self._zone, self._picture_file = now, zone, picture
        self._guarded = Guarded(guards, lambda: asyncio.get_running_loop().time())

    def app(self) -> web.Application:
        app = web.Application(client_max_size=_MOST_BODY, middlewares=[_guarding])
        app.add_routes(
            [
                web.get("/", self._show),
                web.get("/style.css", self._style),
                web.post("/login", self._log_in),
                web.post("/logout", self._log_out),
                web.post("/act", self._tapped),
                web.get("/receipt/{number}", self._receipt),
                web.get("/picture/{sha256}", self._picture),
                web.get("/v1/lanes", self._told),
                web.post("/v1/acts", self._asked),
            ]
        )
        return app

    async def run(self) -> None:
        """Serve until cancelled. A port that cannot be had is said, and stops nothing."""
        settings = self._settings
        runner = web.AppRunner(self.app(), access_log=None, handle_signals=False)
        await runner.setup()
        try:
            await web.TCPSite(runner, settings.host, settings.port, ssl_context=_tls(settings)).start()
            log.info("gate", host=settings.host, port=settings.port)
            await asyncio.Event().wait()
        except OSError as error:
            log.error("gate_not_served", host=settings.host, port=settings.port, error=str(error))
        finally:
            await runner.cleanup()

    # Pages.

    async def _style(self, _request: web.Request) -> web.Response:
        return web.Response(text=STYLE, content_type="text/css")

    async def _show(self, request: web.Request) -> web.Response:
        session = self._session(request)
        if session is None:
            return _html(self._screen(request).log_in(self._guards().guards))
        counts = view.counts(await self._acts.till.since(self._midnight()))
        said = REFUSED.get(request.query.get("said", ""), "")
        lanes, tap = view.lanes(self._control), secrets.token_hex(8)
        return _html(self._screen(request).lanes(session.guard, session.csrf, lanes, counts, tap, said))

    async def _log_in(self, request: web.Request) -> web.Response:
        form = await request.post()
        guard = await self._guarded.by_pin(str(form.get("guard", "")), str(form.get("pin", "")))
        if guard is None:
            refused = "密码不对，或输错太多次。五分钟后可以再试。"
            return _html(self._screen(request).log_in(self._guards().guards, refused), 403)
        answer = _see("/")
        secure = bool(self._settings.certificate_file)
        token = self._guarded.begin(guard)
        answer.set_cookie(_COOKIE, token, max_age=int(LASTS_S), httponly=True, samesite="Strict", secure=secure)
        return answer

    async def _log_out(self, request: web.Request) -> web.Response:
        session, form = self._session(request), await request.post()
        if session is not None and _same(str(form.get("csrf", "")), session.csrf):
            self._guarded.end(request.cookies.get(_COOKIE, ""))
        return _see("/")

    async def _tapped(self, request: web.Request) -> web.Response:
        session, form = self._session(request), await request.post()
        if session is None:
            return _see("/")
        if not _same(str(form.get("csrf", "")), session.csrf):
            raise web.HTTPForbidden
        try:
            done = await self._acts.do(_tap({key: str(value) for key, value in form.items()}, session.guard))
        except NotDone as error:
            return _see(f"/?said={error}")
        except LogBroken as error:
            log.error("gate_act_not_written", error=str(error))
            return _see("/?said=not_written")
        if done.failure is not None:
            return _see("/?said=barrier")
        return _see(f"/receipt/{done.act.receipt}" if done.act.receipt else "/?said=done")

    async def _receipt(self, request: web.Request) -> web.Response:
        act = await self._acts.till.by_receipt(request.match_info["number"]) if self._session(request) else None
        if act is None:
            raise web.HTTPNotFound
        return _html(self._screen(request).receipt(act))

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["sha256"]
        if self._session(request) is None or name not in view.pictures(self._control):
            raise web.HTTPNotFound
        path = self._picture_file(name)
        if not path.is_file():  # not on the disk yet, or gone for want of room
            raise web.HTTPNotFound
        return web.FileResponse(path, headers={hdrs.CONTENT_TYPE: "image/jpeg"})

    # For gatehouse-edge lane: a PIN with every request, and JSON.

    async def _told(self, request: web.Request) -> web.Response:
        await self._need_pin(request)
        counts = view.counts(await self._acts.till.since(self._midnight()))
        return _json(view.Told(view.lanes(self._control), counts))

    async def _asked(self, request: web.Request) -> web.Response:
        guard = await self._need_pin(request)
        if request.content_type != "application/json":  # no form of another page comes so
            raise web.HTTPUnsupportedMediaType
        try:
            done = await self._acts.do(_tap(msgspec.json.decode(await request.read(), type=dict[str, Any]), guard))
        except NotDone as error:
            return _json({"refused": str(error)}, 409)
        except msgspec.MsgspecError as error:
            return _json({"refused": str(error)}, 422)
        except LogBroken as error:
            return _json({"refused": "not_written", "error": str(error)}, 503)
        return _json(done)

    async def _need_pin(self, request: web.Request) -> Guard:
        identity, pin = _basic(request.headers.get(hdrs.AUTHORIZATION, ""))
        guard = await self._guarded.by_pin(identity, pin)
        if guard is None:
            raise web.HTTPForbidden
        return guard

    def _session(self, request: web.Request) -> Session | None:
        return self._guarded.session(request.cookies.get(_COOKIE, ""))

    def _screen(self, request: web.Request) -> Screen:
        return Screen(*spoken(request.headers.get(hdrs.ACCEPT_LANGUAGE, "")), self._zone)

    def _midnight(self) -> datetime:
        here = self._now().astimezone(self._zone)
        return here.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(self._now().tzinfo)


@web.middleware
async def _guarding(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        answer = await handler(request)
    except web.HTTPException as error:
        error.headers.update(_HEADERS)
        raise
    answer.headers.update(_HEADERS)
    return answer


def _tap(said: dict[str, Any], guard: Guard) -> Tap:
    """Raises msgspec.ValidationError."""
    fen = said.get("fen") or 0
    named = {name: said[name] for name in _FIELDS if name in said}
    return msgspec.convert({**named, "fen": fen, "by": guard.id}, Tap, strict=False)


def _basic(header: str) -> tuple[str, str]:
    kind, _, coded = header.partition(" ")
    if kind.lower() != "basic":
        return "", ""
    try:
        identity, _, pin = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return identity, pin


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if not settings.certificate_file:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(settings.certificate_file, settings.key_file)
    return context


def _same(a: str, b: str) -> bool:
    return secrets.compare_digest(a.encode(), b.encode())


def _see(path: str) -> web.Response:
    return web.Response(status=303, headers={hdrs.LOCATION: path})


def _html(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8")


def _json(said: object, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(said), status=status, content_type="application/json")
