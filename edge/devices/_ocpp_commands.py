"""Orders to a charge point, as calls of the central system."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from edge.devices._arguments import whole_in, words
from edge.devices._ocpp_frames import MAX_ID, call
from edge.devices.driver import CannotEncode, Command, Packet, Site

_MAX_NUMBER = 2**31 - 1
_MAX_TAG = 20
_RESETS = ("Soft", "Hard")
Body = dict[str, Any]


def encode(command: Command, site: Site, topic_hint: str) -> Packet:
    """The call that carries out a command. Raises CannotEncode."""
    if command.name not in _COMMANDS:
        raise CannotEncode(f"charge points have no {command.name!r}; they have {', '.join(sorted(_COMMANDS))}")
    if not 0 < len(command.request_id) <= MAX_ID:
        raise CannotEncode(f"{command.name}: an id of 1 to {MAX_ID} signs, not {command.request_id!r}")
    action, make = _COMMANDS[command.name]
    return Packet(call(command.request_id, action, make(command)))


def _stop(command: Command) -> Body:
    """``transaction``, as its start is recorded with."""
    return {"transactionId": whole_in(command, "transaction", 0, _MAX_NUMBER)}


def _start(command: Command) -> Body:
    """``card`` in whose name, perhaps ``point`` (connector/1)."""
    tag = words(command, "card")
    if len(tag) > _MAX_TAG:
        raise CannotEncode(f"{command.name}: a card has at most {_MAX_TAG} signs at a charge point")
    return {"idTag": tag, **({"connectorId": _connector(command)} if "point" in command.args else {})}


def _unlock(command: Command) -> Body:
    return {"connectorId": _connector(command)}


def _reset(command: Command) -> Body:
    """``type``: Soft, the default, ends what runs in an orderly way; Hard does not."""
    kind = words(command, "type", _RESETS[0]).capitalize()
    if kind not in _RESETS:
        raise CannotEncode(f"{command.name} needs type soft or hard, not {kind!r}")
    return {"type": kind}


def _connector(command: Command) -> int:
    point = words(command, "point")
    number = point.removeprefix("connector/")
    if not number.isascii() or not number.isdigit() or not 0 < int(number[:10]) <= _MAX_NUMBER:
        raise CannotEncode(f"{command.name} needs point, connector/1 and so on, not {point!r}")
    return int(number)


_COMMANDS: MappingProxyType[str, tuple[str, Callable[[Command], Body]]] = MappingProxyType(
    {
        "charging.stop": ("RemoteStopTransaction", _stop),
        "charging.start": ("RemoteStartTransaction", _start),
        "connector.unlock": ("UnlockConnector", _unlock),
        "charger.reset": ("Reset", _reset),
    }
)
