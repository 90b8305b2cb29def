"""What libraries below push: judged object by object, pictures beside the log, facts into it, then answered.

A car is a passage only where the complex's device list says at which lane its camera stands: any other camera of a
library below has seen a car, and no fee and no barrier goes by that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec

from domain.desired_bodies import Device
from domain.events import Event
from domain.viid.envelopes import Sent
from domain.viid.reading import BadObject, Seen, read_seen
from domain.viid.statuses import BAD_CONTENT, OK
from eventlog.log import BatchLog
from server.audit import Subject, record
from server.centre_voice import pass_on
from server.media import MAX_PICTURE_BYTES, MediaBox
from server.store import device_lists
from server.store.engine import Database
from server.viid.door import actor_of
from server.viid.settings import Peer

EPOCH = "viid"


class Verdict(msgspec.Struct, frozen=True):
    """Of one object: its number as it was sent, and what became of it."""

    number: str
    code: int = OK
    said: str = ""


class Taking:
    """Answers only when everything is durable."""

    def __init__(self, db: Database, log: BatchLog, media: MediaBox, now: Callable[[], datetime]) -> None:
        self._db, self._log, self._media, self._now = db, log, media, now

    async def take(self, peer: Peer, address: str, sent: Sequence[Sent]) -> list[Verdict]:
        """A verdict an object, in their order. Raises MediaAway, LogBroken, DatabaseBusy: then nothing was taken."""
        (complex_id,) = peer.complexes
        now = self._now()
        judged = [_judged(one, peer.code, now) for one in sent]
        seen = [one for one in judged if isinstance(one, Seen)]
        for shown in {shown.media.sha256: shown for one in seen for shown in one.pictures}.values():
            assert shown.media.sha256 is not None and shown.media.type is not None
            await self._media.keep(shown.media.sha256, complex_id, shown.body, shown.media.type)
        if seen:
            listed = await self._listed(complex_id)
            await pass_on(self._log, complex_id, EPOCH, [_placed(one.event, listed) for one in seen])
        await self._note(peer, address, complex_id, sent, judged)
        return [_verdict(one, found) for one, found in zip(sent, judged, strict=True)]

    async def _listed(self, complex_id: str) -> Mapping[str, Device]:
        async with self._db.read() as connection:
            return {device.id: device for device in (await device_lists.current(connection, complex_id)).devices}

    async def _note(
        self, peer: Peer, address: str, complex_id: str, sent: Sequence[Sent], judged: Sequence[Seen | str]
    ) -> None:
        """In the audit: how many of what, without any of it."""
        counts = Counter(one.name for one, found in zip(sent, judged, strict=True) if isinstance(found, Seen))
        told = {**dict(sorted(counts.items())), "refused": len(sent) - counts.total()}
        async with self._db.write() as connection:
            on, by = Subject("viid", peer.code), actor_of(peer, address)
            record(connection, by, "viid.received", self._now(), on=on, complex_id=complex_id, details=told)


def _judged(sent: Sent, caller: str, now: datetime) -> Seen | str:
    """What an object states, or why it cannot be taken."""
    try:
        seen = read_seen(sent, caller, now)
    except BadObject as error:
        return str(error)
    too_large = any(len(shown.body) > MAX_PICTURE_BYTES for shown in seen.pictures)
    return f"a picture of more than {MAX_PICTURE_BYTES} bytes" if too_large else seen


def _placed(event: Event, listed: Mapping[str, Device]) -> Event:
    device = listed.get(event.device)
    if device is None:
        return event
    event.place = device.place or None
    if device.lane and event.label == "motor_vehicle" and event.subject is not None:
        event.kind, event.label = "plate", None
        event.lane, event.direction = device.lane, device.direction
    return event


def _verdict(sent: Sent, found: Seen | str) -> Verdict:
    return Verdict(sent.number) if isinstance(found, Seen) else Verdict(sent.number, BAD_CONTENT, found)
