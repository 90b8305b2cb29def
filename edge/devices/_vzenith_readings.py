"""What each message of a Vzenith camera says, by its name."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import msgspec

from domain.events import Event, Media
from edge.devices._fields import (
    base64_bytes,
    codes,
    decode_json,
    fields,
    items,
    keep_raw,
    media_type,
    plain_or_base64,
    text_in,
    whole,
    without_secrets,
)
from edge.devices._plates import plate_subject
from edge.devices._vzenith_envelope import Heard
from edge.devices._vzenith_plate import Camera, PlateResult, read_license, read_plate
from edge.devices._vzenith_tables import LANE_EVENTS
from edge.devices.driver import BadMessage, Picture, Reading, picture

_OK = 200
_LINKS = MappingProxyType({0: "disconnected", 1: "connected"})


class _Result(msgspec.Struct):
    plate: PlateResult | None = msgspec.field(default=None, name="PlateResult")


class _Alarm(msgspec.Struct):
    channel: Any = None
    result: _Result | None = None


class _PlatePayload(msgspec.Struct):
    alarm: _Alarm | None = msgspec.field(default=None, name="AlarmInfoPlate")


_decode_plate = msgspec.json.Decoder(_PlatePayload | None).decode


def _plate(heard: Heard) -> Reading:
    return _plate_of(heard, replay=False)


def _stored_plate(heard: Heard) -> Reading:
    """A record the camera kept while it was offline; with other content we do not know it."""
    payload = fields(heard.payload)
    return _plate_of(heard, replay=True) if "AlarmInfoPlate" in payload else read_unknown(heard)


def _plate_of(heard: Heard, *, replay: bool) -> Reading:
    payload = decode_json(_decode_plate, bytes(heard.envelope.payload), f"payload of {heard.name}")
    alarm = payload.alarm if payload else None
    if alarm is None or alarm.result is None or alarm.result.plate is None:
        raise BadMessage(f"{heard.name} of {heard.device} has no AlarmInfoPlate.result.PlateResult")
    camera = Camera(heard.device, text_in(alarm.channel), heard.envelope.timestamp, heard.base64_texts, replay)
    return read_plate(alarm.result.plate, camera, heard.message, heard.site)


def _keep_alive(heard: Heard) -> Reading:
    return Reading([heard.event("availability", heard.body.get("timestamp"), state="online")])


def _input(heard: Heard) -> Reading:
    trigger = fields(fields(fields(heard.body.get("AlarmGioIn")).get("result")).get("TriggerResult"))
    source, value = whole(trigger.get("source")), whole(trigger.get("value"))
    if source is None or value is None:
        raise BadMessage(f"gpio_in of {heard.device} has no source and value in AlarmGioIn.result.TriggerResult")
    return Reading([heard.numbered_event("input", point=f"input/{source}", value=value)])


def _barrier(heard: Heard) -> Reading:
    """The arm. What the numbers of gate_status mean is published nowhere: the code is kept, the state is unknown."""
    body = heard.body
    arm, code = whole(body.get("gate_ctrl_id")), body.get("gate_status")
    status = whole(code) if whole(code) is not None else text_in(code)
    if status is None:
        raise BadMessage(f"barr_gate_status of {heard.device} has no gate_status")
    connected = whole(body.get("connect_status"))
    link = None if connected is None else _LINKS.get(connected)
    rest = {name: body[name] for name in ("connect_status", "enable") if whole(body.get(name)) is not None}
    point = None if arm is None else f"barrier/{arm}"
    return Reading([heard.event("barrier", point=point, state="unknown", state_code=status, link=link, raw_codes=rest)])


def _lane(heard: Heard) -> Reading:
    """What happened in the lane, an event for each car that it concerns."""
    payload = fields(heard.payload)
    code = whole(payload.get("event_type"))
    if code is None:
        raise BadMessage(f"lanectrl_result of {heard.device} has no event_type")
    if code not in LANE_EVENTS:
        return read_unknown(heard)
    cars = [fields(car) for car in items(payload.get("result"))] or [{}]
    return Reading([_lane_event(heard, code, index, car) for index, car in enumerate(cars)])


def _lane_event(heard: Heard, code: int, index: int, car: dict[str, Any]) -> Event:
    """Its color_type is wrapped in base64, and no source says by which table it counts: kept as a code."""
    label, phase = LANE_EVENTS[code]
    plate = fields(car.get("plate_result"))
    license = read_license(plate.get("license"), base64_texts=True)
    color = text_in(plate.get("color_type"))
    path = text_in(fields(car.get("full_image")).get("full_image_path"))
    return heard.numbered_event(
        "detection",
        index,
        label=label,
        phase=phase,
        reason_code=str(code),
        subject=plate_subject(license) if license else None,
        raw_codes={"color_type": whole(plain_or_base64(color)) or color} if color else {},
        media=[Media(role="scene", ref=without_secrets(plain_or_base64(path)))] if path else [],
    )


def _serial(heard: Heard) -> Reading:
    """What came over the camera's serial line, from a board or a reader behind it."""
    body = heard.body
    frames = [fields(frame) for frame in items(body.get("SerialData") or body.get("serialData"))]
    if not frames:
        raise BadMessage(f"serial_data of {heard.device} has no SerialData")
    return Reading([_serial_event(heard, index, frame) for index, frame in enumerate(frames)])


def _serial_event(heard: Heard, index: int, frame: dict[str, Any]) -> Event:
    channel, said = whole(frame.get("serialChannel")), text_in(frame.get("data")) or ""
    size = len(base64_bytes(said))
    return heard.numbered_event("passthrough", index, point=f"serial/{channel or 0}", bytes=size, ext={"base64": said})


def _snapshot(heard: Heard) -> Reading:
    """A picture somebody asked for."""
    body = heard.body
    content = base64_bytes(body.get("image_content"))
    path = text_in(body.get("imgPath"))
    media: list[Media] = [Media(role="scene", ref=without_secrets(plain_or_base64(path)))] if path else []
    pictures: list[Picture] = []
    if content and (kind := media_type(content)):
        entry, kept = picture("scene", content, kind)
        media, pictures = [entry], [kept]
    return Reading([heard.numbered_event("detection", label="snapshot", media=media)], pictures)


def read_reply(heard: Heard) -> Reading:
    """What became of a command: 200 says accepted or relay fired, never that an arm moved."""
    code = whole(heard.envelope.code)
    result = heard.event(
        "command_result",
        request_id=text_in(heard.envelope.id),
        ok=None if code is None else code == _OK,
        code=text_in(heard.envelope.code),
        label=heard.name,
        raw_codes=codes(heard.payload),
    )
    return Reading([result])


def read_unknown(heard: Heard) -> Reading:
    raw, kept = keep_raw(heard.message, "json")
    event = heard.numbered_event("unknown", code=heard.name, raw=raw, raw_codes=codes(heard.payload))
    return Reading([event], kept)


READERS: MappingProxyType[str, Callable[[Heard], Reading]] = MappingProxyType(
    {
        "ivs_result": _plate,
        "offline_record": _stored_plate,
        "keep_alive": _keep_alive,
        "gpio_in": _input,
        "barr_gate_status": _barrier,
        "lanectrl_result": _lane,
        "serial_data": _serial,
        "snapshot": _snapshot,
    }
)
