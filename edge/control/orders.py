"""Orders at the gateway: the id is durable before the device hears of it, so a kill in between gives at most once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from domain.desired_bodies import Policy
from domain.events import Event
from domain.orders import ENDED, Order, State, advance, answered
from edge.control.centre_clock import CentreClock
from edge.control.desired import InForce
from edge.control.own_orders import NO_OWN, OwnOrders, is_own
from edge.devices.driver import CannotEncode, Command, Message, Outgoing, Registry, Site
from edge.intake.topics_heard import LastHeard
from eventlog.sqlite import SqliteEventLog
from eventlog.sqlite_rows import Statement

log = structlog.get_logger()

SCHEMA = """
CREATE TABLE IF NOT EXISTS order_kept(
    id TEXT PRIMARY KEY, device TEXT NOT NULL, name TEXT NOT NULL, expires_at TEXT NOT NULL, ended INTEGER NOT NULL);
"""
_KEEP = "INSERT OR IGNORE INTO order_kept(id, device, name, expires_at, ended) VALUES(?, ?, ?, ?, 0)"
_END = "UPDATE order_kept SET ended = 1 WHERE id = ?"
_UNENDED = "SELECT id, device, name FROM order_kept WHERE ended = 0 ORDER BY id"
_MAX_OPEN = 64
_KEPT_FOR = timedelta(days=7)  # the centre hands an order only before it expires, which is minutes

Say = Callable[[Event, Sequence[Statement]], None]


class _Waiting(msgspec.Struct):
    """An order that was sent, until its device answers or the time is over."""

    order: Order
    timer: asyncio.TimerHandle


class Orders:
    """Carries out what the centre orders. ``say`` takes an answer for the log and does not wait for it; ``last_heard``
    tells where a device last spoke."""

    def __init__(
        self,
        store: SqliteEventLog,
        registry: Registry,
        site: Site,
        send: Callable[[str, Outgoing], bool],
        say: Say,
        last_heard: Callable[[str], LastHeard],
        now: Callable[[], datetime],
        own: OwnOrders = NO_OWN,
        sent: Callable[[Order], None] = lambda _: None,
    ) -> None:
        """``own``: what is done here; ``sent`` is told what a device is about to do."""
        self._own, self._sent = own, sent
        self._store, self._registry, self._site = store, registry, site
        self._send, self._say, self._last_heard, self._now = send, say, last_heard, now
        self._policy, self._centre = Policy(), CentreClock()
        self._waiting: dict[str, _Waiting] = {}

    def go_by(self, state: InForce) -> None:
        """Another policy from the next order on."""
        self._policy = state.policy

    async def resume(self) -> None:
        """After a start: whether what was kept and not ended was carried out, nobody knows; it is not done again."""
        for order_id, device, name in await self._store.query(_UNENDED):
            self._answer(order_id, device, name, "timeout", "the agent was stopped in between: done or not, not again")

    async def forget_old(self) -> None:
        """Let go of ids that no centre hands out any more."""
        before = (self._now() - _KEPT_FOR).isoformat()
        await self._store.write([("DELETE FROM order_kept WHERE ended = 1 AND expires_at < ?", [(before,)])])

    async def take(self, orders: Sequence[Order], server_time: datetime) -> list[str]:
        """Carry out the orders that are new; the ids of all, which the centre need not hand out again.

        Lifetimes are counted by the centre's time, so a wrong clock here neither expires nor revives an order.
        Raises LogBroken: none of them was carried out.
        """
        loop = asyncio.get_running_loop()
        self._centre.heard(server_time, loop.time())
        for order in await self._keep(orders):
            self._carry_out(order, (order.expires_at - self._centre.now(loop.time())).total_seconds())
        return [order.id for order in orders]

    async def take_here(self, order: Order) -> None:
        """Carry out what somebody on site ordered, by this clock. Raises LogBroken: it was not carried out."""
        for fresh in await self._keep([order]):
            self._carry_out(fresh, (fresh.expires_at - self._now()).total_seconds())

    async def _keep(self, orders: Sequence[Order]) -> list[Order]:
        """Make the ids durable; those orders that were not known yet, each once."""
        named = {order.id: order for order in orders}
        fresh = [order for order in named.values() if not await self._is_known(order.id)]
        rows = [(order.id, order.device, order.name, order.expires_at.isoformat()) for order in fresh]
        if rows:
            await self._store.write([(_KEEP, rows)])
        return fresh

    async def _is_known(self, order_id: str) -> bool:
        return bool(await self._store.query("SELECT 1 FROM order_kept WHERE id = ?", (order_id,)))

    def refuse(self, order_id: str, why: str) -> str:
        """Answer an order that could not even be read; its id."""
        self._answer(order_id, "", "", "refused", why)
        return order_id

    def _carry_out(self, order: Order, left_s: float) -> None:
        """Send it to its device, or say why not."""
        if left_s <= 0:
            self._end(order, "expired", f"it came {-left_s:.1f} s too late")
            return
        if len(self._waiting) >= _MAX_OPEN:
            self._end(order, "refused", f"{_MAX_OPEN} orders wait for their devices already")
            return
        failure = self._send_now(order)
        if failure is not None:
            self._end(order, "refused", failure)
            return
        if is_own(order):
            self._answer(order.id, order.device, order.name, "accepted")
            self._answer(order.id, order.device, order.name, "confirmed")
            return
        timer = asyncio.get_running_loop().call_later(self._policy.confirm_s, self._time_out, order)
        self._waiting[order.id] = _Waiting(order, timer)
        self._answer(order.id, order.device, order.name, "accepted")

    def _send_now(self, order: Order) -> str | None:
        """None where it was sent, or done here, else why not."""
        if is_own(order):
            return self._own.do(order)
        command = Command(order.name, order.device, order.id, order.issued_at, order.args)
        try:
            heard = self._last_heard(order.device)
            sent = self._send(order.device, self._registry.encode(command, self._site, heard.topic, heard.family))
        except CannotEncode as error:
            return str(error)
        if sent:
            self._sent(order)
        return None if sent else "the device cannot be reached: its broker or its line is away"

    def heard(self, _message: Message, events: Iterable[Event]) -> None:
        """An event of a device: it may be the answer that an order waits for."""
        if not self._waiting:
            return
        for event in events:
            self._settle_by(event)

    def _settle_by(self, event: Event) -> None:
        for waiting in list(self._waiting.values()):
            state = answered(waiting.order, event)
            if state is not None:
                self._end(waiting.order, state, event.text or event.code)

    def _time_out(self, order: Order) -> None:
        self._end(order, "timeout", "the device showed nothing in time")

    def _end(self, order: Order, state: State, text: str | None) -> None:
        waiting = self._waiting.pop(order.id, None)
        if waiting is not None:
            waiting.timer.cancel()
        self._answer(order.id, order.device, order.name, advance("accepted" if waiting else None, state), text)

    def _answer(self, order_id: str, device: str, name: str, state: State, text: str | None = None) -> None:
        log.info("order", id=order_id, device=device, name=name, state=state, text=text)
        event = Event(
            kind="command_result",
            device="gateway",
            point=device or None,
            label=name or None,
            request_id=order_id,
            state=state,
            ok=None if state == "accepted" else state == "confirmed",
            text=text,
            time=self._now(),
        )
        self._say(event, [(_END, [(order_id,)])] if state in ENDED else [])
