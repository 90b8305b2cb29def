"""A complex leaves for another cell: steps that are each done whole or again, whenever they are broken off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.cells import Whereabouts
from eventlog.shards import shard_of
from server.audit import command_line, record
from server.cells import moves, rows
from server.cells.arrive import Announced, Settings
from server.cells.far import Far
from server.cells.fence import raise_fences
from server.cells.moves import FIRST_VERSION, Move
from server.cells.rows import Parcel
from server.centre_log import CentreLog
from server.media import MediaBox
from server.store.engine import Database
from server.store.schema import batch, cursor, delivery, handover, media

_BATCHES_AT_ONCE, _BYTES_AT_ONCE = 200, 4 * 1024 * 1024
_PICTURES_AT_ONCE = 100
_WAIT_S, _LOOK_S = 120.0, 0.1
_WAITS = delivery.c.state == "waiting"


class NotMoved(Exception):
    """The move stopped where it can be gone on with, or taken back; says why."""


class Destination(msgspec.Struct, frozen=True):
    """The cell that a complex goes to."""

    cell: str
    url: str
    fingerprint: str = ""


class Moved(msgspec.Struct, frozen=True):
    """What went."""

    complex: str
    to: str
    version: int
    rows: dict[str, int]


Tell = Callable[[str], None]
Direct = Callable[[str, Whereabouts], Awaitable[None]]  # tell the directory. Raises FarAway, NotNow


class Departure:
    """One move. ``run`` may be killed anywhere and run again, by the same words, until it says that it is done."""

    def __init__(
        self,
        db: Database,
        log: CentreLog,
        pictures: MediaBox,
        readers: Sequence[str],
        here: str,
        now: Callable[[], datetime],
        wait_s: float = _WAIT_S,
    ) -> None:
        """``readers``: those whose rows travel, so that they must stand at the end; ``here``: this cell's name."""
        self._db, self._log, self._pictures = db, log, pictures
        self._readers, self._here, self._now, self._wait_s = readers, here, now, wait_s

    async def run(
        self, far: Far, to: Destination, said: Settings, complex_id: str, direct: Direct, tell: Tell
    ) -> Moved:
        """Move a complex. Raises NotMoved, NotNow, FarAway, LogBroken, DatabaseBusy."""
        version = await self._version(complex_id, to)
        if not await self._has_left(complex_id):
            tell("begin")
            standing = await far.begin(Announced(version, said))
            if standing.state != "open":
                await self._copy(far, to, version, complex_id, tell)
                tell("open")
                await self._mark(complex_id, state="opening")
                await far.open()
            await self._leave(complex_id, tell)
        tell("directory")
        await direct(complex_id, Whereabouts(to.url, to.fingerprint, version))
        await self._mark(complex_id, told=1)
        tell("done")
        async with self._db.read() as connection:
            found = await rows.digests(connection, complex_id, self._here)
        return Moved(complex_id, to.cell, version, {table: count for table, (count, _) in found.items() if count})

    async def back(self, far: Far, complex_id: str) -> None:
        """Take back a move that has not let the gateways in elsewhere. Its version is not used again, and by that the
        other cell knows what is left there of it. Raises NotMoved, FarAway."""
        async with self._db.read() as connection:
            move = await moves.of(connection, complex_id)
        if move is None or move.state not in ("closing", "copying", "opening"):
            raise NotMoved(f"{complex_id} has no move that could be taken back")
        if move.state == "opening" and (await far.standing()).state == "open":
            raise NotMoved(f"the gateways of {complex_id} are let in at {move.cell} already: run the move to its end")
        await self._mark(complex_id, "complex.move_taken_back", state="open")

    async def let_go(self, complex_id: str) -> None:
        """Remove what is left here of a complex that has moved; its gateways are still told where. Raises NotMoved."""
        async with self._db.write_alone() as connection:
            move = await moves.of(connection, complex_id)
            if move is None or move.state != "moved" or not move.told:
                raise NotMoved(f"{complex_id} has not moved, or the directory was not told: run the move to its end")
            await self._check_sent(connection, complex_id)
            names = list(
                (await connection.execute(select(media.c.sha256).where(media.c.complex == complex_id))).scalars()
            )
            await rows.erase(connection, complex_id, self._now(), keep=("gateway",))
            await moves.change(connection, complex_id, self._now(), state="gone")
            record(connection, command_line(), "complex.let_go", self._now(), complex_id=complex_id)
        for name in names:
            await self._pictures.forget(name)

    async def _check_sent(self, connection: AsyncConnection, complex_id: str) -> None:
        """Raises NotMoved while a feed has not taken or not sent all of the complex."""
        ours = (batch.c.shard == int(shard_of(complex_id)), batch.c.complex == complex_id)
        end = (await connection.execute(select(func.max(batch.c.position)).where(*ours))).scalar() or 0
        behind = select(cursor.c.reader).where(cursor.c.shard == shard_of(complex_id), cursor.c.position < end)
        readers = (await connection.execute(behind)).scalars().all()
        if readers:
            raise NotMoved(f"{', '.join(readers)} have not read all of {complex_id} yet")
        source = f"/complexes/{complex_id}/devices/".encode()
        async for row in await connection.stream(select(delivery.c.feed, delivery.c.body).where(_WAITS)):
            if source in (row.body or b""):
                raise NotMoved(f"{row.feed} still has something of {complex_id} to send")
        owed = (handover.c.complex == complex_id, handover.c.state.in_(("waiting", "sent")))
        platform = (await connection.execute(select(handover.c.platform).where(*owed).limit(1))).scalar()
        if platform is not None:
            raise NotMoved(f"{platform} has not answered for all that it is owed of {complex_id}")

    async def _version(self, complex_id: str, to: Destination) -> int:
        """Of where the complex will be. Raises NotMoved for one that goes elsewhere already, or is not here."""
        async with self._db.read() as connection:
            move = await moves.of(connection, complex_id)
        if move is None or move.state == "open":
            return (FIRST_VERSION if move is None else move.version) + 1
        if move.is_coming:
            raise NotMoved(f"{complex_id} is still coming from {move.cell}: let that end first")
        if move.cell != to.cell:
            raise NotMoved(f"{complex_id} is {move.state}, to {move.cell}: end that, or take it back (--back)")
        if move.state == "gone":
            raise NotMoved(f"{complex_id} went to {move.cell}, and nothing of it is left here")
        return move.version

    async def _has_left(self, complex_id: str) -> bool:
        async with self._db.read() as connection:
            move = await moves.of(connection, complex_id)
        return move is not None and move.has_left

    async def _copy(self, far: Far, to: Destination, version: int, complex_id: str, tell: Tell) -> None:
        tell("ahead")  # while everything goes on here: what is long is done before anybody waits
        await self._copy_pictures(far, complex_id)
        await self._copy_batches(far, complex_id)
        await self._wait_folded(far)
        tell("close")
        await self._close(to, version, complex_id)
        tell("batches")
        await self._copy_batches(far, complex_id)
        await self._wait_folded(far)
        tell("rows")
        await self._copy_pictures(far, complex_id)
        await self._copy_rows(far, complex_id)
        tell("verify")
        await self._verify(far, complex_id)

    async def _close(self, to: Destination, version: int, complex_id: str) -> None:
        """Take nothing more of the complex, let the readers come to the end, then let nobody change its rows."""
        going = Move(complex_id, "closing", version, to.cell, to.url, to.fingerprint)
        async with self._db.write_alone() as connection:
            move = await moves.of(connection, complex_id)
            if move is not None and move.state in ("copying", "opening"):
                return
            await moves.put(connection, msgspec.structs.replace(going, through=move and move.through), self._now())
        await self._log.all_committed(complex_id)
        end = await self._log.head(shard_of(complex_id))
        await self._wait(
            lambda: self._are_at(complex_id, end), "the readers here to come to the end: does the server run?"
        )
        async with self._db.write_alone() as connection:
            await raise_fences(connection)
            await moves.change(connection, complex_id, self._now(), state="copying")

    async def _are_at(self, complex_id: str, end: int) -> bool:
        at = select(cursor.c.reader).where(cursor.c.shard == shard_of(complex_id), cursor.c.position >= end)
        async with self._db.read() as connection:
            return not end or set(self._readers) <= set((await connection.execute(at)).scalars())

    async def _copy_batches(self, far: Far, complex_id: str) -> None:
        """In the order of this log, from where the other cell says that it is."""
        after = (await far.standing()).copied
        while batches := await self._log.of_complex(complex_id, after, _BATCHES_AT_ONCE):
            size = end = 0
            while end < len(batches) and (not end or size + len(batches[end].body) <= _BYTES_AT_ONCE):
                size, end = size + len(batches[end].body), end + 1
            after = (await far.adopt(after, batches[:end])).copied

    async def _copy_rows(self, far: Far, complex_id: str) -> None:
        """The parcels that the other cell lacks; nothing changes here meanwhile, so they are the same again."""
        copied, number = (await far.standing()).rows_copied, 0
        async with self._db.read() as connection:
            async for parcel in rows.parcels(connection, complex_id, self._here):
                if number >= copied:
                    await self._put(far, number, parcel)
                number += 1

    @staticmethod
    async def _put(far: Far, number: int, parcel: Parcel) -> None:
        copied = (await far.put_rows(number, parcel)).rows_copied
        if copied != number + 1:
            raise NotMoved(f"the other cell is at parcel {copied}, not {number + 1}: is another move running?")

    async def _copy_pictures(self, far: Far, complex_id: str) -> None:
        async with self._db.read() as connection:
            query = select(media.c.sha256, media.c.type).where(media.c.complex == complex_id)
            kinds = {row.sha256: row.type for row in await connection.execute(query)}
        names = sorted(kinds)
        for start in range(0, len(names), _PICTURES_AT_ONCE):
            for name in await far.unknown_pictures(names[start : start + _PICTURES_AT_ONCE]):
                await far.put_picture(name, kinds[name], await self._pictures.get(name))

    async def _verify(self, far: Far, complex_id: str) -> None:
        async with self._db.read() as connection:
            here = await rows.digests(connection, complex_id, self._here)
        wrong = rows.differences(here, await far.digests())
        if wrong:
            raise NotMoved(f"the other cell does not have the same: {'; '.join(wrong)}. --back takes the move back")

    async def _leave(self, complex_id: str, tell: Tell) -> None:
        tell("leave")
        await self._mark(complex_id, "complex.moved", state="moved")

    async def _mark(self, complex_id: str, action: str = "", **values: object) -> None:
        """Change what is known of the move; ``action`` is recorded with it."""
        async with self._db.write_alone() as connection:
            await moves.change(connection, complex_id, self._now(), **values)
            move = await moves.of(connection, complex_id)
            if action and move is not None:
                told = {"cell": move.cell, "version": move.version}
                record(connection, command_line(), action, self._now(), complex_id=complex_id, details=told)

    async def _wait_folded(self, far: Far) -> None:
        """Until the readers of the other cell have taken the batches; for as long as they go on doing so."""
        loop, seen = asyncio.get_running_loop(), -1
        end_s = loop.time() + self._wait_s
        while not (standing := await far.standing()).folded:
            if standing.taken != seen:
                seen, end_s = standing.taken, loop.time() + self._wait_s
            elif loop.time() > end_s:
                raise NotMoved("a reader of the other cell stands still: does its server run? Then run this again")
            await asyncio.sleep(_LOOK_S)

    async def _wait(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        try:
            async with asyncio.timeout(self._wait_s):
                while not await condition():  # noqa: ASYNC110 - of a database, or another machine
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            raise NotMoved(f"waited {self._wait_s:g} s for {what}; run the command again") from None
