"""OCPP-J frames: ``[2, id, action, {…}]`` asks, ``[3, id, {…}]`` answers, ``[4, id, code, text, {…}]`` refuses."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import unquote

import msgspec

from edge.devices._fields import decode_json, fields, text_in
from edge.devices.driver import BadMessage, Message

KIND = "ocpp"
CALL, RESULT, REFUSAL = 2, 3, 4
MAX_ID = 36  # signs, by the specification
_MAX_IDENTITY = 100

_decode = msgspec.json.Decoder(list[Any]).decode


class Frame(msgspec.Struct, frozen=True):
    """``action`` of a call, ``code`` and ``text`` of a refusal; ``body`` of all three."""

    kind: int
    id: str
    body: dict[str, Any]
    action: str = ""
    code: str = ""
    text: str = ""


def read_frame(payload: bytes) -> Frame:
    """Raises BadMessage."""
    parts = decode_json(_decode, payload, "not a frame of OCPP-J")
    match parts:
        case [int(kind), str(name), str(action), dict()] if kind == CALL and name and action:
            return Frame(kind, name, fields(cast("object", parts[3])), action=action)
        case [int(kind), str(name), dict()] if kind == RESULT and name:
            return Frame(kind, name, fields(cast("object", parts[2])))
        case [int(kind), str(name), str(code), *rest] if kind == REFUSAL and name:
            return Frame(kind, name, {}, code=code, text=(text_in(rest[0]) or "") if rest else "")
        case _:
            raise BadMessage("neither [2, id, action, {}] nor [3, id, {}] nor [4, id, code, text, {}]")


def charge_point(message: Message) -> str:
    """The device that speaks: the last segment of the URL path. Raises BadMessage where there is none."""
    identity = message.sender or identity_in(message.topic)
    if not identity:
        raise BadMessage("which charge point? its identity is the last segment of the URL path")
    return f"{KIND}:{identity}"


def identity_in(path: str) -> str:
    """The identity in a URL path, "" for none that could be one."""
    identity = unquote(path.partition("?")[0].rstrip("/").rpartition("/")[2])
    return identity if identity.isprintable() and len(identity) <= _MAX_IDENTITY else ""


def call(name: str, action: str, body: dict[str, Any]) -> bytes:
    return msgspec.json.encode([CALL, name, action, body])


def result(name: str, body: dict[str, Any]) -> bytes:
    return msgspec.json.encode([RESULT, name, body])


def refusal(name: str, code: str, text: str) -> bytes:
    return msgspec.json.encode([REFUSAL, name, code, text, {}])
