"""What each event of a Dahua device says, by its code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

import msgspec

from domain.events import Event, Media, Subject
from domain.ids import derive
from edge.devices._dahua_body import Said, Told, first_item
from edge.devices._dahua_codes import (
    ALARMS,
    DETECTIONS,
    DIRECTIONS,
    DOOR_STATES,
    METHODS,
    PLATE_COLORS,
    REASONS,
    SECOND_FAILED,
    TRAVELS,
)
from edge.devices._fields import base64_bytes, codes, fields, flag, keep_raw, media_type, number_in, text_in, whole
from edge.devices._plates import plate_subject
from edge.devices._times import epoch, epoch_and_microseconds, in_assumed_zone, is_late, judged, wall_clock
from edge.devices.driver import BadMessage, JudgedTime, Message, Picture, Reading, Site, picture

KIND = "dahua"
NOBODY = "?"
_IDENTITIES = ("DeviceID", "DeviceId", "SerialID", "SN", "SerialNo")
_MILLISECOND = 1_000


class Heard(msgspec.Struct, frozen=True):
    """A message with its wrapping opened."""

    message: Message
    site: Site
    said: Said

    def device(self, said: Mapping[str, Any]) -> str:
        """A serial number in the message; else who the connection is; else what the installer called the machine."""
        named = next((text for name in _IDENTITIES if (text := text_in(said.get(name)))), None)
        machine = text_in(fields(said.get("TrafficCar")).get("MachineName")) or text_in(said.get("MachineName"))
        return f"{KIND}:{named or self.message.sender or machine or NOBODY}"

    def event(self, kind: str, said: Mapping[str, Any], when: JudgedTime, **rest: Any) -> Event:
        return Event(
            kind=kind,
            device=self.device(said),
            time=when.time,
            time_quality=when.time_quality,
            device_time=when.device_time,
            retained=self.message.retained,
            **rest,
        )

    def time_of(self, said: Mapping[str, Any], *, replay: bool = False) -> JudgedTime:
        """RealUTC where there is one: UTC of some firmware is the wall clock. CurrentTime is how long it runs."""
        time, sent = _moment(said)
        return judged(time, sent, self.message, self.site, replay=replay)


def _moment(said: Mapping[str, Any]) -> tuple[datetime | None, object]:
    for name in ("RealUTC", "CreateTimeRealUTC", "UTC", "CreateTime"):
        sent = said.get(name)
        if sent in (None, "", 0, "0"):
            continue
        thousandths = whole(said.get("UTCMS")) if name == "UTC" else None
        time = epoch(sent) if thousandths is None else epoch_and_microseconds(sent, thousandths * _MILLISECOND)
        return time, sent
    return None, None


def read_told(heard: Heard, told: Told) -> Reading:
    """One event of the stream, or of an upload."""
    name = told.code.lower()
    if "PlateNumber" in fields(told.fields.get("TrafficCar")):
        return _plate(heard, told)
    if name in ALARMS:
        state = "cleared" if _stops(told) else "active"
        return Reading([_happened(heard, told, "alarm", alarm=ALARMS[name], state=state, reason_code=told.code)])
    if name in DETECTIONS:
        event = _happened(heard, told, "detection", label=DETECTIONS[name], reason_code=told.code, phase=_phase(told))
        return _with_pictures(heard, event)
    return READERS.get(name, _unknown)(heard, told)


def _stops(told: Told) -> bool:
    return told.action.lower() == "stop"


def _phase(told: Told) -> str:
    return {"start": "start", "stop": "end"}.get(told.action.lower(), "instant")


def _happened(heard: Heard, told: Told, kind: str, **rest: Any) -> Event:
    channel = None if told.index is None else str(told.index)
    return heard.event(kind, told.fields, heard.time_of(told.fields), channel=channel, **rest)


def _input(heard: Heard, told: Told) -> Reading:
    point = None if told.index is None else f"input/{told.index}"
    return Reading([_happened(heard, told, "input", point=point, value=0 if _stops(told) else 1)])


def _door(heard: Heard, told: Told) -> Reading:
    said = (text_in(told.fields.get("Status")) or "").lower()
    state = DOOR_STATES.get(said, "unknown")
    event = _happened(heard, told, "door", point=_point(told), state=state, state_code=said or None)
    return Reading([event])


def _door_held(heard: Heard, told: Told) -> Reading:
    state = "closed" if _stops(told) else "held_open"
    return Reading([_happened(heard, told, "door", point=_point(told), state=state)])


def _door_forced(heard: Heard, told: Told) -> Reading:
    """Its end says that the alarm is over, not where the door is."""
    if _stops(told):
        return Reading([])
    return Reading([_happened(heard, told, "door", point=_point(told), state="forced_open")])


def _point(told: Told) -> str | None:
    door = whole(told.fields.get("Door"))
    door = told.index if door is None else door
    return None if door is None else f"door/{door}"


# --- access ---


def _access(heard: Heard, told: Told) -> Reading:
    if whole(told.fields.get("Status")) is None:
        raise BadMessage(f"{told.code} without Status")
    late = is_late(_moment(told.fields)[0], heard.message, heard.site)
    event = access_event(heard, told.fields, point=_point(told), replay=late)
    return _with_pictures(heard, event, "face")


def _face(heard: Heard, told: Told) -> Reading:
    """What a terminal says beside AccessControl: how alike the faces were."""
    reading = _access(heard, told)
    for event in reading.events:
        event.method, event.confidence = "face", _share(told.fields.get("Similarity"))
    return reading


def access_event(heard: Heard, said: Mapping[str, Any], *, point: str | None, replay: bool) -> Event:
    """Somebody at a door, told at once or from the records."""
    granted, error, sent = whole(said.get("Status")) == 1, whole(said.get("ErrorCode")), whole(said.get("Method"))
    method = METHODS.get(sent) if sent is not None else None
    if not granted and error is not None and error in SECOND_FAILED:
        method = SECOND_FAILED[error]  # a card list must not open what asked for more
    number = text_in(said.get("RecNo"))
    return heard.event(
        "access",
        said,
        heard.time_of(said, replay=replay),
        point=point,
        source_event_id=number,
        counter_restarts=number is not None,
        result="granted" if granted else "denied",
        method=method,
        reason=None if granted else REASONS.get(error or 0),
        reason_code=str(error) if error else None,
        direction=DIRECTIONS.get((text_in(said.get("Type")) or "").lower()),
        subject=_subject(said),
        raw_codes={} if sent is None else {"Method": sent},
    )


def _subject(said: Mapping[str, Any]) -> Subject | None:
    card, person, name = (text_in(said.get(key)) for key in ("CardNo", "UserID", "CardName"))
    if card:
        return Subject(type="card", id=card, person_id=person, name=name)
    return Subject(type="person", id=person, name=name) if person or name else None


def _share(value: object) -> float | None:
    number = number_in(value)
    return round(number / 100, 4) if number is not None and 0 < number <= 100 else None


# --- plates ---


def _plate(heard: Heard, told: Told) -> Reading:
    said = told.fields
    car, seen = fields(said.get("TrafficCar")), fields(said.get("Object"))
    number = text_in(car.get("PlateNumber")) or text_in(seen.get("Text"))
    event = _happened(
        heard,
        told,
        "plate",
        lane=text_in(said.get("Lane")) or text_in(car.get("Lane")),
        subject=plate_subject(number, _color(car)),
        confidence=_share(seen.get("Confidence")),
        travel=TRAVELS.get((text_in(first_item(car.get("DrivingDirection"))) or "").lower(), "unknown"),
        reason_code=told.code,
        raw_codes=_codes_of(car),
    )
    event.channel = None  # its index is no channel of a camera that has one
    return _with_pictures(heard, event)


def _color(car: Mapping[str, Any]) -> str:
    return PLATE_COLORS.get((text_in(car.get("PlateColor")) or "").lower(), "unknown")


def _codes_of(car: Mapping[str, Any]) -> dict[str, Any]:
    return {name: text for name in ("PlateType", "PlateColor") if (text := text_in(car.get(name)))}


def read_tollgate(heard: Heard, shot: dict[str, Any]) -> Reading:
    """ITSAPI TollgateInfo. Its time is the wall clock without a zone; it has no number of its own."""
    plate, snap = fields(shot.get("Plate")), fields(shot.get("SnapInfo"))
    if not plate and not snap:
        raise BadMessage("Picture with neither Plate nor SnapInfo")
    number, sent = text_in(plate.get("PlateNumber")), text_in(snap.get("AccurateTime")) or text_in(snap.get("SnapTime"))
    seen = plate.get("IsExist")
    name = text_in(fields(shot.get("NormalPic")).get("PicName"))
    event = heard.event(
        "plate",
        snap,
        _local_time(heard, sent),
        lane=text_in(snap.get("LanNo")) or text_in(snap.get("LaneNo")),
        source_event_id=derive(name, sent, number).hex() if sent or name else None,
        subject=plate_subject(number, _color(plate), none_seen=seen is not None and not flag(seen)),
        confidence=_share(plate.get("Confidence")),
        travel=TRAVELS.get((text_in(snap.get("Direction")) or "").lower(), "unknown"),
        trigger=text_in(snap.get("TriggerSource")),
        raw_codes=_codes_of(plate),
    )
    return _pictured(event, _tollgate_pictures(shot))


def _local_time(heard: Heard, sent: str | None) -> JudgedTime:
    time = wall_clock(sent, heard.site.zone) if sent else None
    if time is not None and sent is not None and (found := sent[19:].lstrip(".")[:3]).isdecimal():
        time = time.replace(microsecond=int(found.ljust(3, "0")) * _MILLISECOND)
    return in_assumed_zone(judged(time, sent, heard.message, heard.site), sent)


def _tollgate_pictures(shot: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    for name, role in (("NormalPic", "scene"), ("VehiclePic", "scene"), ("CutoutPic", "plate")):
        yield role, base64_bytes(fields(shot.get(name)).get("Content"))


def _with_pictures(heard: Heard, event: Event, role: str = "scene") -> Reading:
    return _pictured(event, ((role, part.body) for part in heard.said.pictures))


def _pictured(event: Event, found: Iterator[tuple[str, bytes]]) -> Reading:
    """The event with its pictures; what is no picture is left out."""
    pictures: list[Picture] = []
    media: list[Media] = []
    for role, body in found:
        if kind := media_type(body):
            entry, kept = picture(role, body, kind)
            media.append(entry)
            pictures.append(kept)
    event.media = media
    return Reading([event], pictures)


# --- the rest ---


def _unknown(heard: Heard, told: Told) -> Reading:
    raw, kept = keep_raw(heard.message, "multipart" if heard.said.pictures else heard.said.encoding)
    event = _happened(heard, told, "unknown", code=told.code, raw=raw, raw_codes=codes(told.fields))
    return Reading([event], kept)


READERS: MappingProxyType[str, Callable[[Heard, Told], Reading]] = MappingProxyType(
    {
        "accesscontrol": _access,
        "_doorface_": _face,
        "alarmlocal": _input,
        "doorstatus": _door,
        "doornotclosed": _door_held,
        "breakin": _door_forced,
    }
)
