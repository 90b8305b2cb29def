"""Commands to Dahua devices: requests of their HTTP API. "OK" says that a relay fired, not that a door moved."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from edge.devices._arguments import whole_in, words
from edge.devices._fields import whole
from edge.devices.driver import Answer, CannotEncode, Command, Request, Site

ACCEPTED = Answer(b'{"Result":true,"Message":"Success"}')  # else ITSAPI sends the same again, without end
_LAST_DOOR, _LAST_CHANNEL = 255, 64
_USER = 101  # who opens, in the device's records


def encode(command: Command, site: Site, topic_hint: str) -> Request | Answer:
    """The request to the device. Raises CannotEncode."""
    if command.name == "ack":
        return ACCEPTED
    make = _COMMANDS.get(command.name)
    if make is None:
        raise CannotEncode(f"Dahua devices have no {command.name!r}; they have {', '.join(sorted(_COMMANDS))}")
    return Request("GET", make(command), request_id=command.request_id)


def _door(action: str) -> Callable[[Command], str]:
    def make(command: Command) -> str:
        """Doors count from 0 in events, and from 1 here."""
        door = whole(words(command, "point").removeprefix("door/"))
        if door is None or not 0 <= door <= _LAST_DOOR:
            raise CannotEncode(f"{command.name} needs point, door/0 to door/{_LAST_DOOR}")
        user = whole_in(command, "user", 0, 2**31, _USER)
        return f"/cgi-bin/accessControl.cgi?action={action}&channel={door + 1}&UserID={user}&Type=Remote"

    return make


def _barrier(command: Command) -> str:
    channel = whole_in(command, "channel", 1, _LAST_CHANNEL, 1)
    return f"/cgi-bin/trafficSnap.cgi?action=openStrobe&channel={channel}&info.openType=Normal"


_COMMANDS: MappingProxyType[str, Callable[[Command], str]] = MappingProxyType(
    {"door.open": _door("openDoor"), "door.close": _door("closeDoor"), "barrier.open": _barrier}
)
