"""The alert rules of each complex over time, ready to be asked: what readers of the log judge facts by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import lru_cache

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.built_in import BUILT_IN
from domain.alerts.document import published_rules
from domain.alerts.rules import Dated, Rules, Versions
from server.store import rule_rows
from server.store.rule_rows import Key

_MOST_KEPT = 5_000  # versions ready to be asked
_FIRST = Versions(BUILT_IN)


class RuleBook:
    """Looks which versions there are each time, in the reader's own transaction; their bodies are read once."""

    def __init__(self) -> None:
        self._kept: dict[Key, Dated] = {}

    async def of(self, connection: AsyncConnection, complexes: Collection[str]) -> Mapping[str, Versions]:
        """The rules of each of these complexes over time."""
        found: defaultdict[str, list[Dated]] = defaultdict(list)
        for key in await rule_rows.keys(connection, complexes) if complexes else ():
            found[key.complex].append(await self._dated(connection, key))
        return {one: Versions(BUILT_IN, found[one]) if one in found else _FIRST for one in complexes}

    async def at(self, connection: AsyncConnection, complex_id: str, moment: datetime) -> Rules:
        """What counts for what is received at a moment."""
        return (await self.of(connection, [complex_id]))[complex_id].at(moment)

    async def _dated(self, connection: AsyncConnection, key: Key) -> Dated:
        if key not in self._kept:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            body = await rule_rows.body(connection, key.complex, key.version)
            self._kept[key] = Dated(key.since, key.version, rules_of(body))
        return self._kept[key]


@lru_cache(512)
def rules_of(body: bytes) -> Rules:
    """The rules that a published document says; of many complexes with the same one, once."""
    return Rules(published_rules(msgspec.json.decode(body)))
