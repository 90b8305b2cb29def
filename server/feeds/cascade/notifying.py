"""Records on their way to a subscriber: packed as one SubscribeNotification, which is judged as a whole."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from domain.viid.directory import camera_status
from domain.viid.envelopes import NOTIFICATION, Fields
from domain.viid.ids import issued_id
from domain.viid.mapping import Made
from domain.viid.serials import Serials, Wanted
from domain.viid.subscriptions import MOST_IN_ONE, Subscription, notification, notifications
from domain.viid.times import stamp
from server.feeds.gat1400.body import body_of
from server.feeds.gat1400.parcels import Parcel
from server.feeds.gat1400.prepared import Ready

_OF_DEVICES = frozenset({"APE", "APEStatus", "Tollgate", "Lane"})


class Notifying:
    """``known``: the subscriptions by their numbers, as they were when the records were claimed."""

    most = MOST_IN_ONE

    def __init__(self, org: str, serials: Serials, now: Callable[[], datetime]) -> None:
        self._org, self._serials, self._now = org, serials, now
        self.known: Mapping[str, Subscription] = {}

    async def parcel(self, objects: Sequence[tuple[Ready, Made]]) -> Parcel:
        """To where the subscriber wants to be told."""
        one = self.known[objects[0][0].offer.line]
        named = [_told(ready, made, one) for ready, made in objects]
        return await self.message(one, named[0][0], [(number, said) for _, number, said in named], is_change=True)

    async def message(
        self,
        one: Subscription,
        name: str,
        objects: Sequence[tuple[str, Fields]],
        *,
        is_change: bool = False,
        edition: str = "",
    ) -> Parcel:
        """Objects of one name. ``is_change``: those of devices were told before; what was seen is always new.

        ``edition`` tells apart what is told anew of the same objects.
        """
        of = (one.id, edition, *(own for own, _ in objects))
        number = await numbered(self._serials, self._org, NOTIFICATION, of, self._now())
        said = notification(number, one, name, objects, is_change=is_change and name in _OF_DEVICES)
        body = body_of(notifications([said]))
        return Parcel("POST", one.receive_at, body, (number,) * len(objects), is_judged_whole=True)


async def numbered(serials: Serials, org: str, name: str, of: Sequence[str], now: datetime) -> str:
    """The number of a notification: the same for the same objects, whenever they are sent again."""
    record = hashlib.sha256("\n".join((name, *of)).encode()).digest()[:16]
    (issued,) = await serials.take([Wanted(record, f"{org}/{name}", now)])
    return issued_id(org, name, issued.at, issued.first)


def _told(ready: Ready, made: Made, one: Subscription) -> tuple[str, str, Fields]:
    """Name, number and fields: of a camera its status alone, for who subscribed to that."""
    name = made.rule.object
    if name == "APE" and "APEStatus" in one.names:
        said = camera_status(
            made.number, stamp(ready.offer.event.occurred_at), is_online=ready.offer.event.state == "online"
        )
        return "APEStatus", made.number, said
    return name, made.number, made.said
