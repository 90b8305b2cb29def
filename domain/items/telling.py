"""Who is to be told that an item waits for them, to dispatch, take or review it; how bad it is. Once per turn."""

from __future__ import annotations

from typing import Literal, NamedTuple

from domain.alerts.words import Severity
from domain.duty.plan import LEVELS
from domain.items.categories import CATEGORIES
from domain.items.item import Item

ItemWhy = Literal["item_new", "item_sent", "item_unit", "item_back", "item_review"]
_URGENT_H = 4


class Call(NamedTuple):
    """Why somebody is called, and whom: ``person`` by name, ``unit``: a level or a unit without accounts; neither: who
    dispatches, who is who reviews too."""

    why: ItemWhy
    unit: str = ""
    person: str = ""


def call_of(item: Item, what: str) -> Call | None:
    """Whom an item calls after the act ``what``; None where nobody has to come: it was taken, or is over."""
    if item.status == "asked":
        return Call("item_new")
    if item.status == "sent":
        return Call("item_sent" if item.unit in LEVELS else "item_unit", unit=item.unit)
    if item.status == "done":
        return Call("item_review")
    if item.status == "taken" and what == "sent_back":
        return Call("item_back", person=item.doer)
    return None


def severity_of(category: str) -> Severity:
    """By its term: what is due in a few hours at any hour is urgent; nothing of an item is an emergency that would ring
    through somebody's quiet hours, for that is an alert's."""
    term = CATEGORIES[category]
    if term.is_working:
        return "low"
    return "high" if term.hours <= _URGENT_H else "medium"
