"""What ``doctor`` asks a Hikvision device: ``System/deviceInfo`` and ``System/time`` of ISAPI."""

from __future__ import annotations

import re
from datetime import timedelta, timezone
from typing import Any

from edge.devices._fields import fields, text_in
from edge.devices._hikvision_body import open_body
from edge.devices._times import iso_8601
from edge.devices.driver import BadMessage, Message, Site
from edge.devices.question import Question, Told

_FAMILY = "hikvision-isapi"
_SHORT_SERIAL = 9  # the last signs of the long serial number
_POSIX_ZONE = re.compile(r"[A-Za-z]{3,}([+-]?)(\d{1,2}):(\d\d)")  # CST-8:00:00 is UTC+8


def _fields(body: bytes, name: str) -> dict[str, Any]:
    said = open_body(Message(_FAMILY, body)).fields
    return fields(said.get(name)) or said


def _device_told(body: bytes, site: Site) -> Told:
    said = _fields(body, "DeviceInfo")
    mac = "".join(sign for sign in (text_in(said.get("macAddress")) or "").lower() if sign.isalnum())
    long = text_in(said.get("serialNumber")) or ""
    names = (mac, text_in(said.get("subSerialNumber")) or "", long, long[-_SHORT_SERIAL:])
    if not any(names):
        raise BadMessage("neither macAddress nor serialNumber")
    model, firmware = text_in(said.get("model")) or "", text_in(said.get("firmwareVersion")) or ""
    return Told(tuple(name for name in names if name), model=model, firmware=firmware)


def _time_told(body: bytes, site: Site) -> Told:
    said = _fields(body, "Time")
    zone = text_in(said.get("timeZone")) or ""
    clock = iso_8601(text_in(said.get("localTime")), _posix(zone) or site.zone)
    if clock is None:
        raise BadMessage("no localTime")
    return Told(clock=clock, zone=zone)


def _posix(text: str) -> timezone | None:
    """The zone of a POSIX text without its rules for summer; None for what is none."""
    found = _POSIX_ZONE.match(text)
    if found is None or int(found[2]) > 14:
        return None
    west = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(west if found[1] == "-" else -west)


QUESTIONS = (Question("/ISAPI/System/deviceInfo", _device_told), Question("/ISAPI/System/time", _time_told))
