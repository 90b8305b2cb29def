"""Buttons of Home Assistant, where the settings allow them: an order each, carried out and recorded as any other."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import datetime, timedelta

import structlog

from domain.desired_bodies import Argument, Device
from domain.orders import Order
from edge.outward.discovery import PRESS
from edge.outward.entities import Entity
from edge.outward.names import Names
from eventlog.log import LogBroken

log = structlog.get_logger()

TakeOrder = Callable[[Order], Awaitable[None]]
_LIFE = timedelta(seconds=10)
_APART_S = 1.0  # between two presses of one button
_MOST_AT_ONCE = 8


class OrderButtons:
    """Which topic orders what of whom. A press that the broker had kept never comes here."""

    def __init__(self, take: TakeOrder, now: Callable[[], datetime], monotonic_s: Callable[[], float]) -> None:
        self._take, self._now, self._monotonic_s = take, now, monotonic_s
        self._orders: dict[str, tuple[str, str, dict[str, Argument]]] = {}
        self._pressed_s: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def of(self, names: Names, device: Device, shown: Iterable[Entity]) -> Iterator[Entity]:
        """A button for each listed door, and for each barrier that showed itself."""
        for door in device.doors:
            args: dict[str, Argument] = {**({"point": door.point} if door.point else {}), **door.open_with}
            name = f"open-{door.point}" if door.point else "open"
            yield self._button(names, device.id, name, f"open {door.point}".strip(), ("door.open", args))
        for entity in shown:
            if entity.name.partition("-")[0] == "barrier":
                yield self._button(names, device.id, f"open-{entity.name}", "open", ("barrier.open", {}))

    def _button(
        self, names: Names, device: str, name: str, label: str, order: tuple[str, dict[str, Argument]]
    ) -> Entity:
        self._orders[names.order(device, name)] = (device, *order)
        return Entity(name, "button", label=label)

    def pressed(self, topic: str, payload: bytes) -> None:
        """What is no press of a button of ours is not even looked at."""
        found = self._orders.get(topic)
        if found is None or payload != PRESS.encode() or len(self._tasks) >= _MOST_AT_ONCE:
            log.warning("home_assistant_order_refused", topic=topic[:200])
            return
        now_s = self._monotonic_s()
        if now_s - self._pressed_s.get(topic, -_APART_S) < _APART_S:
            return
        self._pressed_s[topic] = now_s
        task = asyncio.create_task(self._order(*found))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _order(self, device: str, name: str, args: dict[str, Argument]) -> None:
        at = self._now()
        order = Order(f"ha-{secrets.token_hex(8)}", device, name, at, at + _LIFE, "home-assistant", dict(args))
        log.info("home_assistant_order", id=order.id, device=device, name=name)
        try:
            await self._take(order)
        except LogBroken as error:
            log.error("home_assistant_order_refused", device=device, error=str(error))
