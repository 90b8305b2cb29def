"""What is left in the log of one complex, for what must be folded again after some of it went."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sqlalchemy import select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from eventlog.log import Record
from eventlog.shards import shard_of
from server.batches import Batch
from server.store.schema import batch as batch_table
from server.store.schema import cursor

_BATCHES = 50


async def left_of(connection: AsyncConnection, complex_id: str, *, money: bool = False) -> AsyncIterator[Batch]:
    """The batches of a complex in which doors may speak, as far as their projection has read them; ``money``: those
    in which barriers speak too."""
    shard = shard_of(complex_id)
    read = (cursor.c.reader == "doors", cursor.c.shard == shard)
    through = (await connection.execute(select(cursor.c.position).where(*read))).scalar() or 0
    columns = (batch_table.c.position, batch_table.c.body, batch_table.c.complex, batch_table.c.received_at)
    of = (batch_table.c.complex == complex_id, batch_table.c.position <= through)
    query = select(*columns).where(batch_table.c.shard == int(shard), *of)
    query = query.where(true() if money else batch_table.c.stream != "money").order_by(batch_table.c.position)
    after = 0
    while rows := (await connection.execute(query.where(batch_table.c.position > after).limit(_BATCHES))).all():
        for row in rows:
            yield Batch(Record(row[0], row[1], row[2], row[3]))
        after = rows[-1].position
