"""What devices last said of being there, and barriers of their arms: one row each, whatever order it arrives in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.sketch import Sketch
from server.batches import Batch
from server.facts import Fact
from server.store.bulk import look_up, upsert
from server.store.engine import stamp
from server.store.plan_tables import device_state

KINDS = frozenset({"availability", "barrier"})
_KEY = {"complex": "varchar", "device": "varchar", "point": "varchar", "kind": "varchar"}
COLUMNS = (*_KEY, "state", "code", "state_at")
_SAME = " AND ".join(f"device_state.{name} = wanted.{name}" for name in _KEY)
_STATES = (
    f"SELECT {', '.join(f'device_state.{name}' for name in COLUMNS)} FROM wanted CROSS JOIN device_state WHERE {_SAME}"  # noqa: S608
)
Key = tuple[str, str, str, str]


class Said(NamedTuple):
    """A state and when it was. Of two at the same moment the greater word stands: the same in every order."""

    state_at: str
    state: str
    code: str


def may_say(sketch: Sketch) -> bool:
    """Whether an event says a state; a lane's decisions and openings are barrier events too, and say none."""
    return sketch.kind in KINDS and sketch.state is not None


def said_in(fact: Fact) -> tuple[Key, Said] | None:
    event = fact.event
    if event.kind not in KINDS or event.state is None:
        return None
    code = "" if event.state_code is None else str(event.state_code)
    key = (fact.complex, event.device, event.point or "", event.kind)
    return key, Said(stamp(event.occurred_at), event.state, code)


def newest(facts: Iterable[Fact]) -> dict[Key, Said]:
    found: dict[Key, Said] = {}
    for fact in facts:
        if (one := said_in(fact)) is not None:
            key, said = one
            found[key] = max(said, found.get(key, said))
    return found


async def fold(connection: AsyncConnection, batches: Sequence[Batch]) -> set[str]:
    """Keep what is newer; the complexes in which something stands otherwise than before."""
    told = newest(fact for batch in batches for fact in batch.facts_where(may_say))
    known = await load(connection, told)
    newer = {key: said for key, said in told.items() if key not in known or said > known[key]}
    await keep(connection, newer)
    before = {key: said[1:] for key, said in known.items()}
    return {key[0] for key, said in newer.items() if before.get(key) != said[1:]}


async def load(connection: AsyncConnection, keys: Iterable[Key]) -> dict[Key, Said]:
    rows = await look_up(connection, _KEY, list(keys), _STATES)
    return {(row[0], row[1], row[2], row[3]): Said(row[6], row[4], row[5]) for row in rows}


async def keep(connection: AsyncConnection, states: dict[Key, Said]) -> None:
    rows = [(*key, said.state, said.code, said.state_at) for key, said in states.items()]
    await upsert(connection, device_state, COLUMNS, rows)
