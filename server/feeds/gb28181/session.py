"""The session with a platform: registered, kept alive, renewed, begun again when it is lost, ended when we stop."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from datetime import datetime

import structlog

from domain.gb28181 import said
from domain.gb28181.xml import Element
from eventlog.follow import rung_or_after
from server.feeds.gb28181.answers import Answers
from server.feeds.gb28181.digest import Credentials
from server.feeds.gb28181.directory import Directory
from server.feeds.gb28181.endpoint import Endpoint
from server.feeds.gb28181.inbound import Inbound
from server.feeds.gb28181.memory import Memory
from server.feeds.gb28181.registration import Redirected, Registration, Unwell, WrongSettings
from server.feeds.gb28181.serving import Note, Serving, unnoted
from server.feeds.gb28181.settings import Settings
from server.feeds.gb28181.sip import Response
from server.feeds.gb28181.speaking import Speaker
from server.feeds.gb28181.subscriptions import Dialog, Subscriptions
from server.feeds.gb28181.transactions import NoAnswer
from server.feeds.gb28181.watching import Watching

log = structlog.get_logger()

FORGOTTEN = frozenset({401, 403, 404, 481})  # the word of a platform that knows us no more
_MOST_HOPS = 3
_GOODBYE_S = 2.0
_MOST_ODD = 20


class Session:
    """``retry_s``: the pause after so many failures; ``slow_s``: at least so long where a person must mend something,
    for a password that is tried often locks the account at some platforms. ``why``: why we are not online."""

    def __init__(
        self,
        settings: Settings,
        password: str,
        directory: Directory,
        now: Callable[[], datetime],
        retry_s: Callable[[int], float],
        note: Note = unnoted,
        slow_s: float = 60.0,
        memory: Memory | None = None,
    ) -> None:
        self.settings, self._retry_s, self._slow_s = settings, retry_s, slow_s
        self._time = asyncio.get_running_loop().time
        self.subscriptions = Subscriptions(self._time, now, memory)
        self.is_online, self.why = False, "not registered yet"
        self.clock = ""  # the platform's, as it said it when we registered
        self._directory = directory
        who = Credentials(settings.username or settings.ours, password)
        self._registration = Registration(settings.server, settings.sip_domain, settings.ours, who)
        self._serving = Serving(Answers(settings, directory, now), note)
        self._watching = Watching(settings.ours, directory, self.subscriptions)
        self._inbound = Inbound(settings, self.subscriptions, self._serving.put)
        self._speaker: Speaker | None = None
        self.odd: deque[bytes] = deque(maxlen=_MOST_ODD)  # what could not be read, for whoever looks into it
        self._elsewhere: tuple[str, int] | None = None
        self._bell = asyncio.Event()  # the line broke, or the platform forgot us
        self._broke: Exception | None = None
        self._is_forgotten = self._was_online = False
        self._losses = self._sn = 0

    async def keep(self) -> None:
        """Hold it until cancelled. What the platform set and asked for before we were begun anew holds on."""
        await self._directory.load()
        await self.subscriptions.load(self.settings.ours)
        failures = hops = 0
        while True:
            least_s = 0.0
            try:
                await self._hold_one()
            except Redirected as to:
                hops += 1
                if hops <= _MOST_HOPS:
                    self._go_to(to)
                    continue
                self.why = f"redirected more than {_MOST_HOPS} times"
            except WrongSettings as error:
                self.why, least_s = str(error), self._slow_s
            except (Unwell, NoAnswer, OSError) as error:
                self.why = str(error) or type(error).__name__
            self._go_to(None)
            failures, hops = 1 if self._was_online else failures + 1, 0
            log.warning("gb28181_offline", platform=self.settings.server, why=self.why, failures=failures)
            await asyncio.sleep(max(least_s, self._retry_s(failures)))

    async def say(self, body: Element) -> Response:
        """A MESSAGE of ours. Raises NoAnswer, OSError."""
        return self._judged(await self._open_speaker().say(body))

    async def notify(self, dialog: Dialog, body: Element) -> Response:
        """A NOTIFY in a dialog. Raises NoAnswer, OSError."""
        response = await self._open_speaker().notify(dialog, body, self._time())
        is_of_dialog = response.status in (404, 481)
        return response if is_of_dialog else self._judged(response)

    def _open_speaker(self) -> Speaker:
        if self._speaker is None:
            raise ConnectionError(self.why)
        return self._speaker

    def _judged(self, response: Response) -> Response:
        if response.status in FORGOTTEN:
            self.is_online, self.why, self._is_forgotten = False, f"forgotten: {response}", True
            self._bell.set()
        return response

    async def _hold_one(self) -> None:
        """One line from its opening to its end, which is always an exception."""
        self._was_online, self._broke = False, None
        self._bell.clear()
        endpoint = Endpoint(self.settings, self._inbound.answer, self._break, self.odd.append)
        await endpoint.open(self._elsewhere or (self.settings.host, self.settings.port))
        speaker = self._speaker = Speaker(self.settings, endpoint, self._registration, self.subscriptions)
        beside = [asyncio.create_task(one) for one in (self._serving.run(speaker), self.subscriptions.run())]
        try:
            await self._stay(endpoint)
        except asyncio.CancelledError:
            await self._leave(endpoint)
            raise
        finally:
            self.is_online, self._speaker = False, None
            for task in beside:
                task.cancel()
            endpoint.close()

    async def _stay(self, endpoint: Endpoint) -> None:
        renew_at = alive_at = 0.0
        while True:
            if self._broke is not None:
                raise self._broke
            now = self._time()
            if now >= renew_at or self._is_forgotten:
                renew_at = now + await self._register(endpoint)
                await self._alive(is_fresh=True)
                alive_at = self._time() + self.settings.keepalive_s
            elif now >= alive_at:
                await self._alive(is_fresh=False)
                alive_at = self._time() + self.settings.keepalive_s
            else:
                await rung_or_after(self._bell, min(renew_at, alive_at) - now)
                self._bell.clear()

    async def _register(self, endpoint: Endpoint) -> float:
        """In how many seconds it must be renewed."""
        self._is_forgotten = False
        granted = await self._registration.register(endpoint, self.settings.expires_s)
        self._losses, self.clock = 0, granted.date
        log.info("gb28181_registered", platform=self._registration.server, expires_s=granted.expires_s)
        return granted.expires_s * 0.75

    async def _alive(self, *, is_fresh: bool) -> None:
        """Raises Unwell where too many were lost, or who has just registered us knows us not."""
        self._sn += 1
        try:
            response = await self.say(said.keepalive(self.settings.ours, self._sn))
        except NoAnswer as error:
            self._lose(str(error))
            return
        if response.is_ok:
            self.is_online, self._was_online, self._losses = True, True, 0
            await self._look()
        elif response.status in FORGOTTEN and not is_fresh:
            log.info("gb28181_forgotten", platform=self._registration.server, answered=str(response))
        elif response.status in FORGOTTEN:
            raise Unwell(f"registered, and forgotten at once: {response}")
        else:
            self._lose(str(response))

    def _lose(self, why: str) -> None:
        self._losses += 1
        if self._losses >= self.settings.losses:
            raise Unwell(f"{self._losses} keep-alives lost: {why}")

    async def _look(self) -> None:
        try:
            await self._watching.look(self._open_speaker(), self._time)
        except NoAnswer as error:
            log.info("gb28181_change_untold", error=str(error))

    async def _leave(self, endpoint: Endpoint) -> None:
        """Whoever is stopped says so, as far as that is heard."""
        if self._was_online:
            with contextlib.suppress(WrongSettings, Unwell, Redirected, NoAnswer, OSError):
                async with asyncio.timeout(_GOODBYE_S):
                    await self._registration.register(endpoint, 0)

    def _go_to(self, to: Redirected | None) -> None:
        """A node that we were sent to, for as long as it serves us; else the one that is configured."""
        self._elsewhere = to.far if to else None
        self._registration.server = (to.server if to else "") or self.settings.server
        self._inbound.servers = {self.settings.server, self._registration.server}

    def _break(self, error: Exception) -> None:
        self._broke = error if isinstance(error, OSError) else ConnectionError(str(error))
        self._bell.set()
