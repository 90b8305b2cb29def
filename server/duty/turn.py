"""One look at a complex, in its turn: what is known of steps and of people, and the attempts that are claimed.

Whether a step is still to be sent is asked of the matter's state in the transaction that claims the delivery, and the
state changes in the same complex's turn: an acknowledgement is either before the claim, and nothing is sent, or after.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.silences import Silence, all_silenced
from domain.delivery import MOST_ATTEMPTS, PASSING, Known, left
from domain.duty.state import Step, may_send
from server.channels.channel import Notice
from server.channels.people import Told, told
from server.channels.registry import Channels
from server.store import alert_views, delivery_rows, duty_alerts, item_step_rows, item_views, silence_rows
from server.store.delivery_rows import Delivery, Whom
from server.store.duty_states import UnreadableState
from server.store.engine import stamp
from server.store.item_step_rows import item_of, named
from server.web.notice_words import Subject, Words

CLAIM_S = 120.0  # beyond what any channel takes; then it counts as not sent
PAUSE_S = 60.0  # after which a far end that was ill or busy is tried anew, where there is no other

_BY_PEOPLE = frozenset({"handed_over", "called", "not_reported"})
_MOST_ASKED = 500  # alerts of a matter, the newest

log = structlog.get_logger()

replace = msgspec.structs.replace


def is_passing(one: Delivery) -> bool:
    """Whether its channel failed for something that may be over by now."""
    return one.state == "failed" and one.error in PASSING


class Claimed(NamedTuple):
    """An attempt that may begin now: the same notice to each of the addresses."""

    delivery: Delivery
    notice: Notice
    addresses: tuple[str, ...]


class Turn:
    """A transaction, and what was claimed in it."""

    def __init__(
        self, connection: AsyncConnection, channels: Channels, public_url: str, complex_id: str, now: datetime
    ) -> None:
        self.connection, self.complex, self.now = connection, complex_id, now
        self._channels, self._url = channels, public_url
        self._people = dict[Whom, Told]()
        self._silences: list[Silence] | None = None
        self.claimed = list[Claimed]()
        self.summed = set[Whom]()  # whose summary was looked at
        self.has_shown = False  # something for screens was announced

    @property
    def at(self) -> str:
        return stamp(self.now)

    async def may(self, step: Step | None) -> bool:
        return step is not None and await self.refusal(step) is None

    async def refusal(self, step: Step) -> str | None:
        """Why a step is not to be sent now: void, or silenced. A silence mutes what comes by itself, not what somebody
        asks of another."""
        if not await self._is_current(step):
            return delivery_rows.VOID
        asked = step.why in _BY_PEOPLE or item_of(step.incident) is not None
        return None if asked or not await self._is_silenced(step.incident) else delivery_rows.SILENCED

    async def _is_silenced(self, incident: str) -> bool:
        if self._silences is None:
            self._silences = await silence_rows.in_force(self.connection, self.complex, self.now)
        if not self._silences:
            return False
        its = await duty_alerts.of_incident(self.connection, incident, _MOST_ASKED)
        return all_silenced([one.alert for one in its], self._silences, self.now)

    async def _is_current(self, step: Step) -> bool:
        """Whether a step is still to be sent. Where nobody can say, it is: told in vain is better than not told."""
        if (item := item_of(step.incident)) is not None:
            return await item_step_rows.may_send(self.connection, item, step.revision)
        try:
            state = await delivery_rows.state_of(self.connection, step.incident)
        except UnreadableState as error:
            log.error("sent_unasked", incident=step.incident, step=step.number, error=str(error))
            return True
        return state is not None and may_send(state, step)

    async def still(self, rows: Sequence[Delivery]) -> list[Delivery]:
        """Those whose step is."""
        return [one for one in rows if await self.may(await delivery_rows.step_of(self.connection, one))]

    async def told(self, whom: Whom) -> Told:
        if whom not in self._people:
            self._people[whom] = await told(self.connection, self._channels, whom, self.complex, self.now)
        return self._people[whom]

    async def known(self, whom: Whom) -> Known:
        sent = await delivery_rows.pushes(self.connection, whom, self.complex, self.now)
        waits = await delivery_rows.held(self.connection, whom, self.complex)
        return Known(sent, [one.severity for one in waits], (await self.told(whom)).has_screen)

    async def change(self, one: Delivery, **values: object) -> None:
        await delivery_rows.change(self.connection, one, **values)

    async def attempt(self, one: Delivery, step: Step | None) -> None:
        """Claim it. After an attempt too many, whose end nobody told, the next channel is tried."""
        if one.attempts >= MOST_ATTEMPTS:
            await self.change(one, state="failed", error="timeout", at=self.at, again_at=None, next_at=self.at)
            return
        notice = await self._notice(one, step)
        again_at = delivery_rows.later(self.now, CLAIM_S)
        one = replace(one, attempts=one.attempts + 1, again_at=again_at, at=self.at)
        await self.change(one, attempts=one.attempts, again_at=again_at, at=self.at)
        person = await self.told(one.whom)
        self.claimed.append(Claimed(one, notice, person.addresses.get(one.channel, ())))

    async def _notice(self, one: Delivery, step: Step | None) -> Notice:
        words = Words((await self.told(one.whom)).lang, self._url)
        carried = await delivery_rows.carried(self.connection, one.key)
        members = await self.still(carried)
        views = await self._subjects({one.incident, *(row.incident for row in members)})
        if len(carried) > 1:
            return words.summary(one, members, views)
        sent = await delivery_rows.pushes(self.connection, one.whom, self.complex, self.now)
        is_last = left(sent, one.severity, self.now) == 0
        return words.one(one, views.get(one.incident), step.why if step else "opened", self.now, is_last=is_last)

    async def _subjects(self, incidents: Collection[str]) -> dict[str, Subject]:
        """Alerts and items by the names that steps call them."""
        items = {item for one in incidents if (item := item_of(one)) is not None}
        found: dict[str, Subject] = dict(await alert_views.by_ids(self.connection, set(incidents)))
        views = await item_views.by_ids(self.connection, items)
        return found | {named(identity): view for identity, view in views.items()}
