"""Pictures at the centre: kept by content hash in an object store, listed by complex."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore
from sqlalchemy import delete, select

from domain.ids import content_name
from server.small_pictures import small_of
from server.store.bulk import look_up
from server.store.engine import Database, stamp
from server.store.retention_tables import erased_picture, unkept_object
from server.store.schema import media
from server.store.scope import Scope, within
from server.store.upsert import insert

_AT_ONCE = 500
MAX_PICTURE_BYTES = 8 * 1024 * 1024
_MAKING_AT_ONCE = 2
_READING_AT_ONCE = 4  # of a store over the network, which takes its time for each
_SMALL = ".small"  # behind the name of a picture: the same in small, which is no picture of its own
_OWNED = """SELECT media.sha256, media.complex FROM wanted CROSS JOIN media
WHERE media.sha256 = wanted.sha256 AND media.complex = wanted.complex"""
_NAME = re.compile(r"[0-9a-f]{64}")
_S3_SAYS = re.compile(r"<Code>(?P<code>[^<]*)</Code>\s*<Message>(?P<message>[^<]*)</Message>")


class MediaAway(Exception):
    """The store of the pictures cannot be reached, or does not take anything; nothing was kept. Come again."""


class WrongHash(Exception):
    """The bytes are not what their name says."""


class MediaBox:
    """``objects`` is a folder by default; any store obstore speaks to will do."""

    def __init__(self, objects: ObjectStore, db: Database, now: Callable[[], datetime]) -> None:
        self._objects, self._db, self._now = objects, db, now
        self._turn = asyncio.Semaphore(_MAKING_AT_ONCE)
        self._made: dict[str, asyncio.Task[bytes]] = {}

    async def keep(self, sha256: str, complex_id: str, body: bytes, media_type: str) -> bool:
        """Keep a picture; whether it is new to the complex. Raises WrongHash, MediaAway.

        Its bytes are durable before it is listed, and it is listed before this returns.
        """
        actual = content_name(body)
        if actual != sha256:
            raise WrongHash(f"named {sha256}, but the bytes have {actual}: damaged on the way, send it again")
        if await self.belongs(sha256, complex_id) or await self._is_erased([sha256]):
            return False
        await self._wanted_again(sha256)
        await put_object(self._objects, sha256, body)
        values = {"sha256": sha256, "complex": complex_id, "size_bytes": len(body), "type": media_type}
        async with self._db.write(complex_id, at_once=True) as connection:
            statement = insert(media).values(**values, received_at=stamp(self._now()))
            await connection.execute(statement.on_conflict_do_nothing())
        if not await _is_there(self._objects, sha256):  # another complex let go of it meanwhile
            await put_object(self._objects, sha256, body)
        return True

    async def belongs(self, sha256: str, complex_id: str) -> bool:
        """Whether a complex has the picture."""
        query = select(media.c.sha256).where(media.c.sha256 == sha256, media.c.complex == complex_id)
        async with self._db.read(at_once=True) as connection:
            return (await connection.execute(query)).first() is not None

    async def owned(self, pairs: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        """Of (name, complex) those whose complex has the picture."""
        async with self._db.read() as connection:
            columns = {"sha256": "varchar", "complex": "varchar"}
            return {(name, place) for name, place in await look_up(connection, columns, sorted(pairs), _OWNED)}

    async def known(self, complex_id: str, names: Sequence[str]) -> list[str]:
        """Which of the names a complex has, or need not send."""
        query = select(media.c.sha256).where(media.c.complex == complex_id, media.c.sha256.in_(names))
        async with self._db.read() as connection:
            found = list((await connection.execute(query)).scalars())
        return [*found, *(name for name in await self._is_erased(names) if name not in found)]

    async def _is_erased(self, names: Sequence[str]) -> list[str]:
        """Which of the names are erased: they are not taken in again, and nobody need send them."""
        query = select(erased_picture.c.sha256).where(erased_picture.c.sha256.in_(names))
        async with self._db.read(at_once=True) as connection:
            return list((await connection.execute(query)).scalars())

    async def kind_for(self, sha256: str, scope: Scope) -> str | None:
        """The media type, where a complex of the scope has the picture: then it may be seen."""
        query = select(media.c.type).where(media.c.sha256 == sha256, within(media.c.complex, scope))
        async with self._db.read() as connection:
            return (await connection.execute(query.order_by(media.c.complex).limit(1))).scalar()

    async def delete(self, names: Sequence[str], complex_id: str) -> list[str]:
        """Forget a complex's pictures; the names whose bytes went too, because no other complex has them.

        First the list, then the bytes: what a kill leaves between is bytes that nobody lists. Raises MediaAway.
        """
        async with self._db.write(complex_id) as connection:
            await connection.execute(media.delete().where(media.c.complex == complex_id, media.c.sha256.in_(names)))
        # Nobody lists a name while its bytes go; who lists it afterwards finds them gone, and keeps them again.
        async with self._db.write_alone() as connection:
            still = select(media.c.sha256).where(media.c.sha256.in_(names))
            kept = set((await connection.execute(still)).scalars())
            gone = [name for name in dict.fromkeys(names) if name not in kept]
            for name in gone:
                await _remove(self._objects, name)
        return gone

    async def probe(self) -> None:
        """Write something small, read it back, and remove it. Raises MediaAway."""
        await probe(self._objects)

    async def forget_unkept(self) -> int:
        """Delete the bytes of pictures that nobody has any more; how many. Killed in between, it is done again."""
        async with self._db.read() as connection:
            names = list((await connection.execute(select(unkept_object.c.sha256).limit(_AT_ONCE))).scalars())
        for sha256 in names:
            await self._forget(sha256)
        return len(names)

    async def _forget(self, sha256: str) -> None:
        """Nobody lists the name while its bytes go; who lists it afterwards finds them gone, and keeps them again."""
        async with self._db.write_alone() as connection:
            noted = await connection.execute(delete(unkept_object).where(unkept_object.c.sha256 == sha256))
            owned = await connection.execute(select(media.c.complex).where(media.c.sha256 == sha256).limit(1))
            if noted.rowcount and owned.first() is None:
                await _remove(self._objects, sha256)

    async def _wanted_again(self, sha256: str) -> None:
        """A picture that is about to go and comes anew stays."""
        async with self._db.read(at_once=True) as connection:
            query = select(unkept_object.c.sha256).where(unkept_object.c.sha256 == sha256)
            noted = (await connection.execute(query)).first() is not None
        if noted:
            async with self._db.write() as connection:
                await connection.execute(delete(unkept_object).where(unkept_object.c.sha256 == sha256))

    async def get(self, sha256: str) -> bytes:
        """A picture's bytes. Raises FileNotFoundError, MediaAway."""
        return await get_object(self._objects, sha256)

    async def get_many(self, names: Collection[str]) -> dict[str, bytes]:
        """The bytes of those that are there: a message of many pictures. Raises MediaAway."""
        wanted, several = sorted(names), 1 if _folder_of(self._objects) else _READING_AT_ONCE
        parts = [wanted[start::several] for start in range(several)]
        found = await asyncio.gather(*(asyncio.to_thread(_read, self._objects, part) for part in parts if part))
        return {name: body for some in found for name, body in some.items()}

    async def small(self, sha256: str) -> bytes:
        """The picture in at most 30 kB, as JPEG: made once, kept beside it, gone with it.

        Raises FileNotFoundError, MediaAway, and BadPicture where no such can be made.
        """
        with suppress(FileNotFoundError):
            return await get_object(self._objects, sha256 + _SMALL)
        making = self._made.get(sha256)
        if making is None:  # a thousand screens ask for the picture of one alarm at once
            making = self._made[sha256] = asyncio.create_task(self._make_small(sha256))
            making.add_done_callback(lambda _: self._made.pop(sha256, None))
        return await asyncio.shield(making)

    async def _make_small(self, sha256: str) -> bytes:
        async with self._turn:
            made = await asyncio.to_thread(small_of, await self.get(sha256))
        await put_object(self._objects, sha256 + _SMALL, made)
        if not await _is_there(self._objects, sha256):  # it was let go of meanwhile
            await _remove(self._objects, sha256)
        return made

    async def forget(self, sha256: str) -> None:
        """Remove a picture that no complex has any more. Raises MediaAway."""
        query = select(media.c.complex).where(media.c.sha256 == sha256).limit(1)
        async with self._db.read() as connection:
            is_wanted = (await connection.execute(query)).first() is not None
        if not is_wanted:
            await _remove(self._objects, sha256)


async def put_object(objects: ObjectStore, sha256: str, body: bytes) -> None:
    """Keep bytes under the name of their content; durable afterwards."""
    with _away_named():
        await objects.put_async(_path(sha256), body)
        if isinstance(objects, LocalStore):
            await asyncio.to_thread(_sync, Path(str(objects.prefix)) / _path(sha256))


async def _remove(objects: ObjectStore, sha256: str) -> None:
    """First the picture, then the same in small: who makes that meanwhile looks for the picture afterwards."""
    for name in (sha256, sha256 + _SMALL):
        with _away_named(), suppress(FileNotFoundError):
            await objects.delete_async(_path(name))


async def _is_there(objects: ObjectStore, sha256: str) -> bool:
    try:
        with _away_named():
            await objects.head_async(_path(sha256))
    except FileNotFoundError:
        return False
    return True


async def probe(objects: ObjectStore) -> None:
    """Write something small, read it back, and remove it. Raises MediaAway."""
    name, body = f"probe/{secrets.token_hex(8)}", secrets.token_bytes(16)
    with _away_named():
        await objects.put_async(name, body)
        came_back = bytes(await (await objects.get_async(name)).bytes_async())
        await objects.delete_async(name)
    if came_back != body:
        raise MediaAway("the store of the pictures gave back other bytes than were written")


@contextmanager
def _away_named() -> Generator[None]:
    """The store's errors as ours, but for a name that is not there: FileNotFoundError."""
    try:
        yield
    except (BaseError, OSError) as error:
        if isinstance(error, FileNotFoundError) and "NoSuchBucket" not in str(error):
            raise
        raise MediaAway(f"the store of the pictures: {_words(error)}") from error


def _words(error: Exception) -> str:
    """What is wrong, without the long story behind it: S3's own code and message, else the first line."""
    said = _S3_SAYS.search(str(error))
    if said is not None:
        return f"{said['code']}: {said['message']}"
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


async def get_object(objects: ObjectStore, sha256: str) -> bytes:
    """The bytes under a name. Raises FileNotFoundError."""
    with _away_named():
        found = await objects.get_async(_path(sha256))
        return bytes(await found.bytes_async())


def _read(objects: ObjectStore, names: Sequence[str]) -> dict[str, bytes]:
    folder = _folder_of(objects)
    found: dict[str, bytes] = {}
    for name in names:
        with _away_named(), suppress(FileNotFoundError):
            path = _path(name)
            found[name] = (folder / path).read_bytes() if folder else bytes(objects.get(path).bytes())
    return found


def _folder_of(objects: ObjectStore) -> Path | None:
    """Where the files are, if they are files here: read without the store's own threads, at a third of the cost."""
    return Path(objects.prefix) if isinstance(objects, LocalStore) and objects.prefix else None


async def names_in(objects: ObjectStore) -> set[bytes]:
    """The hashes of all pictures that a store holds."""
    found: set[bytes] = set()
    async for some in objects.list():  # pyright: ignore[reportUnknownMemberType] - of Arrow, which is not asked for
        for entry in some:
            name = entry["path"].rpartition("/")[2]
            if _NAME.fullmatch(name):
                found.add(bytes.fromhex(name))
    return found


def _path(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256}"


def _sync(path: Path) -> None:
    """To the disk itself, with the names that lead to it: the folder store leaves that to the operating system."""
    for place in (path, path.parent, path.parent.parent):
        _sync_folder(place)


def _sync_folder(place: Path) -> None:
    if not place.exists():
        return
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
