"""What a lane's decisions and openings are in the log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from domain.events import Event, Subject
from domain.lanes.decide import Verdict
from domain.lanes.settings import Lane

_RESULTS = {"open": "granted", "pay": "pending", "refuse": "denied"}


def mark(event: Event, result: str, reason: str) -> None:
    """A read that only asked is no passage; one that opened is."""
    event.result, event.reason = result, reason


def mark_of(verdict: Verdict) -> tuple[str, str] | None:
    """How a read is marked by what was decided of it; None where it stays what it is: a record of what was."""
    if verdict.action == "ignore":
        return ("pending", verdict.reason) if verdict.reason == "turned_back" else None
    return _RESULTS[verdict.action], verdict.reason


def decided(
    lane: Lane,
    event: Event,
    verdict: Verdict,
    now: datetime,
    by: str,
    request_id: str | None = None,
    failure: str | None = None,
) -> Event:
    """The decision: for which plate, by which documents, what is due, and whether the order could be sent."""
    return Event(
        kind="barrier",
        device=lane.barrier.device,
        point=lane.barrier.point or None,
        lane=event.lane,
        place=event.place,
        direction=lane.direction,
        time=now,
        label="decision",
        subject=event.subject,
        result=_RESULTS[verdict.action],
        reason=verdict.reason,
        rule=by or None,
        method=event.method,
        request_id=request_id,
        ok=None if failure is None else False,
        text=failure,
        ext={"decided_by": "gateway", "lane": lane.id, **_money(verdict)},
    )


def let_through(event: Event, reason: str, by: str | None = None) -> Event:
    """A car that had asked and is let through later: a passage at the moment it was read, as its fee was reckoned."""
    number = f"let/{event.source_event_id}" if event.source_event_id else None
    ext = {**event.ext, "decided_by": "gateway", **({"by": by} if by else {})}
    changed: dict[str, Any] = {"result": "granted", "reason": reason, "source_event_id": number, "ext": ext}
    return msgspec.structs.replace(event, recorded_at=None, **changed)


def went_back(event: Event, now: datetime) -> Event:
    """A car for which the arm went up and which turned round: on the side again that it came from."""
    number = f"back/{event.source_event_id}" if event.source_event_id else None
    other = "out" if event.direction == "in" else "in"
    ext = {**event.ext, "decided_by": "gateway"}
    changed: dict[str, Any] = {"direction": other, "time": now, "time_quality": "ok", "device_time": None}
    changed |= {"result": "granted", "reason": "turned_back", "source_event_id": number, "ext": ext}
    return msgspec.structs.replace(event, recorded_at=None, trigger=None, **changed)


def typed(lane: Lane, plate: str, color: str, order_id: str, now: datetime) -> Event:
    """A plate that a person typed, for a car that no camera could read."""
    return Event(
        kind="plate",
        device=lane.readers[0].device,
        channel=lane.readers[0].channel or None,
        lane=lane.id,
        direction=lane.direction,
        time=now,
        source_event_id=f"typed/{order_id}",
        subject=Subject(type="plate", id=plate, plate_color=color, plate_status="read"),
        method="qr",
    )


def opening(lane: Lane, event: Event | None, code: str, request_id: str | None, now: datetime) -> Event:
    """What became of an opening: ``confirmed``, ``timeout``, ``opened_by_hand``."""
    return Event(
        kind="barrier",
        device=lane.barrier.device,
        point=lane.barrier.point or None,
        lane=event.lane if event else lane.id,
        place=event.place if event else None,
        direction=lane.direction,
        time=now,
        label="opening",
        code=code,
        subject=event.subject if event else None,
        request_id=request_id,
        ok=None if code == "opened_by_hand" else code == "confirmed",
        ext={"decided_by": "gateway", "lane": lane.id},
    )


def payment(lane: Lane, plate: str, fen: int, by: str, request_id: str, now: datetime) -> Event:
    """That a payment was heard of, and by which order or tap."""
    return Event(
        kind="barrier",
        device=lane.barrier.device,
        point=lane.barrier.point or None,
        lane=lane.id,
        direction=lane.direction,
        time=now,
        label="payment",
        subject=Subject(type="plate", id=plate),
        request_id=request_id,
        ext={"decided_by": "gateway", "lane": lane.id, "fen": fen, "by": by},
    )


def by_hand(lane: Lane, by: str, why: str, failure: str | None, now: datetime) -> Event:
    """A person opened: who, and for what reason."""
    return Event(
        kind="barrier",
        device=lane.barrier.device,
        point=lane.barrier.point or None,
        lane=lane.id,
        direction=lane.direction,
        time=now,
        label="by_hand",
        method="remote",
        ok=None if failure is None else False,
        text=why if failure is None else f"{why}: {failure}",
        ext={"decided_by": "gateway", "lane": lane.id, "by": by},
    )


def alarm(lane: Lane, event: Event | None, name: str, now: datetime) -> Event:
    """What a person should look at."""
    return Event(
        kind="alarm",
        device=lane.barrier.device,
        point=lane.barrier.point or None,
        lane=event.lane if event else lane.id,
        direction=(event.direction if event else None) or lane.direction,
        place=event.place if event else None,
        time=now,
        alarm=name,
        state="active",
        subject=event.subject if event else None,
        media=list(event.media) if event else [],
        ext={"decided_by": "gateway", "lane": lane.id},
    )


def _money(verdict: Verdict) -> dict[str, Any]:
    said = {"fee_fen": verdict.fee_fen, "due_fen": verdict.due_fen, "tariff": verdict.tariff}
    since = verdict.entered_at.isoformat() if verdict.entered_at else None
    return {name: value for name, value in {**said, "entered_at": since}.items() if value is not None}
