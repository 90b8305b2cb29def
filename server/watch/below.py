"""Cars that libraries below us saw, held against the lists: a gateway does it with what its own cameras read, and a
library's cars pass no gateway."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.events import Event
from domain.sketch import Sketch
from domain.watch.listed import WatchLists
from domain.watch.matching import Found, WatchBook, hit, reading
from server.batches import Batch
from server.cells.catalogue import voice_of
from server.facts import Fact
from server.store import watch_rows
from server.viid.taking import EPOCH

KINDS = frozenset({"plate", "detection"})  # a library's car is a passage only where its camera stands at a lane
_MOST_KEPT = 500


class Below:
    """Goes by the very list that the gateways of a complex have, read again where that is another."""

    def __init__(self) -> None:
        self._books: OrderedDict[str, tuple[str, WatchBook]] = OrderedDict()

    async def concerns(self, connection: AsyncConnection, batch: Batch) -> bool:
        """Whether a library's cars are in it, and anybody is looked for where they were seen."""
        return is_below(batch) and batch.holds(KINDS) and bool(await self._book(connection, batch.complex))

    async def hits(self, connection: AsyncConnection, batches: Sequence[Batch], now: datetime) -> list[Fact]:
        """What a gateway would tell of them, in the order of the log. Raises msgspec.ValidationError where the list
        cannot be read: the keeper replaces it."""
        found: list[Fact] = []
        for batch in batches:
            if await self.concerns(connection, batch):
                book = await self._book(connection, batch.complex)
                found += [told for fact in batch.facts_where(_may_be) for told in _hits_of(fact, book, now)]
        return found

    async def _book(self, connection: AsyncConnection, complex_id: str) -> WatchBook:
        name = await watch_rows.newest_name(connection, complex_id)
        known = self._books.get(complex_id)
        if known is None or known[0] != name:
            body = await watch_rows.newest_list(connection, complex_id)
            lists = None if body is None else msgspec.json.decode(body, type=WatchLists)
            known = self._books[complex_id] = (name, WatchBook(lists))
        self._books.move_to_end(complex_id)
        while len(self._books) > _MOST_KEPT:
            self._books.popitem(last=False)
        return known[1]


def is_below(batch: Batch) -> bool:
    return batch.header.epoch == EPOCH and batch.header.gateway == voice_of(batch.complex)


def _may_be(sketch: Sketch) -> bool:
    return sketch.kind in KINDS


def _hits_of(fact: Fact, book: WatchBook, now: datetime) -> list[Fact]:
    """Under ids that follow from the reading and the entry: pushed again, it is the same hit."""
    event = fact.event
    if event.subject is None or event.subject.type != "plate":
        return []
    told = [_told(event, found) for found in book.find(reading(event), now)]
    return [Fact(one, fact.complex, fact.header, fact.index, fact.received_at) for one in told]


def _told(event: Event, found: Found) -> Event:
    """With what it was and its picture: no passage tells of a car that was seen at no lane."""
    bare = hit(event, found)
    ext = {**bare.ext, "by": event.ext.get("by")}
    return msgspec.structs.replace(bare, label=event.label, media=event.media, ext=ext)
