"""Which families there are, how many devices of each make two hundred, and how one is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from simulators.crowd import asked, at_broker, callers, pushes, watchers
from simulators.crowd.crowd import Crowd
from simulators.crowd.member import Member, Signs
from simulators.devices import osdp, zigbee2mqtt

Make = Callable[[int], Member]

# How many of each make two hundred: as many doors as a large complex has, a camera at each corner and lane.
COUNTS = {
    "vzenith-mqtt": 20,
    "uhppoted-mqtt": 30,
    "esp-rfid": 15,
    "zigbee2mqtt": 29,
    "frigate": 20,
    "axis-mqtt": 6,
    "onvif-mqtt": 6,
    "openalpr-rekor": 3,
    "vzenith-http": 6,
    "hikvision-isapi push": 5,
    "dahua push": 5,
    "openalpr-rekor push": 3,
    "platerecognizer": 3,
    "gat1400": 8,
    "hikvision-isapi": 6,
    "dahua": 3,
    "2n": 6,
    "uhppote-udp": 8,
    "vzenith-tcp": 5,
    "gb26875": 5,
    "ocpp16": 6,
    "osdp": 2,
}
# Those that the story of ``site`` has not, and that a device list alone describes: a line of RS-485 is none of them.
OTHERS = frozenset(COUNTS) - {"vzenith-mqtt", "uhppoted-mqtt", "zigbee2mqtt", "frigate", "osdp"}


def other_families(first_port: int) -> Crowd:
    """One device of each of the others, at ports from ``first_port`` on."""
    crowd = make_crowd({family: 1 for family in COUNTS if family in OTHERS})
    crowd.by_ports_from(first_port)
    crowd.unguarded()
    return crowd


def credentials() -> dict[str, Any]:
    """The residents' cards: desired state of kind ``credentials``."""
    rest = {"doors": [{"device": "*"}], "until": "2099-12-31"}
    return {"cards": [{"id": f"c{card}", "card": str(card), **rest} for card in at_broker.DoorController.CARDS]}


def make_crowd(counts: Mapping[str, int] = COUNTS, picture: bytes = b"", seed: int = 1) -> Crowd:
    """So many of each family; without libosdp none of OSDP."""
    signs = Signs(seed * 1_000_000 + 1, picture)
    makes = _makes(signs)
    absent = [] if osdp.is_here() or not counts.get("osdp") else ["osdp: libosdp is not installed"]
    there = {family: number for family, number in counts.items() if not (absent and family == "osdp")}
    members = [makes[family](number) for family, many in there.items() for number in range(1, many + 1)]
    return Crowd(members, absent)


def _makes(signs: Signs) -> dict[str, Make]:
    daemon, recorder = at_broker.Daemon(), at_broker.Shared("crowd-frigate")
    bridge, stick = at_broker.Shared("crowd-zigbee2mqtt"), zigbee2mqtt.Bridge()
    return {
        "vzenith-mqtt": lambda number: at_broker.PlateCamera(number, signs),
        "uhppoted-mqtt": lambda number: at_broker.DoorController(number, signs, daemon),
        "esp-rfid": lambda number: at_broker.Board(number, signs),
        "zigbee2mqtt": lambda number: watchers.Contact(number, signs, bridge, stick),
        "frigate": lambda number: watchers.RecorderCamera(number, signs, recorder),
        "axis-mqtt": lambda number: watchers.AxisCamera(number, signs),
        "onvif-mqtt": lambda number: watchers.OnvifCamera(number, signs),
        "openalpr-rekor": lambda number: at_broker.PlateProgram(number, signs),
        "vzenith-http": lambda number: pushes.VzenithPusher(number, signs),
        "hikvision-isapi push": lambda number: pushes.HikvisionPusher(number, signs),
        "dahua push": lambda number: pushes.DahuaPusher(number, signs),
        "openalpr-rekor push": lambda number: pushes.RekorPusher(number, signs),
        "platerecognizer": lambda number: pushes.StreamPusher(number, signs),
        "gat1400": lambda number: pushes.NationalPusher(number, signs),
        "hikvision-isapi": lambda number: asked.HikvisionTerminal(number, signs),
        "dahua": lambda number: asked.DahuaTerminal(number, signs),
        "2n": lambda number: asked.Intercom(number, signs),
        "uhppote-udp": lambda number: asked.PacketController(number, signs, at_broker.DoorController.CARDS),
        "vzenith-tcp": lambda number: asked.TcpCamera(number, signs),
        "gb26875": lambda number: callers.FireTransmitter(number, signs),
        "ocpp16": lambda number: callers.ChargePoint(number, signs),
        "osdp": lambda number: callers.LineReader(number, signs),
    }
