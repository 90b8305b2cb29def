"""What a charge point is told: by the frame and the moment it came, so that a repeated one gets the same answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from types import MappingProxyType
from typing import Any

import msgspec

from domain.events import utc_ms
from edge.devices._ocpp_frames import CALL, Frame, charge_point, read_frame, refusal, result
from edge.devices.driver import Answer, Message, Site

HEARTBEAT_S = 300
_ACCEPTED = {"status": "Accepted"}
Body = dict[str, Any]


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
    return Answer(result(frame.id, make(frame, charge_point(message), message.received_at)))


def transaction_of(body: Body, device: str) -> int:
    """The number of a transaction: from what began it, so that a start that is sent again gets the same one."""
    began = msgspec.json.encode([device, *(str(body.get(key)) for key in ("connectorId", "idTag", "timestamp"))])
    number = int.from_bytes(hashlib.sha256(began).digest()[:4], "big") & 0x7FFF_FFFF
    return number or 1


def _boot(frame: Frame, device: str, now: datetime) -> Body:
    return {**_ACCEPTED, "interval": HEARTBEAT_S, "currentTime": utc_ms(now)}


def _time(frame: Frame, device: str, now: datetime) -> Body:
    return {"currentTime": utc_ms(now)}


def _tag(frame: Frame, device: str, now: datetime) -> Body:
    """Whoever has a card may charge: who pays is settled by the record, not at the plug."""
    return {"idTagInfo": _ACCEPTED}


def _start(frame: Frame, device: str, now: datetime) -> Body:
    return {"idTagInfo": _ACCEPTED, "transactionId": transaction_of(frame.body, device)}


def _stop(frame: Frame, device: str, now: datetime) -> Body:
    return {"idTagInfo": _ACCEPTED} if "idTag" in frame.body else {}


def _nothing(frame: Frame, device: str, now: datetime) -> Body:
    return {}


def _unknown_vendor(frame: Frame, device: str, now: datetime) -> Body:
    return {"status": "UnknownVendorId"}


_ANSWERS: MappingProxyType[str, Callable[[Frame, str, datetime], Body]] = MappingProxyType(
    {
        "BootNotification": _boot,
        "Heartbeat": _time,
        "Authorize": _tag,
        "StartTransaction": _start,
        "StopTransaction": _stop,
        "StatusNotification": _nothing,
        "MeterValues": _nothing,
        "DiagnosticsStatusNotification": _nothing,
        "FirmwareStatusNotification": _nothing,
        "DataTransfer": _unknown_vendor,
    }
)
