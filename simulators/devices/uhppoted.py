"""A UHPPOTE door controller behind uhppoted-mqtt: its events, its replies, its answers to commands.

Written from uhppoted-mqtt's documentation/commands and mqtt/message.go; the daemon's security options are off.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from simulators.devices.message import DeviceMessage, encode

IN, OUT = 1, 2
SWIPE, DOOR, ALARM = 1, 2, 3
_TYPE_TEXTS = {SWIPE: "card swipe", DOOR: "door", ALARM: "alarm"}
_DIRECTION_TEXTS = {IN: "in", OUT: "out"}
SWIPE_OK, NO_RIGHTS, TIME_PERIOD, BUTTON = 1, 6, 13, 20
DOOR_OPENED, DOOR_CLOSED, OPEN_TOO_LONG, FORCED_OPEN, REMOTE_OPEN = 23, 24, 37, 38, 44
_REASON_TEXTS = {
    SWIPE_OK: "swipe",
    NO_RIGHTS: "no access rights",
    TIME_PERIOD: "not in allowed time period",
    BUTTON: "pushbutton ok",
    DOOR_OPENED: "door opened",
    DOOR_CLOSED: "door closed",
    OPEN_TOO_LONG: "door open too long",
    FORCED_OPEN: "forced open",
    REMOTE_OPEN: "remote open door",
}
_BAD_REQUEST, _UNAUTHORISED, _NOT_FOUND = 400, 401, 404
_DOORS = 4


class Controller:
    """One controller: it numbers its events from ``first_event`` on, and knows which cards open what."""

    def __init__(
        self,
        serial: int,
        zone: ZoneInfo,
        first_event: int = 1,
        cards: frozenset[int] = frozenset(),
        prefix: str = "uhppoted/gateway",
    ) -> None:
        self.serial = serial
        self.cards = set(cards)
        self.prefix = prefix
        self._zone = zone
        self._next = first_event

    @property
    def commands(self) -> str:
        """The topic filter that the daemon subscribes to."""
        return f"{self.prefix}/requests/#"

    def swipe(self, door: int, card: int, direction: int, at: datetime, reason: int = SWIPE_OK) -> list[DeviceMessage]:
        """A card at a reader: let through where the reason is SWIPE_OK, else refused for that reason."""
        return self._event(SWIPE, reason == SWIPE_OK, door, card, at, reason, direction)

    def door(self, door: int, reason: int, at: datetime) -> list[DeviceMessage]:
        """A door opened, closed, or opened by its button."""
        return self._event(DOOR, True, door, 0, at, reason)

    def alarm(self, door: int, reason: int, at: datetime) -> list[DeviceMessage]:
        """A door forced, or left open too long."""
        return self._event(ALARM, False, door, 0, at, reason)

    def system_alive(self) -> DeviceMessage:
        """The daemon's sign of life, once a minute; it gives no time."""
        alive = {"subsystem": "health-check", "message": "Monitoring all systems, no errors, warnings"}
        return DeviceMessage(f"{self.prefix}/system", encode({"message": {"system": {"alive": alive}}}))

    def answer(self, topic: str, payload: bytes, at: datetime) -> list[DeviceMessage]:
        """The daemon's reply to a request, and the event that an opened door causes. Silent for what it cannot read."""
        name = topic.removeprefix(f"{self.prefix}/requests/")
        try:
            request = msgspec.json.decode(payload, type=_Envelope).message.request
        except msgspec.MsgspecError:
            return []
        if request.device_id != self.serial:
            return [self._error(request, name, _NOT_FOUND, f"no controller {request.device_id}")]
        match name:
            case "device/door/lock:open":
                return self._open(request, at)
            case "device/card:put":
                return [self._put_card(request)]
            case "device/card:delete":
                self.cards.discard(request.card_number)
                response = {"device-id": self.serial, "card-number": request.card_number, "deleted": True}
                return [self._reply(request, "delete-card", response)]
            case "device/door/control:set":
                response = {"device-id": self.serial, "door": request.door, "control": request.control}
                return [self._reply(request, "set-door-control", response)]
            case _:
                return [self._error(request, name, _BAD_REQUEST, f"the simulated daemon has no {name}")]

    def _open(self, request: _Request, at: datetime) -> list[DeviceMessage]:
        if not 1 <= request.door <= _DOORS:
            return [self._error(request, "open-door", _BAD_REQUEST, f"invalid door {request.door}")]
        if request.card_number not in self.cards:
            text = f"Card {request.card_number} is not authorised"
            return [self._error(request, "open-door", _UNAUTHORISED, text)]
        response = {"device-id": self.serial, "door": request.door, "opened": True}
        event = self._event(DOOR, True, request.door, request.card_number, at, REMOTE_OPEN)
        return [self._reply(request, "open-door", response), *event]

    def _put_card(self, request: _Request) -> DeviceMessage:
        number = request.card.get("card-number")
        if not isinstance(number, int):
            return self._error(request, "put-card", _BAD_REQUEST, "missing or invalid card number")
        self.cards.add(number)
        return self._reply(request, "put-card", {"device-id": self.serial, "card": request.card})

    def _event(
        self, kind: int, granted: bool, door: int, card: int, at: datetime, reason: int, direction: int = IN
    ) -> list[DeviceMessage]:
        """The same event twice, as the daemon sends it: live, and in the feed that catches up."""
        event = {
            "device-id": self.serial,
            "event-id": self._next,
            "event-type": kind,
            "event-type-text": _TYPE_TEXTS[kind],
            "access-granted": granted,
            "door-id": door,
            "direction": direction,
            "direction-text": _DIRECTION_TEXTS[direction],
            "card-number": card,
            "timestamp": f"{at.astimezone(self._zone):%Y-%m-%d %H:%M:%S %Z}",
            "event-reason": reason,
            "event-reason-text": _REASON_TEXTS[reason],
        }
        self._next += 1
        payload = encode({"message": {"event": {"event": event}}})
        return [DeviceMessage(f"{self.prefix}/events{feed}", payload) for feed in ("/live", "")]

    def _reply(self, request: _Request, method: str, response: dict[str, Any]) -> DeviceMessage:
        return self._to(request, "reply", {"method": method, "response": response})

    def _error(self, request: _Request, method: str, code: int, text: str) -> DeviceMessage:
        return self._to(request, "error", {"method": method, "error": {"code": code, "message": text}})

    def _to(self, request: _Request, kind: str, body: dict[str, Any]) -> DeviceMessage:
        topic = request.reply_to or f"{self.prefix}/replies/{request.client_id}"
        head = {"server-id": "uhppoted", "client-id": request.client_id, "request-id": request.request_id}
        return DeviceMessage(topic, encode({"message": {kind: {**head, **body}}}))


class _Request(msgspec.Struct, rename="kebab"):
    client_id: str
    request_id: str = ""
    reply_to: str = ""
    device_id: int = 0
    door: int = 0
    card_number: int = 0
    control: str = ""
    card: dict[str, Any] = {}


class _Message(msgspec.Struct):
    request: _Request


class _Envelope(msgspec.Struct):
    message: _Message
