"""Lets each upper platform have its own hand-over, beside the others: begun, ended and begun anew as its row says."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import structlog

from server.feeds.handing import Handing, withhold
from server.feeds.sender import Sender
from server.rounds import look_every
from server.store import platform_rows
from server.store.engine import Database
from server.store.platform_rows import Platform

log = structlog.get_logger()

LOOK_S = 1.0
# A protocol: the platform's sender, from its row and its secret.
MakeSender = Callable[[Platform, bytes], Sender]
_Wanted = tuple[str, str, str, str, str]


class BadSecret(Exception):
    """The file of a secret cannot be read; the message says which."""


class Platforms:
    """One of these runs in all processes together (server/leases.py). Nothing, a session neither, is opened to a
    platform that is off or has no basis in force."""

    def __init__(
        self,
        db: Database,
        folder: Path,
        kinds: Mapping[str, MakeSender],
        now: Callable[[], datetime],
        retry_s: Callable[[int], float],
    ) -> None:
        self._db, self._folder, self._kinds = db, folder, kinds
        self._now, self._retry_s = now, retry_s
        self._tasks = dict[str, asyncio.Task[None]]()
        self._handings = dict[str, Handing]()
        self._wanted = dict[str, _Wanted]()

    @property
    def running(self) -> list[str]:
        """To whom something may leave now."""
        return sorted(self._tasks)

    def ring(self) -> None:
        """Something was offered."""
        for handing in self._handings.values():
            handing.more.set()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            await look_every(LOOK_S, "platforms", self.look)
        finally:
            await self.stop()

    async def stop(self) -> None:
        """End every hand-over."""
        for id_ in list(self._tasks):
            await self._stop(id_)

    async def look(self) -> None:
        """Begin and end hand-overs as the rows say."""
        async with self._db.read() as connection:
            every = await platform_rows.every(connection)
            covers = {one.id: await platform_rows.cover_of(connection, one.id, self._now()) for one in every}
        for one in every:
            if not one.is_on or not covers[one.id].bases:
                await self._silence(one)
            elif self._wanted.get(one.id) != self._wants(one) or self._tasks[one.id].done():
                await self._begin(one)

    async def _begin(self, one: Platform) -> None:
        await self._stop(one.id)
        try:
            sender = self._sender(one)
        except (BadSecret, KeyError, ValueError) as error:
            log.error("platform_not_begun", platform=one.id, error=str(error))
            await self._stands(one, "ill", f"{error}")
            return
        handing = Handing(one.id, sender, self._db, self._now, self._retry_s)
        self._handings[one.id], self._wanted[one.id] = handing, self._wants(one)
        self._tasks[one.id] = asyncio.create_task(handing.run())
        await self._stands(one, "opening")

    def _sender(self, one: Platform) -> Sender:
        make = self._kinds.get(one.kind)
        if make is None:
            raise ValueError(f"no protocol of the kind {one.kind!r} here; there are {', '.join(sorted(self._kinds))}")
        return make(one, self._secret(one))

    def _secret(self, one: Platform) -> bytes:
        if not one.secret_file:
            return b""
        path = self._folder / Path(one.secret_file).name
        try:
            return path.read_bytes().strip()
        except OSError as error:
            raise BadSecret(f"{path.name}: {error.strerror or error}") from error

    def _wants(self, one: Platform) -> _Wanted:
        """What a hand-over goes by: if that changes, another word in the secret's file too, it begins anew."""
        try:
            secret = hashlib.sha256(self._secret(one)).hexdigest()
        except BadSecret:
            secret = ""  # those who are connected stay so
        known = self._wanted.get(one.id, ("",) * 5)[-1]
        return one.kind, one.address, repr(sorted(one.settings.items())), one.secret_file, secret or known

    async def _silence(self, one: Platform) -> None:
        await self._stop(one.id)
        await self._stands(one, "silent" if one.is_on else "off")
        if one.is_on:
            await withhold(self._db, one.id, self._now())

    async def _stop(self, id_: str) -> None:
        task = self._tasks.pop(id_, None)
        self._handings.pop(id_, None)
        self._wanted.pop(id_, None)
        if task is not None:
            task.cancel()
            (ended,) = await asyncio.gather(task, return_exceptions=True)
            if isinstance(ended, Exception):
                log.error("handover_ended", platform=id_, error=repr(ended))

    async def _stands(self, one: Platform, session: str, words: str = "") -> None:
        if one.session == session and one.answer == (words or one.answer):
            return
        async with self._db.write() as connection:
            await platform_rows.stands(connection, one.id, session, self._now())
            if words:
                await platform_rows.answered(connection, one.id, words, self._now())
