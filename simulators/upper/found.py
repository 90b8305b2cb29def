"""The objects in a message of GA/T 1400, read without a line of ours: by its envelopes, as the reference has them."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator
from typing import Any, cast

import msgspec

Said = dict[str, Any]
_IDS = {"APE": "ApeID", "APEStatus": "ApeID", "APS": "ApsID", "Image": "ImageID", "VideoSlice": "VideoID"}
_NOTIFICATIONS = ("SubscribeNotification", "DispositionNotification")


class NotRead(Exception):
    """It is no message of the standard; says why."""


class Found(msgspec.Struct, frozen=True):
    """One object: its kind as the envelope has it, its number, the device it is of, and its fields."""

    kind: str
    id: str
    device: str
    said: Said
    within: str = ""  # the number of the notification that brought it


def objects_in(body: bytes) -> list[Found]:
    """Every object at the top of a message, in its order. Raises NotRead."""
    try:
        message = msgspec.json.decode(body, type=Said)
    except msgspec.MsgspecError as error:
        raise NotRead(f"no JSON object: {error}") from error
    found = [one for key, value in message.items() for one in _listed(key, value)]
    if not found:
        raise NotRead(f"no list of objects in {', '.join(message)[:80]}")
    return found


def brought_by(notification: Found) -> list[Found]:
    """What a notification brings; nothing for any other object."""
    if notification.kind not in _NOTIFICATIONS:
        return []
    inner = [one for key, value in notification.said.items() for one in _listed(key, value)]
    return [msgspec.structs.replace(one, within=notification.id) for one in inner]


def without_pictures(value: Any) -> Any:
    """The same with each picture's base64 replaced by its size and hash."""
    if isinstance(value, list):
        return [without_pictures(inner) for inner in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    named = cast("Said", value)
    return {key: _picture(inner) if key == "Data" else without_pictures(inner) for key, inner in named.items()}


def _picture(text: Any) -> Any:
    try:
        body = base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError):
        return {"unreadable": str(text)[:40]}
    return {"size_bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}


def _listed(key: str, value: Any) -> Iterator[Found]:
    """``XListObject.XObject[]``; in notifications ``XObjectList.XObject[]``, or one ``XObject``."""
    if not isinstance(value, dict | list):
        return
    if key.endswith("Object") and not key.endswith("ListObject") and isinstance(value, dict):
        yield _found(key.removesuffix("Object"), cast("Said", value))
        return
    if not key.endswith(("ListObject", "ObjectList", "List")) or key == "SubImageList":
        return
    below = cast("Said", value) if isinstance(value, dict) else {}
    for name, inner in below.items():
        elements = cast("list[Any]", inner) if isinstance(inner, list) else [inner]
        objects = [cast("Said", one) for one in elements if isinstance(one, dict)]
        yield from (_found(name.removesuffix("Object"), one) for one in objects)


def _found(kind: str, said: Said) -> Found:
    info = said.get(f"{kind}Info")
    fields = cast("Said", info) if isinstance(info, dict) else said
    device = str(fields.get("DeviceID") or fields.get("ApeID") or fields.get("TollgateID") or "")
    number = f"{fields.get('TollgateID')}-{fields.get('LaneId')}" if kind == "Lane" else _number(kind, fields)
    return Found(kind, number, device, said)


def _number(kind: str, fields: Said) -> str:
    names = (_IDS.get(kind, ""), f"{kind}ID", "NotificationID", "ID", "Id")
    return str(next((fields[name] for name in names if fields.get(name)), ""))
