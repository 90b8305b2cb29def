"""A short way to write a passage in a test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from domain.passages import Passage

NOON = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)


def seen(number: int, direction: str, second: int, **changes: Any) -> Passage:
    fields: dict[str, Any] = {
        "id": bytes([number]) * 16,
        "plate": "粤B8K6Q2",
        "lane": "east",
        "direction": direction,
        "occurred_at": NOON + timedelta(seconds=second),
        "device": "vzenith:7b5a",
    }
    return Passage(**{**fields, **changes})
