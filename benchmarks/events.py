"""Canonical events for benchmarks of the centre alone, where no vendor is concerned."""

from __future__ import annotations

from datetime import datetime

from domain.events import Event, Subject


def swipe(number: int, at: datetime) -> Event:
    return Event(
        kind="access",
        device=f"uhppoted:{405419896 + number % 2}",
        time=at,
        point=f"door/{1 + number % 4}",
        source_event_id=str(number),
        subject=Subject(type="card", id=str(8_000_000 + number * 7_919 % 900)),
        result="granted",
        direction="in" if number % 2 else "out",
        method="card",
        reason="swipe",
        reason_code="1",
    )


def plate(number: int, at: datetime) -> Event:
    return Event(
        kind="plate",
        device="vzenith:fe71e106-57263272",
        time=at,
        source_event_id=f"fe71e106-57263272_{int(at.timestamp() * 1000)}",
        subject=Subject(
            type="plate", id=f"粤B{number * 7_919 % 1_000_000:06}", plate_color="blue", plate_status="read"
        ),
        lane="east-in",
        direction="in" if number % 2 else "out",
        confidence=0.9 + number % 10 / 100,
        travel="approaching",
        trigger="auto",
    )
