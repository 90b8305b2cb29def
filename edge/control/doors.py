"""Doors that ask the gateway: decided from the last documents the moment somebody asks, whatever the uplink and the
disk do."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from domain.access import NO_CARDS, Decision
from domain.desired_bodies import Policy
from domain.doors.rules import NO_RULES
from domain.doors.state import DoorState
from domain.doors.verdict import Asking, Verdict, verdict
from domain.events import Event
from domain.ids import fact_id
from domain.orders import Order
from edge.control import door_memory
from edge.control.desired import InForce
from edge.control.door_hands import DoorHands
from edge.control.door_holds import DoorHolds
from edge.control.door_watch import DoorWatch
from edge.control.orders import Say
from edge.devices.driver import Message, Site
from edge.intake.device_list import DeviceList
from edge.intake.topics_heard import LastHeard
from eventlog.sqlite import SqliteEventLog

log = structlog.get_logger()

_REMEMBERED = 2_000
_ALARMS = {"duress": "duress", "lock_out": "door_lock_out"}


class DoorControl:
    """Hears every event before the log does. ``now`` is the moment by the best clock there is; ``say`` takes what was
    decided for the log and does not wait for it; ``key`` reads the site's own key."""

    def __init__(
        self,
        devices: DeviceList,
        site: Site,
        hands: DoorHands,
        say: Say,
        now: Callable[[], datetime],
        key: Callable[[], bytes],
    ) -> None:
        self._devices, self._site, self._hands = devices, site, hands
        self._say, self._now, self._key = say, now, key
        self._cards, self._rules, self._policy = NO_CARDS, NO_RULES, Policy()
        self.state = DoorState()
        self.holds = DoorHolds(hands, say, now)
        self.watch = DoorWatch(self.holds, say, now)
        self._answered: OrderedDict[tuple[bytes, datetime | None], None] = OrderedDict()

    async def load(self, store: SqliteEventLog) -> None:
        """What was remembered over a restart. Before the documents are in force."""
        self.state = await door_memory.remembered(store)

    async def forget_old(self, store: SqliteEventLog) -> None:
        """Whoever is on the list no more; without a list, nobody."""
        if not self._cards.version:
            return
        await store.write(door_memory.outdated(self.state, self._cards.body))

    def go_by(self, state: InForce) -> None:
        """Other documents, from the next asking on."""
        if state.cards.body is not self._cards.body:
            self._cards = state.cards.keyed(self._key())
        self._rules, self._policy = state.rules, state.policy
        self.watch.go_by(self._rules, self.state)
        self.holds.go_by(self._rules, self.state)

    def heard(self, message: Message, events: Sequence[Event]) -> None:
        self.watch.heard(message, events)
        if not self._devices.decides_here:
            return
        for event in events:
            if self._devices.asked(event) is None:
                continue
            asking = _asking(message, event, self._now())
            if self._is_new(event):
                self._answer(message, event, asking)
            _mark_as_question(event)

    def ordered(self, order: Order) -> None:
        """A door that somebody opens from afar is not forced."""
        if order.name == "door.open":
            for door in self._rules.body.doors:
                if any(reader.device == order.device for reader in door.readers):
                    self.watch.let(door)

    def forget_areas(self) -> None:
        """Nobody knows any more where anybody is."""
        event = Event(kind="unknown", device="gateway", code="areas_forgotten", time=self._now())
        self._say(event, door_memory.forget_areas(self.state))

    def _answer(self, message: Message, event: Event, asking: Asking) -> None:
        found = self._verdict(message, event, asking)
        heard, point = LastHeard(message.topic, message.family), asking.point
        opened = None
        if found.decision.granted:
            card = asking.texts[0] if asking.method == "card" else None
            opened = self._hands.tell("door.open", event.device, point, heard, card=card)
        else:
            waits = event.source_event_id if event.result == "pending" else None
            self._hands.show_refusal(event.device, point, heard, waits)
        if opened is not None:
            log.error("door_not_opened", device=event.device, point=event.point, error=opened)
        self.state.apply(found.effects)
        self._say(_record_of(event, found.decision, opened, asking.at), door_memory.kept(found.effects))
        for name in found.alarms:
            self._say(_alarm_of(event, _ALARMS[name], found.decision, asking.at), ())

    def _verdict(self, message: Message, event: Event, asking: Asking) -> Verdict:
        if self._is_late(message, event):
            return Verdict(Decision(False, "too_late", self._cards.version))
        return verdict(asking, self.state, self._cards, self._rules, self._site.zone)

    def _is_late(self, message: Message, event: Event) -> bool:
        """Whether a swipe may have waited in a broker's queue: nobody stands at the door any more."""
        if message.queued_since is None or message.received_at is None:
            return False
        if event.time is None:
            return True
        return abs((message.received_at - event.time).total_seconds()) > self._policy.swipe_age_s

    def _is_new(self, event: Event) -> bool:
        """A controller may say the same swipe twice (live, and on its feed); one answer is enough."""
        fact = fact_id(event)
        if fact is None:
            return True
        swipe = (fact, event.time)  # a controller that was reset counts from 1 again
        if swipe in self._answered:
            return False
        self._answered[swipe] = None
        if len(self._answered) > _REMEMBERED:
            self._answered.popitem(last=False)
        return True


def _asking(message: Message, event: Event, now: datetime) -> Asking:
    """Who asks where, by what. What was keyed or shown is taken out of the event, where a driver left it there."""
    device, point, subject = event.device, event.point or "", event.subject
    shown = (subject.id if subject else None) or ""
    if event.method == "card":
        texts = (shown,)
        if subject and subject.facility is not None and subject.number is not None and subject.number <= 65_535:
            texts = (shown, f"{subject.facility}{subject.number:05}")  # as it is printed on many cards
        return Asking(device, point, "card", texts, now)
    if subject:
        subject.id = None
    return Asking(device, point, "pin" if event.method == "pin" else "qr", (message.secret.text or shown,), now)


def _mark_as_question(event: Event) -> None:
    """The device only asked: a refusal of its own would ring an alert for a card that opened the door."""
    if event.result == "denied":
        event.result, event.ext = "pending", {**event.ext, "device_result": "denied"}


def _record_of(event: Event, decision: Decision, failure: str | None, now: datetime) -> Event:
    """The decision as an event of the door: whose swipe, what was decided, by which rule of which version."""
    return Event(
        kind="access",
        device=event.device,
        point=event.point,
        place=event.place,
        direction=event.direction,
        time=now,
        counter_restarts=event.counter_restarts,
        source_event_id=f"decision/{event.source_event_id}" if event.source_event_id else None,
        subject=event.subject,
        method=event.method,
        result="granted" if decision.granted else "denied",
        reason=decision.reason,
        rule=f"credentials/{decision.version}",
        ok=None if failure is None else False,
        text=failure,
        ext=_by_whom(decision),
    )


def _alarm_of(event: Event, alarm: str, decision: Decision, now: datetime) -> Event:
    """Nothing at the door shows it."""
    told = {**_by_whom(decision), "silent": True} if alarm == "duress" else _by_whom(decision)
    return Event(
        kind="alarm",
        device=event.device,
        point=event.point,
        place=event.place,
        time=now,
        alarm=alarm,
        state="active",
        ext=told,
    )


def _by_whom(decision: Decision) -> dict[str, object]:
    return {"decided_by": "gateway", **({"card": decision.card} if decision.card else {})}
