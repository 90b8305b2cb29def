"""Controllers that take their cards by orders get them from the list: what is revoked first, until it is confirmed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import msgspec
import structlog

from domain.desired_bodies import Device
from domain.doors.controller_lists import Held, cards_for
from domain.events import Event
from edge.control.desired import InForce
from edge.devices.driver import CannotEncode, Command, Message, Outgoing, Registry, Site
from edge.intake.topics_heard import LastHeard
from eventlog.log import LogBroken
from eventlog.sqlite import SqliteEventLog

log = structlog.get_logger()

SCHEMA = """
CREATE TABLE IF NOT EXISTS card_held(
    device TEXT NOT NULL, card TEXT NOT NULL, held TEXT NOT NULL, PRIMARY KEY(device, card));
"""
_KEEP = "INSERT OR REPLACE INTO card_held(device, card, held) VALUES(?, ?, ?)"
_FORGET = "DELETE FROM card_held WHERE device = ? AND card = ?"
_ANSWER_S, _AGAIN_S = 5.0, 5.0
CANNOT = "cannot be held"


class Step(msgspec.Struct, frozen=True, gc=False):
    """One card to be put, or taken away (None)."""

    card: str
    held: Held | None


class CardOrders:
    """``send`` tells a device now or not at all; ``last_heard`` tells where it last spoke."""

    def __init__(
        self,
        store: SqliteEventLog,
        registry: Registry,
        site: Site,
        send: Callable[[str, Outgoing], bool],
        last_heard: Callable[[str], LastHeard],
        now: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._store, self._registry, self._site = store, registry, site
        self._send, self._last_heard, self._now, self._new_id = send, last_heard, now, new_id
        self._state = InForce()
        self._changed = asyncio.Event()
        self._waiting: dict[str, asyncio.Future[bool]] = {}

    def go_by(self, state: InForce) -> None:
        """Another list; what is under way gives way to what it revokes."""
        self._state = state
        self._changed.set()

    def heard(self, _message: Message, events: Sequence[Event]) -> None:
        """The answer of a controller."""
        for event in events:
            answer = self._waiting.get(event.request_id or "") if event.kind == "command_result" else None
            if answer is not None and not answer.done():
                answer.set_result(event.ok is True)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._changed.clear()
            done = True
            if self._state.cards.version:
                keepers = _keepers(self._state.devices or (), self._registry)
                found = await asyncio.gather(*map(self._bring, keepers))
                done = all(found)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), None if done else _AGAIN_S)

    async def _bring(self, device: Device) -> bool:
        """Make a controller hold what it should; whether it does. Ends early where the list changes."""
        try:
            for step in await self._steps(device):
                if self._changed.is_set():
                    return True  # the next round begins at once
                if not await self._take(device, step):
                    return False
        except LogBroken as error:
            log.error("cards_not_kept", device=device.id, error=str(error))
            return False
        return True

    async def _steps(self, device: Device) -> list[Step]:
        rows = await self._store.query("SELECT card, held FROM card_held WHERE device = ?", (device.id,))
        state, points = self._state, [door.point for door in device.doors if door.decides == "device"]
        wanted = await asyncio.to_thread(cards_for, device.id, points, state.cards, state.rules)
        return steps({str(card): str(held) for card, held in rows}, wanted)

    async def _take(self, device: Device, step: Step) -> bool:
        """One card; whether the controller confirmed it, or cannot hold such a card at all."""
        try:
            confirmed = await self._ask(device, step)
        except CannotEncode as error:
            log.warning("card_not_for_controller", device=device.id, error=str(error)[:200])
            await self._store.write([(_KEEP, [(device.id, step.card, CANNOT)])])
            return True
        if confirmed and step.held is None:
            await self._store.write([(_FORGET, [(device.id, step.card)])])
        elif confirmed and step.held is not None:
            await self._store.write([(_KEEP, [(device.id, step.card, step.held.text)])])
        return confirmed

    async def _ask(self, device: Device, step: Step) -> bool:
        """Raises CannotEncode."""
        command, heard = self._command(device, step), self._last_heard(device.id)
        message = self._registry.encode(command, self._site, heard.topic, heard.family)
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[command.request_id] = answer
        try:
            return self._send(device.id, message) and await asyncio.wait_for(answer, _ANSWER_S)
        except TimeoutError:
            return False
        finally:
            del self._waiting[command.request_id]

    def _command(self, device: Device, step: Step) -> Command:
        name, args = "credential.delete", dict[str, object](card=step.card)
        if step.held is not None:
            opens = {_number(door.point): door.point in step.held.doors for door in device.doors}
            days = [step.held.begins.isoformat(), step.held.until.isoformat()]
            name, args = "credential.put", {"card": step.card, "valid": days, "doors": opens}
        return Command(name, device.id, self._new_id(), self._now(), args)


def _keepers(devices: Iterable[Device], registry: Registry) -> list[Device]:
    """Those whose list can be read and compared are not ours: card_lists brings them."""
    return [device for device in devices if device.keeps_cards and registry.card_list_of(device.id) is None]


def _number(point: str) -> str:
    return point.rpartition("/")[2]


def steps(holds: dict[str, str], wanted: dict[str, Held]) -> list[Step]:
    """What must change, the cards that are to open less first."""
    gone = [Step(card, None) for card, held in holds.items() if card not in wanted and held != CANNOT]
    changed = [Step(card, held) for card, held in wanted.items() if holds.get(card) not in (held.text, CANNOT)]
    return gone + sorted(changed, key=lambda step: step.card not in holds)
