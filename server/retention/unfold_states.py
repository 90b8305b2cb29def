"""Takes out what devices said of themselves: afterwards their states are those that a rebuild would give."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from server.facts import Fact
from server.projections.device_states import Key, keep, load, may_say, newest, said_in
from server.retention.left import left_of
from server.store.bulk import delete
from server.store.plan_tables import device_state


async def forget_states(connection: AsyncConnection, facts: Sequence[Fact]) -> None:
    """Where a device's last word was one of these facts, what it said before counts again, if that is left."""
    told = [one for fact in facts if (one := said_in(fact)) is not None]
    known = await load(connection, {key for key, _ in told})
    stale: defaultdict[str, set[Key]] = defaultdict(set)
    for key, said in told:
        if known.get(key) == said:
            stale[key[0]].add(key)
    for complex_id, keys in stale.items():
        await _refold(connection, complex_id, keys)


async def _refold(connection: AsyncConnection, complex_id: str, keys: set[Key]) -> None:
    await delete(connection, device_state, sorted(keys))
    async for batch in left_of(connection, complex_id, money=True):
        told = newest(batch.facts_where(may_say))
        known = await load(connection, keys & told.keys())
        newer = {key: told[key] for key in keys & told.keys() if key not in known or told[key] > known[key]}
        await keep(connection, newer)
