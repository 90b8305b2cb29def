"""What public revenue comes from and goes to, and which accounts it moves."""

from __future__ import annotations

from domain.ledger import Line

# As a complex names it; each is an account below its head.
INCOME = ("advert", "lease", "subsidy", "donation", "starting", "reward", "partner", "levy", "self_raised", "other")
SPENDING = ("security", "cleaning", "repair", "utilities", "greening", "lift", "fire", "event", "welfare", "other")
_HEADS = {"income": "income:public", "spending": "expense"}


class UnknownKind(ValueError):
    """A kind that is neither income nor spending of ours; the message says which there are."""


def account_of(side: str, kind: str) -> str:
    """The account that an entry moves besides the bank. Raises UnknownKind."""
    known = {"income": INCOME, "spending": SPENDING}.get(side, ())
    if kind not in known:
        raise UnknownKind(f"{side} {kind!r}: there are income {', '.join(INCOME)}; spending {', '.join(SPENDING)}")
    return f"{_HEADS[side]}:{kind}"


def lines_of(side: str, kind: str, fen: int) -> tuple[Line, ...]:
    """Income comes to the bank; spending goes from it. Raises UnknownKind."""
    account, sign = account_of(side, kind), 1 if side == "income" else -1
    return (Line("bank", sign * fen), Line(account, -sign * fen))
