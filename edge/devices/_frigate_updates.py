"""What Frigate says about its objects afterwards: reviews, recognitions, descriptions, triggers."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import msgspec

from domain.events import Event, Media, Subject
from edge.devices._fields import codes, decode_json, fields, items, keep_raw, text_in
from edge.devices._frigate_objects import KIND, PHASES, identity, lasting, names_in, share, shifted
from edge.devices._plates import plate_subject
from edge.devices._times import epoch, judged
from edge.devices.driver import BadMessage, Message, Reading, Site

Said = dict[str, Any]

_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


def read_review(message: Message, site: Site) -> Reading:
    """``frigate/reviews``: what belongs together for a person to look at. Raises BadMessage."""
    change = decode_json(_decode_object, message.payload, "not a review")
    before, after = fields(change.get("before")), fields(change.get("after"))
    phase = PHASES.get(text_in(change.get("type")) or "")
    if not after or phase is None:
        raise BadMessage(f"a review without after, or of type {text_in(change.get('type'))!r}")
    if phase == "update" and _relevant(before) == _relevant(after):
        return Reading([])
    return Reading([_review_event(after, phase, message, site)])


def _relevant(review: Said) -> tuple[object, ...]:
    seen = fields(review.get("data"))
    return review.get("severity"), seen.get("objects"), seen.get("zones"), seen.get("sub_labels"), seen.get("audio")


def _review_event(after: Said, phase: str, message: Message, site: Site) -> Event:
    """The severity is its state too: it rises once, and an update that says so is a fact of its own."""
    number, device = identity(after.get("id"), after.get("camera"))
    seen = fields(after.get("data"))
    newest = after.get("end_time") or _newest_detection(seen) or after.get("start_time")
    when, shift = lasting(newest if phase == "update" else after.get("start_time"), newest, message, site)
    path, severity = text_in(after.get("thumb_path")), text_in(after.get("severity"))
    return Event(
        kind="detection",
        device=device,
        time=when.time,
        time_quality=when.time_quality,
        device_time=when.device_time,
        retained=message.retained,
        source_event_id=number,
        phase=phase,
        state=severity,
        ended_at=shifted(after.get("end_time"), shift) if phase == "end" else None,
        label="review",
        severity=severity,
        zones=names_in(seen.get("zones")),
        media=[Media(role="scene", ref=path)] if path else [],
        ext={key: names for key in ("objects", "sub_labels", "detections") if (names := names_in(seen.get(key)))},
    )


def _newest_detection(seen: Said) -> float | None:
    """A review's updates carry no time; a detection's id begins with its own, and a new one causes an update."""
    heads = (text_in(number) or "" for number in items(seen.get("detections")))
    times = [time for head in heads if (time := epoch(head.partition("-")[0]))]
    return max(times).timestamp() if times else None


def read_update(message: Message, site: Site) -> Reading:
    """``frigate/tracked_object_update``: what was recognised on an object. Raises BadMessage."""
    said = decode_json(_decode_object, message.payload, "not an update of a tracked object")
    kind, number = text_in(said.get("type")), text_in(said.get("id"))
    if kind is None or number is None:
        raise BadMessage("an update without type or id")
    event = _event(said, message, site, source_event_id=number, confidence=share(said.get("score")))
    if kind in _UPDATES:
        _UPDATES[kind](event, said)
        return Reading([event])
    raw, kept = keep_raw(message, "json")
    return Reading([msgspec.structs.replace(event, code=kind, raw=raw, raw_codes=codes(said))], kept)


def read_trigger(message: Message, site: Site) -> Reading:
    """``frigate/triggers``: an object looked like what somebody searches for. Raises BadMessage."""
    said = decode_json(_decode_object, message.payload, "not a trigger")
    name = text_in(said.get("name"))
    if name is None:
        raise BadMessage("a trigger without name")
    event = _event(said, message, site, kind="detection", label="trigger", rule=name)
    event.source_event_id, event.confidence = text_in(said.get("event_id")), share(said.get("score"))
    return Reading([event])


def _event(said: Said, message: Message, site: Site, *, kind: str = "unknown", **rest: Any) -> Event:
    """Descriptions name no camera and no time: they are the recorder's own."""
    camera, sent = text_in(said.get("camera")), said.get("timestamp")
    when = judged(epoch(sent), sent, message, site)
    return Event(
        kind=kind,
        device=f"{KIND}:{camera}" if camera else KIND,
        time=when.time,
        time_quality=when.time_quality,
        device_time=when.device_time,
        retained=message.retained,
        **rest,
    )


def _plate(event: Event, said: Said) -> None:
    """The same fact as the plate on frigate/events: same object, same plate."""
    event.kind = "plate"
    event.subject = plate_subject(text_in(said.get("plate")))
    event.subject.name = text_in(said.get("name"))


def _face(event: Event, said: Said) -> None:
    """Sent after every attempt, also below the threshold: a name is a guess with a confidence."""
    name = text_in(said.get("name"))
    event.kind, event.phase, event.label = "detection", "update", "face"
    event.subject = Subject(type="person", name=name) if name else None


def _description(event: Event, said: Said) -> None:
    event.kind, event.phase, event.label = "detection", "update", "description"
    event.text = text_in(said.get("description"))


def _classification(event: Event, said: Said) -> None:
    event.kind, event.phase, event.label = "detection", "update", "classification"
    event.rule = text_in(said.get("model"))
    event.value = text_in(said.get("sub_label")) or text_in(said.get("attribute"))


_UPDATES: MappingProxyType[str, Callable[[Event, Said], None]] = MappingProxyType(
    {"lpr": _plate, "face": _face, "description": _description, "classification": _classification}
)
