"""The three lists (需求、服务、任务): each item stands in exactly one of them. Nobody types anything twice."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args

from domain.items.item import Item

List = Literal["need", "service", "task"]
LISTS: tuple[List, ...] = get_args(List)


def list_of(item: Item) -> List:
    """A resident's is a need until it is sent to a unit, a service from then on; what is of no resident is a task."""
    if item.origin in ("alert", "work"):
        return "task"
    return "need" if item.sent is None else "service"


def is_late(item: Item, now: datetime) -> bool:
    """Whether it was done after it was due, or is due and not done. What is over otherwise is not late."""
    if item.done is not None:
        return item.done.at > item.due_at
    return item.is_open and now > item.due_at
