"""What reconciliation finds: one item a payment, refund, shift, passage or payout, of a class, open or not."""

from __future__ import annotations

import msgspec

# Nothing is left to do; every other class is open until someone has closed it.
CLOSED = frozenset(
    {
        "matched",
        "matched_cross_day",
        "duplicate_refunded",
        "refund_matched",
        "shift_matched",
        "settlement_matched",
        "cash_deposit_matched",
        "exempt_exit",
    }
)
_CHANNELS = ("wechat", "alipay", "fund", "charge", "cash", "passage", "bank")


class Item(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """``bill_fen`` is what the other side says (a provider, the till, the bank), ``local_fen`` what we say."""

    channel: str
    key: str
    kind: str = msgspec.field(name="class")
    bill_fen: int | None
    local_fen: int | None
    action: str
    note: str = ""
    since: str = ""  # the day it was found, where that was an earlier one
    age_days: int = 0

    @property
    def is_open(self) -> bool:
        return self.kind not in CLOSED

    @property
    def identity(self) -> tuple[str, str]:
        return (self.channel, self.key)


def in_order(items: list[Item]) -> list[Item]:
    """One order, whatever the files' was: channels, payments before refunds, payouts before lines, then keys."""
    return sorted(items, key=_place)


def _place(item: Item) -> tuple[int, str, bool, str]:
    rank = _CHANNELS.index(item.channel) if item.channel in _CHANNELS else 2
    second = (item.bill_fen or item.local_fen or 0) < 0 or item.kind.startswith(("refund", "cash_deposit"))
    return (rank, item.channel, second, item.key)
