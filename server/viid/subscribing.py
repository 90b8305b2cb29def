"""What libraries above subscribe to, and take back: judged, kept, and noted in the audit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from domain.viid.asked import BadAsked, is_an_end
from domain.viid.envelopes import Fields
from domain.viid.statuses import BAD_CONTENT
from domain.viid.subscriptions import Subscription, as_told, read_subscription, subscription_id
from server.audit import Subject, record
from server.store import viid_rows
from server.store.engine import Database
from server.viid.door import actor_of
from server.viid.settings import Peer
from server.viid.taking import Verdict

_MOST = 200  # open ones of a peer


class Subscribing:
    """``library``: our own code, by which a peer names all that it may see."""

    def __init__(self, db: Database, library: str, now: Callable[[], datetime]) -> None:
        self._db, self._library, self._now = db, library, now

    async def take(self, peer: Peer, address: str, said: Sequence[Fields]) -> list[Verdict]:
        return [await self._take(peer, address, one) for one in said]

    async def cancel(self, peer: Peer, address: str, numbers: Sequence[str], why: str) -> list[Verdict]:
        return [await self._cancel(peer, address, number, why) for number in numbers]

    async def told(self, peer: Peer) -> list[Fields]:
        """The peer's own, with what became of them."""
        async with self._db.read() as connection:
            held = await viid_rows.subscriptions(connection, [peer.code])
        return [as_told(one.of, one.state(self._now())) for one in held]

    async def _take(self, peer: Peer, address: str, said: Fields) -> Verdict:
        number = str(said.get("SubscribeID") or "")
        if is_an_end(said):
            return await self._cancel(peer, address, number, str(said.get("CancelReason") or said.get("Reason") or ""))
        try:
            one = self._judged(peer, said)
            await self._keep(peer, address, one)
        except BadAsked as error:
            return Verdict(number, BAD_CONTENT, str(error))
        return Verdict(number)

    def _judged(self, peer: Peer, said: Fields) -> Subscription:
        one, now = read_subscription(said), self._now()
        if one.ends_at <= now:
            raise BadAsked(f"EndTime {said['EndTime']} is past")
        if not peer.may_be_told_at(one.receive_at):
            raise BadAsked("ReceiveAddr is not an address that was agreed on: report_to of this peer")
        return one

    async def _keep(self, peer: Peer, address: str, one: Subscription) -> None:
        now = self._now()
        async with self._db.write() as connection:
            held = await viid_rows.subscriptions(connection, [peer.code])
            others = [each for each in held if each.of.id != one.id and each.state(now) == "active"]
            if len(others) >= _MOST:
                raise BadAsked(f"there are {_MOST} subscriptions already: cancel some")
            if await viid_rows.subscribe(connection, peer.code, one, now) == "same":
                return
            told = {"names": list(one.names), "sources": list(one.sources)[:20], "until": one.ends_at.isoformat()}
            on, by = Subject("viid", one.id), actor_of(peer, address)
            record(connection, by, "viid.subscribed", now, on=on, reason=one.reason or one.title, details=told)

    async def _cancel(self, peer: Peer, address: str, number: str, why: str) -> Verdict:
        """A peer cancels only its own: the number of another's is none."""
        now = self._now()
        try:
            subscription_id(number)
        except BadAsked as error:
            return Verdict(number, BAD_CONTENT, str(error))
        async with self._db.write() as connection:
            if not await viid_rows.cancel(connection, peer.code, number, why, now):
                return Verdict(number, BAD_CONTENT, "there is no such subscription")
            on, by = Subject("viid", number), actor_of(peer, address)
            record(connection, by, "viid.unsubscribed", now, on=on, reason=why or None)
        return Verdict(number)
