"""Which server process works on what: each shard, and each task that must run once, belongs to one process at a time.

A lease is a session's advisory lock in PostgreSQL. It is gone with its connection: what a killed process held is free
at once, and what a machine held that vanished, after the few seconds in which PostgreSQL misses its keep-alives. It
keeps two processes from doing the same work; that none of it counts twice is for the cursor (``shard_reader``).
"""

from __future__ import annotations

import asyncio
import random
import zlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

import asyncpg
import structlog

from eventlog.postgres_leader import connect as to_leader
from eventlog.postgres_link import ERRORS

log = structlog.get_logger()

Work = Callable[[str], Coroutine[Any, Any, None]]

LOOK_S = 2.0
_CLASS, _PRESENT_CLASS = 7_402, 7_403  # of PostgreSQL's advisory locks: what is leased, and who is there
_ANSWER_S = 4.0
_PRESENT = """SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
WHERE locktype = 'advisory' AND classid = $1 AND granted AND datname = current_database()"""
# The keep-alives by which PostgreSQL notices, within ten seconds, that a machine is no longer there.
_SESSION = {
    "application_name": "gatehouse leases",
    "tcp_keepalives_idle": "3",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "2",
    "tcp_user_timeout": "8000",
}


class Share(Protocol):
    """How work is shared out among processes."""

    @property
    def held(self) -> Sequence[str]:
        """What this process works on now."""
        ...

    async def run(self) -> None:
        """Do this process's part of the work until cancelled."""
        ...


class Everything:
    """All of it here: for an engine that has only one process."""

    def __init__(self, names: Sequence[str], work: Work) -> None:
        self._names, self._work = names, work

    @property
    def held(self) -> Sequence[str]:
        return self._names

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for name in self._names:
                tasks.create_task(self._work(name))


class Leases:
    """A fair part of it: as many of the names as there are for each process that is there, at most one more."""

    def __init__(self, url: str, names: Sequence[str], work: Work, look_s: float = LOOK_S) -> None:
        """``work`` is begun for a name that was leased, and cancelled when it is given back or lost."""
        self._url, self._names, self._work, self._look_s = url, list(names), work, look_s
        self._doing: dict[str, asyncio.Task[None]] = {}

    @property
    def held(self) -> list[str]:
        """What this process works on now."""
        return sorted(self._doing)

    async def run(self) -> None:
        """Hold what is ours until cancelled; after a lost connection everything stops and is leased anew."""
        try:
            while True:
                try:
                    await self._hold()
                except ERRORS as error:
                    log.warning("leases_lost", held=len(self._doing), error=repr(error))
                await self._stop(list(self._doing))
                await asyncio.sleep(self._look_s * random.uniform(0.2, 1.0))  # noqa: S311 - so that not all come at once
        finally:
            await self._stop(list(self._doing))

    async def _hold(self) -> None:
        bounds = {"timeout": _ANSWER_S, "command_timeout": _ANSWER_S}
        connection = await to_leader(self._url, **bounds, server_settings=_SESSION)
        try:
            await connection.execute("SELECT pg_advisory_lock_shared($1, 0)", _PRESENT_CLASS)
            while True:
                await self._settle(connection)
                await self._wait()
        finally:
            connection.terminate()  # at once: a database that does not answer must not keep our work from stopping

    async def _settle(self, connection: asyncpg.Connection[Any]) -> None:
        """Give back what is more than our part, and take what nobody has up to it."""
        present = await connection.fetchval(_PRESENT, _PRESENT_CLASS)
        part = -(-len(self._names) // max(1, present))
        for name in self.held[part:]:
            await self._stop([name])
            await connection.execute("SELECT pg_advisory_unlock($1, $2)", _CLASS, _key(name))
        free = [name for name in self._names if name not in self._doing]
        random.shuffle(free)
        for name in free:
            if len(self._doing) >= part:
                return
            if await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", _CLASS, _key(name)):
                self._doing[name] = asyncio.create_task(self._work(name))

    async def _wait(self) -> None:
        """Until the next look. Raises what ended one of the works: a defect, for they last until they are cancelled."""
        if not self._doing:
            await asyncio.sleep(self._look_s)
            return
        ended, _ = await asyncio.wait(self._doing.values(), timeout=self._look_s, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()

    async def _stop(self, names: Sequence[str]) -> None:
        tasks = [self._doing[name] for name in names]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for name in names:
            del self._doing[name]


def _key(name: str) -> int:
    """A name as a lock's key, the same in every process whatever else it has to do: 32 bits, with a sign."""
    return zlib.crc32(name.encode()) - 2**31
