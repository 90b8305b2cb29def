"""The national feed: every batch of this cell into a JetStream stream, at least once, and once by its origin."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from sqlalchemy import select

from eventlog.follow import Pace, Report, follow
from eventlog.jetstream import JetStreamSink
from eventlog.log import Log, Record
from server.cells import moves
from server.shard_reader import save_cursor
from server.store.engine import Database
from server.store.schema import cursor

_PACE = Pace(limit=200)


class NationalFeed:
    """A reader that acts on others, never rewound. Its cursor moves after the acknowledgement of all that it covers."""

    def __init__(self, name: str, log: Log, db: Database, sink: JetStreamSink, report: Report) -> None:
        self.name = f"jetstream:{name}"
        self._log, self._db, self._sink, self._report = log, db, sink, report

    async def run(self) -> None:
        """Follow every shard until cancelled, over one connection."""
        async with self._sink, asyncio.TaskGroup() as tasks:
            for partition in self._log.partitions:
                tasks.create_task(follow(self._log, partition, self, self._report, _PACE))

    async def position(self, partition: str) -> int:
        query = select(cursor.c.position).where(cursor.c.reader == self.name, cursor.c.shard == partition)
        async with self._db.read() as connection:
            return (await connection.execute(query)).scalar() or 0

    async def take(self, partition: str, records: list[Record]) -> int:
        async with self._db.read() as connection:
            came = await moves.adopted(connection)
        await self._sink.publish(own(records, came))
        async with self._db.write(shard=partition) as connection:
            await save_cursor(connection, self.name, partition, records[-1].position)
        return records[-1].position


def own(records: list[Record], came: Mapping[str, int]) -> list[Record]:
    """Those that did not come with their complex from another cell, which gives them to the stream."""
    return [record for record in records if record.position > came.get(record.complex, 0)]
