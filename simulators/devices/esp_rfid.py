"""An esp-rfid board at a door: cards, its door, its heart-beat, and the order to open.

Written from src/mqtt.esp of esprfid/esp-rfid (012d735): everything under one topic, QoS 0, nothing retained.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from simulators.devices.message import DeviceMessage, encode

Access = Literal["Always", "Admin", "Expired", "Disabled", "Denied"]
_DESCRIPTIONS = {"open": "Door Open", "closed": "Door Closed"}


class Board(msgspec.Struct, frozen=True):
    """A board: the topic set on it, its name and its address."""

    topic: str
    hostname: str = "esp-rfid"
    ip: str = "192.0.2.71"

    @property
    def commands(self) -> str:
        """The topic that it subscribes to."""
        return f"{self.topic}/cmd"


def boot(board: Board, at: datetime) -> DeviceMessage:
    """Sent once, when it is connected."""
    return _send(board, {"type": "boot", "time": _s(at), "uptime": "0", "ip": board.ip, "hostname": board.hostname})


def heartbeat(board: Board, at: datetime, uptime_s: int = 180) -> DeviceMessage:
    """Every three minutes."""
    said = {"type": "heartbeat", "time": _s(at), "uptime": uptime_s, "ip": board.ip, "hostname": board.hostname}
    return _send(board, said)


def access(board: Board, uid: str, username: str, answer: Access, at: datetime) -> DeviceMessage:
    """A card was held to its reader. One it does not know has the name Unknown."""
    known = "false" if answer == "Denied" else "true"
    head = {"type": "access", "time": _s(at), "isKnown": known, "access": answer}
    return _send(board, {**head, "username": username, "uid": uid, "door": board.hostname})


def door(board: Board, state: Literal["open", "closed"], at: datetime) -> DeviceMessage:
    """Its door sensor, where its log goes over MQTT."""
    said = {"type": "INFO", "src": "door", "desc": _DESCRIPTIONS[state], "data": "", "time": _s(at)}
    return _send(board, {**said, "cmd": "event", "door": board.hostname})


def answer(board: Board, topic: str, payload: bytes, at: datetime) -> list[DeviceMessage]:
    """It opens for whoever names its address, and enters that as an access; it is silent otherwise."""
    if topic != board.commands:
        return []
    try:
        order = msgspec.json.decode(payload, type=dict[str, Any])
    except msgspec.MsgspecError:
        return []
    if order.get("doorip") != board.ip or order.get("cmd") != "opendoor":
        return []
    return [access(board, " ", "MQTT", "Always", at)]


def _send(board: Board, said: dict[str, Any]) -> DeviceMessage:
    return DeviceMessage(f"{board.topic}/send", encode(said))


def _s(at: datetime) -> int:
    return int(at.timestamp())
