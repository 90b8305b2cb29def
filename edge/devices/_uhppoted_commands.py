"""Requests to uhppoted-mqtt. A refused signature or client gets no answer at all: the caller must time out."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import msgspec

from edge.devices._arguments import days, rights_by_door, whole_in, words
from edge.devices._fields import whole
from edge.devices.driver import CannotEncode, Command, Publish, Site

_ROOT = "uhppoted/gateway"
_BELOW_ROOT = ("/events", "/system", "/replies")
_CLIENT_ID = "gatehouse"
_MAX_SERIAL = 2**32 - 1
_LAST_DOOR = 4
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
    if door is None or not 1 <= door <= _LAST_DOOR:
        raise CannotEncode(f"{command.name} needs point, door/1 to door/4, not {command.args.get('point')!r}")
    return door


def _control(mode: str) -> Callable[[Command], Body]:
    """``point``; the door is held, or decides by cards again."""
    return lambda command: {"door": _door(command), "control": mode}


def _put_card(command: Command) -> Body:
    """``card``, ``valid`` (two dates, both inclusive), ``doors`` by number, perhaps ``pin``."""
    begin, end = (day.isoformat() for day in days(command, "valid"))
    doors = rights_by_door(command, "doors")
    card: Body = {"card-number": _card(command), "start-date": begin, "end-date": end, "doors": doors}
    if "pin" in command.args:
        card["PIN"] = whole_in(command, "pin", 0, _MAX_PIN)
    return {"card": card}


def _delete_card(command: Command) -> Body:
    return {"card-number": _card(command)}


def _card(command: Command, name: str = "card") -> int:
    return whole_in(command, name, 1, _MAX_SERIAL)


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
