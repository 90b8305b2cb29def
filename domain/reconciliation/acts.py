"""What a person may do about an open item, by its class, and the money that it moves."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from domain.ledger import Line
from domain.reconciliation.items import Item

Act = Literal["mark_paid", "to_suspense", "propose_refund", "write_off", "noted"]
ACTS: tuple[Act, ...] = ("mark_paid", "to_suspense", "propose_refund", "write_off", "noted")

LONG, SHORT = "suspense:long", "suspense:short"
_WRITTEN_OFF, _RECEIVABLE, _BANK = "writeoff", "receivable:sessions", "bank"
_OF: Mapping[str, tuple[Act, ...]] = MappingProxyType(
    {
        "bill_paid_local_unpaid": ("mark_paid", "to_suspense", "propose_refund"),
        "missing_local": ("to_suspense", "propose_refund"),
        "missing_in_bill": ("to_suspense", "write_off"),
        "amount_mismatch": ("to_suspense",),
        "duplicate_payment": ("propose_refund",),
        "refund_missing_local": ("to_suspense",),
        "refund_missing_in_bill": ("to_suspense",),
        "charge_underpaid": ("write_off",),
        "charge_overpaid": ("propose_refund",),
        "shift_short": ("write_off",),
        "settlement_unmatched": ("to_suspense",),
        "cash_deposit_unmatched": ("to_suspense",),
        "settlement_missing": ("to_suspense",),
    }
)


class NoAct(ValueError):
    """An act that is none for the item; the message says which there are."""


def acts_for(item: Item) -> tuple[Act, ...]:
    """What may be done about an item; words and a document close any."""
    return (*(act for act in _OF.get(item.kind, ()) if act != "propose_refund" or refundable_fen(item) > 0), "noted")


def refundable_fen(item: Item) -> int:
    """How much there is to give back: all that came, or what came too much."""
    if item.kind == "charge_overpaid":
        return (item.bill_fen or 0) - (item.local_fen or 0)
    return item.bill_fen or 0


def gap_fen(item: Item) -> int:
    """What the other side says beyond what we say; less than 0: too little."""
    return (item.bill_fen or 0) - (item.local_fen or 0)


def lines_of(item: Item, act: Act) -> tuple[Line, ...]:
    """What the act books; nothing for an act that moves none. Raises NoAct."""
    if act not in acts_for(item):
        raise NoAct(f"{item.kind} can be closed by {', '.join(acts_for(item))}, not by {act}")
    gap = gap_fen(item)
    if not gap or act not in ("to_suspense", "write_off"):
        return ()
    where = account_of(item)
    if act == "write_off":
        return (Line(_WRITTEN_OFF, -gap), Line(where, gap)) if gap < 0 else ()
    return (Line(where, gap), Line(LONG, -gap)) if gap > 0 else (Line(SHORT, -gap), Line(where, gap))


def account_of(item: Item) -> str:
    """Where the money of an item lies, or is missed."""
    if item.channel == "charge":
        return _RECEIVABLE
    if item.channel == "cash":
        return SHORT  # the count itself was booked there when the shift was closed
    return _BANK if item.channel == "bank" else f"clearing:{item.channel}"
