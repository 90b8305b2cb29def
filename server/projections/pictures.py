"""Which batches name which pictures: a picture goes once no batch of its complex names it any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.sketch import Sketch
from server.batches import Batch
from server.store.bulk import insert_new
from server.store.retention_tables import PICTURE_TABLES, picture_use

_COLUMNS = ("complex", "sha256", "position")


class Pictures:
    """The pictures projection: a row a picture and batch."""

    name = "pictures"
    tables: tuple[Table, ...] = PICTURE_TABLES

    async def fold(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None:
        rows = {row for batch in batches for row in named_in(batch)}
        await insert_new(connection, picture_use, _COLUMNS, sorted(rows))

    async def concerns(self, connection: AsyncConnection, batches: Sequence[Batch]) -> bool:
        return any(batch.facts_where(_has_media) for batch in batches)


def named_in(batch: Batch) -> Iterator[tuple[str, str, int]]:
    """The pictures a batch names, as rows."""
    for fact in batch.facts_where(_has_media):
        for entry in fact.event.media:
            if entry.sha256:
                yield batch.complex, entry.sha256, batch.position


def _has_media(sketch: Sketch) -> bool:
    return bool(sketch.media)
