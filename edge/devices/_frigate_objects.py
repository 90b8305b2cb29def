"""Objects that Frigate tracks. It sends every better frame: only changes that matter give events."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import msgspec

from domain.events import Event, Media, Subject
from edge.devices._fields import decode_json, flag, items, number_in, text_in
from edge.devices._plates import looks_like_plate, plate_subject
from edge.devices._times import epoch, judged
from edge.devices.driver import BadMessage, JudgedTime, Message, Reading, Site

KIND = "frigate"
PHASES = MappingProxyType({"new": "start", "update": "update", "end": "end"})
_TWO_WHEELS = frozenset({"bicycle", "motorcycle"})
_LIFT = re.compile(r"(?:^|[_ -])(?:lift|elevator)[_ -]?\d*$", re.IGNORECASE)


class Tracked(msgspec.Struct):
    """One side of a change; which fields there are differs by version."""

    id: Any = None
    camera: Any = None
    label: Any = None
    sub_label: Any = None  # a name, or [name, score]
    frame_time: Any = None
    start_time: Any = None
    end_time: Any = None
    score: Any = None
    false_positive: Any = None
    stationary: Any = None
    entered_zones: Any = None
    has_snapshot: Any = None
    recognized_license_plate: Any = None
    recognized_license_plate_score: Any = None


class _Change(msgspec.Struct):
    type: Any = None
    before: Tracked | None = None
    after: Tracked | None = None


_decode_change = msgspec.json.Decoder(_Change).decode


def read_object(message: Message, site: Site) -> Reading:
    """An object appeared, changed in what matters, or went; its plate was read. Raises BadMessage."""
    change = decode_json(_decode_change, message.payload, "not a change of a tracked object")
    phase = PHASES.get(text_in(change.type) or "")
    if change.after is None or phase is None:
        raise BadMessage(f"a change without after, or of type {text_in(change.type)!r}")
    after, before = change.after, change.before
    if before is None or phase == "start":
        before = Tracked()  # what is new was nothing before, whatever is sent
    if flag(after.false_positive):
        return Reading([])
    events = [_plate_event(after, message, site)] if _plate(after)[0] not in (None, _plate(before)[0]) else []
    if phase != "update" or _relevant(before) != _relevant(after):
        events.append(_object_event(after, phase, message, site))
    return Reading(events)


def identity(number: object, camera: object) -> tuple[str, str]:
    """The object's or review's own number, and its camera as a device. Raises BadMessage."""
    said, name = text_in(number), text_in(camera)
    if said is None or name is None:
        raise BadMessage("no id or no camera")
    return said, f"{KIND}:{name}"


def name_and_score(value: object) -> tuple[str | None, float | None]:
    """A name and its score, from a name or from a pair."""
    pair = items(value)
    return (text_in(pair[0]), share(pair[1])) if len(pair) == 2 else (text_in(value), None)


def share(value: object) -> float | None:
    """A score as a share; None for what is none."""
    number = number_in(value)
    return float(number) if number is not None and 0 <= number <= 1 else None


def names_in(value: object) -> list[str]:
    """Names of zones, labels or objects; anything else in the list is left out."""
    return [name for name in items(value) if isinstance(name, str)]


def lasting(sent: object, newest: object, message: Message, site: Site) -> tuple[JudgedTime, timedelta | None]:
    """The time of something that may have begun long ago: its newest time is held against the receipt.

    Returns the judged ``sent`` and the shift to give any other time of the message; None where the clock is bad.
    """
    held = epoch(newest) or epoch(sent)
    when = judged(held, newest or sent, message, site)
    if held is None or when.time is None:
        return when, None
    shift = when.time - held
    return JudgedTime(shifted(sent, shift), when.time_quality, when.device_time and str(sent)), shift


def shifted(sent: object, shift: timedelta | None) -> datetime | None:
    """``sent`` moved by what its clock is wrong; None where it is no time, or the clock is bad."""
    time = epoch(sent)
    return None if time is None or shift is None else time + shift


def _relevant(side: Tracked) -> tuple[object, ...]:
    return text_in(side.label), name_and_score(side.sub_label)[0], names_in(side.entered_zones), flag(side.stationary)


def _plate(side: Tracked) -> tuple[str | None, float | None]:
    """The plate and its score. Frigate puts the name of a known plate into sub_label: some name it by the plate."""
    text, score = name_and_score(side.recognized_license_plate)
    if text:
        return text, score if score is not None else share(side.recognized_license_plate_score)
    name, score = name_and_score(side.sub_label)
    return (name, score) if name and looks_like_plate(name) else (None, None)


def _plate_event(after: Tracked, message: Message, site: Site) -> Event:
    number, device = identity(after.id, after.camera)
    sent = after.frame_time or after.start_time
    when = judged(epoch(sent), sent, message, site)
    text, score = _plate(after)
    return Event(
        kind="plate",
        device=device,
        time=when.time,
        time_quality=when.time_quality,
        device_time=when.device_time,
        retained=message.retained,
        source_event_id=number,
        subject=plate_subject(text),
        confidence=score,
        zones=names_in(after.entered_zones),
        media=_snapshot(after, number),
    )


def _object_event(after: Tracked, phase: str, message: Message, site: Site) -> Event:
    number, device = identity(after.id, after.camera)
    newest = after.end_time or after.frame_time
    when, shift = lasting(after.frame_time if phase == "update" else after.start_time, newest, message, site)
    label = text_in(after.label)
    in_lift = label in _TWO_WHEELS and _is_lift(after)
    return Event(
        kind="detection",
        device=device,
        time=when.time,
        time_quality=when.time_quality,
        device_time=when.device_time,
        retained=message.retained,
        source_event_id=number,
        phase=phase,
        ended_at=shifted(after.end_time, shift) if phase == "end" else None,
        label="ebike_in_elevator" if in_lift else label,
        reason_code=label if in_lift else None,
        subject=_subject(label, after.sub_label),
        confidence=share(after.score),
        zones=names_in(after.entered_zones),
        media=_snapshot(after, number),
    )


def _is_lift(after: Tracked) -> bool:
    """Whether this is a cabin: the installer ends the name of its camera or zone in lift or elevator, or in lift_2."""
    return any(_LIFT.search(name) for name in (text_in(after.camera) or "", *names_in(after.entered_zones)))


def _subject(label: str | None, sub_label: object) -> Subject | None:
    name = name_and_score(sub_label)[0]
    return Subject(type="person" if label == "person" else "object", name=name) if name else None


def _snapshot(after: Tracked, number: str) -> list[Media]:
    """Where Frigate's own API keeps the best picture."""
    if not flag(after.has_snapshot):
        return []
    return [Media(role="scene", type="image/jpeg", ref=f"/api/events/{number}/snapshot.jpg")]
