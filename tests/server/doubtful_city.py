"""Passages of a small lot, told as a gateway tells them: entries, exits, and every way in which they are in doubt."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from domain.corrections import Correction
from domain.events import Event, Media, Subject, encode_event, stream_of
from domain.ids import derive, fact_id
from domain.tariff import LotTariff, read_tariff
from domain.wire import pack
from eventlog.log import Record
from server.batches import Batch
from server.books.charges import Charges
from server.books.lots import Lots
from server.projections.parking import Parking
from server.store.engine import Database, stamp
from server.store.schema import complex_
from tests.server.engines import Engine, open_database
from tests.server.rows import insert

COMPLEX, GATEWAY = "garden", "gw-0a1b2c3d4e5f"
NOON = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
PLAN: dict[str, Any] = {
    "timezone": "Asia/Shanghai",
    "plans": {"small": {"charge": {"kind": "unit", "unit_min": 60, "fen": 200, "rounding": "ceil"}}},
}
LOT = LotTariff(read_tariff(PLAN), "small")


def read(number: int, plate: str, direction: str, minute: float, **changes: Any) -> Event:
    """A plate camera's event; ``color`` is the plate's, ``picture`` the name of one."""
    color, picture = changes.pop("color", "blue"), changes.pop("picture", None)
    at = NOON + timedelta(minutes=minute)
    status = "read" if plate else "unreadable"
    subject = Subject(type="plate", id=plate or None, plate_color=color, plate_status=status)
    event = Event(
        kind="plate",
        device="vzenith:1",
        lane="east-in" if direction == "in" else "east-out",
        direction=direction,
        time=at,
        recorded_at=at + timedelta(seconds=1),
        source_event_id=str(number),
        subject=subject,
        media=[Media(role="scene", sha256=picture)] if picture else [],
    )
    return msgspec.structs.replace(event, **changes)


def lane_alarm(number: int, minute: float, **changes: Any) -> Event:
    at = NOON + timedelta(minutes=minute)
    fields: dict[str, Any] = {"kind": "alarm", "alarm": "tailgating", "state": "active", **changes}
    return Event(device="barrier:1", lane="east-out", time=at, recorded_at=at, source_event_id=f"a{number}", **fields)


def id_of(event: Event) -> bytes:
    """The id under which the centre keeps it."""
    return derive(COMPLEX, (fact_id(event) or b"").hex())


@asynccontextmanager
async def lot_in(folder: Path, engine: Engine, no_entry: Any = "open") -> AsyncGenerator[Lot]:
    """A lot over an empty database that knows its complex."""
    async with open_database(folder, engine) as db:
        async with db.write() as connection:
            await insert(connection, complex_, {"id": COMPLEX, "name": "阳光花园", "timezone": "Asia/Shanghai"})
        yield Lot(db, no_entry)


class Lot:
    """The projection and the book over one database, told event by event."""

    def __init__(self, db: Database, no_entry: Any = "open") -> None:
        self.db, self.parking = db, Parking()
        self.book = Charges(Lots(lambda: {COMPLEX: LOT}), lambda: NOON, {COMPLEX: no_entry})
        self._heads: dict[str, int] = {}

    def batch(self, *events: Event) -> Batch:
        stream = stream_of(events[0])
        first = self._heads.get(stream, 0) + 1
        self._heads[stream] = first + len(events) - 1
        body = pack(GATEWAY, stream, "e1", first, [encode_event(event) for event in events])
        return Batch(Record(first, body, COMPLEX, stamp(NOON)))

    async def tell(self, *events: Event) -> None:
        """Each in a transaction of its own, to both."""
        for event in events:
            batch = self.batch(event)
            async with self.db.write(COMPLEX) as connection:
                await self.parking.fold(connection, [batch])
                await self.book.fold(connection, [batch])

    async def told_again(self) -> None:
        """Let go of what the projection derived, as a rebuild does."""
        async with self.db.write(COMPLEX) as connection:
            for table in self.parking.tables:
                await connection.execute(table.delete())


def said(event: Event, what: str, minute: float = 600, identity: str = "", **changes: Any) -> Correction:
    fields: dict[str, Any] = {"passage": id_of(event), "what": what, "at": NOON + timedelta(minutes=minute)}
    fields["id"] = identity or f"{what}-{minute:g}"
    return Correction(**{**fields, **changes})
