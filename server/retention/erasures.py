"""The list of erasures: whose data must not come back, by keyed digests, and what is done to records that arrive."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.desired_bodies import Erasure
from domain.events import decode_event
from domain.retention import Hold
from domain.subjects import ErasureList, erased_by, forms_in_encoded
from domain.tombstones import rewritten, tombstone, without_pictures
from domain.wire import BadBatch, split_events, unpack
from eventlog.log import Arrival, Record
from server.batches import Batch
from server.retention import holds
from server.store.engine import Database, stamp, unstamp
from server.store.retention_tables import erased_picture, erasure, erasure_salt
from server.store.upsert import insert

FILE = "erasures.json"  # beside the database: a copy of the database that is put back is older than it
LOOK_S = 1.0  # for so long a process may not know of an erasure that another has begun
_SALT_BYTES = 16


class Listed(msgspec.Struct, frozen=True):
    """An erasure as the list has it, and as it is kept in the file."""

    id: str
    kind: str
    complex: str
    key: str
    until: str
    reason: str
    document: str
    asked_by: str
    asked_at: str


class Kept(msgspec.Struct, frozen=True):
    """The file."""

    salt: str
    entries: list[Listed]


class Erasures:
    """What the list means for what comes in. The list is looked at anew every second."""

    def __init__(self, db: Database, now: Callable[[], datetime]) -> None:
        self._db, self._now = db, now
        self._lists: dict[str, ErasureList] = {}
        self._newest: datetime | None = None
        self._looked_s = -LOOK_S
        self._looking = asyncio.Lock()  # a thousand batches a second would all look at once

    @property
    def _is_fresh(self) -> bool:
        return time.monotonic() - self._looked_s < LOOK_S

    async def _look(self) -> None:
        if self._is_fresh:
            return
        async with self._looking:
            if self._is_fresh:
                return
            began_s = time.monotonic()
            async with self._db.read() as connection:
                self._lists = await lists(connection)
            self._newest = max((found.newest for found in self._lists.values() if found.newest), default=None)
            self._looked_s = began_s

    async def without_erased(self, arrival: Arrival) -> Arrival:
        """The batch as it may be kept: what falls under an erasure is a tombstone already."""
        await self._look()
        of = self._lists.get(arrival.complex) or self._lists.get("")
        if self._newest is None or of is None:
            return arrival
        header, unpacked = unpack(arrival.packed)
        bodies = split_events(unpacked)
        changed = await self._changed(arrival.complex, bodies, of)
        if not changed:
            return arrival
        return Arrival(header, rewritten(header, bodies, changed), arrival.complex)

    async def _changed(self, complex_id: str, bodies: list[bytes], of: ErasureList) -> dict[int, bytes]:
        named = [index for index, body in enumerate(bodies) if erased_by(body, of) is not None]
        pictures = await self._erased_pictures(bodies)
        if not named and not pictures:
            return {}
        async with self._db.read() as connection:
            in_force = holds.holds_of(await holds.in_force(connection, self._now()))
        changed = {index: tombstone(bodies[index], "erased") for index in named}
        for index in [index for index in named if is_held(in_force, complex_id, bodies[index])]:
            del changed[index]
        for index, body in enumerate(bodies):
            if pictures and index not in changed and (less := without_pictures(body, pictures)) is not body:
                changed[index] = less
        return changed

    async def named_in(self, record: Record) -> tuple[Batch, dict[int, str]] | None:
        """A stored record's events that fall under an erasure, by index, and under which; None for none."""
        await self._look()
        of = self._lists.get(record.complex) or self._lists.get("")
        if of is None:
            return None
        try:
            batch = Batch(record)
        except BadBatch:
            return None
        found = {index: by for index, body in enumerate(batch.bodies) if (by := erased_by(body, of)) is not None}
        async with self._db.read() as connection:
            in_force = holds.holds_of(await holds.in_force(connection, self._now()))
        left = {i: by for i, by in found.items() if not is_held(in_force, record.complex, batch.bodies[i])}
        return (batch, left) if left else None

    async def _erased_pictures(self, bodies: list[bytes]) -> set[str]:
        """Which erased pictures are named by events that are old enough to be concerned."""
        names: set[str] = set()
        for body in bodies:
            if b'"media"' in body:
                event = decode_event(body)
                if self._newest is not None and event.recorded_at is not None and event.recorded_at <= self._newest:
                    names.update(media.sha256 for media in event.media if media.sha256)
        return await self.erased(names)

    async def erased(self, names: Collection[str]) -> set[str]:
        """Which of these pictures are erased: they are not taken in again."""
        if not names:
            return set()
        query = select(erased_picture.c.sha256).where(erased_picture.c.sha256.in_(sorted(names)))
        async with self._db.read() as connection:
            return set((await connection.execute(query)).scalars())


def is_held(in_force: Collection[Hold], complex_id: str, body: bytes) -> bool:
    """Whether a hold covers an encoded event."""
    if not in_force:
        return False
    event = decode_event(body)
    names = forms_in_encoded(body)
    return any(hold.holds(complex_id, event.device, event.occurred_at, names) for hold in in_force)


async def salt_of(connection: AsyncConnection) -> bytes:
    """The key of the digests, made when it is first asked for."""
    fresh = insert(erasure_salt).values(number=1, salt=secrets.token_bytes(_SALT_BYTES))
    await connection.execute(fresh.on_conflict_do_nothing())
    return (await connection.execute(select(erasure_salt.c.salt))).scalar_one()


async def lists(connection: AsyncConnection) -> dict[str, ErasureList]:
    """By complex what concerns it; under "" what concerns every one that has nothing of its own."""
    rows = (await connection.execute(select(erasure).order_by(erasure.c.asked_at, erasure.c.id))).mappings().all()
    if not rows:
        return {}
    salt = (await connection.execute(select(erasure_salt.c.salt))).scalar_one().hex()
    everywhere = [row for row in rows if not row["complex"]]
    found = {"": _list(salt, everywhere)}
    for complex_id in {row["complex"] for row in rows if row["complex"]}:
        found[complex_id] = _list(salt, [row for row in rows if row["complex"] in ("", complex_id)])
    return found


def _list(salt: str, rows: Collection[Any]) -> ErasureList:
    return ErasureList(salt, tuple(Erasure(row["id"], row["key"], unstamp(row["until"])) for row in rows))


async def keep(connection: AsyncConnection, listed: Listed) -> None:
    """Put an erasure on the list; one that is there stays."""
    values = msgspec.structs.asdict(listed) | {"state": "begun"}
    await connection.execute(insert(erasure).values(**values).on_conflict_do_nothing())


async def write_file(connection: AsyncConnection, folder: Path) -> None:
    """The whole list beside the database, whole or not at all."""
    rows = (await connection.execute(select(erasure).order_by(erasure.c.asked_at, erasure.c.id))).mappings().all()
    names = Listed.__struct_fields__
    entries = [Listed(**{name: row[name] for name in names}) for row in rows]
    aside = folder / f"{FILE}.part"
    aside.write_bytes(msgspec.json.encode(Kept((await salt_of(connection)).hex(), entries)))
    aside.chmod(0o600)
    aside.rename(folder / FILE)


async def read_file(connection: AsyncConnection, folder: Path) -> int:
    """Put what the file knows on the list of a database that was put back; how many it did not know.

    Raises ValueError where the database has begun a list of its own under another key.
    """
    path = folder / FILE
    if not path.exists():
        return 0
    kept = msgspec.json.decode(path.read_bytes(), type=Kept)
    known = set((await connection.execute(select(erasure.c.id))).scalars())
    salt = bytes.fromhex(kept.salt)
    if known and (await salt_of(connection)) != salt:
        raise ValueError(f"{path} is the list of another database: it cannot be applied to this one")
    if not known:
        await connection.execute(erasure_salt.delete())
        await connection.execute(erasure_salt.insert().values(number=1, salt=salt))
    for entry in kept.entries:
        await keep(connection, entry)
    return len({entry.id for entry in kept.entries} - known)


async def note_pictures(connection: AsyncConnection, identity: str, names: Collection[str]) -> None:
    """These pictures are erased with it."""
    rows = [{"sha256": name, "erasure": identity} for name in sorted(names)]
    if rows:
        await connection.execute(insert(erased_picture).on_conflict_do_nothing(), rows)


def listed(identity: str, kind: str, complex_id: str, key: str, said: holds.Why, now: datetime) -> Listed:
    """A new entry: it reaches up to now."""
    at = stamp(now)
    return Listed(identity, kind, complex_id, key, at, said.reason, said.document, said.by, at)
