"""What people said of passages, as rows: append-only, read by both folds of parking."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.corrections import Amendment, Correction, amendment
from server.store.bulk import look_up
from server.store.engine import stamp, unstamp
from server.store.parking_tables import passage_correction

Key = tuple[str, bytes]  # a complex, and a passage of it
_KEY = {"complex": "varchar", "id": "bytea"}
_COLUMNS = ("complex", "id", "passage", "what", "plate", "plate_color", "direction", "time", "undoes", "at")
_SAID = f"""SELECT {", ".join(f"said.{name}" for name in _COLUMNS)} FROM wanted CROSS JOIN passage_correction AS said
WHERE said.complex = wanted.complex AND said.passage = wanted.id"""  # noqa: S608 - names of ours


class Word(msgspec.Struct, frozen=True):
    """Who said it, and why; ``why`` explains an automatic one."""

    by: str
    reason: str
    why: dict[str, Any] | None = None


async def add(connection: AsyncConnection, complex_id: str, one: Correction, word: Word) -> bool:
    """Keep a correction; whether it is new: a tap that is sent twice is one."""
    same = (passage_correction.c.complex == complex_id, passage_correction.c.id == one.id)
    if (await connection.execute(select(passage_correction.c.id).where(*same))).first() is not None:
        return False
    row = {
        "complex": complex_id,
        "id": one.id,
        "passage": one.passage,
        "what": one.what,
        "plate": one.plate or None,
        "plate_color": one.color,
        "direction": one.direction,
        "time": one.time and stamp(one.time),
        "undoes": one.undoes or None,
        "reason": word.reason,
        "by": word.by,
        "at": stamp(one.at),
    }
    await connection.execute(passage_correction.insert().values(**row, **({"why": word.why} if word.why else {})))
    return True


async def of(connection: AsyncConnection, keys: Collection[Key]) -> dict[Key, list[Correction]]:
    """Everything that was ever said of these passages."""
    found: defaultdict[Key, list[Correction]] = defaultdict(list)
    for row in await look_up(connection, _KEY, sorted(set(keys)), _SAID):
        found[row[0], row[2]].append(_correction(dict(zip(_COLUMNS, row, strict=True))))
    return found


async def amendments(connection: AsyncConnection, keys: Collection[Key]) -> dict[Key, Amendment]:
    """What it comes to, for those of which something stands."""
    said = await of(connection, keys)
    return {key: found for key, all_ in said.items() if (found := amendment(all_)) is not None}


def _correction(row: dict[str, Any]) -> Correction:
    return Correction(
        id=row["id"],
        passage=row["passage"],
        what=row["what"],
        at=unstamp(row["at"]),
        plate=row["plate"] or "",
        color=row["plate_color"],
        direction=row["direction"],
        time=row["time"] and unstamp(row["time"]),
        undoes=row["undoes"] or "",
    )


async def one(connection: AsyncConnection, complex_id: str, identity: str) -> dict[str, Any] | None:
    """A correction as its row."""
    same = (passage_correction.c.complex == complex_id, passage_correction.c.id == identity)
    row = (await connection.execute(select(passage_correction).where(*same))).mappings().first()
    return None if row is None else {str(name): value for name, value in row.items()}
