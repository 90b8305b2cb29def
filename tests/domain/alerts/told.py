"""A short way to write an alert in a test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from domain.alerts.words import Alert

NOON = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)


def told(name: str, second: float = 0, rule: str = "door_forced", **changes: Any) -> Alert:
    fields: dict[str, Any] = {
        "id": name,
        "complex": "garden",
        "rule": rule,
        "severity": "high",
        "category": "security",
        "device": "uhppoted:1",
        "place": "gate",
        "occurred_at": NOON + timedelta(seconds=second),
        "reach_s": 300,
    }
    return Alert(**{**fields, **changes})
