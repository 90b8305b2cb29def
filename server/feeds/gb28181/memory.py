"""What outlives a process of ours: how a platform armed our devices, and the dialogs that it began."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from domain.gb28181.control import Guard
from server.store import platform_state_rows
from server.store.engine import Database
from server.store.platform_state_rows import KeptDialog


class Memory(Protocol):
    """One platform's."""

    async def guards(self) -> Mapping[str, Guard]: ...

    async def keep_guards(self, changed: Mapping[str, Guard]) -> None: ...

    async def dialogs(self) -> Sequence[KeptDialog]: ...

    async def keep_dialogs(self, live: Sequence[KeptDialog]) -> None:
        """These, and no others."""
        ...


class NoMemory:
    """As long as the process."""

    async def guards(self) -> Mapping[str, Guard]:
        return {}

    async def keep_guards(self, changed: Mapping[str, Guard]) -> None:
        return None

    async def dialogs(self) -> Sequence[KeptDialog]:
        return ()

    async def keep_dialogs(self, live: Sequence[KeptDialog]) -> None:
        return None


class DatabaseMemory:
    """In the centre's database: whichever process holds the session next goes on with it."""

    def __init__(self, platform: str, db: Database) -> None:
        self._platform, self._db = platform, db

    async def guards(self) -> Mapping[str, Guard]:
        async with self._db.read() as connection:
            return await platform_state_rows.guards(connection, self._platform)

    async def keep_guards(self, changed: Mapping[str, Guard]) -> None:
        async with self._db.write() as connection:
            await platform_state_rows.put_guards(connection, self._platform, changed)

    async def dialogs(self) -> Sequence[KeptDialog]:
        async with self._db.read() as connection:
            return await platform_state_rows.dialogs(connection, self._platform)

    async def keep_dialogs(self, live: Sequence[KeptDialog]) -> None:
        async with self._db.write() as connection:
            await platform_state_rows.put_dialogs(connection, self._platform, live)
