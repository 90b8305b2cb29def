"""What there is to tell of cameras, gates and lanes, as objects of the standard, within a library's legal basis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.feeds.basis import Cover
from domain.viid import directory
from domain.viid.codes import ONLINE
from domain.viid.envelopes import Fields
from domain.viid.sources import Coded
from domain.viid.statuses import INVALID_OPERATION
from domain.viid.times import stamp
from server.feeds.gat1400.codes import Key, codes_where
from server.store import platform_rows
from server.store.engine import Database
from server.store.plan_tables import device_state
from server.store.platform_rows import Platform
from server.store.scope import complexes_in
from server.viid.door import Refused
from server.viid.settings import Peer

Name = Literal["APE", "APEStatus", "Tollgate", "Lane"]
_OTHER = 9  # IsOnline where nobody knows, or may say


class Equipment(Protocol):
    """What is registered with the police of the complexes that a peer may see."""

    async def of(self, name: Name, peer: Peer) -> Sequence[Fields]:
        """Raises Refused where no basis covers it."""
        ...


class Listed(msgspec.Struct, frozen=True):
    """An object, and the codes by which a subscription may name it."""

    said: Fields
    codes: tuple[str, ...]


class Reach(msgspec.Struct, frozen=True):
    """What a library above may see now: its platform's row, its cover, and whose complexes."""

    of: Platform
    cover: Cover
    sees: Callable[[str], bool]


class Registered:
    """Of devices that have a code at the peer's platform."""

    def __init__(self, db: Database, now: Callable[[], datetime]) -> None:
        self._db, self._now = db, now

    async def of(self, name: Name, peer: Peer) -> Sequence[Fields]:
        async with self._db.read() as connection:
            reach = await reach_of(connection, peer, self._now())
            return [one.said for one in await listed(connection, name, need(reach, name), self._now())]


async def reach_of(connection: AsyncConnection, peer: Peer, now: datetime) -> Reach | None:
    """None where nothing may be told: no platform recorded for it, off, or without a basis in force."""
    one = await platform_rows.find(connection, peer.platform) if peer.platform else None
    cover = await platform_rows.cover_of(connection, one.id, now) if one is not None else None
    if one is None or cover is None or not one.is_on or not cover.bases:
        return None
    inside = await complexes_in(connection, platform_rows.scope_of(one))
    return Reach(one, cover, lambda complex_id: peer.sees(complex_id) and (inside is None or complex_id in inside))


def need(reach: Reach | None, name: Name) -> Reach:
    """Raises Refused. Who knows whether a device answers may be told only where the basis names that."""
    if reach is None:
        raise Refused(403, INVALID_OPERATION, "no legal basis in force is recorded for this library")
    if name == "APEStatus" and "device" not in reach.cover.classes:
        raise Refused(403, INVALID_OPERATION, "its legal basis does not cover the state of devices")
    return reach


async def listed(connection: AsyncConnection, name: Name, reach: Reach, now: datetime) -> list[Listed]:
    """All of a kind, in the order of their codes."""
    every = {key: one for key, one in (await codes_where(connection, reach.of.id)).items() if reach.sees(key[0])}
    match name:
        case "Tollgate":
            found = _gates(every.values())
        case "Lane":
            found = [Listed(directory.lane(one), _codes(one)) for one in every.values() if one.tollgate]
        case _:
            states = await _states(connection, every) if "device" in reach.cover.classes else {}
            found = [_camera(name, one, states.get(key), now) for key, one in every.items()]
    return sorted(found, key=lambda one: one.codes)


def _gates(every: Iterable[Coded]) -> list[Listed]:
    lanes = [one for one in every if one.tollgate]
    counts = Counter(one.tollgate for one in lanes)
    gates = {one.tollgate: one for one in lanes}
    return [Listed(directory.tollgate(one, counts[code]), (code,)) for code, one in gates.items()]


def _camera(name: Name, coded: Coded, state: str | None, now: datetime) -> Listed:
    is_online = state == "online"
    if name == "APEStatus":
        said = directory.camera_status(coded.code, stamp(now), is_online=is_online)
    else:
        said = directory.camera(coded, is_online=is_online)
    return Listed({**said, "IsOnline": ONLINE.get(state or "", _OTHER)}, _codes(coded))


def _codes(coded: Coded) -> tuple[str, ...]:
    return tuple(code for code in (coded.code, coded.tollgate, coded.place_code) if code)


async def _states(connection: AsyncConnection, every: Mapping[Key, Coded]) -> dict[Key, str]:
    """What each said last of being there."""
    complexes = sorted({complex_id for complex_id, _ in every})
    mine = (device_state.c.kind == "availability", device_state.c.complex.in_(complexes))
    query = select(device_state).where(*mine).order_by(device_state.c.state_at)
    return {(row.complex, row.device): row.state for row in await connection.execute(query)}


class Asked:
    """A question to a list: ``APE.ApeID=…``, ``RecordStartNo``, ``PageRecordNum``."""

    most = 1_000

    def __init__(self, name: str, query: Mapping[str, str]) -> None:
        self._wanted = {key.split(".", 1)[1]: value for key, value in query.items() if key.startswith(f"{name}.")}
        self._start = max(_number(query.get("RecordStartNo"), 1), 1)
        self._length = min(max(_number(query.get("PageRecordNum"), 100), 1), self.most)

    def chosen(self, several: Sequence[Fields]) -> list[Fields]:
        found = [one for one in several if all(str(one.get(key)) == value for key, value in self._wanted.items())]
        return found[self._start - 1 : self._start - 1 + self._length]


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else otherwise
