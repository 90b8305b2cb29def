"""Discounts after the fee: by time, by amount, by percent or all of it, each a negative line with its own account."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from domain.tariff.charges import NoPrice
from domain.tariff.fee import BadStay, Line, Quote

Kind = Literal["minutes", "fen", "percent", "full"]
_ORDER: tuple[Kind, ...] = ("minutes", "fen", "percent", "full")
_WORDS = {"minutes": "{} min", "fen": "{} fen", "percent": "{} %", "full": "all"}


class Discount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is taken off a fee. ``amount``: minutes, fen or percent by its kind."""

    name: Annotated[str, Meta(min_length=1, max_length=60)]
    kind: Kind
    amount: Annotated[int, Meta(ge=0, le=10_000_000)] = 0
    account: str = ""  # of the ledger, below ``discount:``; else the name

    def __post_init__(self) -> None:
        if self.kind == "percent" and not 0 < self.amount <= 100:
            raise ValueError(f"{self.name}: `amount` of a percent is 1 to 100, not {self.amount}")
        if self.kind in ("minutes", "fen") and not self.amount:
            raise ValueError(f"{self.name}: `amount` of {self.kind} is above 0")


Reprice = Callable[[datetime, datetime], Quote]


def discounted(quote: Quote, discounts: Sequence[Discount], entry: datetime, exit: datetime, reprice: Reprice) -> Quote:
    """The quote with its discounts as further lines; never below 0.

    Minutes are taken off the end of the stay and together: the stay is priced again as one so much shorter. What then
    remains is reduced by amounts, then percent, then what is free altogether.
    """
    lines, left = list(quote.lines), quote.fee_fen
    spent = timedelta()
    for one in sorted(discounts, key=lambda one: _ORDER.index(one.kind)):
        if one.kind == "minutes":
            spent = min(spent + timedelta(minutes=one.amount), exit - entry)
            off = max(0, left - _shorter(reprice, entry, exit - spent, left))
        else:
            off = min(left, _off(one, left))
        at = lines[-1].end if lines else exit
        text = _WORDS[one.kind].format(one.amount)
        lines.append(Line(at, at, f"discount {one.name}: {text}", 0, -off, f"discount:{one.account or one.name}"))
        left -= off
    return msgspec.structs.replace(quote, fee_fen=left, lines=tuple(lines))


def _shorter(reprice: Reprice, entry: datetime, until: datetime, left: int) -> int:
    """What the stay would have cost until then; where the tariff has no price for that, what it costs."""
    if until <= entry:
        return 0
    try:
        return reprice(entry, until).fee_fen
    except (NoPrice, BadStay):
        return left


def _off(one: Discount, left: int) -> int:
    match one.kind:
        case "fen":
            return one.amount
        case "percent":
            return (left * one.amount + 50) // 100
        case _:
            return left
