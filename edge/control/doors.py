"""Doors that ask the gateway: decided from the last card list the moment the swipe is heard, whatever the uplink and
the disk do."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from domain.access import NO_CARDS, Decision
from domain.desired_bodies import Door, Policy
from domain.events import Event
from domain.ids import fact_id
from edge.control.desired import InForce
from edge.devices.driver import CannotEncode, Command, Message, Outgoing, Registry, Site
from edge.intake.device_list import DeviceList

log = structlog.get_logger()

_REMEMBERED = 2_000
Send = Callable[[str, Outgoing], bool]


class DoorControl:
    """Hears every event before the log does. ``now`` is the moment by the best clock there is; ``new_id`` names a
    request to a device; ``record`` takes the decision for the log and does not wait for it."""

    def __init__(
        self,
        devices: DeviceList,
        registry: Registry,
        site: Site,
        send: Send,
        record: Callable[[Event], None],
        now: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._devices, self._registry, self._site = devices, registry, site
        self._send, self._record, self._now, self._new_id = send, record, now, new_id
        self._cards, self._policy = NO_CARDS, Policy()
        self._answered: OrderedDict[tuple[bytes, datetime | None], None] = OrderedDict()

    def go_by(self, state: InForce) -> None:
        """Another card list and policy, from the next swipe on."""
        self._cards, self._policy = state.cards, state.policy

    def heard(self, message: Message, events: Sequence[Event]) -> None:
        if not self._devices.decides_here:
            return
        for event in events:
            door = self._devices.asked(event)
            if door is None:
                continue
            if self._is_new(event):
                self._answer(message, event, door)
            _mark_as_question(event)

    def _answer(self, message: Message, event: Event, door: Door) -> None:
        now = self._now()
        decision = self._decide(message, event, now)
        opened = self._open(message, event, door, now) if decision.granted else None
        self._record(_record_of(event, decision, opened, now))

    def _decide(self, message: Message, event: Event, now: datetime) -> Decision:
        if self._is_late(message, event):
            return Decision(False, "too_late", self._cards.version)
        number = (event.subject.id if event.subject else None) or ""
        return self._cards.decide(number, event.device, event.point or "", now, self._site.zone)

    def _is_late(self, message: Message, event: Event) -> bool:
        """Whether a swipe may have waited in a broker's queue: nobody stands at the door any more."""
        if message.queued_since is None or message.received_at is None:
            return False
        if event.time is None:
            return True
        return abs((message.received_at - event.time).total_seconds()) > self._policy.swipe_age_s

    def _open(self, message: Message, event: Event, door: Door, now: datetime) -> str | None:
        """Send door.open; None where it was sent, else why not."""
        card = event.subject.id if event.subject else None
        arguments = {"point": event.point, "card": card, **door.open_with}
        command = Command("door.open", event.device, self._new_id(), now, arguments)
        try:
            sent = self._send(event.device, self._registry.encode(command, self._site, message.topic, message.family))
        except CannotEncode as error:
            log.error("door_not_opened", device=event.device, point=event.point, error=str(error))
            return str(error)
        return None if sent else "the device cannot be reached: its broker or its line is away"

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
        ext={"decided_by": "gateway", **({"card": decision.card} if decision.card else {})},
    )
