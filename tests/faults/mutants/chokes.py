"""A centre one of whose readers has a defect: ``READER,WHEN`` stands before the product's own arguments.

The reader chokes on any batch in which a device is called ``poison``. ``alone``: that is all, and what the product
makes of it is looked at. ``all``: broken on purpose, a reader that chokes ends them all.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from server import behind, cli, readers
from server.batches import Batch, facts_of
from server.shard_reader import ShardReader

_READER, _WHEN = sys.argv.pop(1).split(",") if len(sys.argv) > 1 else ("", "alone")


class Choking:
    """A fold that has read on before it comes to what it does not understand."""

    def __init__(self, fold: Any) -> None:
        self._fold, self.name = fold, fold.name

    async def fold(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None:
        await self._fold.fold(connection, batches)
        if any(fact.event.device == "poison" for fact in facts_of(batches)):
            raise ZeroDivisionError("a device of a kind nobody thought of")


class Choked(ShardReader):
    """A reader, with that defect where it is the one."""

    def __init__(self, fold: Any, *rest: Any, **more: Any) -> None:
        super().__init__(Choking(fold) if fold.name == _READER else fold, *rest, **more)


class TheEnd(BaseException):
    """Passes by everything that would keep the others going."""


def _end_all(_reader: str, _shard: str, error: Exception) -> None:
    raise TheEnd(str(error))


def main() -> None:
    behind.ShardReader = readers.ShardReader = Choked  # type: ignore[misc]
    if _WHEN == "all":
        behind._shown = lambda _house: _end_all
    cli.main()


if __name__ == "__main__":
    main()
