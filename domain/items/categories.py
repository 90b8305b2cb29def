"""What items are about, and how long each may take: lives in hours, day and night; the rest in working hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import msgspec

from domain.duty.hours import end_of_wait
from domain.duty.plan import Plan
from domain.places import Hours, Place

_HOUR_S = 3_600


class Term(msgspec.Struct, frozen=True):
    """``is_working``: nights, weekends and holidays do not count."""

    hours: int
    is_working: bool = True


OTHER = "other"
CATEGORIES: Mapping[str, Term] = MappingProxyType(
    {
        "danger": Term(4, is_working=False),  # 安全隐患
        "fire_lane": Term(4, is_working=False),  # 消防通道、消防设施
        "flying_wire": Term(4, is_working=False),  # 飞线充电
        "lift": Term(4, is_working=False),
        "power": Term(8, is_working=False),
        "water": Term(8, is_working=False),
        "lighting": Term(16),
        "door": Term(16),
        "parking": Term(8),
        "cleaning": Term(8),
        "noise": Term(8),
        "facility": Term(24),
        "greening": Term(24),
        OTHER: Term(24),
    }
)


def office_hours(plan: Plan) -> tuple[Hours, ...]:
    """When offices work, as the duty ladder has it: the hours of the first rung that has some."""
    return next((rung.hours for rung in plan.device.rungs if rung.working), ())


def due_at(category: str, asked_at: datetime, working: Sequence[Hours], place: Place) -> datetime:
    """Until when: counted from when it was asked, however long it waited to be sent. Raises KeyError."""
    term = CATEGORIES[category]
    return end_of_wait(asked_at, term.hours * _HOUR_S, working if term.is_working else (), place)
