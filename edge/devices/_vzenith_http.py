"""What Vzenith cameras push over HTTP: the payloads of their MQTT protocol without its envelope, texts not wrapped."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Any

import msgspec

from edge.devices._fields import decode_json, text_in
from edge.devices._vzenith_envelope import KIND, Envelope, Heard
from edge.devices.driver import BadMessage, Message, Site

_PADDING = b"\0 \t\r\n"
_NAMES = MappingProxyType({"AlarmInfoPlate": "ivs_result", "AlarmGioIn": "gpio_in", "SerialData": "serial_data"})
# A field of a multipart form, or of a plain one.
_HEARTBEAT_SERIAL = re.compile(rb'(?:name="?serialno"?[^\r\n]*\r?\n\r?\n|(?:^|&)serialno=)([^\r\n&]+)')
_PLAIN_FORM = re.compile(rb"[\w.-]{1,40}=")


class _Part(msgspec.Struct):
    serialno: Any = None


_decode_push = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_part = msgspec.json.Decoder(_Part).decode


def open_push(message: Message, site: Site) -> Heard:
    """A pushed body. Raises BadMessage where it is no push, or nobody's."""
    payload = message.payload.strip(_PADDING)
    if payload.startswith(b"--") or _PLAIN_FORM.match(payload):
        return _heard(message, site, "keep_alive", _heartbeat_serial(payload))
    push = decode_json(_decode_push, payload, "not a push of Vzenith's HTTP protocol")
    if "serialno" in push:  # a poll or a heart-beat of other firmware
        return _heard(message, site, "keep_alive", text_in(decode_json(_decode_part, payload, "a poll").serialno))
    part = next((name for name in push if name in _NAMES), None) or _only(push)
    body = push[part]
    serial = text_in(decode_json(_decode_part, bytes(body), part).serialno)
    return _heard(message, site, _NAMES.get(part, part), serial, payload)


def _only(push: dict[str, msgspec.Raw]) -> str:
    if len(push) != 1:
        raise BadMessage(f"a push has one part, this has {', '.join(push)[:100] or 'none'}")
    return next(iter(push))


def _heard(message: Message, site: Site, name: str, serial: str | None, payload: bytes = b"null") -> Heard:
    serial = serial or message.sender
    if not serial:
        raise BadMessage(f"{name} without serialno")
    envelope = Envelope(payload=msgspec.Raw(payload))
    return Heard(message, site, envelope, f"{KIND}:{serial}", name, is_reply=False, base64_texts=False)


def _heartbeat_serial(form: bytes) -> str | None:
    """The one field of the form that is read: another is the camera's password."""
    found = _HEARTBEAT_SERIAL.search(form)
    return text_in(found.group(1).decode("ascii", "replace")) if found else None
