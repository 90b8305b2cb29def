"""Coupons of a stay: which of those given count when a car leaves, the same at the barrier and in the book."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from domain.tariff.discounts import Discount

# A car that waits at an exit is recorded as leaving when it was read: so long after that a coupon may still come.
WAITS = timedelta(minutes=15)


class Coupon(msgspec.Struct, frozen=True):
    """A coupon that was given to a stay. ``undone_at``: when it was taken back."""

    id: str
    discount: Discount
    given_at: datetime
    undone_at: datetime | None = None

    def counts(self, left: datetime) -> bool:
        """Whether a car that left then had it: what is taken back after that was had, and what comes later was not."""
        return self.given_at <= left + WAITS and (self.undone_at is None or self.undone_at > left)


def counting(coupons: Iterable[Coupon], left: datetime) -> tuple[Discount, ...]:
    """What is taken off the fee of a car that leaves then, the first given first. A coupon named twice is one."""
    once = {one.id: one for one in coupons if one.counts(left)}
    return tuple(one.discount for one in sorted(once.values(), key=lambda one: (one.given_at, one.id)))
