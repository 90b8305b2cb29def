"""What the objects of GA/T 1400 say: cars, two-wheelers, faces, people, and whether cameras are there."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import msgspec

from domain.events import Event, Subject
from domain.viid.capture import DOUBTS, LABELS, NO_PLATE, RAW_CODES, TIMES
from domain.viid.codes import IS_ONLINE, plate_color
from domain.viid.envelopes import Fields, Sent, number_field
from edge.devices._fields import codes, fields, flag, items, keep_raw, number_in, text_in, whole
from edge.devices._plates import looks_like_plate, plate_subject
from edge.devices._viid_objects import device_of, pictures_in, time_of
from edge.devices.driver import JudgedTime, Message, Picture, Reading, Site

_SEEN = ("NonMotorVehicle", "Face", "Person")
_SESSION = MappingProxyType({"Register": "online", "Keepalive": "online", "UnRegister": "offline"})


class Pass(msgspec.Struct, frozen=True):
    """One object on its way to an event."""

    sent: Sent
    message: Message
    site: Site

    @property
    def said(self) -> Fields:
        return self.sent.said

    def event(self, kind: str, when: JudgedTime | None = None, **rest: Any) -> Event:
        found = when or JudgedTime(None, "gateway")
        return Event(
            kind=kind,
            device=device_of(self.said, self.message),
            time=found.time,
            time_quality=found.time_quality,
            device_time=found.device_time,
            retained=self.message.retained,
            **rest,
        )


def read_object(sent: Sent, message: Message, site: Site) -> Reading:
    """The event that an object states. Raises BadMessage where it is nobody's."""
    return _READERS.get(sent.name, _unknown)(Pass(sent, message, site))


def _session(one: Pass) -> Reading:
    word = one.sent.name
    return Reading([one.event("availability", state=_SESSION[word], reason=word.lower())])


def _status(one: Pass) -> Reading:
    """A camera behind a capture system, as that has it; no sign of life of its own. Its password stands beside it."""
    state = IS_ONLINE.get(whole(one.said.get("IsOnline")) or 0)
    return Reading([] if state is None else [one.event("availability", point="listed", state=state)])


def _vehicle(one: Pass) -> Reading:
    said = one.said
    media, pictures = pictures_in(said)
    lane, speed = whole(said.get("LaneNo")), number_in(said.get("Speed"))
    event = one.event(
        "plate",
        time_of(said, TIMES["MotorVehicle"], one.message, one.site),
        source_event_id=text_in(said.get("MotorVehicleID")),
        subject=_plate(said),
        confidence=_share(said.get("PlateReliability")),
        lane=str(lane) if lane else None,
        metrics={"speed_kmh": float(speed)} if speed is not None and speed > 0 else {},
        media=media,
        raw_codes=_raw_codes(said),
    )
    return Reading([event], _once(pictures))


def _plate(said: Fields) -> Subject:
    """A dash stands for a character that could not be read: what is left is no plate to go by."""
    color, text = _color(said), text_in(said.get("PlateNo"))
    doubted = any(flag(said.get(name)) for name in DOUBTS)
    if text is not None and "-" in text and not looks_like_plate(text):
        text = None
    return plate_subject(text, color, none_seen=_has_none(said.get("HasPlate")), fake=doubted)


def _has_none(value: object) -> bool:
    return value is False or (text_in(value) or "").lower() in NO_PLATE


def _color(said: Fields) -> str:
    return plate_color(text_in(said.get("PlateClass")) or "", whole(said.get("PlateColor")) or 0)


def _share(value: object) -> float | None:
    """Percent as a share; a fraction below one is a share already."""
    number = number_in(value)
    if number is None or isinstance(value, bool) or not 0 <= number <= 100:
        return None
    return float(number) if 0 < number < 1 else round(number / 100, 4)


def _seen(one: Pass) -> Reading:
    """A person, a face or a two-wheeler. Who it is, and what a face measures, stay with whoever has a right to them."""
    name = one.sent.name
    media, pictures = pictures_in(one.said)
    has_plate = name == "NonMotorVehicle" and text_in(one.said.get("PlateNo")) is not None
    event = one.event(
        "detection",
        time_of(one.said, TIMES[name], one.message, one.site),
        source_event_id=text_in(one.said.get(number_field(name))),
        label=LABELS[name],
        subject=_plate(one.said) if has_plate else None,
        media=media,
        raw_codes=_raw_codes(one.said) if has_plate else {},
    )
    return Reading([event], _once(pictures))


def _image(one: Pass) -> Reading:
    """A picture by itself, of nothing that was named."""
    info = fields(one.said.get("ImageInfo")) or one.said
    said = {**info, "SubImageList": [{"Data": one.said.get("Data"), "StoragePath": info.get("StoragePath")}]}
    image = msgspec.structs.replace(one, sent=Sent("Image", said))
    media, pictures = pictures_in(said)
    when = time_of(said, TIMES["Image"], one.message, one.site)
    number = text_in(said.get("ImageID"))
    return Reading(
        [image.event("detection", when, source_event_id=number, label=LABELS["Image"], media=media)], pictures
    )


def _raw_codes(said: Fields) -> dict[str, Any]:
    found = {name: text_in(said.get(name)) for name in RAW_CODES}
    return {name: text for name, text in found.items() if text is not None}


def _once(pictures: list[Picture]) -> list[Picture]:
    return list({kept.sha256: kept for kept in pictures}.values())


def _unknown(one: Pass) -> Reading:
    """Valid, and not mapped: its codes, and the message unless it is a picture's or holds a password."""
    heavy = any(len(str(inner)) > 100_000 for inner in items(one.said) if inner)
    raw, kept = (None, []) if heavy else keep_raw(one.message, "json")
    number = text_in(one.said.get(f"{one.sent.name}ID"))
    times = ("TriggerTime", "ShotTime", "AppearTime", "MarkTime")
    when = time_of(one.said, times, one.message, one.site)
    event = one.event("unknown", when, code=one.sent.name[:100], source_event_id=number, raw=raw)
    event.raw_codes = codes({name: value for name, value in one.said.items() if name not in ("Data", "SubImageList")})
    return Reading([event], kept)


_READERS: MappingProxyType[str, Callable[[Pass], Reading]] = MappingProxyType(
    {
        "MotorVehicle": _vehicle,
        **dict.fromkeys(_SEEN, _seen),
        **dict.fromkeys(_SESSION, _session),
        "Image": _image,
        "APE": _status,
        "APEStatus": _status,
    }
)
