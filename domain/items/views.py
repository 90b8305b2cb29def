"""The three lists (需求、服务、任务): the same items, each list with its own columns. Nobody types anything twice."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from domain.items.item import OVER, Item, Status


class Need(NamedTuple):
    """Who asked for what, and what has become of it."""

    id: str
    asked_at: datetime
    words: str
    place: str
    status: Status


class Service(NamedTuple):
    """Which unit answers for what, until when, and whether it kept that."""

    id: str
    unit: str
    due_at: datetime
    is_late: bool
    status: Status


class Task(NamedTuple):
    """What a person has in hand, until when."""

    id: str
    doer: str
    taken_at: datetime
    due_at: datetime
    words: str


def needs(items: Iterable[Item]) -> list[Need]:
    """What residents asked for, the oldest first; tasks from alerts are nobody's need."""
    found = (item for item in items if not item.asked.alert)
    rows = [Need(item.id, item.asked.at, item.asked.words, item.asked.place, item.status) for item in found]
    return sorted(rows, key=lambda row: (row.asked_at, row.id))


def services(items: Iterable[Item], now: datetime) -> list[Service]:
    """What units answer for, what is due first, first."""
    found = [item for item in items if item.sent is not None]
    rows = [
        Service(item.id, item.sent.unit, item.sent.due_at, is_late(item, now), item.status)
        for item in found
        if item.sent is not None
    ]
    return sorted(rows, key=lambda row: (row.due_at, row.id))


def tasks(items: Iterable[Item]) -> list[Task]:
    """What is in somebody's hands, what is due first, first."""
    rows = [
        Task(item.id, item.doer, item.taken_at, item.sent.due_at, item.asked.words)
        for item in items
        if item.status == "taken" and item.sent is not None and item.taken_at is not None
    ]
    return sorted(rows, key=lambda row: (row.due_at, row.id))


def is_late(item: Item, now: datetime) -> bool:
    """Whether it was done after it was due, or is due and not done. What is over otherwise is not late."""
    if item.sent is None:
        return False
    if item.done is not None and item.status in ("done", "closed"):
        return item.done.at > item.sent.due_at
    return item.status not in OVER and now > item.sent.due_at
