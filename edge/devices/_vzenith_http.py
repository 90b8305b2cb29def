"""What Vzenith cameras push over HTTP: the payloads of their MQTT protocol without its envelope, texts not wrapped."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Any

import msgspec

from edge.devices._fields import decode_json, text_in
from edge.devices._vzenith_envelope import KIND, Envelope, Heard
from edge.devices.driver import BadMessage, Message, Site

_NAMES = MappingProxyType({"AlarmInfoPlate": "ivs_result", "AlarmGioIn": "gpio_in", "SerialData": "serial_data"})
_HEARTBEAT_SERIAL = re.compile(rb'name="serialno"\s*\r?\n\r?\n([^\r\n]+)')


class _Part(msgspec.Struct):
    serialno: Any = None


_decode_push = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_part = msgspec.json.Decoder(_Part).decode


def open_push(message: Message, site: Site) -> Heard:
    """A pushed body. Raises BadMessage where it is no push, or nobody's."""
    if message.payload.startswith(b"--"):
        return _heard(message, site, "keep_alive", _heartbeat_serial(message.payload))
    push = decode_json(_decode_push, message.payload, "not a push of Vzenith's HTTP protocol")
    if len(push) != 1:
        raise BadMessage(f"a push has one part, this has {', '.join(push)[:100] or 'none'}")
    ((part, body),) = push.items()
    serial = text_in(decode_json(_decode_part, bytes(body), part).serialno)
    return _heard(message, site, _NAMES.get(part, part), serial, message.payload)


def _heard(message: Message, site: Site, name: str, serial: str | None, payload: bytes = b"null") -> Heard:
    if serial is None:
        raise BadMessage(f"{name} without serialno")
    envelope = Envelope(payload=msgspec.Raw(payload))
    return Heard(message, site, envelope, f"{KIND}:{serial}", name, is_reply=False, base64_texts=False)


def _heartbeat_serial(form: bytes) -> str | None:
    """The one field of the form that is read: another is the camera's password."""
    found = _HEARTBEAT_SERIAL.search(form)
    return text_in(found.group(1).decode("ascii", "replace")) if found else None
