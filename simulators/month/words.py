"""The words of a month: visits, shifts of cash, cuts of the line, and what reconciliation must find."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

import msgspec

Lane = Literal["in-1", "in-2", "out-1", "out-2"]
# How a visit comes to its end at the barrier.
Way = Literal[
    "pass",  # a resident's
    "short",  # within the free time
    "wechat",  # by phone, standing at the exit
    "alipay",
    "before",  # by phone, before driving to the exit
    "late",  # paid before, and then stayed past the grace: the difference is asked for
    "cash",
    "gate_cash",  # the line to the centre is away: the guard takes cash at the gateway's own screen
    "gate_debt",  # the same, and it has no cash: let out, and owes
]
Fault = Literal[
    # at the gate
    "misread_exit",  # one sign of the exit's plate taken for its look-alike; the car is let out by a person
    "no_entry",  # the camera at the entrance saw nothing
    "unread_entry",  # it saw a car whose plate it could not read; a person lets it in
    "unread_exit",  # the same at the exit
    "read_twice",  # each camera tells the same passage twice
    "clock_behind",  # the clock of the camera at the exit is hours behind
    "lost_exit",  # the camera at the exit saw nothing; the car comes back another day
    "tailgate",  # out behind another car; nothing was paid
    "by_hand",  # let out by a person who gave a reason, and nothing was paid
    # with money
    "callback_lost",  # paid at the provider, never told, never asked for
    "callback_doubled",  # told twice: one payment
    "callback_late",  # told after minutes: the query was first
    "paid_twice",  # by two phones
    "refund_outside",  # given back by hand at the provider
    "refund_processing",  # on its way when the bill was made
    "bill_lacks",  # paid, and not on the bill
    "bill_differs",  # on the bill with another amount
]
Channel = Literal["wechat", "alipay"]


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One car's stay as it was: in truth, not as cameras told it. Times are aware and whole seconds."""

    number: int
    plate: str
    color: str
    entered_at: datetime
    left_at: datetime
    entrance: Lane
    exit: Lane
    way: Way
    fault: Fault | None = None
    exit_read: str | None = None  # what the camera at the exit read, where it is not the plate
    paid_before_s: int = 0  # of ways before and late: how long before leaving


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """A cashier's shift. ``wrong_fen``: what the count has too much (+) or too little (-)."""

    number: int
    day: date
    person: str
    opened_at: datetime
    closed_at: datetime
    float_fen: int
    wrong_fen: int = 0


class Cut(msgspec.Struct, frozen=True):
    """The line to the centre was away: what happened meanwhile arrives after it."""

    since: datetime
    until: datetime

    def touches(self, first: datetime, last: datetime) -> bool:
        """Whether it was away at some moment between these, both included."""
        return self.since <= last and first <= self.until


class Stray(msgspec.Struct, frozen=True):
    """Money that no visit explains: paid to the merchant's own code, or put on the bank's account."""

    day: date
    where: Literal["wechat", "alipay", "bank"]
    fen: int


class Expected(msgspec.Struct, frozen=True, order=True):
    """What reconciliation of a day must find: of a visit, a shift or a stray, by its number."""

    day: date
    kind: str  # the class
    about: str  # "visit 17", "shift 3", "stray 0"


class Month(msgspec.Struct, frozen=True, kw_only=True):
    """Everything, in order of time."""

    seed: int
    first: date
    days: int
    passes: tuple[str, ...]  # plates with a pass
    visits: tuple[Visit, ...]
    shifts: tuple[Shift, ...]
    cuts: tuple[Cut, ...]
    strays: tuple[Stray, ...]
    expected: tuple[Expected, ...]
