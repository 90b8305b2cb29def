"""Cameras that publish what they see over MQTT: Axis' event bridge, and ONVIF's JSON as Bosch cameras write it.

Written from developer.axis.com (VAPIX, MQTT event bridge) and the ONVIF Core specification, events over MQTT.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from simulators.devices.message import DeviceMessage, encode

_AXIS_TOPICS = {"pir": ("Device", "Sensor/PIR", "sensor"), "port": ("Device", "IO/Port", "port")}


def axis(serial: str, what: str, number: int, on: bool, at: datetime) -> DeviceMessage:
    """A motion sensor (``pir``) or a contact (``port``) of an Axis camera: everything is text."""
    root, tail, key = _AXIS_TOPICS[what]
    topic = f"axis/{serial}/event/tns:onvif/{root}/tns:axis/{tail}/$source/{key}/{number}"
    message = {"source": {key: str(number)}, "key": {}, "data": {"state": str(int(on))}}
    said = {"timestamp": round(at.timestamp() * 1000), "topic": f"onvif:{root}/axis:{tail}", "message": message}
    return DeviceMessage(topic, encode(said))


def line_crossed(
    prefix: str, rule: str, number: int, label: str, at: datetime, likelihood: float = 0.9
) -> DeviceMessage:
    """An object crossed a line of a camera's analytics."""
    seen = {"@ObjectId": number, "Appearance": {"Class": {"Type": {"@Likelihood": likelihood, "#text": label}}}}
    return _ej(prefix, f"RuleEngine/LineDetector/Crossed/&1/{rule}", rule, {"Object": {"Object": seen}}, at)


def inside(prefix: str, rule: str, on: bool, at: datetime, operation: str = "Changed") -> DeviceMessage:
    """Something is in a field, or no more; at the start a camera says how it is: ``Initialized``."""
    topic = f"RuleEngine/FieldDetector/ObjectsInside/&1/{rule}"
    return _ej(prefix, topic, rule, {"IsInside": str(on).lower()}, at, PropertyOperation=operation)


def plate(prefix: str, rule: str, number: int, text: str, at: datetime, likelihood: float = 0.93) -> DeviceMessage:
    """A plate after Profile M."""
    info = {"PlateNumber": {"@Likelihood": likelihood, "#text": text}}
    seen = {"@ObjectId": number, "Appearance": {"LicensePlateInfo": info}}
    return _ej(prefix, f"RuleEngine/Recognition/LicensePlate/&1/{rule}", rule, {"Object": [seen]}, at)


def _ej(prefix: str, topic: str, rule: str, data: dict[str, Any], at: datetime, **more: Any) -> DeviceMessage:
    said = {"UtcTime": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z", **more}
    body = {**said, "Source": {"VideoSource": "1", "Rule": rule}, "Data": data}
    return DeviceMessage(f"{prefix}/onvif-ej/{topic}", encode(body))
