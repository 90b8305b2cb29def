"""The bell over processes: who committed tells the others which shards, at most fifty times a second.

A NOTIFY in every commit would put all commits behind one lock. A notice that is lost costs a follower its poll.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from eventlog.follow import rung_or_after
from eventlog.log import Bell
from eventlog.postgres_link import ERRORS, Connection, connect
from eventlog.shards import SHARD_NAMES

CHANNEL = "gatehouse_log"
_NOTIFY = "SELECT pg_notify($1, $2)"
_COUNTED, _PRESSES = "+", "!"  # before the number of events, and before a shard: no shard is named so
_EVERY_S, _AGAIN_S, _ASK_EVERY_S = 0.02, 1.0, 30.0


class BellBetween:
    """Rings ``bell`` for what other processes commit, and theirs for what ``tell`` was told."""

    def __init__(self, url: str, bell: Bell) -> None:
        self._url, self._bell = url, bell
        self._untold: set[str] = set()
        self._untold_events = 0
        self._some = asyncio.Event()
        self._own_pid = 0
        self.came: Callable[[int], None] = lambda _events: None  # told how many events other processes took
        self.pressed: Callable[[str], None] = lambda _shard: None  # told where what others took is in a hurry
        self.others: dict[str, Callable[[], None]] = {}  # channel of somebody else's -> who is rung by it
        self.trouble = ""  # why notices do not go or come, for whoever shows it

    def tell(self, shards: Iterable[str], events: int = 0) -> None:
        """These shards have more, so many events in all; the other processes hear of it within a moment."""
        self._untold.update(shards)
        self._untold_events += events
        self._some.set()

    def press(self, shard: str) -> None:
        """Something in this shard is in a hurry."""
        self.tell([_PRESSES + shard])

    async def run(self) -> None:
        """Speak and listen until cancelled, each on a connection of its own that is made again when it breaks."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._again_and_again(self._speak))
            tasks.create_task(self._again_and_again(self._hear))

    async def _again_and_again(self, work: Callable[[Connection], Awaitable[None]]) -> None:
        while True:
            try:
                await self._once(work)
            except ERRORS as error:
                self.trouble = str(error) or type(error).__name__
            await asyncio.sleep(_AGAIN_S)

    async def _once(self, work: Callable[[Connection], Awaitable[None]]) -> None:
        connection = await connect(self._url)
        try:
            self.trouble = ""
            await work(connection)
        finally:
            connection.terminate()

    async def _speak(self, connection: Connection) -> None:
        self._own_pid = connection.get_server_pid()
        while True:
            await self._some.wait()
            await self._notify(connection)
            await asyncio.sleep(_EVERY_S)

    async def _notify(self, connection: Connection) -> None:
        shards, self._untold = self._untold, set()
        events, self._untold_events = self._untold_events, 0
        self._some.clear()
        try:
            await connection.execute(_NOTIFY, CHANNEL, ",".join([*sorted(shards), f"{_COUNTED}{events}"]))
        except ERRORS:
            self.tell(shards, events)
            raise

    async def _hear(self, connection: Connection) -> None:
        ended = asyncio.Event()
        connection.add_termination_listener(lambda _connection: ended.set())
        await connection.add_listener(CHANNEL, self._ring)
        for channel, ring in self.others.items():
            await connection.add_listener(channel, partial(_rung, ring))
            ring()
        for shard in SHARD_NAMES:  # what was said while nobody listened
            self._bell.ring(shard)
        while not ended.is_set():
            await rung_or_after(ended, _ASK_EVERY_S)
            await connection.execute("SELECT 1")  # a line that is dead says nothing by itself

    def _ring(self, _connection: object, pid: int, _channel: str, notice: str) -> None:
        if pid == self._own_pid:
            return  # the bell here was rung at the commit
        for word in notice.split(","):
            if word in SHARD_NAMES:
                self._bell.ring(word)
            elif word.startswith(_PRESSES) and word[1:] in SHARD_NAMES:
                self.pressed(word[1:])
            elif word.startswith(_COUNTED) and word[1:].isdecimal():
                self.came(int(word[1:]))


def _rung(ring: Callable[[], None], *_notice: object) -> None:
    ring()
