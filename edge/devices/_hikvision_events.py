"""What each event of a Hikvision device says, by its eventType."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from domain.events import Event, Media, Subject
from edge.devices._fields import codes, fields, flag, keep_raw, media_type, number_in, text_in, whole
from edge.devices._hikvision_body import Said, first_of
from edge.devices._hikvision_codes import ACCESS, DETECTIONS, LASTING_ALARMS, PLATE_COLORS, SILENT, TRAVELS, Meaning
from edge.devices._plates import plate_subject
from edge.devices._times import in_assumed_zone, is_late, iso_time, judged
from edge.devices.driver import BadMessage, JudgedTime, Message, Picture, Reading, Site, picture

KIND = "hikvision"
_NO_MAC = "000000000000"
_HEX = frozenset("0123456789abcdef")
_HEARTBEATS = frozenset({"heartbeat", "keepalive"})


class Heard(msgspec.Struct, frozen=True):
    """A message with its wrapping opened."""

    message: Message
    site: Site
    said: Said
    device: str
    type: str

    @property
    def fields(self) -> dict[str, Any]:
        return self.said.fields

    @property
    def is_active(self) -> bool:
        """Whether what is told of has begun, or is over; what says neither has happened."""
        return (text_in(self.fields.get("eventState")) or "active").lower() != "inactive"

    @property
    def is_late(self) -> bool:
        sent = text_in(first_of(self.fields, "dateTime", "time"))
        return is_late(iso_time(sent, self.site.zone)[0] if sent else None, self.message, self.site)

    def time(self, *, replay: bool = False) -> JudgedTime:
        sent = text_in(first_of(self.fields, "dateTime", "time"))
        time, assumed = iso_time(sent, self.site.zone) if sent else (None, False)
        when = judged(time, sent, self.message, self.site, replay=replay)
        return in_assumed_zone(when, sent) if assumed else when

    def event(self, kind: str, *, replay: bool = False, **rest: Any) -> Event:
        when = self.time(replay=replay)
        return Event(
            kind=kind,
            device=self.device,
            channel=text_in(first_of(self.fields, "channelID", "dynChannelID")),
            time=when.time,
            time_quality=when.time_quality,
            device_time=when.device_time,
            retained=self.message.retained,
            **rest,
        )


def identity_of(said: Mapping[str, Any], sender: str) -> str:
    """The MAC address, whatever stands between its digits; else the short serial number, the sender, or the address."""
    mac = "".join(sign for sign in (text_in(said.get("macAddress")) or "").lower() if sign in _HEX)
    if len(mac) == len(_NO_MAC) and mac != _NO_MAC:
        return f"{KIND}:{mac}"
    named = first_of(said, "shortSerialNumber", "deviceUUID", "deviceID", "deviceSerial")
    found = text_in(named) or sender or text_in(first_of(said, "ipAddress", "ipv6Address"))
    if found is None:
        raise BadMessage("no macAddress, shortSerialNumber or ipAddress, and nobody vouches for the connection")
    return f"{KIND}:{found}"


def open_event(message: Message, site: Site, said: Said) -> Heard:
    """Raises BadMessage where it is no event, or nobody's."""
    kind = text_in(said.fields.get("eventType"))
    if kind is None:
        known = next((name for name in ("AccessControllerEvent", "ANPR") if name in said.fields), None)
        if known is None:
            raise BadMessage(f"no eventType; there are {', '.join(list(said.fields)[:8])[:100] or 'no fields'}")
        kind = known
    return Heard(message, site, said, identity_of(said.fields, message.sender), kind)


def read_event(heard: Heard) -> Reading:
    """By its type, however it is written."""
    name = heard.type.lower().replace("-", "").replace(" ", "")
    if name in _HEARTBEATS or (name == "videoloss" and not heard.is_active):
        return Reading([heard.event("availability", state="online")])
    if name in LASTING_ALARMS:
        state = "active" if heard.is_active else "cleared"
        return _pictured(heard, heard.event("alarm", alarm=LASTING_ALARMS[name], state=state), "scene")
    if name in DETECTIONS:
        return _detection(heard, DETECTIONS[name])
    return READERS.get(name, _unknown)(heard)


def _detection(heard: Heard, label: str) -> Reading:
    """While it lasts it is said every second: of those only the first is news."""
    repeated = (whole(heard.fields.get("activePostCount")) or 1) > 1
    if heard.is_active and repeated:
        return Reading([])
    phase = "start" if heard.is_active else "end"
    event = heard.event("detection", label=label, phase=phase, reason_code=heard.type)
    return _pictured(heard, event, "scene")


def _input(heard: Heard) -> Reading:
    number = text_in(first_of(heard.fields, "inputIOPortID", "dynInputIOPortID"))
    point = f"input/{number}" if number else None
    return Reading([heard.event("input", point=point, value=int(heard.is_active))])


# --- plates ---


def _plate(heard: Heard) -> Reading:
    """Pictures may be missing, empty, or come later in a second message with the same UUID: that is the same fact."""
    anpr = fields(heard.fields.get("ANPR"))
    if "licensePlate" not in anpr and "originalLicensePlate" not in anpr:
        raise BadMessage("ANPR without licensePlate")
    color = (text_in(anpr.get("plateColor")) or "unknown").lower()
    travel = (text_in(anpr.get("direction")) or "unknown").lower()
    event = heard.event(
        "plate",
        replay=flag(first_of(heard.fields, "isDataRetransmission", "dataRetransmission")),
        lane=text_in(first_of(anpr, "line", "laneNo")),
        source_event_id=text_in(first_of(heard.fields, "UUID", "uuid")),
        subject=plate_subject(
            text_in(first_of(anpr, "licensePlate", "originalLicensePlate")), PLATE_COLORS.get(color, "unknown")
        ),
        confidence=_share(anpr.get("confidenceLevel")),
        travel=travel if travel in TRAVELS else "unknown",
        raw_codes={
            name: value
            for name in ("plateType", "plateColor", "listType", "vehicleType")
            if (value := text_in(anpr.get(name)))
        },
    )
    return _pictured(heard, event, "scene")


def _share(value: object) -> float | None:
    number = number_in(value)
    return round(number / 100, 4) if number is not None and 0 <= number <= 100 else None


# --- access ---


def _access(heard: Heard) -> Reading:
    said = fields(heard.fields.get("AccessControllerEvent")) or heard.fields
    major, minor = whole(said.get("majorEventType")), whole(said.get("subEventType"))
    if major is None or minor is None:
        raise BadMessage("AccessControllerEvent without majorEventType and subEventType")
    if (major, minor) in SILENT:
        return Reading([])
    meaning = ACCESS.get((major, minor))
    if meaning is None:
        return _unknown(heard, code=f"{major}/{minor}")
    event = _access_event(heard, said, meaning, f"{major}/0x{minor:x}")
    return _pictured(heard, event, "face" if meaning.method == "face" else "scene")


def _access_event(heard: Heard, said: dict[str, Any], meaning: Meaning, code: str) -> Event:
    number, current = text_in(first_of(said, "serialNo", "frontSerialNo")), said.get("currentEvent")
    event = heard.event(
        meaning.kind,
        replay=heard.is_late if current is None else not flag(current),
        point=_point(said),
        source_event_id=number,
        counter_restarts=number is not None,
        reason=meaning.reason,
        reason_code=code,
        state=meaning.state,
        alarm=meaning.alarm,
        label=meaning.label,
    )
    if meaning.kind == "access":
        event.result = "pending" if flag(said.get("remoteCheck")) else meaning.result
        event.method = meaning.method
        event.subject = _subject(said, meaning.method)
        if shown := text_in(said.get("currentVerifyMode")):
            event.raw_codes = {"currentVerifyMode": shown}
    return event


def _point(said: dict[str, Any]) -> str | None:
    door, reader = text_in(said.get("doorNo")), text_in(said.get("cardReaderNo"))
    return f"door/{door}" if door else f"reader/{reader}" if reader else None


def _subject(said: dict[str, Any], method: str | None) -> Subject | None:
    """The card where one was shown, with whose it is; else the person, where the device knew one."""
    card = text_in(said.get("cardNo"))
    person = text_in(first_of(said, "employeeNoString", "employeeNo"))
    name = text_in(said.get("name"))
    if card and (method in ("card", None) or not (person or name)):
        return Subject(type="card", id=card, name=name, person_id=person)
    return Subject(type="person", id=person, name=name) if person or name else None


# --- the rest ---


def _unknown(heard: Heard, code: str | None = None) -> Reading:
    raw, kept = keep_raw(heard.message, heard.said.encoding)
    event = heard.event("unknown", code=code or heard.type, raw=raw, raw_codes=codes(heard.fields))
    return Reading([event], kept)


def _pictured(heard: Heard, event: Event, role: str) -> Reading:
    """The event with the pictures that came with it; parts that are no picture were left out."""
    media: list[Media] = []
    pictures: list[Picture] = []
    for part in heard.said.pictures:
        kind = media_type(part.body)
        if kind is not None:
            entry, kept = picture("plate" if "licenseplate" in part.name.lower() else role, part.body, kind)
            media.append(entry)
            pictures.append(kept)
    event.media = media
    return Reading([event], pictures)


READERS: MappingProxyType[str, Callable[[Heard], Reading]] = MappingProxyType(
    {"anpr": _plate, "accesscontrollerevent": _access, "io": _input}
)
