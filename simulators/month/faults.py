"""Which visits a fault can befall, and under which class reconciliation must list it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from simulators.month.words import Expected, Fault, Shift, Stray, Visit, Way

_PHONE: tuple[Way, ...] = ("wechat", "alipay")
_PAYING: tuple[Way, ...] = ("wechat", "alipay", "cash")
WAYS: dict[Fault, tuple[Way, ...]] = {
    "misread_exit": _PAYING,
    "no_entry": _PAYING,
    "unread_entry": _PAYING,
    "unread_exit": _PAYING,
    "read_twice": _PAYING,
    "clock_behind": _PAYING,
    "lost_exit": ("pass",),
    "tailgate": _PAYING,
    "by_hand": _PAYING,
    "callback_lost": _PHONE,
    "callback_doubled": _PHONE,
    "callback_late": _PHONE,
    "paid_twice": _PHONE,
    "refund_outside": _PHONE,
    "refund_processing": ("wechat",),  # the other's bill has no states of refunds
    "bill_lacks": _PHONE,
    "bill_differs": _PHONE,
}
# A fault that is mended before the day is looked at is none: nothing must be found of it.
EXPECTED: dict[Fault, str | None] = {
    "misread_exit": None,
    "no_entry": None,
    "unread_entry": None,
    "unread_exit": None,
    "read_twice": None,
    "clock_behind": None,
    "lost_exit": None,
    "tailgate": "tailgate",
    "by_hand": None,
    "callback_lost": "bill_paid_local_unpaid",
    "callback_doubled": None,
    "callback_late": None,
    "paid_twice": "duplicate_payment",
    "refund_outside": "refund_missing_local",
    "refund_processing": "refund_processing",
    "bill_lacks": "missing_in_bill",
    "bill_differs": "amount_mismatch",
}


def expected(visits: Iterable[Visit], shifts: Iterable[Shift], strays: Iterable[Stray]) -> Iterator[Expected]:
    """What must be found, and nothing else."""
    for visit in visits:
        kind = EXPECTED[visit.fault] if visit.fault else None
        if kind is not None:
            yield Expected(visit.left_at.date(), kind, f"visit {visit.number}")
    for shift in shifts:
        if shift.wrong_fen:
            yield Expected(shift.day, "shift_over" if shift.wrong_fen > 0 else "shift_short", f"shift {shift.number}")
    for number, stray in enumerate(strays):
        kind = "cash_deposit_unmatched" if stray.where == "bank" else "missing_local"
        yield Expected(stray.day, kind, f"stray {number}")
