"""What the centre asks of its log beside taking and giving batches: to be walked, and closed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from eventlog.log import BatchLog, Wanted


class CentreLog(BatchLog, Protocol):
    """Of either engine; ``bootstrap`` chooses."""

    def damaged_and_lost(self) -> AsyncIterator[Wanted]:
        """Walk the whole log: each row that is no longer what was received, and each run of sequences below the mark
        that no row and no listed gap holds."""
        ...

    async def probe(self) -> None:
        """Make something small durable, and change nothing. Raises LogBroken where nothing can be."""
        ...

    async def close(self) -> None: ...
