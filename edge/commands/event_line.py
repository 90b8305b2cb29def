"""An event for a person who watches: what it says in a short phrase, and without what tells whom it is about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from domain.events import Event, Subject, to_plain
from domain.plates import mask

_NAMES_NOBODY = frozenset({"object"})  # a tracker's number for what it sees
_GATEWAY = "gateway"  # what the agent says of itself is of nobody
# What a masked event may show. A list of what may, not of what may not: a field that a new driver fills with a name
# stays hidden until somebody has thought about it.
# fmt: off
_SHOWN = (
    "kind", "device", "time", "time_quality", "recorded_at", "channel", "point", "lane", "place",
    "source_event_id", "seq", "retained", "phase", "ended_at", "subject", "result", "method", "reason",
    "reason_code", "direction", "travel", "alarm", "state", "confidence", "severity", "zones", "rule", "label",
    "metrics", "trigger", "code", "state_code", "ok", "link",
)
# fmt: on


def phrase(event: Event) -> str:
    """What an event says, in the words of its fields; of one line."""
    return " ".join(" ".join(_words(event)).split())


def _words(event: Event) -> Iterator[str]:
    for said in (event.alarm, event.label, event.state, event.result, event.reason):
        if said:
            yield said
    if event.subject is not None and event.subject.id:
        yield f"{event.subject.type} {event.subject.id}"
    if event.direction in ("in", "out"):
        yield event.direction
    for where, value in (("at", event.point), ("lane", event.lane), ("in", event.place)):
        if value:
            yield f"{where} {value}"
    yield from (f"{name} {value:g}" for name, value in event.metrics.items())
    if event.text:
        yield event.text


def masked(event: Event) -> Event:
    """The event without plates, cards, names, and whatever nobody has looked at."""
    kept: dict[str, Any] = {name: getattr(event, name) for name in _SHOWN}
    if event.device == _GATEWAY:
        kept["text"] = event.text
    if event.subject is not None:
        kept["subject"] = _masked(event.subject)
    return Event(**kept)


def _masked(subject: Subject) -> Subject:
    if subject.type in _NAMES_NOBODY:
        return subject
    identity = None if subject.id is None else "***" if subject.type == "pin" else mask(subject.id)
    return msgspec.structs.replace(subject, id=identity, name=None if subject.name is None else "***")


def as_json(stream: str, position: int, event: Event) -> bytes:
    """One line for a script: where it lies in the log, and its fields as ``decode`` shows them."""
    return msgspec.json.encode({"stream": stream, "position": position, **to_plain(event)})
