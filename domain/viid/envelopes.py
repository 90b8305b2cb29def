"""Envelopes of GA/T 1400: how objects are wrapped, and how they are found in whatever wrapping a peer uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

import msgspec

Fields = dict[str, Any]

MEDIA_TYPE = "application/VIID+JSON;charset=UTF-8"
NOTIFICATION = "SubscribeNotification"
_MAX_DEPTH = 2
_MAX_OBJECTS = 500
_BARE = ("Image", "File", "VideoSlice")  # elements of these are not called …Object
_LISTS = MappingProxyType({"DeviceList": "APE", "DeviceStatusList": "APEStatus"})
_IN_NOTIFICATIONS = MappingProxyType({name: key for key, name in _LISTS.items()})
# Names that an object's own number stands under, where it is not <name>ID.
_NUMBERS: Mapping[str, str] = MappingProxyType(
    {
        "APE": "ApeID",
        "APEStatus": "ApeID",
        "APS": "ApsID",
        "Lane": "LaneId",
        "VideoSlice": "VideoID",
        "Register": "DeviceID",
        "UnRegister": "DeviceID",
        "Keepalive": "DeviceID",
        "SubscribeNotification": "NotificationID",
        "DispositionNotification": "NotificationID",
    }
)


class BadEnvelope(ValueError):
    """A message that holds no object of the standard, or too many."""


class Sent(msgspec.Struct, frozen=True):
    """One object out of an envelope: what it is, such as ``MotorVehicle``, and its fields."""

    name: str
    said: Fields

    @property
    def number(self) -> str:
        """Its own id as text; empty where it has none."""
        inner = _fields(self.said.get(f"{self.name}Info")) or self.said
        found = inner.get(number_field(self.name))
        return str(found).strip() if isinstance(found, str | int) and not isinstance(found, bool) else ""


def number_field(name: str) -> str:
    """The field in which an object's own id stands."""
    return _NUMBERS.get(name, f"{name}ID")


def element(name: str) -> str:
    """``MotorVehicleObject``; pictures and files are called bare."""
    return name if name in _BARE else f"{name}Object"


def path(name: str) -> str:
    """Where a list of such objects is posted."""
    return f"/VIID/{name}s"


def listed(name: str, objects: Sequence[Fields]) -> Fields:
    """``{"MotorVehicleListObject": {"MotorVehicleObject": […]}}``."""
    return {f"{name}ListObject": {element(name): list(objects)}}


def notified(name: str, objects: Sequence[Fields]) -> Fields:
    """The same inside a notification, where the words are turned round: ``MotorVehicleObjectList``."""
    return {_IN_NOTIFICATIONS.get(name, f"{name}ObjectList"): {element(name): list(objects)}}


def objects_in(body: Fields, *, opened: bool = True) -> list[Sent]:
    """Every object of a message, in its order; ``opened``: of notifications, what they bring. Raises BadEnvelope."""
    found = list(_objects(body, opened=opened))
    if not found:
        raise BadEnvelope(f"no object of GA/T 1400 in {', '.join(body)[:100] or 'an empty message'}")
    if len(found) > _MAX_OBJECTS:
        raise BadEnvelope(f"{len(found)} objects in one message; at most {_MAX_OBJECTS}")
    return found


def sub_images(value: object) -> list[Fields]:
    """The pictures of an object: below a key of their own, or bare; one alone, or several."""
    inner = _fields(value).get("SubImageInfoObject", value)
    return [part for part in map(_fields, _items(inner)) if part]


def _objects(body: Fields, *, opened: bool, depth: int = 0) -> Iterator[Sent]:
    """``XListObject.XObject[]``; in notifications the words are turned round; some send one for several, or it bare."""
    for key, value in body.items():
        name = _name(key)
        if name == NOTIFICATION and opened and depth < _MAX_DEPTH:
            for inner in _elements(value):
                yield from _objects(inner, opened=opened, depth=depth + 1)
        elif name is not None:
            yield from (Sent(name, one) for one in _elements(value))


def _name(key: str) -> str | None:
    """``MotorVehicle`` of MotorVehicleListObject, …ObjectList and …Object; None for a plain field."""
    if key in _LISTS:
        return _LISTS[key]
    for end in ("ListObject", "ObjectList", "Object"):
        if key.endswith(end) and len(key) > len(end):
            return key.removesuffix(end)
    return None


def _elements(value: object) -> Iterator[Fields]:
    """The objects below a list, which stand one level deeper under a key of their own, or do not."""
    for part in _items(value):
        named = _fields(part)
        below = [inner for key, inner in named.items() if _is_element(key, inner)]
        if len(named) == len(below) == 1:
            yield from (one for one in map(_fields, _items(below[0])) if one)
        elif named:
            yield named


def _is_element(key: str, inner: object) -> bool:
    return (key.endswith("Object") or key in _BARE) and isinstance(inner, dict | list)


def _fields(value: object) -> Fields:
    return cast("Fields", value) if isinstance(value, dict) else {}


def _items(value: object) -> list[Any]:
    if isinstance(value, list):
        return cast("list[Any]", value)
    return [value] if isinstance(value, dict) else []
