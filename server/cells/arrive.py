"""A complex comes from another cell: what it brings is written here, once, and then its gateways are let in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from eventlog.log import Adopted
from eventlog.shards import shard_of
from server.audit import Actor, record
from server.cells import moves, rows
from server.cells.fence import raise_fences
from server.cells.moves import Move
from server.cells.rows import Digest, Parcel
from server.centre_log import CentreLog
from server.store.engine import Database
from server.store.schema import batch, cursor


class NotNow(Exception):
    """This step does not follow what is here; says why. ``error`` is a stable word."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error


class Settings(msgspec.Struct, frozen=True):
    """What a cell's settings say of a complex, as far as it must be the same at both."""

    timezone: str
    quiet: list[tuple[str, str]] = []
    tariff: dict[str, str] = {}  # the version of the plan of each class
    tariff_class: str = ""


class Announced(msgspec.Struct, frozen=True):
    """What the cell that a complex leaves says first."""

    version: int
    settings: Settings


class Standing(msgspec.Struct, frozen=True):
    """How far a complex has come in."""

    state: str
    version: int = 0
    copied: int = 0
    rows_copied: int = 0
    folded: bool = False  # whether the log's readers have taken its batches,
    taken: int = 0  # and up to where the slowest of them has


class Arrivals:
    """The cell that a complex comes to. Every step may be asked for twice; it is done once."""

    def __init__(
        self,
        db: Database,
        log: CentreLog,
        readers: Sequence[str],
        settings: Callable[[], Mapping[str, Settings]],
        now: Callable[[], datetime],
    ) -> None:
        """``readers``: those that must have taken the batches before the rows come."""
        self._db, self._log, self._readers, self._settings, self._now = db, log, readers, settings, now

    async def begin(self, complex_id: str, cell: str, said: Announced) -> Standing:
        """Make ready for a complex, or go on with one that is on its way. Raises NotNow."""
        self._check_settings(complex_id, said.settings)
        async with self._db.write_alone() as connection:
            move = await moves.of(connection, complex_id)
            if not (move and move.is_coming and move.version == said.version and move.cell == cell):
                if move is not None and move.state == "importing" and move.cell == cell:
                    await rows.erase(connection, complex_id, self._now())  # of a move that was taken back
                    move = None
                await self._check_free(connection, complex_id, move, said.version)
                await raise_fences(connection)
                await moves.put(connection, Move(complex_id, "importing", said.version, cell), self._now())
        return await self.standing(complex_id)

    def _check_settings(self, complex_id: str, said: Settings) -> None:
        ours = self._settings().get(complex_id)
        if ours is None:
            raise NotNow(
                "unknown_complex", f"server.toml there has no complex {complex_id}: write it, start the server"
            )
        for name in Settings.__struct_fields__:
            if getattr(ours, name) != getattr(said, name):
                text = f"{name} of {complex_id} is {getattr(ours, name)!r} there and {getattr(said, name)!r} here"
                raise NotNow("other_settings", f"{text}: make server.toml and the tariff the same, start the server")

    async def _check_free(self, connection: AsyncConnection, complex_id: str, move: Move | None, version: int) -> None:
        if move is not None and move.state != "gone":
            raise NotNow("in_use", f"{complex_id} is {move.state} there, of version {move.version}, not {version}")
        held = (await rows.digests(connection, complex_id)).items()
        known = ("complex", "gateway") if move else ("complex",)
        full = [table for table, (count, _) in held if count and table not in known]
        if full:
            raise NotNow("in_use", f"there is already something of {complex_id} there: {', '.join(full)}")

    async def standing(self, complex_id: str) -> Standing:
        async with self._db.read() as connection:
            move = await moves.of(connection, complex_id)
            if move is None:
                return Standing("none")
            folded, taken = await self._folded(connection, complex_id)
        return Standing(move.state, move.version, move.copied, move.rows_copied, folded, taken)

    async def _folded(self, connection: AsyncConnection, complex_id: str) -> tuple[bool, int]:
        shard = shard_of(complex_id)
        newest = select(func.max(batch.c.position)).where(batch.c.shard == int(shard), batch.c.complex == complex_id)
        through = (await connection.execute(newest)).scalar() or 0
        at = select(cursor.c.reader, cursor.c.position).where(cursor.c.shard == shard)
        positions = {row.reader: row.position for row in await connection.execute(at)}
        taken = min(positions.get(reader, 0) for reader in self._readers)
        return taken >= through, taken

    async def adopt(self, complex_id: str, after: int, batches: Sequence[Adopted]) -> Standing:
        """Batches behind position ``after`` of the other log. Raises LogBroken."""
        await self._log.adopt(complex_id, after, batches)
        return await self.standing(complex_id)

    async def put_rows(self, complex_id: str, step: int, parcel: Parcel) -> Standing:
        """The parcel after ``step`` others; any other one is not taken, and the answer says which is wanted."""
        async with self._db.write(complex_id) as connection:
            move = await moves.of(connection, complex_id)
            if move is not None and move.state == "importing" and move.rows_copied == step:
                await moves.change(connection, complex_id, self._now(), state="writing")
                if step == 0:
                    await rows.make_way(connection, complex_id)
                await rows.write(connection, parcel, self._now())
                await moves.change(connection, complex_id, self._now(), state="importing", rows_copied=step + 1)
        return await self.standing(complex_id)

    async def digests(self, complex_id: str) -> dict[str, Digest]:
        async with self._db.read() as connection:
            return await rows.digests(connection, complex_id)

    async def open(self, complex_id: str) -> Standing:
        """Let the gateways in. What came with the complex ends here, for books and feeds."""
        through = await self._log.head(shard_of(complex_id))
        async with self._db.write_alone() as connection:
            move = await moves.of(connection, complex_id)
            if move is not None and move.state == "importing":
                await moves.change(connection, complex_id, self._now(), state="open", through=through)
                by, told = Actor(move.cell, "cell"), {"version": move.version}
                record(connection, by, "complex.arrived", self._now(), complex_id=complex_id, details=told)
        return await self.standing(complex_id)
