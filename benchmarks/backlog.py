"""A gateway's log as 72 hours without the centre leave it: vendors' messages through their drivers, put in directly."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from benchmarks.messages import door_and_plate_messages
from domain.events import Event, encode_event, stream_of
from domain.ids import fact_id
from edge.devices.driver import Message, Site, discover
from edge.store.file import open_store
from eventlog.log import Entry

FAMILIES = {"uhppoted": "uhppoted-mqtt", "device": "vzenith-mqtt"}  # by the first word of a topic
_GROUP = 2_000
_OUTAGE = timedelta(hours=72)
_LATER = timedelta(milliseconds=40)


async def fill(folder: Path, count: int) -> None:
    """Append ``count`` events, evenly over the 72 hours that end now."""
    store = await open_store(folder, lambda: datetime.now(UTC))
    entries = (_entry(event) for event in _events(count, datetime.now(UTC) - _OUTAGE))
    while group := list(islice(entries, _GROUP)):
        await store.append(group)
    await store.close()


def _events(count: int, start: datetime) -> Iterator[Event]:
    registry, site, step = discover(), Site(), 2 * _OUTAGE / count
    for number, (topic, payload) in enumerate(door_and_plate_messages(count, start, step)):
        at = start + step * (number // 2) + _LATER
        message = Message(FAMILIES[topic.partition("/")[0]], payload, topic, received_at=at)
        for event in registry.decode(message, site).events:
            event.recorded_at = at
            yield event


def _entry(event: Event) -> Entry:
    return Entry(stream_of(event), encode_event(event), fact_id(event))
