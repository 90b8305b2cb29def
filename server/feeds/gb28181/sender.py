"""GB/T 28181 as a sender: each alarm waits for its 200, and bears the same serial number at every attempt."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from domain.gb28181 import said
from domain.gb28181.alarms import row_of
from domain.gb28181.said import Alarm
from server.feeds.gb28181.directory import Directory
from server.feeds.gb28181.session import Session
from server.feeds.gb28181.sip import Response
from server.feeds.gb28181.transactions import NoAnswer
from server.feeds.sender import Accepted, Again, Offer, Refused, Verdict

_AT_ONCE = 8  # devices
# Of the message itself, not of the platform's state: the same again would be answered the same.
_FINAL = frozenset({400, 413, 414, 415, 416, 420, 485, 488, 493, 606})


class Gb28181Sender:
    """Alarms of one device go one after the other; those of others beside them."""

    def __init__(self, session: Session, directory: Directory) -> None:
        self._session, self._directory = session, directory
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def keep(self) -> None:
        """Hold the session until cancelled."""
        await self._session.keep()

    async def send(self, offers: Sequence[Offer]) -> Sequence[Verdict]:
        """One verdict an offer, in order; after the first that must wait its device's others wait too."""
        verdicts: list[Verdict] = [Again("not tried")] * len(offers)
        lanes: dict[tuple[str, str], list[int]] = {}
        for index, offer in enumerate(offers):
            lanes.setdefault((offer.fact.complex, offer.event.device), []).append(index)
        async with asyncio.TaskGroup() as tasks:
            for lane in lanes.values():
                tasks.create_task(self._send_lane(lane, offers, verdicts))
        return verdicts

    async def _send_lane(self, lane: Sequence[int], offers: Sequence[Offer], verdicts: list[Verdict]) -> None:
        waits: Again | None = None
        async with self._places:
            for index in lane:
                verdict = verdicts[index] = waits or await self._send_one(offers[index])
                if waits is None and isinstance(verdict, Again):
                    waits = Again(f"behind one that waits: {verdict.reason}")

    async def _send_one(self, offer: Offer) -> Verdict:
        one = self._alarm(offer)
        if isinstance(one, Refused):
            return one
        if not self._session.is_online:
            return Again(f"offline: {self._session.why}")
        try:
            response = await self._tell(one)
        except (NoAnswer, OSError) as error:
            return Again(str(error) or type(error).__name__)
        if response.is_ok:
            await self._directory.alarmed(one.code)
            return Accepted()
        return Refused(f"SIP {response}") if response.status in _FINAL else Again(f"SIP {response}")

    def _alarm(self, offer: Offer) -> Alarm | Refused:
        row = row_of(offer.event, self._session.settings.rows)
        if row is None:
            return Refused("no alarm in the sense of GB/T 28181")
        item = self._directory.of(offer.fact.complex, offer.event)
        if item is None:
            point = f" {offer.event.point}" if offer.event.point else ""
            return Refused(f"no code for {offer.event.device}{point}: add it to the platform's items")
        if not self._session.settings.report_disarmed and not self._directory.guard(item.code).is_armed:
            return Refused("disarmed by the platform")
        where = item.name
        at = offer.event.occurred_at
        return Alarm(item.code, said.alarm_sn(offer.id), row, at, where, item.longitude, item.latitude)

    async def _tell(self, one: Alarm) -> Response:
        """In the platform's dialog where it subscribed to such, else in a message. Raises NoAnswer, OSError."""
        dialog = self._session.subscriptions.live("Alarm")
        if dialog is not None and dialog.interest.wants(one.row):
            response = await self._session.notify(dialog, said.alarm(one))
            if self._session.subscriptions.live("Alarm") is dialog:
                return response
        return await self._session.say(said.alarm(one))
