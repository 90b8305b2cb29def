"""The sender of GA/T 1400: records become objects, travel in messages, and are settled by what is said of each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from domain.viid.mapping import Made, NotSent, made
from domain.viid.profile import Profile
from server.feeds.gat1400.codes import DeviceCodes
from server.feeds.gat1400.exchange import Answer, FarAway
from server.feeds.gat1400.parcels import Direct, Packing, Parcel, Queues, grouped
from server.feeds.gat1400.pictures import Bodies, NotYet, Pictures, age_s
from server.feeds.gat1400.prepared import Ready, ready, shown_by
from server.feeds.gat1400.serials import SerialsInDatabase
from server.feeds.gat1400.session import NotNow, Session
from server.feeds.gat1400.verdicts import Patience, statuses_of, trouble
from server.feeds.sender import Again, Offer, Refused, Verdict

log = structlog.get_logger()

_SHARES = (1.0, 0.5, 0.15, 0.0)  # of the pictures' sizes, where a single object is still too large
_OF_ONE = ("refused", "doubtful")  # of a message that is judged whole: it may be one record's
_MOST_STRIKES = 2  # single records in a row at which it fails: then it is the far end, and no record


class _Ill(Exception):
    """The far end takes nothing now: all that is left comes again."""


class Gat1400Sender:
    """One platform's. ``send`` is called by one at a time."""

    def __init__(
        self,
        profile: Profile,
        session: Session,
        codes: DeviceCodes,
        serials: SerialsInDatabase,
        pictures: Pictures,
        now: Callable[[], datetime],
        *,
        identity: bool = False,
        packing: Packing | None = None,
    ) -> None:
        self._packing: Packing = packing or Direct()
        self.profile, self.session = profile, session
        self._codes, self._serials, self._pictures = codes, serials, pictures
        self._now, self._identity = now, identity
        self._patience, self._strikes = Patience(), 0
        self._turns = asyncio.Semaphore(profile.peer.connections)

    async def keep(self) -> None:
        """Hold the session until cancelled."""
        await self._serials.forget()
        await self.session.keep()

    async def close(self) -> None:
        """Leave, where nobody keeps the session."""
        await self.session.close()

    async def send(self, offers: Sequence[Offer]) -> Sequence[Verdict]:
        """One verdict an offer, in order; never raises for the far end's illness."""
        try:
            await self.session.online()
        except NotNow as error:
            return [Again(str(error))] * len(offers)
        self._strikes = 0
        found = await ready(offers, self.profile, self._codes, self._serials, identity=self._identity)
        verdicts: list[Verdict] = [one if isinstance(one, Refused) else Again("not sent") for one in found]
        await self._pictures.look({pair for one in found if isinstance(one, Ready) for pair in shown_by(one)})
        queues = Queues(one for one in found if not isinstance(one, Refused))
        while heads := queues.heads():
            for one, verdict in await self._round(heads):
                _note(one, verdict, verdicts, queues)
        return verdicts

    async def _round(self, heads: Sequence[Ready]) -> list[tuple[Ready, Verdict]]:
        """The first record of each device, in as many messages as they need."""
        groups = grouped(heads, self.profile.peer, self._size, self._packing.most)
        settled = await asyncio.gather(*(self._in_turn(group) for group in groups))
        return [one for group in settled for one in group]

    async def _in_turn(self, group: list[Ready]) -> list[tuple[Ready, Verdict]]:
        async with self._turns:
            try:
                return await self._group(group)
            except (_Ill, NotNow, FarAway) as error:
                self._strikes = _MOST_STRIKES
                return [(one, Again(str(error))) for one in group]

    async def _group(self, group: list[Ready], share: int = 0) -> list[tuple[Ready, Verdict]]:
        """Settle these records. Raises _Ill, NotNow, FarAway."""
        if self._strikes >= _MOST_STRIKES:
            raise _Ill("the platform is ill, or away")
        objects, settled = await self._objects(group, _SHARES[share])
        if not objects:
            return settled
        parcel = await self._packing.parcel(objects)
        answer = await self.session.ask(parcel.method, parcel.path, parcel.body)
        return settled + await self._judged(objects, parcel, answer, share)

    async def _objects(
        self, group: list[Ready], share: float
    ) -> tuple[list[tuple[Ready, Made]], list[tuple[Ready, Verdict]]]:
        """What can be sent of them now, and what is settled without being sent."""
        try:
            bodies = await self._pictures.read(group, share)
        except NotYet as error:
            return [], [(one, Again(str(error))) for one in group]
        found = [await self._object(one, bodies, share) for one in group]
        pairs = list(zip(group, found, strict=True))
        objects = [(one, made_) for one, made_ in pairs if isinstance(made_, Made)]
        return objects, [(one, verdict) for one, verdict in pairs if not isinstance(verdict, Made)]

    async def _object(self, one: Ready, bodies: Bodies, share: float) -> Made | Verdict:
        try:
            return await self._made(one, bodies, share)
        except NotYet as error:
            return Again(str(error))
        except NotSent as error:
            return Refused(str(error))

    async def _made(self, one: Ready, bodies: Bodies, share: float) -> Made:
        age = age_s(one.offer.fact.received_at, self._now())
        shown = await self._pictures.of(one, bodies, age, share)
        return made(one.record.with_pictures(shown), one.rule, self.profile)

    async def _judged(
        self, objects: list[tuple[Ready, Made]], parcel: Parcel, answer: Answer, share: int
    ) -> list[tuple[Ready, Verdict]]:
        group = [one for one, _ in objects]
        match trouble(answer):
            case None:
                return await self._each(objects, parcel, answer)
            case "unknown_device":
                self.session.unknown_device(str(answer))
                raise _Ill(f"it knows no such device: {answer}")
            case "session":
                self.session.lost(str(answer))
                raise _Ill(f"the session is lost again and again: {answer}")
            case _ if len(group) > 1:
                return await self._halved(group)
            case "too_large" if share + 1 < len(_SHARES):
                return await self._group(group, share + 1)
            case "conflict":
                return [(group[0], self._patience.taken(group[0].offer.id))]
            case "ill":
                self._strikes += 1
                return [(group[0], Again(str(answer)))]
            case _:
                return [(group[0], self._patience.doubt(group[0].offer.id, str(answer)))]

    async def _each(
        self, objects: list[tuple[Ready, Made]], parcel: Parcel, answer: Answer
    ) -> list[tuple[Ready, Verdict]]:
        """By each object's own status. One without a name, in company, is asked for again alone."""
        self._strikes = 0
        statuses = statuses_of(answer, parcel.numbers, silence_is_yes=self.profile.peer.silence_is_yes)
        if parcel.is_judged_whole and len(objects) > 1 and any(one.judgement in _OF_ONE for one in statuses):
            return await self._halved([one for one, _ in objects])
        doubtful = [one for (one, _), status in zip(objects, statuses, strict=True) if status.judgement == "doubtful"]
        if doubtful and len(objects) > 1:
            sure = [(one, status) for (one, _), status in zip(objects, statuses, strict=True) if one not in doubtful]
            again = [settled for one in doubtful for settled in await self._group([one])]
            return [(one, self._patience.verdict(one.offer.id, status)) for one, status in sure] + again
        pairs = zip(objects, statuses, strict=True)
        return [(one, self._patience.verdict(one.offer.id, status)) for (one, _), status in pairs]

    async def _halved(self, group: list[Ready]) -> list[tuple[Ready, Verdict]]:
        """A message that was not taken as a whole: each half by itself, and what fails then comes again."""
        middle = len(group) // 2
        settled: list[tuple[Ready, Verdict]] = []
        for half in (group[:middle], group[middle:]):
            try:
                settled += await self._group(half)
            except (_Ill, NotNow, FarAway) as error:
                self._strikes = _MOST_STRIKES
                settled += [(one, Again(str(error))) for one in half]
        return settled

    def _size(self, one: Ready) -> int:
        return self._pictures.estimate(one.offer.event.media, one.rule.pictures)


def _note(one: Ready, verdict: Verdict, verdicts: list[Verdict], queues: Queues) -> None:
    """What becomes of a record; those behind it, of its device, wait where it does."""
    verdicts[one.index] = verdict
    if isinstance(verdict, Again):
        for behind in queues.drop(one.source):
            verdicts[behind.index] = Again(f"behind one that waits: {verdict.reason}")
