"""Requests to uhppoted-mqtt. A refused signature or client gets no answer at all: the caller must time out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, cast

import msgspec

from edge.devices._arguments import whole_in, words
from edge.devices._fields import whole
from edge.devices.driver import CannotEncode, Command, Publish, Site

_ROOT = "uhppoted/gateway"
_BELOW_ROOT = ("/events", "/system", "/replies")
_CLIENT_ID = "gatehouse"
_MAX_SERIAL = 2**32 - 1
_DOORS = ("1", "2", "3", "4")
_MIN_PROFILE, _MAX_PROFILE = 2, 254
_MAX_PIN = 999_999

Body = dict[str, Any]


def encode(command: Command, site: Site, topic_hint: str) -> Publish:
    """The request for a controller. ``client_id`` names us to the daemon. Raises CannotEncode."""
    if command.name not in _COMMANDS:
        raise CannotEncode(f"UHPPOTE controllers have no {command.name!r}; they have {', '.join(sorted(_COMMANDS))}")
    controller = whole(command.device.partition(":")[2])
    if controller is None or not 0 < controller <= _MAX_SERIAL:
        raise CannotEncode(f"{command.device!r} is no controller: a serial number comes after the colon")
    verb, make = _COMMANDS[command.name]
    client = words(command, "client_id", _CLIENT_ID)
    request = {
        "client-id": client,
        "request-id": command.request_id,
        "reply-to": words(command, "reply_to", f"uhppoted/reply/{client}"),
        "device-id": controller,
        **make(command),
    }
    return Publish(f"{_root(topic_hint)}/requests/{verb}", msgspec.json.encode({"message": {"request": request}}))


def _root(topic_hint: str) -> str:
    """The daemon's topics can be renamed; what it was heard on tells their root."""
    heads = (topic_hint.partition(below)[0] for below in _BELOW_ROOT if below in topic_hint)
    return next(heads, _ROOT)


def _open(command: Command) -> Body:
    """``point`` (door/1 to door/4) and ``card``, which the daemon's cards file and the controller must allow today."""
    return {"door": _door(command), "card-number": _card(command, "as_card" if "as_card" in command.args else "card")}


def _door(command: Command) -> int:
    door = whole(words(command, "point").removeprefix("door/"))
    if door is None or not 1 <= door <= len(_DOORS):
        raise CannotEncode(f"{command.name} needs point, door/1 to door/4, not {command.args.get('point')!r}")
    return door


def _control(mode: str) -> Callable[[Command], Body]:
    """``point``; the door is held, or decides by cards again."""
    return lambda command: {"door": _door(command), "control": mode}


def _put_card(command: Command) -> Body:
    """``card``, ``valid`` (two dates, both inclusive), ``doors`` by number, perhaps ``pin``."""
    begin, end = _dates(command)
    card: Body = {"card-number": _card(command), "start-date": begin, "end-date": end, "doors": _doors(command)}
    if "pin" in command.args:
        card["PIN"] = whole_in(command, "pin", 0, _MAX_PIN)
    return {"card": card}


def _delete_card(command: Command) -> Body:
    return {"card-number": _card(command)}


def _card(command: Command, name: str = "card") -> int:
    return whole_in(command, name, 1, _MAX_SERIAL)


def _dates(command: Command) -> tuple[str, str]:
    value = command.args.get("valid")
    ends = [str(end) for end in cast("list[Any]", value)] if isinstance(value, list | tuple) else []
    try:
        begin, end = (date.fromisoformat(text) for text in ends)
    except ValueError as error:
        raise CannotEncode(f"{command.name} needs valid, two dates YYYY-MM-DD, not {value!r}") from error
    if end < begin:
        raise CannotEncode(f"{command.name}: valid ends on {end}, before it begins on {begin}")
    return begin.isoformat(), end.isoformat()


def _doors(command: Command) -> Body:
    """Each door as the controller wants it: true, false, or the number of a time profile (``profile:55``)."""
    value = command.args.get("doors")
    given = {str(door): right for door, right in cast("Mapping[Any, Any]", value).items()} if _is_map(value) else {}
    if not given or not set(given) <= set(_DOORS):
        raise CannotEncode(f"{command.name} needs doors, rights by door 1 to 4, not {value!r}")
    return {door: _right(command, door, given.get(door, False)) for door in _DOORS}


def _is_map(value: object) -> bool:
    return isinstance(value, Mapping)


def _right(command: Command, door: str, right: object) -> bool | int:
    if isinstance(right, bool):
        return right
    profile = whole(right.removeprefix("profile:")) if isinstance(right, str) else whole(right)
    if profile in (0, 1):
        return profile == 1
    if profile is None or not _MIN_PROFILE <= profile <= _MAX_PROFILE:
        raise CannotEncode(f"{command.name}: door {door} takes true, false or profile:2 to 254, not {right!r}")
    return profile


_COMMANDS: MappingProxyType[str, tuple[str, Callable[[Command], Body]]] = MappingProxyType(
    {
        "door.open": ("device/door/lock:open", _open),
        "door.free": ("device/door/control:set", _control("normally open")),
        "door.lock": ("device/door/control:set", _control("normally closed")),
        "door.normal": ("device/door/control:set", _control("controlled")),
        "credential.put": ("device/card:put", _put_card),
        "credential.delete": ("device/card:delete", _delete_card),
    }
)
