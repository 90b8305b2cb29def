"""The passes of cars as the book of charges asks for them: which held when a car left, and who shares its place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.parking import Session
from domain.tariff.passes import Interval, Right, Visit, billed, without_place
from server.store.bulk import look_up
from server.store.engine import stamp, unstamp
from server.store.resident_tables import vehicle_pass
from server.store.schema import charge_session, complex_
from server.store.stays import Refolded
from server.store.tariff_tables import pass_place

_COLUMNS = (
    "complex",
    "canonical",
    "name",
    "made_at",
    "from_day",
    "until_day",
    "place",
    "night_from",
    "night_to",
    "ended_at",
)
_FOUND = f"""SELECT {", ".join(f"held.{name}" for name in _COLUMNS)} FROM wanted CROSS JOIN vehicle_pass AS held
WHERE held.complex = wanted.complex AND held.canonical = wanted.plate ORDER BY held.ended_at, held.made_at"""  # noqa: S608
Car = tuple[str, str]
_BACK, _MOST_MATES = timedelta(days=2), 1_000


class PassRow(msgspec.Struct, frozen=True):
    """A pass of a car, also one that has ended."""

    complex: str
    canonical: str
    name: str
    made_at: str
    from_day: str | None
    until_day: str
    place: str | None
    night_from: str | None
    night_to: str | None
    ended_at: str | None

    def right(self, zone: ZoneInfo) -> Right:
        """From the first day's midnight to that after the last, or to when it was ended."""
        begins = datetime.combine(date.fromisoformat(self.from_day), time(), zone) if self.from_day else None
        ends = datetime.combine(date.fromisoformat(self.until_day) + timedelta(days=1), time(), zone)
        if self.ended_at is not None:
            ends = min(ends, unstamp(self.ended_at))
        hours = (self.night_from, self.night_to)
        nights = (time.fromisoformat(hours[0]), time.fromisoformat(hours[1])) if hours[0] and hours[1] else None
        return Right(begins, ends, nights, self.name)


class Passes(msgspec.Struct, frozen=True):
    """The passes of the cars of a chunk, and the zones of their complexes."""

    by_car: dict[Car, list[PassRow]]
    zones: dict[str, ZoneInfo]

    def shares(self, complex_id: str, plate: str) -> bool:
        """Whether other cars count for what a car pays."""
        return any(row.place for row in self.by_car.get((complex_id, plate), []))

    def of(self, complex_id: str, plate: str, left: datetime) -> PassRow | None:
        """What held when a car left: its live pass, else the one that had ended last. One that was entered later counts
        from the day that it says, and not before it was made where it says none."""
        zone = self.zones.get(complex_id)
        known = [row for row in self.by_car.get((complex_id, plate), []) if _was_known(row, left, zone)]
        live = [row for row in known if row.ended_at is None or row.ended_at > stamp(left)]
        ended = sorted((row for row in known if row not in live), key=lambda row: str(row.ended_at))
        return max(live, key=lambda row: row.made_at) if live else (ended[-1] if ended else None)


def _was_known(row: PassRow, left: datetime, zone: ZoneInfo | None) -> bool:
    if row.made_at <= stamp(left):
        return True
    return row.from_day is not None and row.from_day <= left.astimezone(zone).date().isoformat()


async def of_cars(connection: AsyncConnection, cars: Collection[Car]) -> Passes:
    """All passes of these cars, by one statement."""
    rows = await look_up(connection, {"complex": "varchar", "plate": "varchar"}, sorted(cars), _FOUND)
    found: defaultdict[Car, list[PassRow]] = defaultdict(list)
    for row in rows:
        made = PassRow(*row)
        found[made.complex, made.canonical].append(made)
    places = {complex_id for complex_id, _ in found}
    zones = await connection.execute(select(complex_.c.id, complex_.c.timezone).where(complex_.c.id.in_(places)))
    return Passes(dict(found), {row.id: ZoneInfo(row.timezone) for row in zones})


async def with_cars(connection: AsyncConnection, passes: Passes, cars: Collection[Car]) -> Passes:
    """The same, and those of more cars."""
    if not cars:
        return passes
    more = await of_cars(connection, cars)
    return Passes({**passes.by_car, **more.by_car}, {**passes.zones, **more.zones})


async def mates(connection: AsyncConnection, passes: Passes, changed: Sequence[Refolded]) -> list[Refolded]:
    """Stays of cars that share a place with one whose stays changed, and were here then: they are priced again, so
    that what comes late gives the same as what came in time."""
    here = {(one.complex, one.plate) for one in changed}
    found: dict[Car, dict[bytes, Session]] = {}
    for one in changed:
        places = {row.place for row in passes.by_car.get((one.complex, one.plate), []) if row.place}
        for place in sorted(str(place) for place in places):
            plates = await sharing(connection, one.complex, place)
            for session in await _beside(connection, one, [p for p in plates if (one.complex, p) not in here]):
                found.setdefault((one.complex, session.plate), {})[session.id] = session
    return [Refolded(*car, [], list(sessions.values()), [], {}) for car, sessions in sorted(found.items())]


async def stays_since(connection: AsyncConnection, complex_id: str, plate: str, since: str) -> list[Refolded]:
    """The stays of a car that ended since then, as the book has them."""
    table: Any = charge_session
    same = (table.c.complex == complex_id, table.c.plate == plate, table.c.state == "exited")
    rows = await connection.execute(select(table).where(*same, table.c.exited_at >= since).limit(_MOST_MATES))
    found = [_session(row) for row in rows.mappings()]
    return [Refolded(complex_id, plate, [], found, [], {})] if found else []


async def _beside(connection: AsyncConnection, one: Refolded, plates: Sequence[str]) -> list[Session]:
    """Stays that ended after the first of the changed ones began."""
    begins = [session.entered_at for session in one.now if session.entered_at]
    if not plates or not (begins or one.before):
        return []
    table: Any = charge_session
    same = (table.c.complex == one.complex, table.c.plate.in_(plates), table.c.state == "exited")
    since = stamp(min(begins) - _BACK) if begins else ""
    rows = await connection.execute(select(table).where(*same, table.c.exited_at >= since).limit(_MOST_MATES))
    return [_session(row) for row in rows.mappings()]


def _session(row: Any) -> Session:
    return Session(
        id=bytes.fromhex(row["id"]),
        plate=row["plate"],
        color=row["plate_color"],
        state=row["state"],
        entered_at=unstamp(row["entered_at"]),
        exited_at=unstamp(row["exited_at"]),
    )


async def to_pay(
    connection: AsyncConnection, passes: Passes, complex_id: str, plate: str, stay: Interval
) -> tuple[list[Interval], str]:
    """The stretches of a stay that its pass does not cover, and the pass' name."""
    row = passes.of(complex_id, plate, stay[1])
    if row is None:
        return [stay], ""
    zone = passes.zones[complex_id]
    unplaced = await _unplaced(connection, row, plate, stay) if row.place else None
    return billed(stay, row.right(zone), unplaced, zone), row.name


async def _unplaced(connection: AsyncConnection, row: PassRow, plate: str, stay: Interval) -> Interval | None:
    shared = (pass_place.c.complex == row.complex, pass_place.c.id == row.place)
    found = (await connection.execute(select(pass_place.c.places, pass_place.c.beyond).where(*shared))).first()
    if found is None:
        return None
    others = await visits(connection, row.complex, await sharing(connection, row.complex, str(row.place)), stay)
    beyond = cast("Literal['stop', 'keep']", found.beyond)
    return without_place(found.places, beyond, Visit(*stay, plate), [one for one in others if one.plate != plate])


async def sharing(connection: AsyncConnection, complex_id: str, place: str) -> Sequence[str]:
    """The plates whose live passes share a place."""
    same = (vehicle_pass.c.complex == complex_id, vehicle_pass.c.place == place, vehicle_pass.c.ended_at.is_(None))
    return (await connection.execute(select(vehicle_pass.c.canonical).where(*same))).scalars().all()


async def visits(connection: AsyncConnection, complex_id: str, plates: Collection[str], stay: Interval) -> list[Visit]:
    """When these cars were here during a stay, by the book's own sessions."""
    table: Any = charge_session
    same = (table.c.complex == complex_id, table.c.plate.in_(plates), table.c.state.in_(("inside", "exited")))
    there = (table.c.entered_at <= stamp(stay[1]), or_(table.c.exited_at.is_(None), table.c.exited_at > stamp(stay[0])))
    query = select(table.c.entered_at, table.c.exited_at, table.c.plate).where(*same, *there)
    rows = await connection.execute(query)
    return [Visit(unstamp(row[0]), unstamp(row[1]) if row[1] else None, row[2]) for row in rows]
