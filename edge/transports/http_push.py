"""Devices that push over HTTP: a listener on their network that answers in the vendor's words, once it is durable."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Iterable

import msgspec
import structlog
from aiohttp import web

from edge.device_secrets import ASKED_OF_IT, DeviceSecret, DeviceSecrets
from edge.devices.driver import PEER, Answer, BadMessage, Message, Outgoing, line_message
from edge.intake.decoding import Heard
from edge.transports.http_auth import Doorman
from edge.transports.http_body import Bodies, BodyBroke, NoRoom
from edge.transports.http_pending import PendingCommands, laid_over
from edge.transports.http_routes import Caller, HttpRoutes
from edge.transports.http_sessions import Asking, Sessions
from edge.transports.http_silence import Silence
from edge.transports.links import Around

log = structlog.get_logger()

TAKES_CALLS = True  # its devices come to us
_METHODS = frozenset({"POST", "PUT", "GET"})
_HEADERS = ("content-type", "user-identify")  # what a driver may see: never who somebody says to be by a password
_CLOSING_S, _LOOK_S = 1.0, 5.0
_MOST_CONNECTIONS = 256


class _Refused(Exception):
    """The request is not taken: the status, what it counts as, and a sentence for whoever looks at the device."""

    def __init__(self, status: int, counted: str, said: str, headers: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(said)
        self.status, self.counted, self.headers = status, counted, list(headers)


class HttpPush:
    """Takes requests while there is room; what cannot be made durable in time is left with the device."""

    def __init__(self, around: Around) -> None:
        self._around, self._settings = around, around.config.listen
        self._routes = HttpRoutes(around.registry, around.devices)
        self._bodies = Bodies(around.config.limits.message_bytes, self._settings.body_s)
        self._pending, self._doorman, self._silence = PendingCommands(), Doorman(), Silence()
        self._sessions = Sessions(around.registry)
        self._secrets = DeviceSecrets(around.config.folder, ASKED_OF_IT)
        self._busy = 0

    async def run(self) -> None:
        """Listen until cancelled. Raises OSError where the port cannot be had."""
        if not self._settings.port:
            await asyncio.Event().wait()
        runner = web.AppRunner(
            self._app(), access_log=None, handle_signals=False, auto_decompress=False, shutdown_timeout=_CLOSING_S
        )
        await runner.setup()
        try:
            host, port = self._settings.host, self._settings.port
            await web.TCPSite(runner, host, port).start()
            log.info("listening", host=host, port=port)
            await self._watch(runner)
        finally:
            await runner.cleanup()

    async def _watch(self, runner: web.AppRunner) -> None:
        """Say who fell silent, and bound the connections, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_S)
            await self._bound(runner.server)
            for device in self._silence.gone(asyncio.get_running_loop().time()):
                message = line_message(device, "offline", "no sign of life for minutes")
                self._around.intake.offer(message, lambda: None)

    async def _bound(self, server: web.Server | None) -> None:
        """Where somebody opens connections and says nothing all are closed: devices come again by themselves."""
        open_now = 0 if server is None else len(server.connections)
        if server is not None and open_now > _MOST_CONNECTIONS:
            log.warning("connections_closed", transport="http_push", open=open_now, most=_MOST_CONNECTIONS)
            self._around.intake.counts["connections_closed"] += open_now
            await server.shutdown(timeout=_CLOSING_S)

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    def send(self, device: str, message: Outgoing) -> bool:
        """A command for a device that takes it with the answer to its next request."""
        return isinstance(message, Answer) and self._pending.put(device, message)

    async def _answer(self, request: web.Request) -> web.Response:
        try:
            return await self._take(request)
        except _Refused as refused:
            if refused.counted:
                self._around.intake.counts[refused.counted] += 1
            response = web.Response(status=refused.status, text=f"{refused}\n")
            for name, value in refused.headers:
                response.headers.add(name, value)
            if refused.status != 401:  # what of the body is still on its way is not worth reading
                response.force_close()
            return response

    async def _take(self, request: web.Request) -> web.Response:
        caller = self._routes.find(request.rel_url.raw_path, request.remote or "")
        if caller is None or request.method not in _METHODS:
            raise _Refused(404, "not_ours", "no device family is pushed to this path; see its page in docs/devices")
        if self._busy >= self._settings.requests or self._around.intake.full:
            raise _Refused(503, "sent_away", "too much at one time; send it again")
        self._busy += 1
        try:
            message = await self._message(request, caller)
            self._admit(request, caller, message)
            return await self._offer(message)
        finally:
            self._busy -= 1

    async def _message(self, request: web.Request, caller: Caller) -> Message:
        """What the request says: its body, or what follows the path of a GET."""
        self._check(request, caller, self._named(request, caller))
        try:
            body = await self._bodies.read(request)
        except BodyBroke as error:
            raise _Refused(400, "body_broke", f"the body did not come whole: {error}") from error
        except NoRoom as error:
            raise _Refused(503, "sent_away", f"{error}; send it again") from error
        return Message(
            caller.family,
            body if body or request.method != "GET" else request.rel_url.raw_query_string.encode(),
            caller.path,
            headers=_headers(request),
            received_at=self._around.clock.now(),
            gateway_clock=self._around.clock.state,
            sender=caller.sender,
        )

    def _admit(self, request: web.Request, caller: Caller, message: Message) -> None:
        """A message that speaks for a device with a password must have shown it, whatever path it came by."""
        guarded = self._secrets.devices
        if not guarded:
            return
        try:
            reading = self._around.registry.decode(message, self._around.config.site)
        except Exception:  # noqa: BLE001 - the intake says what is wrong with it
            return
        devices, named = {event.device for event in reading.events} & guarded, self._named(request, caller)
        self._check(request, caller, devices - named)
        now_s = asyncio.get_running_loop().time()
        self._sessions.admitted(self._asking(request, caller), devices | named, now_s)

    def _named(self, request: web.Request, caller: Caller) -> set[str]:
        """The devices with a password that a request names before its body is read.

        Some clients register with an empty body first, to be asked for their password (curl is one).
        """
        asking, guarded = self._asking(request, caller), self._secrets.devices
        if not self._sessions.registers(asking):
            return {caller.device} & guarded
        named = {caller.device, self._sessions.caller(asking)} & guarded
        if named or request.headers.get("Authorization") or request.content_length:
            return named
        kind = f"{self._around.registry.by_family[caller.family].kind}:"
        return {device for device in sorted(guarded) if device.startswith(kind)}

    def _asking(self, request: web.Request, caller: Caller) -> Asking:
        return Asking.of(self._around.registry, caller.family, caller.path, request.remote or "", request.headers)

    def _check(self, request: web.Request, caller: Caller, devices: Iterable[str]) -> None:
        """Raises _Refused unless the request shows the password of each device, or goes on in a session of it."""
        now_s = asyncio.get_running_loop().time()
        header = request.headers.get("Authorization", "")
        for device in devices:
            if (secret := self._secret_of(device)) is None or self._goes_on(request, caller, device, secret, now_s):
                continue
            verdict = self._doorman.judge(header, request.method, request.raw_path, secret, now_s)
            if verdict != "right":
                challenges = self._doorman.challenges(now_s, stale=verdict == "stale")
                counted = "unauthorised" if verdict == "wrong" else ""  # the first request of a digest has none yet
                offered = [("WWW-Authenticate", challenge) for challenge in challenges]
                raise _Refused(401, counted, "this device must show its password", offered)

    def _goes_on(self, request: web.Request, caller: Caller, device: str, secret: DeviceSecret, now_s: float) -> bool:
        """In a session of its own, or of a system that speaks for it and was given the same password."""
        asking = self._asking(request, caller)
        if self._sessions.holds(asking, device, now_s):
            return True
        system = self._sessions.caller(asking)
        return (
            bool(system)
            and self._sessions.holds(asking, system, now_s)
            and (shared := self._secret_of(system)) is not None
            and hmac.compare_digest(shared.secret.encode(), secret.secret.encode())
        )

    def _secret_of(self, device: str) -> DeviceSecret | None:
        """Raises _Refused where there is one that cannot be read."""
        try:
            return self._secrets.of(device)
        except (OSError, msgspec.DecodeError) as error:
            log.error("device_secret_unreadable", device=device, error=repr(error))
            raise _Refused(503, "sent_away", "its password cannot be read: gatehouse-edge device-secret") from error

    async def _offer(self, message: Message) -> web.Response:
        """The device's answer, once what it said is durable; it is told to come again where that takes too long."""
        done = asyncio.Event()
        heard = self._around.intake.offer(message, done.set)
        self._silence.heard(heard.events, asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout(self._settings.answer_s):
                await done.wait()
        except TimeoutError as error:
            raise _Refused(503, "sent_away", "what was sent could not be written in time; send it again") from error
        if len(message.payload) > self._around.config.limits.message_bytes:
            raise _Refused(413, "", f"more than {self._around.config.limits.message_bytes} bytes")
        answer = self._words_for(heard)
        return web.Response(
            status=answer.status,
            body=answer.payload,
            content_type=answer.media_type if answer.payload else None,
        )

    def _words_for(self, heard: Heard) -> Answer:
        """In the vendor's words, with the command that waits for the device."""
        answer = self._own_answer(heard.message)
        if not answer.carries:
            return answer
        for device in {event.device for event in heard.events}:
            if command := self._pending.take(device):
                return laid_over(answer, command)
        return answer

    def _own_answer(self, message: Message) -> Answer:
        """A message that was refused is parked, and durable too: the device shall not repeat it for ever."""
        try:
            return self._around.registry.answer(message, self._around.config.site) or Answer()
        except BadMessage:
            return Answer()
        except Exception as error:  # noqa: BLE001 - a driver's defect: it is durable, and that is what counts
            log.error("answer_failed", family=message.family, error=repr(error))
            return Answer()


def _headers(request: web.Request) -> dict[str, str]:
    """Those a driver may see, and where the request came from."""
    seen = {name: request.headers[name] for name in _HEADERS if name in request.headers}
    return {**seen, PEER: request.remote} if request.remote else seen


def make(around: Around) -> HttpPush:
    """The listener of this agent."""
    return HttpPush(around)
