"""Changes batches of the log and everything derived from them in one transaction: the log never says other than what
people see, whenever the process is killed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.tombstones import rewritten
from eventlog.log import Record
from server.batches import Batch
from server.facts import Fact
from server.projections.detections import fold_in
from server.projections.pictures import named_in
from server.retention.unfold import photos_of, unfold, without_alert
from server.store.bulk import insert_new
from server.store.camera_tables import detection
from server.store.retention_tables import expired_day, expired_range, picture_use, unkept_object, withheld
from server.store.schema import batch as batch_table
from server.store.schema import batch_day, charge_session, media
from server.store.upsert import insert

_AT_ONCE = 400
_USES = ("complex", "sha256", "position")


class Change(msgspec.Struct, frozen=True):
    """What becomes of one record: which of its events are replaced by what; ``gone`` are those that no longer count."""

    record: Record
    batch: Batch
    bodies: list[bytes]
    changed: dict[int, bytes]
    gone: list[Fact]
    is_whole: bool = False  # nothing is left that is worth a row

    @property
    def complex(self) -> str:
        return self.batch.complex


async def apply(connection: AsyncConnection, changes: Sequence[Change], lost: Iterable[str] = ()) -> Counter[str]:
    """Make the changes; what went, in numbers. ``lost``: pictures that go whoever names them."""
    named = await _names_of(connection, [change.record.position for change in changes])
    for change in changes:
        await (_remove(connection, change) if change.is_whole else _rewrite(connection, change))
    pictures = await _unused(connection, named | {(c.complex, sha) for c in changes for sha in lost})
    went = Counter[str]()
    for complex_id in sorted({change.complex for change in changes}):
        facts = [fact for change in changes if change.complex == complex_id for fact in change.gone]
        unused = {sha256 for of, sha256 in pictures if of == complex_id}
        photos = await photos_of(connection, facts)
        went += await unfold(connection, facts, unused)
        unused |= await without_alert(connection, photos)
        went["pictures"] += await disown(connection, complex_id, unused)
        went["records"] += len(facts)
    return +went


async def _names_of(connection: AsyncConnection, positions: Sequence[int]) -> set[tuple[str, str]]:
    query = select(picture_use.c.complex, picture_use.c.sha256).where(picture_use.c.position.in_(positions))
    return {(row.complex, row.sha256) for row in await connection.execute(query)}


async def _rewrite(connection: AsyncConnection, change: Change) -> None:
    position = change.record.position
    packed = rewritten(change.batch.header, change.bodies, change.changed)
    await connection.execute(update(batch_table).where(batch_table.c.position == position).values(body=packed))
    await connection.execute(delete(picture_use).where(picture_use.c.position == position))
    record = change.record
    again = Batch(Record(record.position, packed, record.complex, record.received_at))
    await insert_new(connection, picture_use, _USES, sorted(set(named_in(again))))
    await connection.execute(delete(detection).where(detection.c.position == position))
    await fold_in(connection, [again])


async def _remove(connection: AsyncConnection, change: Change) -> None:
    header = change.batch.header
    await _forget(connection, change.record.position, (header.gateway, header.stream, header.epoch))
    await list_range(connection, (header.gateway, header.stream, header.epoch), header.first, header.last)


async def remove_unread(connection: AsyncConnection, position: int) -> None:
    """The same of a damaged batch, by what its row says."""
    row = (await connection.execute(select(batch_table).where(batch_table.c.position == position))).one()
    key = (row.gateway, row.stream, row.epoch)
    await _forget(connection, position, key)
    await list_range(connection, key, row.first, row.last)


async def _forget(connection: AsyncConnection, position: int, key: tuple[str, str, str]) -> None:
    """A batch of which all is let go: how many records it had of each day stays known."""
    days = select(batch_day.c.day, batch_day.c["count"]).where(batch_day.c.position == position)
    for day, count in (await connection.execute(days)).all():
        await _add_day(connection, key, day, count)
    for table in (batch_table, batch_day, picture_use, detection, withheld):
        await connection.execute(delete(table).where(table.c.position == position))


async def _add_day(connection: AsyncConnection, key: tuple[str, str, str], day: int, count: int) -> None:
    statement = insert(expired_day).values((*key, day, count))
    added = {"count": expired_day.c["count"] + statement.excluded["count"]}
    keys = ["gateway", "stream", "epoch", "day"]
    await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=added))


async def list_range(connection: AsyncConnection, key: tuple[str, str, str], first: int, last: int) -> None:
    """List sequences as let go, joined with their neighbours: the table stays small for ever."""
    table = expired_range
    same = (table.c.gateway == key[0], table.c.stream == key[1], table.c.epoch == key[2])
    behind = (await connection.execute(select(table).where(*same, table.c.first == last + 1))).first()
    if behind is not None:
        await connection.execute(delete(table).where(*same, table.c.first == behind.first))
        last = behind.last
    joined = await connection.execute(update(table).where(*same, table.c.last == first - 1).values(last=last))
    if not joined.rowcount:
        await connection.execute(table.insert().values((*key, first, last)))


async def _unused(connection: AsyncConnection, named: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those pictures that no batch of their complex names any more."""
    found: set[tuple[str, str]] = set()
    for complex_id, sha256 in sorted(named):
        used = (picture_use.c.complex == complex_id, picture_use.c.sha256 == sha256)
        if (await connection.execute(select(picture_use.c.position).where(*used).limit(1))).first() is None:
            found.add((complex_id, sha256))
    return found


async def disown(connection: AsyncConnection, complex_id: str, pictures: Iterable[str]) -> int:
    """Take pictures from a complex; the bytes of one that nobody has any more are noted, and go after the commit."""
    names, count = sorted(pictures), 0
    for start in range(0, len(names), _AT_ONCE):
        some = names[start : start + _AT_ONCE]
        owned = (media.c.complex == complex_id, media.c.sha256.in_(some))
        count += (await connection.execute(delete(media).where(*owned))).rowcount
        for name in ("entry_picture", "exit_picture"):
            same = (charge_session.c.complex == complex_id, charge_session.c[name].in_(some))
            await connection.execute(update(charge_session).where(*same).values({name: None}))
        kept = set((await connection.execute(select(media.c.sha256).where(media.c.sha256.in_(some)))).scalars())
        rows = [{"sha256": sha256} for sha256 in some if sha256 not in kept]
        if rows:
            await connection.execute(insert(unkept_object).on_conflict_do_nothing(), rows)
    return count
