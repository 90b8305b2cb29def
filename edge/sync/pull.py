"""Desired state and orders down from the centre: a long poll that says what is in force and is answered on a change."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
import structlog

from domain.desired import FORMS, Document
from domain.orders import Order, Time
from edge.control.desired import DesiredState
from edge.control.orders import Orders
from edge.sync.transport import Refused, Uplink, UplinkDown, understood
from eventlog.follow import rung_or_after
from eventlog.log import LogBroken

log = structlog.get_logger()

DESIRED = "/v1/desired"
_WAIT_S = 25.0
_MOST_PAUSE_S = 4.0  # this request is light: it finds the centre again, and whoever else waits is rung by it
_MAX_AT_ONCE = 1_000


class _NotApplied(Exception):
    """The answer held a document that cannot be applied; the next one leaves that out."""


class _Answer(msgspec.Struct):
    documents: Annotated[list[Document], msgspec.Meta(max_length=_MAX_AT_ONCE)]
    orders: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=_MAX_AT_ONCE)]
    server_time: Time


class Pull:
    """Asks until cancelled; after a failure it pauses, and says so."""

    def __init__(
        self,
        uplink: Uplink,
        desired: DesiredState,
        orders: Orders,
        mend: Callable[[LogBroken], Awaitable[None]],
        retry_s: Callable[[int], float],
        hurry: asyncio.Event,
        wait_s: float = _WAIT_S,
        most_pause_s: float = _MOST_PAUSE_S,
    ) -> None:
        """``hurry`` ends a pause: the centre is there again, and a revocation must not wait. No pause is longer than
        ``most_pause_s``, however long the centre was away."""
        self._uplink, self._desired, self._orders, self._mend = uplink, desired, orders, mend
        self._retry_s, self._most_pause_s = retry_s, most_pause_s
        self._hurry, self._wait_s = hurry, wait_s
        self._orders_done: list[str] = []

    async def run(self) -> None:
        failures = 0
        while True:
            try:
                await self._round()
                failures = 0
                continue
            except LogBroken as error:
                await self._mend(error)
            except (UplinkDown, Refused, _NotApplied) as error:
                log.warning("pull_waits", error=str(error))
            except Exception as error:  # noqa: BLE001 - the edge of a loop: shown, and tried again
                log.error("pull_failed", error=repr(error))
            failures += 1
            await rung_or_after(self._hurry, min(self._retry_s(failures), self._most_pause_s))

    async def _round(self) -> None:
        """One request and what its answer asks for: orders first, since they expire."""
        said = understood(await self._uplink.send_json("POST", DESIRED, self._asked()), _Answer)
        orders, unread = _read(said.orders)
        taken = await self._orders.take(orders, said.server_time)
        self._orders_done = [*taken, *(self._orders.refuse(order_id, why) for order_id, why in unread.items())]
        if not await self._desired.apply(said.documents):
            raise _NotApplied("a document of the answer was refused, so all of it")

    def _asked(self) -> dict[str, Any]:
        return {
            "known": self._desired.known,
            "applied": self._desired.in_force.versions,
            "refused": list(self._desired.refused.values()),
            "orders_done": self._orders_done,
            "forms": dict(FORMS),
            "wait_s": self._wait_s,
        }


def _read(orders: list[dict[str, Any]]) -> tuple[list[Order], dict[str, str]]:
    """The orders that this program understands, and why not by the id of each other: one must not hold up the rest."""
    found: list[Order] = []
    unread: dict[str, str] = {}
    for order in orders:
        try:
            found.append(msgspec.convert(order, Order))
        except msgspec.ValidationError as error:
            unread[str(order.get("id"))] = f"not an order this version understands: {error}"
    return found, unread
