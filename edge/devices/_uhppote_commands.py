"""Commands to UHPPOTE controllers. An answer says that the relay fired, or the card is kept, not that a door moved."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from edge.devices import _uhppote_packet as packets
from edge.devices._arguments import days, rights_by_door, whole_in, words
from edge.devices._fields import whole
from edge.devices._uhppote_packet import CardRecord
from edge.devices.driver import CannotEncode, Command, Packet, Site

KIND = "uhppote"
_MAX_PIN, _MAX_DELAY_S = 999_999, 255
_MODES = MappingProxyType({"normally_open": 1, "normally_closed": 2, "controlled": 3})


def encode(command: Command, site: Site, topic_hint: str) -> Packet:
    """The packet for a controller. Raises CannotEncode."""
    make = _COMMANDS.get(command.name)
    if make is None:
        raise CannotEncode(f"UHPPOTE controllers have no {command.name!r}; they have {', '.join(sorted(_COMMANDS))}")
    serial = serial_of(command.device)
    if serial is None:
        raise CannotEncode(f"{command.device!r} is no controller: a serial number comes after the colon")
    return Packet(make(command, serial, site), command.request_id)


def serial_of(device: str) -> int | None:
    """The serial number in an identity; None for what is none."""
    serial = whole(device.partition(":")[2])
    return serial if serial is not None and 0 < serial <= packets.MAX_SERIAL else None


def door_of(point: str) -> int | None:
    """1 to 4, from ``door/1`` to ``door/4``."""
    door = whole(point.removeprefix("door/"))
    return door if door in packets.DOORS else None


def _open(command: Command, serial: int, site: Site) -> bytes:
    return packets.request(packets.OPEN_DOOR, serial, packets.number(_door(command), 1))


def _control(command: Command, serial: int, site: Site) -> bytes:
    """``mode`` as below; ``delay_s``: so long a card unlocks the door."""
    mode = _MODES.get(words(command, "mode"))
    if mode is None:
        raise CannotEncode(f"{command.name} needs mode, one of {', '.join(_MODES)}")
    return packets.set_door(serial, _door(command), mode, whole_in(command, "delay_s", 1, _MAX_DELAY_S, 5))


def _put_card(command: Command, serial: int, site: Site) -> bytes:
    """``card``, ``valid`` (two dates, both inclusive), ``doors`` by number, perhaps ``pin``."""
    begin, end = days(command, "valid")
    pin = packets.number(whole_in(command, "pin", 0, _MAX_PIN, 0), 3)
    rights = rights_by_door(command, "doors")
    one, two, three, four = (int(rights[str(door)]) for door in packets.DOORS)
    return packets.put_card(serial, CardRecord(_card(command), begin, end, (one, two, three, four), pin + b"\0"))


def _delete_card(command: Command, serial: int, site: Site) -> bytes:
    return packets.request(packets.DELETE_CARD, serial, packets.number(_card(command)))


def _set_clock(command: Command, serial: int, site: Site) -> bytes:
    """The moment the command was issued, on the site's clocks."""
    return packets.set_time(serial, command.issued_at.astimezone(site.zone))


def _door(command: Command) -> int:
    door = door_of(words(command, "point"))
    if door is None:
        raise CannotEncode(f"{command.name} needs point, door/1 to door/4, not {command.args.get('point')!r}")
    return door


def _card(command: Command) -> int:
    return whole_in(command, "card", 1, packets.MAX_CARD - 1)


_COMMANDS: MappingProxyType[str, Callable[[Command, int, Site], bytes]] = MappingProxyType(
    {
        "door.open": _open,
        "door.control": _control,
        "credential.put": _put_card,
        "credential.delete": _delete_card,
        "clock.set": _set_clock,
    }
)
