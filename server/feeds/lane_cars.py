"""Who stands at a lane and is asked to pay: what the gateway's last read of each lane says, as it comes."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.plates import canonical
from server.batches import Batch, facts_of
from server.facts import Fact
from server.store.bulk import look_up, upsert
from server.store.engine import stamp
from server.store.payment_tables import lane_car

_KINDS = frozenset({"plate"})
_KEY = {"complex": "varchar", "lane": "varchar"}


class Seen(msgspec.Struct, frozen=True, gc=False):
    """A row of the table, its fields in the order of the columns."""

    complex: str
    lane: str
    gateway: str
    direction: str
    plate: str
    at: str

    @property
    def order(self) -> tuple[str, bool]:
        """A car that is let through is told of within the millisecond of its read: then it waits no more."""
        return self.at, not self.plate


_COLUMNS = Seen.__struct_fields__
_KNOWN = f"""SELECT {", ".join(f"lane_car.{name}" for name in _COLUMNS)} FROM wanted CROSS JOIN lane_car
WHERE lane_car.complex = wanted.complex AND lane_car.lane = wanted.lane"""  # noqa: S608 - names of ours


class LaneCars:
    """A reader of the log. Whatever order the reads arrive in, the latest of a lane stands: by the gateway's clock, for
    a camera's may be behind that of the guard who let the last car out by hand."""

    name = "lane_cars"

    async def fold(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None:
        newest: dict[tuple[str, str], Seen] = {}
        for fact in facts_of(batches, _KINDS):
            one = _seen(fact)
            if one is not None:
                key = (one.complex, one.lane)
                newest[key] = max(newest.get(key, one), one, key=lambda seen: seen.order)
        if not newest:
            return
        for row in await look_up(connection, _KEY, list(newest), _KNOWN):
            known = Seen(*row)
            key = (known.complex, known.lane)
            newest[key] = max(known, newest[key], key=lambda seen: seen.order)
        await upsert(connection, lane_car, _COLUMNS, [msgspec.structs.astuple(one) for one in newest.values()])

    async def concerns(self, connection: AsyncConnection, batches: Sequence[Batch]) -> bool:
        return any(_seen(fact) is not None for fact in facts_of(batches, _KINDS))


def _seen(fact: Fact) -> Seen | None:
    """Only of lanes that a gateway decides, which mark what they read; the plate only where it is asked to pay."""
    event = fact.event
    if not event.lane or event.result is None or event.direction not in ("in", "out"):
        return None
    asked = event.direction == "out" and event.result == "pending" and event.reason == "due"
    plate = canonical(event.subject.id) if asked and event.subject and event.subject.id else ""
    return Seen(
        fact.complex, event.lane, fact.gateway, event.direction, plate, stamp(event.recorded_at or fact.received_at)
    )
