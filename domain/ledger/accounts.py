"""The accounts: what stands in the ledger under which name. A name is a head and what is counted apart below it."""

from __future__ import annotations

import functools
import re
from typing import Literal

Kind = Literal["asset", "liability", "income", "expense"]

# Each head with the side it grows on. What may stand below a head (a channel, a shift, a coupon's name) is free.
HEADS: dict[str, Kind] = {
    "receivable:sessions": "asset",  # priced, and not yet paid
    "receivable:merchant": "asset",  # billed to shops for the coupons they gave, and not yet paid
    "debt:unpaid_exit": "asset",  # left without paying
    "clearing": "asset",  # of a channel: the provider has it, the bank not yet
    "cash:lane": "asset",  # of a shift
    "bank": "asset",
    "suspense:short": "asset",  # 短款: missing, and looked for
    "suspense:long": "liability",  # 长款: too much, and nobody's yet
    "refund_payable": "liability",
    "deferred:pass": "liability",  # paid for days that have not come
    "passthrough:ev:energy": "liability",  # the grid's, not ours
    "income:parking:temporary": "income",
    "income:parking:pass": "income",
    "income:ev:service": "income",
    "income:public": "income",  # adverts, leases, subsidies, donations: 公共收益
    "discount": "expense",
    "fee:channel": "expense",
    "writeoff": "expense",
    "expense": "expense",  # security, upkeep
}
_BELOW = re.compile(r"(?::[\w.-]{1,64}){0,3}")
_WITHOUT_MORE = frozenset(
    {"receivable:sessions", "receivable:merchant", "debt:unpaid_exit", "bank", "suspense:short", "suspense:long"}
)
_WITH_MORE = frozenset({"clearing", "cash:lane", "discount", "expense", "income:public"})


class UnknownAccount(ValueError):
    """A name that is no account of the ledger; the message says which there are."""


@functools.lru_cache(maxsize=4_096)  # the same few, at each line
def head_of(account: str) -> str:
    """The head an account stands under. Raises UnknownAccount."""
    head = max((head for head in HEADS if account == head or account.startswith(f"{head}:")), key=len, default=None)
    if head is None or not _fits(head, account[len(head) :]):
        raise UnknownAccount(f"{account!r} is no account: it begins with one of {', '.join(HEADS)}")
    return head


def check_account(account: str) -> None:
    """Raises UnknownAccount for a name that is none."""
    head_of(account)


def kind_of(account: str) -> Kind:
    """What the account is: assets and expenses grow by debit (+), the others by credit (-). Raises UnknownAccount."""
    return HEADS[head_of(account)]


def _fits(head: str, below: str) -> bool:
    if not _BELOW.fullmatch(below):
        return False
    return bool(below) if head in _WITH_MORE else not (below and head in _WITHOUT_MORE)
