"""Pictures of a backup, and which of those that are listed are nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from obstore.store import ObjectStore

from domain.ids import content_name
from server.backup.manifest import BadBackup
from server.backup.tables import Snapshot
from server.media import names_in, put_object


async def put_pictures(
    pictures: Iterator[tuple[str, bytes]], objects: ObjectStore, progress: Callable[[int], None]
) -> int:
    """Each under the name of its content, durable; how many. Raises BadBackup for one that is damaged."""
    count = 0
    for name, body in pictures:
        if content_name(body) != name:
            raise BadBackup(f"picture {name} is damaged in the backup")
        await put_object(objects, name, body)
        count += 1
        progress(1)
    return count


async def without_a_file(found: Snapshot, objects: ObjectStore) -> tuple[int, list[str]]:
    """How many pictures are listed, and the names of those that the store does not have."""
    shape = next((shape for shape in await found.shapes() if shape.name == "media"), None)
    if shape is None:
        return 0, []
    listed: set[bytes] = set()
    async for rows in found.rows(shape):
        listed.update(bytes.fromhex(row[shape.columns.index("sha256")]) for row in rows)
    there = listed & await names_in(objects) if listed else set[bytes]()
    return len(listed), [name.hex() for name in sorted(listed - there)]
