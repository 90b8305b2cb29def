"""A 臻识 (Vzenith) number-plate camera at a lane: its MQTT messages and its answers to commands.

Written from public implementations of 自定义MQTT协议 v1.1; two topic layouts are in the field.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from typing import Any, Literal

import msgspec

from simulators.devices.message import DeviceMessage, encode

NO_PLATE = "_无_"
TOWARDS, AWAY = 4, 3
AUTO, VIRTUAL_LOOP = 1, 8
COLOR_CODES = {"unknown": 0, "blue": 1, "yellow": 2, "white": 3, "black": 4, "green": 5, "yellow_green": 6}
_PLATE_TYPES = {"unknown": 0, "blue": 1, "black": 2, "yellow": 3, "white": 5, "green": 19, "yellow_green": 20}
_NONE_TYPE = 31
_FIRMWARE = 12378
_ACCEPTED = 200
_UNKNOWN_COMMAND = 404

Layout = Literal["device_first", "sn_first"]


class Camera(msgspec.Struct, frozen=True):
    """A camera: its serial number, its name as set on it, its address, and which topic layout its firmware has."""

    sn: str
    name: str
    ip: str = "192.0.2.31"
    layout: Layout = "device_first"

    @property
    def root(self) -> str:
        return f"device/{self.sn}/message" if self.layout == "device_first" else f"{self.sn}/device/message"

    @property
    def commands(self) -> str:
        """The topic filter that it subscribes to."""
        return f"{self.root}/down/+"


class Plate(msgspec.Struct, frozen=True, kw_only=True):
    """What the camera read. ``text`` None: a car whose plate it could not find."""

    text: str | None
    color: str = "blue"  # a key of COLOR_CODES
    confidence: int = 97  # per cent
    travel: int = TOWARDS
    trigger: int = AUTO
    scene: bytes = b""  # JPEG of the whole view
    close_up: bytes = b""  # JPEG of the plate


def plate(
    camera: Camera, read: Plate, number: int, taken_at: datetime, sent_at: datetime | None = None
) -> DeviceMessage:
    """A passing car. With ``sent_at`` it is a record that the camera kept while nobody answered (isoffline 1)."""
    taken_ms = round(taken_at.timestamp() * 1000)
    result = {
        **_reading(read),
        "isoffline": int(sent_at is not None),
        "is_encrypted": 0,
        "plates": [_box(read)],
        "imagePath": _base64(f"/snapshot/{taken_at:%Y}/full_{number}.jpg".encode()),
        "imageFragmentPath": _base64(f"/snapshot/{taken_at:%Y}/clip_{number}.jpg".encode()),
        "full_image_content": _base64(read.scene),
        "small_image_content": _base64(read.close_up),
        "car_brand": {"brand": 255, "type": 1, "year": 65535},
        "plateid": number,
        "start_time": taken_ms,
        "begin_time": taken_ms // 1000,
        "end_time": taken_ms // 1000,
        "unique_id": f"{camera.sn}_{taken_ms}",
    }
    alarm = {**_signed(camera), "channel": 0, "user_data": "", "rule_id": 1, "result": {"PlateResult": result}}
    return _up(camera, "ivs_result", number, sent_at or taken_at, {"AlarmInfoPlate": alarm})


def keep_alive(camera: Camera, at: datetime, leading_nul: bool = False) -> DeviceMessage:
    """Every 5 to 10 s. Some firmware puts a NUL before the JSON."""
    sent = _up(camera, "keep_alive", 0, at, {"body": {"timestamp": int(at.timestamp())}})
    return DeviceMessage(sent.topic, b"\x00" + sent.payload) if leading_nul else sent


def gpio_in(camera: Camera, source: int, value: int, at: datetime) -> DeviceMessage:
    """A dry contact at one of its inputs closed (1) or opened (0)."""
    alarm = {**_signed(camera), "result": {"TriggerResult": {"source": source, "value": value}}}
    number = round(at.timestamp() * 1000) & 0xFFFFFFFF  # contacts chatter: several in a second are several
    return _up(camera, "gpio_in", number, at, {"body": {"AlarmGioIn": alarm}})


def barrier_status(camera: Camera, status: int, at: datetime, connected: bool = True) -> DeviceMessage:
    """The barrier controller's state, as a number whose meaning no public source gives."""
    body = {"gate_ctrl_id": 0, "gate_status": status, "connect_status": int(connected), "enable": 1}
    return _up(camera, "barr_gate_status", 0, at, {"body": body})


def answer(camera: Camera, topic: str, payload: bytes, at: datetime) -> list[DeviceMessage]:
    """Its reply to a command: accepted, which is no proof that an arm moved. Nothing to what is not for it."""
    root, _, name = topic.rpartition("/")
    if root != f"{camera.root}/down":
        return []
    try:
        command = msgspec.json.decode(payload, type=_Command)
    except msgspec.MsgspecError:
        return []  # it stays silent, as the real one does
    known = name in _COMMANDS and command.payload.get("type", name) == name
    reply: dict[str, Any] = {
        "id": command.id,
        "sn": camera.sn,
        "name": name,
        "code": _ACCEPTED if known else _UNKNOWN_COMMAND,
        "version": "1.0",
        "timestamp": int(at.timestamp()),
        "payload": None,
    }
    return [DeviceMessage(f"{topic}/reply", encode(reply))]


class _Command(msgspec.Struct):
    id: str
    payload: dict[str, Any] = {}


_COMMANDS = frozenset(
    {
        "gpio_out",
        "gate_direct_open",
        "ivs_trigger",
        "snapshot",
        "serial_data",
        "set_time",
        "white_list_operator",
        "tts_voice",
        "get_io_status",
        "reboot_dev",
    }
)


def _up(camera: Camera, name: str, number: int, at: datetime, payload: dict[str, Any]) -> DeviceMessage:
    seconds = int(at.timestamp())
    envelope = {
        "id": f"{number:08x}{seconds:08x}",
        "bv": _FIRMWARE,
        "sn": camera.sn,
        "name": name,
        "version": "1.0",
        "timestamp": seconds,
        "payload": payload,
    }
    return DeviceMessage(f"{camera.root}/up/{name}", encode(envelope))


def _signed(camera: Camera) -> dict[str, Any]:
    return {"deviceName": _base64(camera.name.encode()), "ipaddr": camera.ip, "serialno": camera.sn}


def _reading(read: Plate) -> dict[str, Any]:
    return {
        "license": _base64((read.text or NO_PLATE).encode()),
        "confidence": read.confidence if read.text else 0,
        "type": _type(read),
        "colorType": _color(read),
        "carColor": 255,
        "direction": read.travel,
        "triggerType": read.trigger,
        "is_fake_plate": 0,
    }


def _box(read: Plate) -> dict[str, Any]:
    return {
        "license": _base64((read.text or NO_PLATE).encode()),
        "color": _color(read),
        "type": _type(read),
        "plate_width": 281 if read.text else 0,
        "is_danger": 0,
        "pos": {"bottom": 674, "left": 1002, "right": 1263, "top": 565},
    }


def _color(read: Plate) -> int:
    return COLOR_CODES[read.color] if read.text else COLOR_CODES["unknown"]


def _type(read: Plate) -> int:
    return _PLATE_TYPES[read.color] if read.text else _NONE_TYPE


def _base64(body: bytes) -> str:
    return b64encode(body).decode()
