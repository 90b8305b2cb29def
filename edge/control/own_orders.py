"""What the centre can order of the gateway itself, and of its lanes: done here at once, by no device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

from domain.orders import Order

GATEWAY = "gateway"
LANE = "lane:"  # orders to a lane of this gateway, by its id

OwnOrder = Callable[[], str | None]  # why it could not be done
LaneOrder = Callable[[Order], str | None]


def is_own(order: Order) -> bool:
    """Whether no device is told."""
    return order.device == GATEWAY or order.device.startswith(LANE)


def _no_lane(order: Order) -> str | None:
    return f"this gateway decides no lane: {order.device}"


class OwnOrders(msgspec.Struct, frozen=True):
    """By name what the gateway can do, and who does what is ordered of a lane."""

    of_gateway: Mapping[str, OwnOrder] = MappingProxyType({})
    of_lane: LaneOrder = _no_lane

    def do(self, order: Order) -> str | None:
        """None where it was done, else why not."""
        if order.device.startswith(LANE):
            return self.of_lane(order)
        do = self.of_gateway.get(order.name)
        return do() if do else f"the gateway has no {order.name!r}; it has {', '.join(sorted(self.of_gateway))}"


NO_OWN = OwnOrders()
