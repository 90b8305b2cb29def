"""What a charge point is told: by the frame, the moment it came, and what was decided about the card it names."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

import msgspec

from domain.access import Decision
from domain.events import utc_ms
from edge.devices._fields import text_in
from edge.devices._ocpp_frames import CALL, Frame, charge_point, read_frame, refusal, result
from edge.devices.driver import Answer, BadMessage, Message, Site

HEARTBEAT_S = 300
_ACCEPTED = {"status": "Accepted"}
Body = dict[str, Any]
_ASKS = frozenset({"Authorize", "StartTransaction"})
# OCPP 1.6, 7.2 AuthorizationStatus: Blocked, Expired and Invalid (not known) are all not allowed for charging.
# https://infosys.beckhoff.com/content/1033/tf6771_tc3_iot_ocpp/16225358987.html
_REFUSED: Mapping[str, str] = MappingProxyType({"expired": "Expired", "unknown_card": "Invalid"})
_ANY_OTHER = "Blocked"


def answer(message: Message, site: Site) -> Answer | None:
    """The answer to a call, None for what asks nothing. Raises BadMessage for what is no frame."""
    if message.payload[:1] == b"{":
        return None  # the transport's own word on the connection
    frame = read_frame(message.payload)
    if frame.kind != CALL:
        return None
    make = _ANSWERS.get(frame.action)
    if make is None:
        return Answer(refusal(frame.id, "NotImplemented", f"there is no {frame.action:.50} here"))
    if message.received_at is None:
        return Answer(refusal(frame.id, "InternalError", "nobody knows what time it is"))
    body = make(frame, charge_point(message), message.received_at)
    if frame.action in _ASKS:
        body["idTagInfo"] = {"status": _status(message.decision)}
    return Answer(result(frame.id, body))


def asks(message: Message) -> str | None:
    """The card by which somebody wants to charge."""
    try:
        frame = read_frame(message.payload)
    except BadMessage:
        return None  # it is parked
    return text_in(frame.body.get("idTag")) if frame.kind == CALL and frame.action in _ASKS else None


def _status(decision: Decision | None) -> str:
    if decision is None or decision.granted:
        return _ACCEPTED["status"]
    return _REFUSED.get(decision.reason, _ANY_OTHER)


def transaction_of(body: Body, device: str) -> int:
    """The number of a transaction: from what began it, so that a start that is sent again gets the same one."""
    began = msgspec.json.encode([device, *(str(body.get(key)) for key in ("connectorId", "idTag", "timestamp"))])
    number = int.from_bytes(hashlib.sha256(began).digest()[:4], "big") & 0x7FFF_FFFF
    return number or 1


def _boot(frame: Frame, device: str, now: datetime) -> Body:
    return {**_ACCEPTED, "interval": HEARTBEAT_S, "currentTime": utc_ms(now)}


def _time(frame: Frame, device: str, now: datetime) -> Body:
    return {"currentTime": utc_ms(now)}


def _start(frame: Frame, device: str, now: datetime) -> Body:
    """Also of one that is refused: the charge point stops it, and names it when it does."""
    return {"transactionId": transaction_of(frame.body, device)}


def _stop(frame: Frame, device: str, now: datetime) -> Body:
    """Whoever began, and whoever else has a card, may end it."""
    return {"idTagInfo": _ACCEPTED} if "idTag" in frame.body else {}


def _nothing(frame: Frame, device: str, now: datetime) -> Body:
    return {}


def _unknown_vendor(frame: Frame, device: str, now: datetime) -> Body:
    return {"status": "UnknownVendorId"}


_ANSWERS: MappingProxyType[str, Callable[[Frame, str, datetime], Body]] = MappingProxyType(
    {
        "BootNotification": _boot,
        "Heartbeat": _time,
        "Authorize": _nothing,
        "StartTransaction": _start,
        "StopTransaction": _stop,
        "StatusNotification": _nothing,
        "MeterValues": _nothing,
        "DiagnosticsStatusNotification": _nothing,
        "FirmwareStatusNotification": _nothing,
        "DataTransfer": _unknown_vendor,
    }
)
