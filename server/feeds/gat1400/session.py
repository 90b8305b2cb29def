"""A session at a platform: registered, kept alive, found lost, registered again; never hammered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Literal

import msgspec
import structlog

from domain.viid.profile import Peer
from domain.viid.times import read_time
from server.feeds.gat1400.body import Body
from server.feeds.gat1400.exchange import Answer, Exchange, FarAway
from server.feeds.gat1400.pause import Pause
from server.feeds.gat1400.registration import PATH, NotKnown, NotRegistered, Registration

log = structlog.get_logger()

State = Literal["offline", "registering", "online", "not_known"]
_LOST = frozenset({401, 403})
_MOST_SILENCES = 3
_GOODBYE_S = 3.0


class NotNow(Exception):
    """There is no session, and none is asked for before ``wait_s`` is over."""

    def __init__(self, reason: str, wait_s: float) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class Session:
    """Of one platform. ``registered`` is awaited after each registration: what must be told anew."""

    def __init__(
        self,
        platform: str,
        exchange: Exchange,
        registration: Registration,
        peer: Peer,
        pause: Pause,
        now: Callable[[], datetime],
    ) -> None:
        self.state: State = "offline"
        self.reason = ""
        self.clock_off_s: float | None = None  # theirs against ours
        self.registered: Callable[[Callable[[str, bytes], Awaitable[Answer]]], Awaitable[None]] | None = None
        self._platform, self._exchange, self._registration = platform, exchange, registration
        self._peer, self._pause, self._now = peer, pause, now
        self._turn, self._changed = asyncio.Lock(), asyncio.Event()
        self._base, self._silences = "", 0

    async def ask(self, method: str, path: str, body: Body | bytes) -> Answer:
        """The answer within the session; where that turns out to be lost, once more in a new one.

        Raises NotNow, FarAway.
        """
        await self.online()
        answer = await self._exchange.ask(method, self._at(path), body)
        if not is_lost(answer):
            return answer
        self.lost(str(answer))
        await self.online()
        return await self._exchange.ask(method, self._at(path), body)

    def _at(self, path: str) -> str:
        """Within the session; a whole URL is where the platform itself wants to be told."""
        return path if path.startswith(("http://", "https://")) else self._base + path

    async def online(self) -> None:
        """Return with a session. Raises NotNow."""
        async with self._turn:
            if self.state == "online":
                return
            if self._pause.left_s:
                raise NotNow(self.reason or "not registered", self._pause.left_s)
            await self._register()

    def lost(self, reason: str) -> None:
        """The far end no longer knows us: the next who needs it registers at once."""
        if self.state == "online":
            self._become("offline", reason)

    def unknown_device(self, reason: str) -> None:
        """It answers, and says that there is no such device: asked slowly until somebody acts."""
        self._become("not_known", reason)
        self._pause.wrong()

    async def keep(self) -> None:
        """Hold the session until cancelled, and take leave then."""
        try:
            while True:
                await self._step()
        finally:
            await self.close()

    async def _step(self) -> None:
        try:
            await self.online()
        except NotNow as error:
            await self._rest(error.wait_s)
            return
        await self._rest(self._peer.keepalive_s)
        if self.state == "online":
            await self._alive()

    async def _rest(self, seconds: float) -> None:
        """So long, or until the state changes."""
        self._changed.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _alive(self) -> None:
        body = msgspec.json.encode({"KeepaliveObject": {"DeviceID": self._registration.device_id}})
        try:
            answer = await self._exchange.ask("POST", f"{self._base}{PATH}/Keepalive", body)
        except FarAway as error:
            self._silences += 1
            if self._silences >= _MOST_SILENCES:
                self.lost(f"{self._silences} times without an answer: {error}")
            return
        self._silences = 0
        if is_lost(answer) or _is_refusal(answer):
            self.lost(str(answer))

    async def _register(self) -> None:
        self._become("registering", "")
        try:
            self._base = await self._registration.register()
        except NotRegistered as error:
            is_known = not isinstance(error, NotKnown)
            (self._pause.ill if is_known else self._pause.wrong)()
            self._become("offline" if is_known else "not_known", str(error))
            raise NotNow(str(error), self._pause.left_s) from error
        self._pause.over()
        self._silences = 0
        self._become("online", "")
        await self._compare_clocks()
        if self.registered is not None:
            await self.registered(self._post)

    async def _post(self, path: str, body: bytes) -> Answer:
        return await self._exchange.ask("POST", self._base + path, body)

    async def _compare_clocks(self) -> None:
        """Both sides keep Beijing's time to a second: what is off is shown, and stops nothing."""
        try:
            answer = await self._exchange.ask(self._peer.time_method, f"{self._base}{PATH}/Time")
        except FarAway:
            return
        theirs = _time_in(answer)
        self.clock_off_s = None if theirs is None else (theirs - self._now()).total_seconds()

    async def close(self) -> None:
        """Take leave where there is a session; that it is not heard harms nobody."""
        if self.state == "online":
            try:
                async with asyncio.timeout(_GOODBYE_S):
                    await self._registration.unregister(self._base)
            except (TimeoutError, NotRegistered):
                log.info("platform_leave_unheard", platform=self._platform)
        self._become("offline", "stopped")
        await self._exchange.close()

    def _become(self, state: State, reason: str) -> None:
        if state not in (self.state, "registering"):
            tell = log.info if state == "online" else log.warning
            tell("platform_session", platform=self._platform, state=state, reason=reason)
        self.state, self.reason = state, reason
        self._changed.set()


def is_lost(answer: Answer) -> bool:
    """Whether it no longer knows us: by its status, or by a word in whatever it answers."""
    return answer.status in _LOST or any(one.judgement == "session_lost" for one in answer.statuses)


def _is_refusal(answer: Answer) -> bool:
    """400 and 404 to a sign of life are how some say that they know no such device."""
    return 400 <= answer.status < 500


class _Time(msgspec.Struct):
    at: object = msgspec.field(name="LocalTime", default=None)
    inner: _Time | None = msgspec.field(name="SystemTimeObject", default=None)


def _time_in(answer: Answer) -> datetime | None:
    try:
        said = msgspec.json.decode(answer.body, type=_Time)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return read_time((said.inner or said).at)
