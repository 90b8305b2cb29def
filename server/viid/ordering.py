"""Watch lists from above: an order of a library whose basis names such, placed, refused and kept, or withdrawn."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.feeds.classes import DISPOSITION
from domain.viid.asked import BadAsked, begins_with, is_an_end
from domain.viid.dispositions import Disposition, disposition_id, read_disposition
from domain.viid.envelopes import Fields
from domain.viid.statuses import BAD_CONTENT, INVALID_OPERATION
from domain.watch.entries import BadEntry, Entry, check
from server.audit import Subject, record
from server.cells import moves
from server.feeds.gat1400.codes import codes_where
from server.store import watch_order_rows, watch_rows
from server.store.engine import Database
from server.store.schema import complex_
from server.store.watch_order_rows import Ordered
from server.store.watch_rows import Kept
from server.viid.door import actor_of
from server.viid.equipment import Reach, reach_of
from server.viid.orders_told import NO_BASIS, Told, orders_told, sender_of
from server.viid.settings import Peer
from server.viid.taking import Verdict
from server.watch import book
from server.watch.book import Order
from server.watch.sealing import Seal

_MOST_KEPT_SIGNS = 300  # of each word of an order that was refused
_KEPT_WORDS = (
    "Title",
    "DispositionCategory",
    "TargetFeature",
    "PlateNo",
    "ApplicantName",
    "ApplicantOrg",
    "ApplicantInfo",
    "Reason",
    "BeginTime",
    "EndTime",
    "DispositionRange",
    "TollgateList",
    "DispositionArea",
)


class _Refused(Exception):
    """An order that is not taken, with the standard's code."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(said)
        self.code = code


class WatchOrders:
    """The port of server/viid/dispositions.py. ``ring`` wakes the gateways of some complexes."""

    def __init__(
        self, db: Database, seal: Seal, ring: Callable[[set[str]], object], now: Callable[[], datetime]
    ) -> None:
        self._db, self._seal, self._ring, self._now = db, seal, ring, now

    async def take(self, peer: Peer, address: str, said: Sequence[Fields]) -> Sequence[Verdict]:
        return [await self._take(peer, address, one) for one in said]

    async def told(self, peer: Peer, address: str) -> Sequence[Fields]:
        return await orders_told(self._db, self._seal, peer, actor_of(peer, address), self._now())

    async def withdraw(self, peer: Peer, address: str, numbers: Sequence[str], why: str) -> Sequence[Verdict]:
        return [await self._withdraw(peer, address, number, why) for number in numbers]

    async def _take(self, peer: Peer, address: str, said: Fields) -> Verdict:
        number = str(said.get("DispositionID") or "")[:60]
        if is_an_end(said):
            why = str(said.get("DispositionRemoveReason") or said.get("Reason") or "")
            return await self._withdraw(peer, address, number, why)
        try:
            await self._place(peer, address, said)
        except _Refused as error:
            await self._keep_refused(peer, address, number, said, str(error))
            return Verdict(number, error.code, str(error))
        return Verdict(number)

    async def _place(self, peer: Peer, address: str, said: Fields) -> None:
        """Raises _Refused."""
        now = self._now()
        async with self._db.write() as connection:
            reach = await reach_of(connection, peer, now)
            if reach is None or DISPOSITION not in reach.cover.classes:
                raise _Refused(INVALID_OPERATION, NO_BASIS)
            one, entry = _judged(peer, said, now)
            complexes = await _where(connection, reach, one)
            before = await watch_rows.of_order(connection, sender_of(peer), one.id)
            if before and not self._is_same(before, one, entry, complexes):
                said_ = "this number was ordered in other words, or has ended: withdraw it, and order under a new one"
                raise _Refused(BAD_CONTENT, said_)
            order = Order(entry, complexes, sender_of(peer), one.id)
            fresh = await book.place(connection, self._seal, order, actor_of(peer, address), now)
            sealed = self._seal.sealed_words(msgspec.json.encode(Told(one.title, one.receive_at, one.applicant)))
            kept = Ordered(peer.platform, one.id, "placed", now, 1, sealed)
            await watch_order_rows.ordered(connection, kept)
        self._ring(set(fresh))

    def _is_same(self, before: Sequence[Kept], one: Disposition, entry: Entry, complexes: Collection[str]) -> bool:
        """The same order again; a start that was left out is that of the first time."""
        opened = [self._seal.opened(kept.sealed, kept.begins_at, kept.ends_at) for kept in before if kept.sealed]
        if len(opened) != len(before) or {kept.complex for kept in before} != set(complexes):
            return False
        begins = [one.begins_at or known.begins for known in opened]
        return all(msgspec.structs.replace(entry, begins=at) == known for at, known in zip(begins, opened, strict=True))

    async def _keep_refused(self, peer: Peer, address: str, number: str, said: Fields, why: str) -> None:
        """For the security officers to see; its words are sealed as those of others are."""
        now = self._now()
        names = dict.fromkeys((*_KEPT_WORDS, peer.document_field))
        words = {name: str(said[name])[:_MOST_KEPT_SIGNS] for name in names if said.get(name) not in (None, "")}
        sealed = self._seal.sealed_words(msgspec.json.encode(words))
        async with self._db.write() as connection:
            platform = peer.platform or peer.code
            if (known := await watch_order_rows.one(connection, platform, number)) and known.state == "placed":
                sealed, state = known.sealed, known.state  # what stands is not pushed aside by what was not taken
            else:
                state = "refused"
            await watch_order_rows.ordered(connection, Ordered(platform, number, state, now, 1, sealed, why))
            by = actor_of(peer, address)
            record(connection, by, "watch.refused", now, on=Subject("watch", number), details={"why": why})

    async def _withdraw(self, peer: Peer, address: str, number: str, why: str) -> Verdict:
        """A peer withdraws only what it placed: another's number is none. Withdrawn twice is withdrawn."""
        now = self._now()
        try:
            disposition_id(number)
        except BadAsked as error:
            return Verdict(number, BAD_CONTENT, str(error))
        async with self._db.write() as connection:
            kept = await watch_rows.of_order(connection, sender_of(peer), number) if peer.platform else []
            if not kept:
                return Verdict(number, BAD_CONTENT, "there is no such order")
            by, reason = actor_of(peer, address), " ".join(why.split())[:200] or "withdrawn by who ordered it"
            await book.withdraw(connection, self._seal, kept, by, reason, now)
            await watch_order_rows.ordered(connection, Ordered(peer.platform, number, "ended", now, 1))
        self._ring({one.complex for one in kept})
        return Verdict(number)


def _judged(peer: Peer, said: Fields, now: datetime) -> tuple[Disposition, Entry]:
    """Raises _Refused."""
    try:
        one = read_disposition(said, peer.document_field)
        words = {"plate": one.plate, "unit": one.unit, "document": one.document, "purpose": one.purpose}
        entry = check(Entry(**words, begins=one.begins_at or now, ends=one.ends_at), now)
    except (BadAsked, BadEntry) as error:
        raise _Refused(BAD_CONTENT, str(error)) from error
    if one.receive_at and not peer.may_be_told_at(one.receive_at):
        raise _Refused(BAD_CONTENT, "ReceiveAddr is not an address that was agreed on: report_to of this peer")
    return one, entry


async def _where(connection: AsyncConnection, reach: Reach, one: Disposition) -> list[str]:
    """The complexes within what its sender may see, and its own range. Raises _Refused where there is none."""
    away = await moves.away(connection)
    every = (await connection.execute(select(complex_.c.id))).scalars()
    inside = {complex_id for complex_id in every if reach.sees(complex_id) and complex_id not in away}
    if one.gates or one.areas:
        coded = await codes_where(connection, reach.of.id)
        inside &= {key[0] for key, device in coded.items() if _lies(device.tollgate, one.gates)} | {
            key[0] for key, device in coded.items() if begins_with(device.place_code or device.code, one.areas)
        }
    if not inside:
        raise _Refused(BAD_CONTENT, "no complex that its sender may see lies within its range")
    return sorted(inside)


def _lies(gate: str, gates: Collection[str]) -> bool:
    return bool(gate) and gate in gates
