"""A clerk who clears the doubtful passages of a month, as the queue asks; and the stays as they were in truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from domain.corrections import Correction
from domain.plates import COLORS, PlateColor, canonical
from domain.tariff import LotTariff
from server.audit import Actor
from server.house import House
from server.store import doubt_views, schema
from server.store.doubt_views import DoubtView
from server.store.engine import stamp, unstamp
from server.store.scope import CITY
from simulators.month.words import Month, Visit

Stay = tuple[str, datetime, datetime | None]  # a plate, when it came in, when it left as far as anybody can know
_CLERK = Actor("zhao", "clerk")
_MANY = 10_000


class Clearing:
    """Knows of each lane who stood there when: by the picture, which no camera of this month takes."""

    def __init__(self, house: House, complex_id: str, month: Month) -> None:
        self._house, self._complex = house, complex_id
        at_entry = {(stamp(one.entered_at), one.entrance): one for one in month.visits}
        self._seen: dict[tuple[str, str], Visit] = at_entry | {
            (stamp(one.left_at), one.exit): one for one in month.visits
        }

    async def clear(self) -> int:
        """What joins itself, and then one after the other until nothing is in doubt; how many a person said."""
        await self._house.corrections.join_sure()
        for number in range(_MANY):
            async with self._house.db.read() as connection:
                seen = await doubt_views.next_one(connection, CITY, self._complex)
            if seen is None:
                return number
            one = self._said(seen, f"clerk-{seen.passage.hex()}-{'-'.join(seen.kinds)}")
            await self._house.corrections.say(self._complex, one, _CLERK, "按图核对")
        raise AssertionError("the queue does not end")

    def _said(self, seen: DoubtView, identity: str) -> Correction:
        visit, at = self._seen.get((stamp(seen.occurred_at), seen.lane)), self._house.now()
        if visit is not None and {"unread", "tailgate"} & {*seen.kinds}:
            color = _color(visit)
            return Correction(id=identity, passage=seen.passage, what="plate", at=at, plate=visit.plate, color=color)
        if visit is not None and "no_entry" in seen.kinds:
            return Correction(id=identity, passage=seen.passage, what="entry", at=at, time=visit.entered_at)
        return Correction(id=identity, passage=seen.passage, what="seen", at=at)


def true_stays(month: Month) -> dict[Stay, Visit]:
    """Every visit once; of a car whose exit nobody saw it is not known when it left."""
    return {
        (canonical(one.plate), one.entered_at, None if one.fault == "lost_exit" else one.left_at): one
        for one in month.visits
    }


def true_fee(lot: LotTariff, visit: Visit) -> int:
    """What a visit costs, reckoned beside the product: up to its payment where it left within the grace."""
    if visit.way == "pass":
        return 0
    before_s = visit.paid_before_s if visit.way == "before" else 0
    version = lot.at(visit.entered_at)
    assert version is not None
    return version.quote(_color(visit), visit.entered_at, visit.left_at - timedelta(seconds=before_s)).fee_fen


def _color(visit: Visit) -> PlateColor:
    return visit.color if visit.color in COLORS else "unknown"


def kept_stays(rows: Iterable[Mapping[str, Any]]) -> Counter[Stay]:
    """Of a table of sessions: how often each is there."""
    return Counter(map(_stay, rows))


async def booked(house: House) -> dict[Stay, int]:
    """What the book charges for each stay, corrections and all."""
    table = schema.charge
    sums = select(table.c.session, func.sum(table.c.change_fen)).group_by(table.c.session)
    async with house.db.read() as connection:
        fen = {row[0]: row[1] for row in await connection.execute(sums)}
        stays = (await connection.execute(select(schema.charge_session))).mappings().all()
    return {_stay(row): fen.get(row["id"], 0) for row in stays}


def _stay(row: Mapping[str, Any]) -> Stay:
    return row["plate"], unstamp(row["entered_at"]), row["exited_at"] and unstamp(row["exited_at"])
