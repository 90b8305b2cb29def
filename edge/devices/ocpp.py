"""Charge points that speak OCPP 1.6-J: states, faults, transactions, meters, and answers to what they are told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from domain.events import Event, Subject
from edge.devices._fields import codes, decode_json, fields, items, keep_raw, number_in, text_in, whole
from edge.devices._ocpp_answers import answer, asks, transaction_of
from edge.devices._ocpp_commands import encode
from edge.devices._ocpp_frames import CALL, KIND, REFUSAL, Frame, charge_point, read_frame
from edge.devices._ocpp_meters import measured, without_values
from edge.devices._ocpp_tables import ALARMS, ANY_FAULT, FAULTED, NO_ERROR, STATES
from edge.devices._times import judged
from edge.devices.driver import BadMessage, Driver, Message, Reading, Site

FAMILY = "ocpp16"
_DONE = frozenset({"Accepted", "Unlocked", "Scheduled", "RebootRequired"})
_MAX_CONNECTOR = 1_000


class _Link(msgspec.Struct, forbid_unknown_fields=True):
    """The transport's own word on the connection: an object, which no frame of OCPP-J is."""

    link: Literal["up", "down"]


_decode_link = msgspec.json.Decoder(_Link).decode


def decode(message: Message, site: Site) -> Reading:
    """What a charge point says. Raises BadMessage."""
    said = _Said(message, site)
    if message.payload[:1] == b"{":
        link = decode_json(_decode_link, message.payload, "not a word on the connection").link
        return Reading([said.event("availability", state="online" if link == "up" else "offline", reason="line")])
    frame = read_frame(message.payload)
    if frame.kind != CALL:
        return Reading([_result(frame, said)])
    read = _READERS.get(frame.action)
    if read is None:
        raw, kept = keep_raw(message, "json")
        return Reading([said.event("unknown", code=frame.action[:64], raw=raw, raw_codes=codes(frame.body))], kept)
    return Reading(read(frame.body, said))


class _Said:
    """Makes the events of one message."""

    def __init__(self, message: Message, site: Site) -> None:
        self.message, self.site = message, site
        self.device = charge_point(message)

    @property
    def is_allowed(self) -> bool:
        return self.message.decision is None or self.message.decision.granted

    @property
    def decided(self) -> dict[str, Any]:
        """What was decided about the card, where the list decides."""
        decision = self.message.decision
        return {} if decision is None else {"reason": decision.reason, "rule": f"credentials/{decision.version}"}

    def event(self, kind: str, **rest: Any) -> Event:
        """An event that the charge point did not date."""
        return Event(kind=kind, device=self.device, time_quality="gateway", **rest)

    def dated(self, kind: str, stamp: object, *, queued: bool = False, **rest: Any) -> Event:
        """``queued``: kept by the charge point while it was cut off, where it is old."""
        time = _time_in(stamp)
        when = judged(time, stamp, self.message, self.site, replay=queued and _is_old(time, self.message))
        quality = {"time": when.time, "time_quality": when.time_quality, "device_time": when.device_time}
        return Event(kind=kind, device=self.device, **quality, **rest)


def _time_in(stamp: object) -> datetime | None:
    """ISO 8601; without a zone it is UTC, as the specification has it."""
    if not isinstance(stamp, str):
        return None
    try:
        time = datetime.fromisoformat(stamp.strip())
    except ValueError:
        return None
    if not 1970 <= time.year <= 9000:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _is_old(time: datetime | None, message: Message) -> bool:
    received_at = message.received_at
    return time is not None and received_at is not None and (received_at - time).total_seconds() > 600


def _boot(body: dict[str, Any], said: _Said) -> list[Event]:
    """It runs, perhaps again; who made it and by which number."""
    serial = text_in(body.get("chargePointSerialNumber")) or text_in(body.get("chargeBoxSerialNumber"))
    return [said.event("availability", state="online", reason="boot", serial=serial, raw_codes=codes(body))]


def _alive(body: dict[str, Any], said: _Said) -> list[Event]:
    return [said.event("availability", state="online")]


def _authorize(body: dict[str, Any], said: _Said) -> list[Event]:
    state = "authorized" if said.is_allowed else "refused"
    return [said.event("charging", state=state, subject=_card(body), **said.decided)]


def _status(body: dict[str, Any], said: _Said) -> list[Event]:
    """A fault first, then the state. Raises BadMessage."""
    status, error, stamp = text_in(body.get("status")), text_in(body.get("errorCode")), body.get("timestamp")
    if status is None or status not in STATES:
        raise BadMessage(f"StatusNotification: {status!r} is no status of OCPP 1.6")
    vendor = text_in(body.get("vendorErrorCode"))
    rest: dict[str, Any] = {"point": _point(body), "reason_code": vendor, "text": text_in(body.get("info"))}
    state = said.dated("charging", stamp, state=STATES[status], **rest)
    alarm = ANY_FAULT if status == FAULTED else None
    if error not in (None, NO_ERROR):
        alarm = ALARMS.get(error, ANY_FAULT)
    if alarm is None:
        return [state]
    return [said.dated("alarm", stamp, alarm=alarm, state="active", code=error, **rest), state]


def _start(body: dict[str, Any], said: _Said) -> list[Event]:
    """Raises BadMessage."""
    ext = {"transaction": transaction_of(body, said.device)}
    rest: dict[str, Any] = {"subject": _card(body), "metrics": _meter(body, "meterStart"), "ext": ext, **said.decided}
    return [said.dated("charging", body.get("timestamp"), queued=True, point=_point(body), state="started", **rest)]


def _stop(body: dict[str, Any], said: _Said) -> list[Event]:
    """What the transaction drew is the difference to its start; raises BadMessage where it names none."""
    transaction = whole(body.get("transactionId"))
    if transaction is None:
        raise BadMessage("StopTransaction without transactionId")
    stopped = said.dated(
        "charging",
        body.get("timestamp"),
        queued=True,
        state="stopped",
        subject=_card(body) if "idTag" in body else None,
        metrics=_meter(body, "meterStop"),
        reason=text_in(body.get("reason")),
        ext={"transaction": transaction},
    )
    return [stopped, *_measurements(items(body.get("transactionData")), None, transaction, said)]


def _meters(body: dict[str, Any], said: _Said) -> list[Event]:
    """Raises BadMessage where nothing was measured."""
    found = _measurements(items(body.get("meterValue")), _point(body), whole(body.get("transactionId")), said)
    if not found:
        raise BadMessage("MeterValues without a value")
    return found


def _measurements(values: list[Any], point: str | None, transaction: int | None, said: _Said) -> list[Event]:
    ext = {} if transaction is None else {"transaction": transaction}
    found: list[Event] = []
    for value in map(fields, values):
        metrics, unread = measured(value)
        rest: dict[str, Any] = {"point": point, "metrics": metrics, "raw_codes": unread, "ext": dict(ext)}
        found.append(said.dated("measurement", value.get("timestamp"), queued=True, **rest))
    return [event for event in found if not without_values(event)]


def _transfer(body: dict[str, Any], said: _Said) -> list[Event]:
    """A vendor's own words pass through by name and size: what they hold, nobody here can tell."""
    size = len(str(body.get("data", "")).encode())
    names = codes({key: body.get(key) for key in ("vendorId", "messageId")})
    return [said.event("passthrough", code=text_in(body.get("messageId")), bytes=size, raw_codes=names)]


def _progress(body: dict[str, Any], said: _Said) -> list[Event]:
    return [said.event("unknown", code="progress", text=text_in(body.get("status")), raw_codes=codes(body))]


def _result(frame: Frame, said: _Said) -> Event:
    """The answer to an order: Accepted means taken; that it happened, a later event shows."""
    if frame.kind == REFUSAL:
        return said.event("command_result", request_id=frame.id, ok=False, code=frame.code, text=frame.text or None)
    status = text_in(frame.body.get("status"))
    done = status is None or status in _DONE
    return said.event("command_result", request_id=frame.id, ok=done, text=status, raw_codes=codes(frame.body))


def _card(body: dict[str, Any]) -> Subject:
    """Raises BadMessage."""
    tag = text_in(body.get("idTag"))
    if tag is None:
        raise BadMessage("no idTag")
    return Subject(type="card", id=tag)


def _point(body: dict[str, Any]) -> str:
    """connector/0 is the charge point as a whole. Raises BadMessage."""
    connector = whole(body.get("connectorId"))
    if connector is None or not 0 <= connector <= _MAX_CONNECTOR:
        raise BadMessage(f"no connectorId: {body.get('connectorId')!r:.40}")
    return f"connector/{connector}"


def _meter(body: dict[str, Any], name: str) -> dict[str, float]:
    """Wh, always. Raises BadMessage: money is counted by it."""
    number = number_in(body.get(name))
    if number is None:
        raise BadMessage(f"no {name}")
    return {"energy_wh": number}


_READERS: MappingProxyType[str, Callable[[dict[str, Any], _Said], list[Event]]] = MappingProxyType(
    {
        "BootNotification": _boot,
        "Heartbeat": _alive,
        "Authorize": _authorize,
        "StatusNotification": _status,
        "StartTransaction": _start,
        "StopTransaction": _stop,
        "MeterValues": _meters,
        "DataTransfer": _transfer,
        "DiagnosticsStatusNotification": _progress,
        "FirmwareStatusNotification": _progress,
    }
)

DRIVER = Driver(
    kind=KIND,
    families=(FAMILY,),
    decode=decode,
    encode=encode,
    answer=answer,
    asks=asks,
    transports=("websocket",),
)
