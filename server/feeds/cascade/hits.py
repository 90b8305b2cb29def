"""Hits told to the library that placed their order, and to no other: claimed, sent, settled by its answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec
import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.events import Event, Media
from domain.events import Subject as Whose
from domain.feeds.classes import DISPOSITION
from domain.passages import Passage
from domain.viid.dispositions import NAME, hit_notification
from domain.viid.mapping import Made, NotSent, Shown, made
from domain.viid.profile import Profile
from domain.viid.serials import Serials, Wanted
from domain.viid.times import stamp
from domain.watch.matching import read_instead
from domain.wire import Header
from server.audit import Subject, record
from server.facts import Fact
from server.feeds.cascade.notifying import numbered
from server.feeds.gat1400.codes import DeviceCodes
from server.feeds.gat1400.exchange import FarAway
from server.feeds.gat1400.pictures import NotYet, Pictures
from server.feeds.gat1400.prepared import Ready, ready, shown_by
from server.feeds.gat1400.session import NotNow, Session
from server.feeds.gat1400.verdicts import statuses_of, trouble
from server.feeds.sender import Accepted, Again, Offer, Refused, Verdict
from server.rounds import look_every
from server.store import watch_order_rows
from server.store.engine import Database
from server.store.schema import parking_passage
from server.store.watch_order_rows import Owed
from server.viid.equipment import Reach, reach_of
from server.viid.orders_told import Told
from server.viid.settings import Peer
from server.watch.book import ITSELF
from server.watch.sealing import Seal

log = structlog.get_logger()

LOOK_S = 0.5
_AT_ONCE, _MOST_REST_S = 20, 60.0
_SERIALS = 4  # as many as a reading may have pictures: its own record asks for no more, and keeps these
_READING_S = 10.0  # so long a hit waits for the reading that it is of, and its picture
_NOWHERE = Header(gateway="", stream="urgent", epoch="", first=1, last=1, retention="vehicle", size_bytes=0)


class Hits:
    """Of one platform; runs only while that is on and has a basis in force."""

    def __init__(
        self,
        platform: str,
        peer: Peer,
        org: str,
        session: Session,
        profile: Profile,
        pictures: Pictures,
        serials: Serials,
        seal: Seal,
        db: Database,
        now: Callable[[], datetime],
    ) -> None:
        self._platform, self._peer, self._org = platform, peer, org
        self._session, self._profile, self._pictures, self._serials = session, profile, pictures, serials
        self._seal, self._db, self._now = seal, db, now
        self._codes = DeviceCodes(db, platform)

    async def run(self) -> None:
        """Until cancelled."""
        async with self._db.write() as connection:
            await watch_order_rows.release(connection, self._platform)
        await look_every(LOOK_S, f"hits/{self._platform}", self.look)

    async def look(self) -> None:
        """What is due, one by one."""
        for one in await self._claim():
            verdict = await self._tell(one)
            await self._settle(one, verdict)

    async def _claim(self) -> list[Owed]:
        """What leaves now, on record before it does. Where the order has ended, no basis names it, or who ordered may
        not see the complex any more, nothing does."""
        now = self._now()
        async with self._db.read() as connection:
            if not await watch_order_rows.due(connection, self._platform, now, 1):
                return []
        async with self._db.write() as connection:
            due = await watch_order_rows.due(connection, self._platform, now, _AT_ONCE)
            reach = await reach_of(connection, self._peer, now)
            why = {one.hit: _why_not(one, reach, now) for one in due}
            standing = [one for one in due if why[one.hit] is None]
            going = [one for one in standing if await _is_ready(connection, one, now)]
            await watch_order_rows.claim(connection, self._platform, going)
            for one in going:
                self._note(connection, one, "watch.reported", {"attempt": one.attempts + 1})
            for one in due:
                if reason := why[one.hit]:
                    await self._drop(connection, one, reason, now)
        return going

    async def _drop(self, connection: AsyncConnection, one: Owed, why: str, now: datetime) -> None:
        await watch_order_rows.settle(connection, self._platform, one, "dropped", why, now, now)
        self._note(connection, one, "watch.dropped", {"why": why})

    async def _tell(self, one: Owed) -> Verdict:
        async with self._db.read() as connection:
            known = await watch_order_rows.one(connection, self._platform, one.disposition)
            passage = await _passage(connection, one)
        if known is None or known.sealed is None or known.state != "placed":
            return Refused("its order has ended")
        told = msgspec.json.decode(self._seal.opened_words(known.sealed), type=Told)
        try:
            object_ = await self._object(one, passage)
        except NotYet as error:
            return Again(str(error))
        except NotSent as error:
            return Refused(str(error))
        return object_ if isinstance(object_, Refused) else await self._post(one, told, object_)

    async def _object(self, one: Owed, passage: Passage | None) -> Made | Refused:
        """The car as the standard has it, under the number that its own record has. Raises NotYet, NotSent."""
        event = self._event(one, passage)
        identity = one.passage or bytes.fromhex(one.hit)
        fact = Fact(event, one.complex, _NOWHERE, 0, one.received_at, identity)
        offer = Offer(identity, event, fact, "vehicle", urgent=True)
        coded = (await self._codes.of([(one.complex, one.device)])).get((one.complex, one.device))
        if coded is None:
            raise NotYet(f"{one.device} of {one.complex} has no code of twenty digits at this platform")
        await self._serials.take([Wanted(identity, coded.code, one.at, _SERIALS)])
        (found,) = await ready([offer], self._profile, self._codes, self._serials, identity=False)
        if isinstance(found, Refused):
            return found
        return made(found.record.with_pictures(await self._shown(found)), found.rule, self._profile)

    async def _shown(self, found: Ready) -> Sequence[Shown]:
        await self._pictures.look(shown_by(found))
        bodies = await self._pictures.read([found])
        age_s = (self._now() - found.offer.fact.received_at).total_seconds()
        return await self._pictures.of(found, bodies, age_s)

    def _event(self, one: Owed, passage: Passage | None) -> Event:
        """The reading: its signs are those that were read, where they differ from who is looked for."""
        assert one.sealed is not None
        plate = read_instead(self._seal.opened(one.sealed, one.begins_at, one.ends_at).plate, one.differs or "")
        picture = one.picture or (passage.picture if passage is not None else None)
        return Event(
            kind="plate" if one.label is None else "detection",
            label=one.label,
            device=one.device,
            time=one.at,
            lane=one.lane,
            place=one.place,
            direction=one.direction,
            subject=Whose(type="plate", id=plate, plate_status="read"),
            media=[Media(role="scene", sha256=picture)] if picture else [],
        )

    async def _post(self, one: Owed, told: Told, object_: Made) -> Verdict:
        of = (one.disposition, one.complex, one.hit)
        number = await numbered(self._serials, self._org, NAME, of, self._now())
        title = f"{told.title}（疑似）" if one.how == "doubtful" else told.title
        named = (object_.rule.object, object_.number, object_.said)
        body = msgspec.json.encode(hit_notification(number, one.disposition, title, stamp(one.at), named))
        try:
            answer = await self._session.ask("POST", told.receive_at or f"/VIID/{NAME}s", body)
        except (FarAway, NotNow) as error:
            return Again(str(error) or repr(error))
        if wrong := trouble(answer):
            return Accepted() if wrong == "conflict" else Again(str(answer))
        (status,) = statuses_of(answer, [number], silence_is_yes=self._profile.peer.silence_is_yes)
        match status.judgement:
            case "accepted":
                return Accepted()
            case "refused":
                return Refused(str(status))
            case _:
                return Again(str(status))

    async def _settle(self, one: Owed, verdict: Verdict) -> None:
        now = self._now()
        rest = timedelta(seconds=min(_MOST_REST_S, 0.5 * 2 ** min(one.attempts, 10)))
        match verdict:
            case Accepted():
                state, reason = "accepted", None
            case Refused(why):
                state, reason = "refused", why[:500]
            case Again(why):
                state, reason = "waiting", why[:500]
        async with self._db.write() as connection:
            due_at = now + rest if state == "waiting" else now
            await watch_order_rows.settle(connection, self._platform, one, state, reason, due_at, now)
            self._note(connection, one, "watch.report_answered", {"state": state})

    def _note(self, connection: AsyncConnection, one: Owed, action: str, details: dict[str, object]) -> None:
        told = {"platform": self._platform, "hit": one.hit, "disposition": one.disposition, **details}
        on = Subject("watch", one.entry)
        record(connection, ITSELF, action, self._now(), on=on, complex_id=one.complex, details=told)


def _why_not(one: Owed, reach: Reach | None, now: datetime) -> str | None:
    if reach is None or DISPOSITION not in reach.cover.classes:
        return "no_basis"
    if one.sealed is None or now >= one.ends_at:
        return "over"
    return None if reach.sees(one.complex) else "out_of_area"


async def _is_ready(connection: AsyncConnection, one: Owed, now: datetime) -> bool:
    """Its reading is here, or has been waited for; one that a library below us made came with it."""
    if one.passage is None or one.label is not None or (now - one.received_at).total_seconds() >= _READING_S:
        return True
    return await _passage(connection, one) is not None


async def _passage(connection: AsyncConnection, one: Owed) -> Passage | None:
    if one.passage is None:
        return None
    same = (parking_passage.c.complex == one.complex, parking_passage.c.id == one.passage)
    body = (await connection.execute(select(parking_passage.c.passage).where(*same))).scalar()
    return None if body is None else msgspec.json.decode(body, type=Passage)
