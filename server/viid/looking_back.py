"""What a library above asks of kept records: of named devices, of a day at most, within its legal basis."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.events import Event
from domain.feeds.classes import class_of
from domain.viid.envelopes import Fields
from domain.viid.mapping import NotSent, made
from domain.viid.profile import Profile
from domain.viid.statuses import INVALID_OPERATION
from domain.viid.times import read_time, stamp
from domain.wire import BadBatch
from eventlog.log import Record
from server.batches import Batch
from server.cells.catalogue import voice_of
from server.facts import Fact
from server.feeds.cascade.narrowing import profile_by
from server.feeds.gat1400.codes import DeviceCodes, Key, codes_where
from server.feeds.gat1400.prepared import Ready, ready
from server.feeds.gat1400.serials import SerialsInDatabase
from server.feeds.sender import Offer
from server.store.engine import Database
from server.store.schema import batch, batch_day, gateway
from server.viid.door import Refused, bad_content
from server.viid.equipment import Reach, reach_of
from server.viid.settings import Peer

Name = Literal["MotorVehicle", "NonMotorVehicle", "Person", "Face"]
CLASSES: dict[Name, str] = {
    "MotorVehicle": "vehicle",
    "NonMotorVehicle": "nonmotor",
    "Person": "person",
    "Face": "face",
}
_TIMES = frozenset({"PassTime", "AppearTime", "PersonAppearTime", "FaceAppearTime", "ShotTime", "MarkTime"})
_BOUND = re.compile(r"(gte|gt|lte|lt|ge|le)\((\d{14})\)", re.IGNORECASE)
_MOST_TIME = timedelta(days=1)
_AROUND = timedelta(days=1)  # by which day of its own a batch is found
_MOST_EVENTS, _MOST_PAGE = 60_000, 100
_EPOCH = date(1970, 1, 1)
_NUMBER_DIGITS, _TIME_IN_NUMBER = 48, slice(22, 36)
_LATE = timedelta(seconds=30)  # a full second leaves for the next: a number may be of a little later than its record


class Sought(msgspec.Struct, frozen=True):
    """A question: of which devices' records of which time, which plate, and which page of them."""

    codes: frozenset[str]
    since: datetime
    until: datetime
    plate: str
    start: int
    length: int


class Answered(msgspec.Struct, frozen=True):
    """What is told: the records' ids for the audit, and their objects, without pictures."""

    ids: tuple[bytes, ...]
    objects: tuple[Fields, ...]


class LookingBack:
    """``folder``: for the profile by which records become objects."""

    def __init__(self, db: Database, folder: Path, library: str, now: Callable[[], datetime]) -> None:
        self._db, self._folder, self._library, self._now = db, folder, library, now
        self._serials = SerialsInDatabase(db, now)

    async def of(self, name: Name, peer: Peer, asked: Sequence[tuple[str, str]]) -> Answered:
        """Raises Refused where no basis covers it, or too much is asked for."""
        async with self._db.read() as connection:
            reach = await reach_of(connection, peer, self._now())
            if reach is None or CLASSES[name] not in reach.cover.classes:
                raise Refused(403, INVALID_OPERATION, f"no legal basis in force of this library covers {name}s")
            sought = read_question(name, asked)
            keys = await _devices(connection, reach, sought.codes)
            records = await _records(connection, {complex_id for complex_id, _ in keys}, sought)
        facts = await asyncio.to_thread(_chosen, records, keys, reach, name, sought)
        page = facts[sought.start - 1 : sought.start - 1 + sought.length]
        return await self._told(name, reach, page)

    async def _told(self, name: Name, reach: Reach, page: Sequence[Fact]) -> Answered:
        """By the same numbers under which they were, or will be, handed over."""
        offers = [Offer(fact.id, fact.event, fact, CLASSES[name], urgent=False) for fact in page]
        profile = profile_by(reach.of, self._library, self._folder)
        found = await ready(offers, profile, DeviceCodes(self._db, reach.of.id), self._serials, identity=True)
        told: list[tuple[bytes, Fields]] = []
        for one in found:
            if isinstance(one, Ready) and one.rule.object == name:
                told += _object(one, profile)
        return Answered(tuple(id_ for id_, _ in told), tuple(said for _, said in told))


def of_number(number: str) -> list[tuple[str, str]]:
    """The question that the number of one record is: its device, and about when. Raises Refused."""
    at = read_time(number[_TIME_IN_NUMBER])
    if len(number) != _NUMBER_DIGITS or at is None:
        raise bad_content(f"{number[:48]} is no number of {_NUMBER_DIGITS} digits")
    span = (("gte", at - _LATE), ("lte", at + _LATE))
    return [
        ("PageRecordNum", str(_MOST_PAGE)),
        ("DeviceID", number[:20]),
        *(("MarkTime", f"{word}({stamp(when)})") for word, when in span),
    ]


def read_question(name: Name, asked: Sequence[tuple[str, str]]) -> Sought:
    """``MotorVehicle.DeviceID=…``, ``MotorVehicle.PassTime=gte(…)`` and ``lte(…)``. Raises Refused."""
    said = [(key.removeprefix(f"{name}."), value.strip()) for key, value in asked]
    codes = frozenset(word for key, value in said if key in ("DeviceID", "TollgateID") for word in value.split(","))
    bounds = [_bound(value) for key, value in said if key in _TIMES]
    since = max((at for is_after, at in bounds if is_after), default=None)
    until = min((at for is_after, at in bounds if not is_after), default=None)
    if not codes or since is None or until is None:
        raise bad_content(f"name a {name}.DeviceID, and a time by gte(…) and lte(…)")
    if not since < until <= since + _MOST_TIME:
        raise bad_content("a day at most, and not backwards")
    plain = dict(said)
    start, length = _number(plain.get("RecordStartNo"), 1), _number(plain.get("PageRecordNum"), 20)
    return Sought(codes, since, until, plain.get("PlateNo", ""), start, min(length, _MOST_PAGE))


def _bound(text: str) -> tuple[bool, datetime]:
    found = _BOUND.fullmatch(text)
    at = read_time(found[2]) if found else None
    if found is None or at is None:
        raise bad_content(f"{text[:40]!r} is no bound: gte(yyyyMMddHHmmss) is one")
    is_after = found[1].lower().startswith("g")
    return is_after, at if is_after or "e" not in found[1].lower() else at + timedelta(seconds=1)


def _number(text: str | None, otherwise: int) -> int:
    return max(1, int(text)) if text and text.isascii() and text.isdigit() and len(text) < 10 else otherwise


async def _devices(connection: AsyncConnection, reach: Reach, codes: Collection[str]) -> set[Key]:
    every = await codes_where(connection, reach.of.id)
    return {key for key, one in every.items() if reach.sees(key[0]) and {one.code, one.tollgate} & set(codes)}


async def _records(connection: AsyncConnection, complexes: Collection[str], sought: Sought) -> list[Record]:
    """The batches with events of these days. Raises Refused where that is too much."""
    if not complexes:
        return []
    voices = [voice_of(complex_id) for complex_id in complexes]
    its = select(gateway.c.id).where(gateway.c.complex.in_(sorted(complexes)))
    first, last = ((at.astimezone(UTC).date() - _EPOCH).days for at in (sought.since - _AROUND, sought.until + _AROUND))
    query = select(batch_day.c.position, func.sum(batch_day.c["count"])).where(
        or_(batch_day.c.gateway.in_(its), batch_day.c.gateway.in_(voices)),
        batch_day.c.day.between(first, last),
        batch_day.c.position > 0,
    )
    found = (await connection.execute(query.group_by(batch_day.c.position))).all()
    if sum(count for _, count in found) > _MOST_EVENTS:
        raise bad_content("too much was recorded then: name fewer devices")
    columns = (batch.c.position, batch.c.body, batch.c.complex, batch.c.received_at)
    positions = sorted(position for position, _ in found)
    rows = await connection.execute(select(*columns).where(batch.c.position.in_(positions)).order_by(batch.c.position))
    return [Record(*row) for row in rows]


def _chosen(records: Sequence[Record], keys: set[Key], reach: Reach, name: Name, sought: Sought) -> list[Fact]:
    """Each once, in the order of happening, as the basis lets it go."""
    every = (fact for record in records for fact in _facts(record))
    wanted = (fact for fact in every if (fact.complex, fact.event.device) in keys and _fits(fact.event, name, sought))
    found: dict[bytes, Fact] = {}
    for fact in wanted:
        cut = reach.cover.cut(fact.event, CLASSES[name])
        if cut is not None:
            found.setdefault(fact.id, Fact(cut, fact.complex, fact.header, fact.index, fact.received_at, fact.id))
    return sorted(found.values(), key=lambda fact: (fact.event.occurred_at, fact.id))


def _fits(event: Event, name: Name, sought: Sought) -> bool:
    if not sought.since <= event.occurred_at < sought.until or class_of(event) != CLASSES[name]:
        return False
    return not sought.plate or (event.subject is not None and event.subject.id == sought.plate)


def _facts(record: Record) -> list[Fact]:
    """A damaged batch tells nothing."""
    try:
        return Batch(record).facts_where(lambda _: True)
    except BadBatch:
        return []


def _object(one: Ready, profile: Profile) -> list[tuple[bytes, Fields]]:
    try:
        return [(one.offer.id, made(one.record, one.rule, profile).said)]
    except NotSent:
        return []
