"""ONVIF events as events of ours: the Axis event bridge, ONVIF's own JSON (``onvif-ej``), and any other Notice."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import msgspec

from domain.events import Event
from edge.devices._fields import codes, decode_json, fields, keep_raw, number_in, text_in
from edge.devices._onvif_body import Seen, objects_in, plain, simple_items
from edge.devices._onvif_topics import (
    CHANNELS,
    CLASSES,
    OFF_WORDS,
    ON_WORDS,
    POINTS,
    STATE_FIELDS,
    Meaning,
    bare,
    meaning_of,
)
from edge.devices._plates import plate_subject
from edge.devices._times import epoch, iso_8601, judged
from edge.devices.driver import BadMessage, JudgedTime, Message, Reading, Site

AXIS, ONVIF = "axis", "onvif"
_MARK = "onvif-ej"
_UNKNOWN = Meaning("unknown")

Fields = dict[str, Any]

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Notice(msgspec.Struct, frozen=True):
    """One notification, whichever way it was written."""

    device: str
    levels: tuple[str, ...]  # of its topic, bare
    source: Fields
    data: Fields
    when: JudgedTime
    retained: bool
    is_gone: bool = False  # the property was deleted: over, whatever its last value
    token: str | None = None  # of the video source, where only the MQTT topic has it
    objects: tuple[Seen, ...] = ()


def decode(message: Message, site: Site) -> Reading:
    """What a camera says. Raises BadMessage."""
    said = decode_json(_decode, message.payload, "not an ONVIF event")
    return reading_of(
        _axis(said, message, site) if isinstance(said.get("message"), dict) else _ej(said, message, site), message
    )


def reading_of(notice: Notice, message: Message) -> Reading:
    """What a notification means, whichever way it was written; ``message`` is what it stood in."""
    meaning = meaning_of(notice.levels) or _UNKNOWN
    events = [_plate(notice, seen) for seen in notice.objects if seen.plate is not None]
    if events:
        return Reading(events)
    return _reading(meaning, notice, message)


def _axis(said: Fields, message: Message, site: Site) -> Notice:
    """``{timestamp, topic, message: {source, key, data}}``, all of it text; the serial number where that is set."""
    inner = fields(said["message"])
    topic = text_in(said.get("topic"))
    if topic is None:
        raise BadMessage("an Axis event without a topic")
    sent = said.get("timestamp")
    data = {**simple_items(inner.get("key")), **simple_items(inner.get("data"))}
    return Notice(
        device=f"{AXIS}:{text_in(said.get('serial')) or _axis_serial(message.topic)}",
        levels=bare(topic),
        source=simple_items(inner.get("source")),
        data=data,
        when=judged(epoch(sent), sent, message, site),
        retained=message.retained,
        objects=tuple(objects_in(data)),
    )


def _axis_serial(topic: str) -> str:
    """What stands before ``event``: the serial number, or whatever the prefix was set to. Raises BadMessage."""
    head, found, _ = topic.partition("/event/")
    serial = head.rpartition("/")[2]
    if not found or not serial:
        raise BadMessage(f"which camera? no serial in the event, and {topic!r} has none before /event/")
    return serial


def _ej(said: Fields, message: Message, site: Site) -> Notice:
    """``{UtcTime, Source, Key, Data, PropertyOperation}``; camera and topic stand in the MQTT topic alone."""
    prefix, found, rest = message.topic.partition(f"/{_MARK}/")
    if not found or not prefix:
        raise BadMessage(f"{message.topic!r} is no topic of ONVIF's JSON: no prefix before {_MARK}")
    if "UtcTime" not in said and "Data" not in said and "Source" not in said:
        raise BadMessage("neither UtcTime nor Source nor Data")
    topic, _, place = rest.partition("/&")
    sent = plain(said.get("UtcTime"))
    operation = (plain(said.get("PropertyOperation")) or plain(said.get("@PropertyOperation")) or "").lower()
    data = {**simple_items(said.get("Key")), **simple_items(said.get("Data"))}
    return Notice(
        device=f"{ONVIF}:{prefix}",
        levels=bare(topic),
        source=simple_items(said.get("Source")),
        data=data,
        when=judged(iso_8601(sent, UTC) or epoch(sent), sent, message, site),
        retained=message.retained or operation == "initialized",
        is_gone=operation == "deleted",
        token=text_in(place.partition("/")[0]),
        objects=tuple(objects_in(data)),
    )


def _reading(meaning: Meaning, notice: Notice, message: Message) -> Reading:
    match meaning.kind:
        case "detection" if not meaning.lasts:
            return Reading([_detected(notice, meaning, seen) for seen in notice.objects or (Seen(),)])
        case "detection":
            return _lasting(meaning, notice, message)
        case "alarm":
            return _alarm(meaning, notice, message)
        case "input":
            return _input(notice, message)
        case "measurement":
            return _count(notice, message)
        case _:
            return _unknown(notice, message)


def _event(kind: str, notice: Notice, **rest: Any) -> Event:
    rule, found = plain(notice.source.get("Rule")), _channel(notice)
    return Event(
        kind=kind,
        device=notice.device,
        time=notice.when.time,
        time_quality=notice.when.time_quality,
        device_time=notice.when.device_time,
        retained=notice.retained,
        channel=found,
        rule=rule,
        point=_point(notice, rule),
        **rest,
    )


def _channel(notice: Notice) -> str | None:
    said = (plain(notice.source.get(name)) for name in CHANNELS)
    return next((name for name in said if name is not None), notice.token)


def _point(notice: Notice, rule: str | None) -> str | None:
    """The contact or sensor, else the rule: two rules that see the same are two facts."""
    for name, word in POINTS.items():
        value = plain(notice.source.get(name))
        if value is not None:
            return f"{word}/{value}"
    return f"rule/{rule}" if rule else None


def _is_on(notice: Notice) -> bool | None:
    """Whether it began (True) or is over; None where no field says so."""
    if notice.is_gone:
        return False
    for name in STATE_FIELDS:
        word = _word(notice.data.get(name))
        if word in ON_WORDS or word in OFF_WORDS:
            return word in ON_WORDS
    return None


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return (plain(value) or "").lower()


def _detected(notice: Notice, meaning: Meaning, seen: Seen, **rest: Any) -> Event:
    """The number of an object begins again when the camera starts again."""
    return _event(
        "detection",
        notice,
        label=_label(seen, meaning),
        confidence=seen.confidence,
        source_event_id=seen.number,
        counter_restarts=seen.number is not None,
        **rest,
    )


def _label(seen: Seen, meaning: Meaning) -> str:
    said = (seen.label or "").lower()
    return CLASSES.get(said, said) or meaning.name


def _lasting(meaning: Meaning, notice: Notice, message: Message) -> Reading:
    """Something that begins and ends: a state, so without the number of an object."""
    on = _is_on(notice)
    if on is None:
        return _unknown(notice, message)
    seen = notice.objects[0] if notice.objects else Seen()
    label, phase = _label(seen, meaning), "start" if on else "end"
    return Reading([_event("detection", notice, label=label, confidence=seen.confidence, phase=phase)])


def _alarm(meaning: Meaning, notice: Notice, message: Message) -> Reading:
    """Its end is news only where its beginning was told; what is told by an instant alone has none."""
    on, code = _is_on(notice), "/".join(notice.levels)
    if on is None:
        return _unknown(notice, message)
    rest = {"alarm": meaning.name, "reason_code": code}
    if not meaning.lasts:
        return Reading([_event("alarm", notice, state="active", **rest)] if on else [])
    if on:
        return Reading([_event("alarm", notice, state="active", phase="start", **rest)])
    return Reading([], at_rest=[_event("alarm", notice, state="cleared", phase="end", **rest)])


def _input(notice: Notice, message: Message) -> Reading:
    on = _is_on(notice)
    return _unknown(notice, message) if on is None else Reading([_event("input", notice, value=int(on))])


def _count(notice: Notice, message: Message) -> Reading:
    number = number_in(plain(notice.data.get("Count")))
    if number is None:
        return _unknown(notice, message)
    return Reading([_event("measurement", notice, metrics={"count": float(number)})])


def _plate(notice: Notice, seen: Seen) -> Event:
    return _event(
        "plate",
        notice,
        subject=plate_subject(seen.plate),
        confidence=seen.plate_confidence,
        source_event_id=seen.number,
        counter_restarts=seen.number is not None,
    )


def _unknown(notice: Notice, message: Message) -> Reading:
    raw, kept = keep_raw(message, "xml" if message.payload[:1] == b"<" else "json")
    said = codes({"source": notice.source, "data": notice.data})
    return Reading([_event("unknown", notice, code="/".join(notice.levels)[:200], raw=raw, raw_codes=said)], kept)
