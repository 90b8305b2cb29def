"""A backlog of 72 hours to the centre: 180,000 events in the agent's log, the uplink comes back."""

from __future__ import annotations

import shutil
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from domain.events import Event, Subject, encode_event, stream_of
from domain.ids import fact_id
from edge.store import open_store
from eventlog.log import Entry
from simulators.broker import NatsBroker
from tests.rig import Rig, until

_EVENTS, _REACH_S = 180_000, 10.0
_GROUP = 2_000


async def run(scale: float) -> list[dict[str, Any]]:
    """Seconds from the agent's start to the last event at the centre, and bytes an event on the wire."""
    folder, count = Path(tempfile.mkdtemp(prefix="gatehouse-bench-")), int(_EVENTS * scale)
    rig = Rig(folder, NatsBroker())
    try:
        rig.broker.start()
        await rig.start_server()
        await rig.enrol()
        await _fill(rig.edge_folder / "data", count)
        began = time.perf_counter()
        await rig.start_edge()
        await until(lambda: rig.centre_count() >= count, 120.0, 0.02)
        seconds = time.perf_counter() - began
        ((stored,),) = rig.centre_query("SELECT sum(length(body)) FROM batch")
    finally:
        rig.stop_all()
        shutil.rmtree(folder, ignore_errors=True)
    return [
        {
            "what": f"{count:,} events, agent's start included",
            "figure": round(seconds, 2),
            "unit": "s",
            "reach": _REACH_S,
            "reached": seconds <= _REACH_S,
            "events_per_s": round(count / seconds),
            "bytes_per_event": round(stored / count, 1),
        }
    ]


async def _fill(folder: Path, count: int) -> None:
    store = await open_store(folder, lambda: datetime.now(UTC))
    start = datetime.now(UTC) - timedelta(hours=72)
    for first in range(0, count, _GROUP):
        await store.append([_entry(number, start) for number in range(first, min(first + _GROUP, count))])
    await store.close()


def _entry(number: int, start: datetime) -> Entry:
    at = start + timedelta(milliseconds=1_440 * number)
    event = swipe(number, at) if number % 3 else plate(number, at)
    event.recorded_at = at + timedelta(milliseconds=40 + number % 17)
    return Entry(stream_of(event), encode_event(event), fact_id(event))


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
