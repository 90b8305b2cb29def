"""The directory told to a platform after each registration: cameras, gates, lanes; what it has already is no error.

Of the complexes in its area alone; whether a camera answers only where its basis names that, and as the camera said it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.viid.envelopes import Fields, listed, number_field, path
from domain.viid.ids import type_of
from domain.viid.profile import Peer
from server.audit import Actor, Subject, record
from server.feeds.gat1400.exchange import Answer, FarAway
from server.store import platform_rows
from server.store.engine import Database
from server.store.scope import complexes_in
from server.viid.equipment import Name, Reach
from server.viid.equipment import listed as equipment

log = structlog.get_logger()

Post = Callable[[str, bytes], Awaitable[Answer]]
_SYSTEM = "120"
_NAMES: tuple[Name, ...] = ("APE", "Tollgate", "Lane")
_ITSELF = Actor("gatehouse", "centre")
_Objects = dict[Name, list[Fields]]


class Directory:
    """Of one platform. What it does not take is shown: records are sent all the same."""

    def __init__(self, platform: str, db: Database, peer: Peer, device_id: str, now: Callable[[], datetime]) -> None:
        self._platform, self._db, self._peer, self._now = platform, db, peer, now
        self._owner = {"OwnerApsID": device_id} if type_of(device_id) == _SYSTEM else {}

    async def tell(self, post: Post) -> None:
        """Once, to whoever has just registered us; counted in the audit before it leaves."""
        objects = await self._objects()
        if not any(objects.values()):
            return
        await self._note("handover.sent", _counted(objects))
        taken, count = 0, sum(map(len, objects.values()))
        try:
            for where, body, size in self._messages(objects):
                answer = await post(where, body)
                taken += size * _is_taken(where, answer)
        except FarAway as error:
            log.warning("platform_directory_unheard", error=str(error))
        await self._note("handover.answered", {"count": count, "accepted": taken, "waiting": count - taken})

    async def _objects(self) -> _Objects:
        async with self._db.read() as connection:
            reach = await self._reach(connection)
            if reach is None:
                return {}
            found: _Objects = {}
            for name in _NAMES:
                found[name] = [one.said for one in await equipment(connection, name, reach, self._now())]
        found["APE"] = [said | self._owner for said in found["APE"]]
        return found

    async def _reach(self, connection: AsyncConnection) -> Reach | None:
        one = await platform_rows.find(connection, self._platform)
        if one is None:
            return None
        cover = await platform_rows.cover_of(connection, one.id, self._now())
        inside = await complexes_in(connection, platform_rows.scope_of(one))
        return Reach(one, cover, lambda complex_id: inside is None or complex_id in inside) if cover.bases else None

    def _messages(self, objects: _Objects) -> list[tuple[str, bytes, int]]:
        """Path, body and how many objects are in it."""
        size = self._peer.max_batch
        return [
            (path(name), msgspec.json.encode(listed(name, part)), len(part))
            for name, said in objects.items()
            for part in (said[start : start + size] for start in range(0, len(said), size))
        ]

    async def _note(self, action: str, details: dict[str, Any]) -> None:
        async with self._db.write() as connection:
            record(connection, _ITSELF, action, self._now(), on=Subject("platform", self._platform), details=details)


def _counted(objects: _Objects) -> dict[str, Any]:
    numbers = [_number(name, said) for name, several in objects.items() for said in several]
    digest = hashlib.sha256(msgspec.json.encode(numbers)).hexdigest()
    classes = {name: len(said) for name, said in objects.items() if said}
    return {"count": len(numbers), "classes": classes, "ids_sha256": digest}


def _number(name: Name, said: Fields) -> Sequence[str]:
    return str(said.get("TollgateID") or ""), str(said.get(number_field(name)) or "")


def _is_taken(where: str, answer: Answer) -> bool:
    if answer.is_ok or answer.status == 409:
        return True
    log.warning("platform_directory_refused", path=where, answer=str(answer))
    return False
