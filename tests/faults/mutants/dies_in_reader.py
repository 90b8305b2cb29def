"""A centre that ends itself by kill -9 in the middle of a reader's step, so that the moment is exact.

``READER,POINT,TAKES,WAY`` stands before the product's arguments. Which reader; where in its step (``effect``: after the
effect's statements, ``cursor``: after the cursor's, ``commit``: after the commit, ``never``); in which of its steps;
how it keeps its cursor: ``together`` as the product does, or broken, in a transaction of its own, ``first`` or
``last``. A reader ``counting`` is added, which counts batches blindly: it has nothing but its cursor to rely on.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from eventlog.log import Record
from server import behind, cli, readers, shard_reader
from server.batches import Batch
from server.shard_reader import ShardReader
from server.store import schema
from server.store.upsert import insert

_READER, _POINT, _TAKES, _WAY = sys.argv.pop(1).split(",") if len(sys.argv) > 1 else ("", "never", "1", "together")
_save_cursor, _shard_readers = shard_reader.save_cursor, readers.shard_readers
_takes: list[str] = []


class Counting:
    """Counts batches in the row of a gateway that there is not."""

    name = "counting"

    async def fold(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None:
        counted = insert(schema.mark).values(gateway="counted", stream="routine", epoch="e1", last=len(batches))
        added = {"last": schema.mark.c.last + counted.excluded.last}
        again = counted.on_conflict_do_update(index_elements=["gateway", "stream", "epoch"], set_=added)
        await connection.execute(again)


class Torn(ShardReader):
    """The broken reader: its effect and its cursor are two transactions."""

    async def take(self, partition: str, records: list[Record]) -> int:
        position = records[-1].position
        for step in ("cursor", "effect") if _WAY == "first" else ("effect", "cursor"):
            async with self._db.write(shard=partition) as connection:
                if step == "cursor":
                    await _save_cursor(connection, self.name, partition, position)
                else:
                    await self._fold.fold(connection, [self._unpacker.batch(record) for record in records])
            _die_at(self.name, step)
        self._at[partition] = position
        return position


def _die_at(reader: str, point: str) -> None:
    if (reader, point) != (_READER, _POINT):
        return
    _takes.append(reader)
    if len(_takes) == int(_TAKES):
        os.kill(os.getpid(), signal.SIGKILL)


async def _save(connection: AsyncConnection, reader: str, *rest: Any) -> None:
    _die_at(reader, "effect")
    await _save_cursor(connection, reader, *rest)
    _die_at(reader, "cursor")


class Dying(ShardReader):
    """The product's reader, that may end after its commit."""

    async def take(self, partition: str, records: list[Record]) -> int:
        position = await super().take(partition, records)
        _die_at(self.name, "commit")
        return position


def _with_counting(house: Any, unpacker: Any, rest: Any) -> list[ShardReader]:
    kind = Dying if _WAY == "together" else Torn
    return [*_shard_readers(house, unpacker, rest), kind(Counting(), house.db, unpacker)]


def main() -> None:
    shard_reader.save_cursor = _save
    behind.ShardReader = readers.ShardReader = Dying  # type: ignore[misc]
    behind.shard_readers = _with_counting
    cli.main()


if __name__ == "__main__":
    main()
