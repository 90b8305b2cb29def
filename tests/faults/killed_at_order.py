"""An agent that is killed -9 the moment an order has gone to its device. Called with ``keep_last``, the broken one:
it makes the order's id durable after that, not before, and the tests must see what that does."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from domain.orders import Order
from edge.commands import app as cli
from edge.control.orders import Orders
from edge.devices.driver import Publish
from edge.transports.mqtt import MqttTransport

_publish = MqttTransport.publish


def _publish_and_die(self: MqttTransport, message: Publish) -> bool:
    """Once, so that the next life shows what was remembered of this one."""
    sent = _publish(self, message)
    killed = Path("killed")
    if sent and not killed.exists():
        self._writable()  # what was sent lies in the stream until then
        killed.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return sent


async def _keep_last(self: Orders, orders: Sequence[Order], server_time: datetime) -> list[str]:
    for order in orders:
        if not await self._is_known(order.id):
            loop = asyncio.get_running_loop()
            self._centre.heard(server_time, loop.time())
            self._carry_out(order, (order.expires_at - self._centre.now(loop.time())).total_seconds())
    await self._keep(orders)
    return [order.id for order in orders]


def main() -> None:
    MqttTransport.publish = _publish_and_die  # type: ignore[method-assign]
    if sys.argv.pop(1) == "keep_last":
        Orders.take = _keep_last  # type: ignore[method-assign]
    cli.main()


if __name__ == "__main__":
    main()
