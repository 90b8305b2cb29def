"""The ladder of each complex: the machine by its plan and its rota, as they are in force."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.duty.machine import Duty
from domain.duty.plan import BUILT_IN, Level, Plan
from domain.duty.rota import Rota
from domain.duty.state import State
from domain.places import Place
from server.store import duty_documents
from server.store.duty_rows import Matter, Moved

_NOWHERE = Place()
_LONGEST = timedelta(days=1)
# At which level a person of a role takes a matter; any other takes it at the level that was asked.
LEVEL_OF: Mapping[str, Level] = {
    "patrol": "complex",
    "grid_worker": "complex",
    "security_officer": "complex",
    "committee": "complex",
    "community": "community",
    "street": "street",
    "district": "department",
}


class Machine(msgspec.Struct, frozen=True):
    """A complex's own."""

    plan: Plan
    rota: Rota
    place: Place

    @property
    def duty(self) -> Duty:
        return Duty(self.plan, self.rota, self.place)

    def look_at(self, state: State, now: datetime) -> datetime | None:
        """When time alone may bring something: a deadline, a unit that is late, a change of shift. None: never."""
        if state.status == "ended":
            return None
        return self.duty.next_at(state, now) or now + _LONGEST

    def moved(self, matter: Matter, state: State, now: datetime, **more: object) -> Moved:
        """A matter whose state is another now."""
        after = msgspec.structs.replace(matter, state=state)
        return Moved(matter=after, look_at=self.look_at(state, now), **more)  # pyright: ignore[reportArgumentType]


class Duties:
    """Reads what is in force each time: a change counts from the next move on."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self._places = places

    def place(self, complex_id: str) -> Place:
        return self._places.get(complex_id, _NOWHERE)

    async def of(self, connection: AsyncConnection, complex_id: str) -> Machine:
        plan = await duty_documents.newest(connection, "plan", complex_id)
        rota = await duty_documents.newest(connection, "rota", complex_id)
        return Machine(plan_of(plan.body), rota_of(rota.body), self.place(complex_id))


@lru_cache(1_024)
def plan_of(body: bytes) -> Plan:
    """A plan as it is kept; the built-in one where there is none."""
    return msgspec.json.decode(body, type=Plan) if body else BUILT_IN


@lru_cache(1_024)
def rota_of(body: bytes) -> Rota:
    """A rota as it is kept; one without turns where there is none: each level's desk is told."""
    return msgspec.json.decode(body, type=Rota) if body else Rota()
