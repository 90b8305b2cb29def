"""What a month came to: sums of accounts as people ask for them. Pure; in fen; income is positive here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import msgspec

_PARKING = ("income:parking:temporary", "income:parking:pass")
_LESS = ("discount", "fee:channel", "writeoff")
HEADS = (*_PARKING, "income:ev:service", "income:public", *_LESS, "expense")  # what a month is made of


class Came(msgspec.Struct, frozen=True):
    """A month in few numbers, for bars, tables over complexes and coverage."""

    temporary_fen: int = 0
    pass_fen: int = 0
    ev_fen: int = 0
    public_fen: int = 0
    discount_fen: int = 0
    fee_fen: int = 0
    writeoff_fen: int = 0
    security_fen: int = 0
    other_spending_fen: int = 0

    @property
    def parking_fen(self) -> int:
        """What parking came to, after discounts, channels' fees and what was written off."""
        return self.temporary_fen + self.pass_fen - self.discount_fen - self.fee_fen - self.writeoff_fen

    @property
    def income_fen(self) -> int:
        return self.parking_fen + self.ev_fen + self.public_fen

    @property
    def spending_fen(self) -> int:
        return self.security_fen + self.other_spending_fen

    @property
    def left_fen(self) -> int:
        return self.income_fen - self.spending_fen

    @property
    def coverage_percent(self) -> int | None:
        """How much of what security costs parking pays for; None where security cost nothing."""
        return self.parking_fen * 100 // self.security_fen if self.security_fen > 0 else None


def came(accounts: Mapping[str, int]) -> Came:
    """From what accounts moved by, debit positive."""

    def of(head: str, sign: int) -> int:
        return sign * sum(fen for name, fen in accounts.items() if name == head or name.startswith(f"{head}:"))

    security = of("expense:security", 1)
    return Came(
        temporary_fen=of("income:parking:temporary", -1),
        pass_fen=of("income:parking:pass", -1),
        ev_fen=of("income:ev:service", -1),
        public_fen=of("income:public", -1),
        discount_fen=of("discount", 1),
        fee_fen=of("fee:channel", 1),
        writeoff_fen=of("writeoff", 1),
        security_fen=security,
        other_spending_fen=of("expense", 1) - security,
    )


def month_of(day: date) -> str:
    return day.isoformat()[:7]


def days_of(month: str) -> tuple[date, date]:
    """First and last day. Raises ValueError for what is no month as 2026-11, from 2000 to 2100."""
    if len(month) != 7:
        raise ValueError(f"{month!r} is no month; write it as 2026-11")
    first = date.fromisoformat(f"{month}-01")
    if not 2000 <= first.year <= 2100:
        raise ValueError(f"{month!r}: months are from 2000 to 2100")
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def before(month: str, count: int = 1) -> str:
    """The month that many months earlier, or later where it is negative."""
    year, number = int(month[:4]), int(month[5:]) - 1 - count
    return f"{year + number // 12:04}-{number % 12 + 1:02}"


def quarter_of(month: str) -> tuple[str, list[str]]:
    """``2026-Q4`` and its three months."""
    number = (int(month[5:]) - 1) // 3
    return f"{month[:4]}-Q{number + 1}", [f"{month[:4]}-{number * 3 + place:02}" for place in (1, 2, 3)]


def last_quarter(today: date) -> tuple[str, list[str]]:
    """The newest quarter that is over."""
    return quarter_of(before(quarter_of(month_of(today))[1][0]))


def is_late(today: date, published: set[str], grace: timedelta) -> bool:
    """Whether the newest quarter that is over should be published by now, and is not."""
    _, months = last_quarter(today)
    end = days_of(months[-1])[1]
    return today > end + grace and not set(months) <= published
