"""The directory told to who subscribed to it: all of it at first, and again where it has changed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, get_args

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.viid.envelopes import Fields, number_field
from domain.viid.subscriptions import MOST_IN_ONE, Subscription
from server.audit import Actor, Subject, record
from server.feeds.cascade.notifying import Notifying
from server.feeds.gat1400.exchange import FarAway
from server.feeds.gat1400.parcels import Parcel
from server.feeds.gat1400.session import NotNow, Session
from server.feeds.gat1400.verdicts import statuses_of, trouble
from server.rounds import look_every
from server.store import viid_rows
from server.store.engine import Database
from server.store.viid_rows import Held
from server.viid.equipment import Name, Reach, listed, reach_of
from server.viid.settings import Peer

log = structlog.get_logger()

LOOK_S = 2.0
_MOST_REST_S = 300.0
_NAMES: tuple[Name, ...] = get_args(Name)
_ITSELF = Actor("gatehouse", "centre")
_Part = tuple[str, list[tuple[str, Fields]]]  # a name, and objects with their numbers
_Wanted = tuple[Held, str, list[_Part]]  # who wants it, its digest, and the parts


class Telling:
    """Runs only while the platform is on and has a basis in force; both are looked at each time as well."""

    def __init__(
        self,
        platform: str,
        peer: Peer,
        library: str,
        session: Session,
        notifying: Notifying,
        db: Database,
        now: Callable[[], datetime],
        *,
        silence_is_yes: bool = False,
    ) -> None:
        self._platform, self._peer, self._library = platform, peer, library
        self._session, self._notifying, self._silence_is_yes = session, notifying, silence_is_yes
        self._db, self._now = db, now
        self._failures: dict[str, tuple[int, float]] = {}

    async def run(self) -> None:
        """Until cancelled."""
        await look_every(LOOK_S, f"directory/{self._platform}", self.look)

    async def look(self) -> None:
        """Tell whoever has another directory than there is."""
        async with self._db.read() as connection:
            wanted = await self._wanted(connection)
        for held, digest, parts in wanted:
            if self._rests(held.of.id):
                continue
            if await self._tell(held.of, digest, parts):
                self._failures.pop(held.of.id, None)
                async with self._db.write() as connection:
                    await viid_rows.told(connection, self._peer.code, held.of.id, digest)
                continue
            count, _ = self._failures.get(held.of.id, (0, 0.0))
            self._failures[held.of.id] = (count + 1, time.monotonic() + min(_MOST_REST_S, LOOK_S * 2**count))

    def _rests(self, number: str) -> bool:
        """One that was not taken is tried again after a growing pause."""
        return time.monotonic() < self._failures.get(number, (0, 0.0))[1]

    async def _wanted(self, connection: AsyncConnection) -> list[_Wanted]:
        now = self._now()
        reach = await reach_of(connection, self._peer, now)
        if reach is None:
            return []
        held = await viid_rows.subscriptions(connection, [self._peer.code])
        open_ = [one for one in held if one.state(now) == "active" and one.of.begins_at <= now]
        found: list[_Wanted] = []
        for one in open_:
            parts = await self._parts(connection, one.of, reach, now)
            digest = _digest(parts)
            if parts and digest != one.told:
                found.append((one, digest, parts))
        return found

    async def _parts(self, connection: AsyncConnection, one: Subscription, reach: Reach, now: datetime) -> list[_Part]:
        """What it covers of each list. Whether a camera answers changes by the hour: that has records of its own."""
        found: list[_Part] = []
        for name in _NAMES:
            if name not in one.names or (name == "APEStatus" and "device" not in reach.cover.classes):
                continue
            every = await listed(connection, name, reach, now)
            mine = [each.said for each in every if one.covers(name, each.codes, self._library, now)]
            found += [(name, part) for part in _split([(str(said[number_field(name)]), said) for said in mine])]
        return found

    async def _tell(self, one: Subscription, digest: str, parts: Sequence[_Part]) -> bool:
        """Whether all was taken; else it is told once more, all of it."""
        counts = {name: sum(len(objects) for of, objects in parts if of == name) for name, _ in parts}
        told = {"count": sum(counts.values()), "classes": counts, "ids_sha256": digest}
        await self._note("handover.sent", told)
        why = ""
        for name, objects in parts:
            parcel = await self._notifying.message(one, name, objects, edition=digest)
            why = why or await self._post(parcel)
        said = {"count": told["count"], "waiting" if why else "accepted": told["count"]}
        await self._note("handover.answered", said)
        if why:
            log.warning("directory_not_taken", platform=self._platform, subscription=one.id, why=why)
        return not why

    async def _post(self, parcel: Parcel) -> str:
        """Why it was not taken; "" where it was."""
        try:
            answer = await self._session.ask(parcel.method, parcel.path, parcel.body)
        except (FarAway, NotNow) as error:
            return str(error) or repr(error)
        if wrong := trouble(answer):
            return "" if wrong == "conflict" else str(answer)
        found = statuses_of(answer, parcel.numbers[:1], silence_is_yes=self._silence_is_yes)
        return "" if found[0].judgement == "accepted" else str(answer)

    async def _note(self, action: str, details: Fields) -> None:
        async with self._db.write() as connection:
            on = Subject("platform", self._platform)
            record(connection, _ITSELF, action, self._now(), on=on, details=details)


def _split(objects: list[tuple[str, Fields]]) -> list[list[tuple[str, Fields]]]:
    return [objects[start : start + MOST_IN_ONE] for start in range(0, len(objects), MOST_IN_ONE)]


def _digest(parts: Sequence[_Part]) -> str:
    plain = [(name, number, _steady(said)) for name, objects in parts for number, said in objects]
    return hashlib.sha256(msgspec.json.encode(plain)).hexdigest()


def _steady(said: Fields) -> list[tuple[str, Any]]:
    return sorted((key, value) for key, value in said.items() if key not in ("IsOnline", "CurrentTime"))
