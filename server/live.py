"""Live screens: each message is rendered once a language, and its ready bytes go to everyone in whose scope it is."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Sequence
from datetime import datetime

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from eventlog.follow import rung_or_after
from server.live_screen import Hearer, Screen, outdated
from server.store import live_rows
from server.store.engine import Database, stamp
from server.store.failures import DatabaseBusy
from server.store.live_rows import LiveRow
from server.store.scope import complexes_in

log = structlog.get_logger()

# Rows, a language and the time to payloads, one a row and in order; empty where screens need not hear of a row.
Render = Callable[[AsyncConnection, Sequence[LiveRow], str, datetime], Awaitable[list[bytes]]]

RELOAD = b"event: reload\ndata: behind\n\n"
_HELLO = b"retry: 2000\n\n"
_WAKE_ROWS = 200  # a bound on how long one wake-up holds the loop
_MOST_SCREENS = 10_000
_READY_MESSAGES = 2_048
_KEEP_ROWS = 50_000
_TRIM_EVERY = 5_000
_RETRY_S = 1.0


class TooManyScreens(Exception):
    """As many screens are connected as one process serves."""


class Bounds(msgspec.Struct, frozen=True):
    """How much may wait for a screen, how far back it may come, and how often it hears that all is well."""

    queue_messages: int = 1_024  # shared bytes: a queue costs a pointer a message
    replay_rows: int = 500  # a screen further behind loads its page anew
    heartbeat_s: float = 10.0
    poll_s: float = 1.0  # how often the hub looks without being rung, and at who wants a heartbeat
    recheck_s: float = 2.0  # how long a login that has ended, or a scope that has changed, is still listened to


DEFAULT_BOUNDS = Bounds()


class Message(msgspec.Struct, frozen=True):
    """A change as it is sent: ``frame`` is the whole SSE event, shared by all who get it."""

    position: int
    complex: str
    frame: bytes


class Hub:
    """A reader of table ``live`` that shares what it reads. ``run`` must run; ``ring`` says that there is more."""

    def __init__(
        self, db: Database, render: Render, now: Callable[[], datetime], bounds: Bounds = DEFAULT_BOUNDS
    ) -> None:
        self._db, self._render, self._now, self._bounds = db, render, now, bounds
        self._screens: set[Screen] = set()
        self._bell, self._begun = asyncio.Event(), asyncio.Event()
        self._position = self._trimmed = 0
        self._recheck_at_s = self._tend_at_s = 0.0
        self._closed = False
        self._ready: OrderedDict[tuple[int, str], Message] = OrderedDict()
        self._rendering = asyncio.Lock()

    @property
    def screens(self) -> int:
        """How many are connected."""
        return len(self._screens)

    @property
    def logins(self) -> frozenset[str]:
        """Of those who listen, by the digests of their tokens."""
        return frozenset(screen.hearer.login for screen in self._screens) - {""}

    @property
    def position(self) -> int:
        """Up to where rows were passed on."""
        return self._position

    def ring(self) -> None:
        """There are new rows, committed. Costs nothing: the work is done in ``run``, many rings at once."""
        self._bell.set()

    def close(self) -> None:
        """End every stream, and ``run``, so that the server can stop."""
        self._closed = True
        self._bell.set()
        self._begun.set()
        for screen in self._screens:
            screen.leave()

    async def run(self) -> None:
        """Pass rows on until closed. A failure is shown, and tried again from the same row."""
        while not self._closed:
            try:
                self._tend()
                await self._recheck()  # before the step: where it fails, nothing is passed on
                await self._step()
            except DatabaseBusy as error:
                log.warning("live_waits", position=self._position, error=str(error))
                await asyncio.sleep(_RETRY_S)
            except Exception:
                log.exception("live_waits", position=self._position)
                await asyncio.sleep(_RETRY_S)

    async def _step(self) -> None:
        self._bell.clear()  # before the reads: what is committed, or closed, meanwhile rings it again
        if not self._begun.is_set():
            async with self._db.read(at_once=True) as connection:
                _, self._position = await live_rows.ends(connection)
            self._begun.set()
        async with self._db.read(at_once=True) as connection:
            rows = await live_rows.behind(connection, self._position, _WAKE_ROWS)
        if rows:
            await self._fan_out(newest_of_each(rows))
            await self._trim()
        else:
            await rung_or_after(self._bell, self._bounds.poll_s)

    def _tend(self) -> None:
        """Heartbeats for who has heard nothing for long, and an end for streams that lived long enough.

        A hub that stands still gives no heartbeat, so that screens say they are not live.
        """
        if (now_s := _loop_time_s()) < self._tend_at_s:
            return  # so many looks at so many screens would hold up what they wait for
        self._tend_at_s, beat = now_s + self._bounds.poll_s, self._beat()
        for screen in list(self._screens):
            if now_s >= screen.ends_at_s:
                screen.leave()
            elif now_s >= screen.beat_at_s:
                self._offer(screen, beat)

    async def _recheck(self) -> None:
        """An end for streams of people who may no longer hear them, or hear something else: their page loads anew."""
        if not self._screens or _loop_time_s() < self._recheck_at_s:
            return
        async with self._db.read() as connection:
            gone = await outdated(connection, list(self._screens), stamp(self._now()))
        for screen in gone:
            screen.leave(RELOAD)
            self._screens.discard(screen)
        self._recheck_at_s = _loop_time_s() + self._bounds.recheck_s

    def _offer(self, screen: Screen, body: bytes) -> None:
        screen.offer(body)
        screen.beat_at_s = _loop_time_s() + self._bounds.heartbeat_s
        if screen.left:
            self._screens.discard(screen)

    async def _fan_out(self, rows: list[LiveRow]) -> None:
        ready: dict[tuple[str, int], Message] = {}  # by language and position
        while missing := self._unrendered(rows, ready):  # while we render, someone who sees more may have come
            for language, new in missing.items():
                ready |= {(language, message.position): message for message in await self._messages(new, language)}
        for screen in list(self._screens):
            for row in rows:
                message = ready.get((screen.language, row.position))
                if message is not None and message.frame and screen.sees(row.complex):
                    self._offer(screen, message.frame)
        self._position = rows[-1].position  # with no await since the first offer: who comes now gets the next

    def _unrendered(self, rows: list[LiveRow], ready: Container[tuple[str, int]]) -> dict[str, list[LiveRow]]:
        """By language what somebody sees and is not ready: of a city's most changes no screen stands open."""
        views: defaultdict[str, set[frozenset[str] | None]] = defaultdict(set)
        for screen in self._screens:
            views[screen.language].add(screen.complexes)
        found: dict[str, list[LiveRow]] = {}
        for language, seen in views.items():
            new = [row for row in rows if (language, row.position) not in ready]
            found[language] = [row for row in new if any(one is None or row.complex in one for one in seen)]
        return {language: new for language, new in found.items() if new}

    async def _messages(self, rows: list[LiveRow], language: str) -> list[Message]:
        """The rows ready to send, those without a frame too; what was rendered before is used again."""
        async with self._rendering:
            found = {row.position: self._ready.get((row.position, language)) for row in rows}
            new = [row for row in rows if found[row.position] is None]
            payloads = await self._rendered(new, language) if new else []
            for row, payload in zip(new, payloads, strict=True):
                found[row.position] = self._keep(row, language, payload)
        return [message for message in found.values() if message]

    async def _rendered(self, rows: list[LiveRow], language: str) -> list[bytes]:
        async with self._db.read(at_once=True) as connection:
            return await self._render(connection, rows, language, self._now())

    def _keep(self, row: LiveRow, language: str, payload: bytes) -> Message:
        body = frame(row.position, row.kind, payload) if payload else b""
        message = self._ready[row.position, language] = Message(row.position, row.complex, body)
        while len(self._ready) > _READY_MESSAGES:
            self._ready.popitem(last=False)
        return message

    async def _trim(self) -> None:
        if self._position - self._trimmed < _TRIM_EVERY:
            return
        async with self._db.write() as connection:
            await live_rows.trim(connection, self._position - _KEEP_ROWS)
        self._trimmed = self._position

    def subscribe(
        self, hearer: Hearer, language: str, after: int | None, life_s: float = 3_600.0
    ) -> AsyncIterator[bytes]:
        """SSE bytes for one screen: what it missed since position ``after``, then what happens, for ``life_s``.

        A screen that is too far behind gets an event ``reload``; so does one, as its last, whose login has ended or
        whose scope has changed. The stream ends early where the screen does not keep up; it comes back with its last
        event id. Raises TooManyScreens.
        """
        if len(self._screens) >= _MOST_SCREENS:
            raise TooManyScreens(f"{_MOST_SCREENS} screens are connected")
        return self._stream(Screen(hearer, language, self._bounds.queue_messages), after, life_s)

    async def _stream(self, screen: Screen, after: int | None, life_s: float) -> AsyncIterator[bytes]:
        await self._begun.wait()
        if self._closed:
            return
        async with self._db.read() as connection:
            screen.complexes = await complexes_in(connection, screen.hearer.scope)
        upto = self._position  # with no await until it is added: nothing falls between replay and queue
        screen.ends_at_s, screen.beat_at_s = _loop_time_s() + life_s, _loop_time_s() + self._bounds.heartbeat_s
        self._screens.add(screen)
        try:
            yield _HELLO + self._beat()
            for missed in await self._missed(screen, after, upto):
                yield missed
            while (body := await screen.next()) is not None:
                yield body
        finally:
            self._screens.discard(screen)

    async def _missed(self, screen: Screen, after: int | None, upto: int) -> list[bytes]:
        if after is None:
            return []
        async with self._db.read() as connection:
            oldest, newest = await live_rows.ends(connection)
            rows = await live_rows.missed(connection, after, upto, screen.hearer.scope, self._bounds.replay_rows + 1)
        if len(rows) > self._bounds.replay_rows or after > newest or after < oldest - 1:
            return [RELOAD]
        found = await self._messages(newest_of_each(rows), screen.language)
        return [message.frame for message in found if message.frame]

    def _beat(self) -> bytes:
        """A heartbeat that scripts hear, as they do not hear a comment; its time is for phones whose clock is wrong."""
        return f"event: beat\ndata: {stamp(self._now())}\n\n".encode()


def _loop_time_s() -> float:
    return asyncio.get_running_loop().time()


def newest_of_each(rows: Sequence[LiveRow]) -> list[LiveRow]:
    """The last row of each thing that changed, in order: a message states what is, so the earlier say nothing more."""
    newest = {(row.kind, row.ref): row for row in rows}
    return sorted(newest.values(), key=lambda row: row.position)


def frame(position: int, kind: str, payload: bytes) -> bytes:
    """One SSE event (WHATWG HTML, server-sent events): each line of the payload in a data field of its own."""
    lines = b"".join(b"data: " + line + b"\n" for line in payload.splitlines())
    return b"id: %d\nevent: %s\n%s\n" % (position, kind.encode(), lines)
