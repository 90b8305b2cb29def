"""What a newer version of a day's report says otherwise than an older one."""

from __future__ import annotations

import msgspec

from domain.reconciliation import Item
from server.store.day_views import Report


class Change(msgspec.Struct, frozen=True):
    """An item as it was and as it is; None where a version does not tell of it."""

    old: Item | None
    new: Item | None

    @property
    def item(self) -> Item:
        found = self.new or self.old
        if found is None:
            raise ValueError("a change of nothing")
        return found


def changes(old: Report, new: Report) -> list[Change]:
    """Items of another class or with other sums, in the order of their keys."""
    before, after = ({item.identity: item for item in one.items} for one in (old, new))
    both = sorted(before.keys() | after.keys())
    found = [Change(before.get(identity), after.get(identity)) for identity in both]
    return [one for one in found if _said(one.old) != _said(one.new)]


def _said(item: Item | None) -> tuple[object, ...] | None:
    return None if item is None else (item.kind, item.bill_fen, item.local_fen)
