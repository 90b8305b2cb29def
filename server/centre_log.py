"""What the centre asks of its log beside taking and giving batches: to be walked, moved by complex, and closed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from eventlog.log import Adopted, BatchLog, Wanted


class CentreLog(BatchLog, Protocol):
    """Of either engine; ``bootstrap`` chooses."""

    def damaged_and_lost(self) -> AsyncIterator[Wanted]:
        """Walk the whole log: each row that is no longer what was received, and each run of sequences below the mark
        that no row and no listed gap holds."""
        ...

    async def probe(self) -> None:
        """Make something small durable, and change nothing. Raises LogBroken where nothing can be."""
        ...

    async def of_complex(self, complex_id: str, after: int, limit: int) -> list[Adopted]:
        """A complex's batches behind position ``after``, in order: what travels when it moves."""
        ...

    async def adopt(self, complex_id: str, after: int, batches: Sequence[Adopted]) -> bool:
        """Append another cell's batches as they are, once: ``after`` is up to where that was done, and moves."""
        ...

    async def all_committed(self, complex_id: str, /) -> None:
        """Until what was being appended when this was called is there to be read, or never will be."""
        ...

    async def give_back(self) -> None:
        """Let the engine have the room of what was let go."""
        ...

    async def close(self) -> None: ...
