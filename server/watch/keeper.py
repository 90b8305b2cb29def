"""What time brings to watch lists: their end, lists that gateways should have, who is still to be told, what goes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
import structlog

from server.audit import Subject, record
from server.cells import moves
from server.channels.channel import Notice, NotSent
from server.channels.people import told
from server.channels.registry import Channels
from server.rounds import look_every
from server.store import watch_hit_rows, watch_order_rows, watch_rows
from server.store.delivery_rows import Whom
from server.store.engine import Database
from server.store.watch_hit_rows import Unsent
from server.watch import book
from server.watch.book import ITSELF
from server.watch.sealing import Seal

log = structlog.get_logger()

LOOK_EVERY_S = 1.0
KEPT_AFTER = timedelta(days=30)  # so long after its end an entry's times and its hits are kept, without its words
_MATCH_EVERY = 30  # looks: so often the lists are held against what gateways have
TITLE, WORDS = "布控命中", "请登录查看，勿转告他人"
_PUBLIC = frozenset({"robot", "screen"})  # a group reads what a robot says; an open page looks by itself


class WatchKeeper:
    """One process at a time does it."""

    def __init__(
        self, db: Database, seal: Seal, channels: Channels, public_url: str, now: Callable[[], datetime]
    ) -> None:
        self._db, self._seal, self._channels, self._url, self._now = db, seal, channels, public_url, now
        self._looks = 0

    async def run(self) -> None:
        """Look every second, until cancelled."""
        await look_every(LOOK_EVERY_S, "watch", self.look)

    async def look(self) -> None:
        """What is due now."""
        await self._expire()
        if self._looks % _MATCH_EVERY == 0:
            await self._match()
            async with self._db.write() as connection:
                await watch_rows.let_go(connection, self._now() - KEPT_AFTER)
                await watch_order_rows.let_go(connection, self._now() - KEPT_AFTER)
        self._looks += 1
        await self._tell()

    async def _expire(self) -> None:
        async with self._db.read() as connection:
            away = await moves.away(connection)
            over = [one for one in await watch_rows.over(connection, self._now()) if one.complex not in away]
        if over:
            async with self._db.write() as connection:
                await book.expire(connection, self._seal, over, self._now())

    async def _match(self) -> None:
        """After a restore, or where a complex came from another cell, gateways may have what nobody ordered here."""
        async with self._db.read() as connection:
            away = await moves.away(connection)
            complexes = [one for one in await watch_rows.complexes(connection) if one not in away]
        for complex_id in complexes:
            async with self._db.write() as connection:
                await book.publish(connection, self._seal, complex_id, self._now())

    async def _tell(self) -> None:
        async with self._db.read() as connection:
            waiting = await watch_hit_rows.unsent(connection)
        for one in waiting:
            sent_by = await self._send(one)
            now = self._now()
            async with self._db.write() as connection:
                await watch_hit_rows.told(connection, one, now if sent_by else None)
                if sent_by:
                    details = {"to": one.account, "by": sent_by}
                    on = Subject("watch_hit", one.hit)
                    record(connection, ITSELF, "watch.told", now, on=on, complex_id=one.complex, details=details)

    async def _send(self, one: Unsent) -> str | None:
        """By the person's own channels, in their order, whatever the hour: by which one it went."""
        async with self._db.read() as connection:
            person = await told(connection, self._channels, Whom(one.account), one.complex, self._now())
        key = f"watch/{one.hit}/{one.account}"
        title = f"{TITLE}（迟到）" if one.is_late else TITLE
        notice = Notice(
            key=key, title=title, words=WORDS, url=f"{self._url}/watch", severity="critical", is_urgent=True
        )
        for way in person.wishes.ways:
            if way.means in _PUBLIC:
                continue
            for to in person.addresses.get(way.channel, ()):
                if await self._sent(way.channel, notice, to):
                    return way.channel
        return None

    async def _sent(self, channel: str, notice: Notice, to: str) -> bool:
        try:
            await self._channels.send(channel, msgspec.structs.replace(notice, to=to))
        except NotSent as failure:
            log.warning("not_told_of_a_hit", channel=channel, why=failure.why)
            return False
        return True
