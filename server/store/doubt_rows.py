"""The open doubts of parking as the projection keeps them: a row goes when nothing is in doubt any more."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.doubts import DoubtKind, doubts
from domain.plates import canonical
from server.facts import Fact
from server.store.bulk import delete, look_up, upsert
from server.store.corrections import Key
from server.store.engine import stamp
from server.store.parking_tables import doubt
from server.store.stays import Refolded

Row = tuple[Any, ...]
_CAR = ("plate", "plate_color", "lane", "direction", "occurred_at", "picture")
_COLUMNS = ("complex", "passage", "kind", *_CAR, "session", "settled")
_ALARMS: tuple[DoubtKind, ...] = ("opened_by_hand",)
_LOOSE, _IN_STAY = {"complex": "varchar", "passage": "bytea"}, {"complex": "varchar", "session": "varchar"}
_SELECT = f"SELECT {', '.join(f'doubt.{name}' for name in _COLUMNS)} FROM wanted CROSS JOIN doubt"  # noqa: S608
# Not "session IS NULL": SQLite would look each key up among all that are in no stay, by the index on session.
LOOSE = f"""{_SELECT}
WHERE doubt.complex = wanted.complex AND doubt.passage = wanted.passage AND coalesce(doubt.session, '') = ''"""
_OF_STAYS = f"""{_SELECT}
WHERE doubt.complex = wanted.complex AND doubt.session = wanted.session"""


async def put(connection: AsyncConnection, changed: Sequence[Refolded]) -> None:
    """What is in doubt of the stays that were folded, and of passages in none, in place of what was.

    By stay: what is doubtful of one may be shown by a passage of the next.
    """
    wanted = {row[:3]: row for one in changed for row in _rows(one)}
    there = await _open(connection, [(one.complex, passage.id) for one in changed for passage in one.passages])
    stays = {(one.complex, stay) for one in changed for stay in (*one.before, *(now.id.hex() for now in one.now))}
    there |= _by_key(await look_up(connection, _IN_STAY, sorted(stays), _OF_STAYS))
    await delete(connection, doubt, [key for key in there if key not in wanted])
    await upsert(connection, doubt, _COLUMNS, [row for key, row in wanted.items() if there.get(key) != row])


async def put_alarm(
    connection: AsyncConnection, fact: Fact, kind: DoubtKind, picture: str | None, *, is_settled: bool
) -> None:
    """What a lane said, and is no passage of a car that was read. It stays when it is settled: it is folded once."""
    event = fact.event
    subject = event.subject
    plate = canonical(subject.id) if subject and subject.id else ""
    color = (subject.plate_color if subject else None) or "unknown"
    direction, lane = event.direction or "unknown", event.lane or event.device
    at = stamp(event.occurred_at)
    row = (fact.complex, fact.id, kind, plate, color, lane, direction, at, picture, None, int(is_settled))
    await upsert(connection, doubt, _COLUMNS, [row])


async def settle_alarms(connection: AsyncConnection, keys: Sequence[Key], settled: Collection[Key]) -> None:
    """Whether somebody has looked at an alarm, and did not take that back."""
    for complex_id, identity in keys:
        same = (doubt.c.complex == complex_id, doubt.c.passage == identity, doubt.c.kind.in_(_ALARMS))
        is_settled = int((complex_id, identity) in settled)
        await connection.execute(update(doubt).where(*same).values(settled=is_settled))


async def forget(connection: AsyncConnection, keys: Sequence[Key]) -> None:
    """Of passages in no stay, and of alarms, that are no longer there."""
    await delete(connection, doubt, sorted(await _open(connection, keys)))


async def _open(connection: AsyncConnection, keys: Sequence[Key]) -> dict[Row, Row]:
    return _by_key(await look_up(connection, _LOOSE, sorted(set(keys)), LOOSE))


def _by_key(rows: Sequence[Row]) -> dict[Row, Row]:
    """By complex, passage and kind."""
    return {row[:3]: row for row in rows}


def _rows(refolded: Refolded) -> list[Row]:
    passages = {passage.id: passage for passage in refolded.passages}
    return [
        (
            refolded.complex,
            found.passage,
            found.kind,
            passages[found.passage].plate or passages[found.passage].maybe,
            passages[found.passage].plate_color,
            passages[found.passage].lane,
            passages[found.passage].direction,
            stamp(passages[found.passage].occurred_at),
            passages[found.passage].picture,
            found.session and found.session.hex(),
            0,
        )
        for found in doubts(refolded.passages, refolded.now, refolded.said)
    ]
