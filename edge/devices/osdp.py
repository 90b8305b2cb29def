"""Readers and door modules on an OSDP line: cards, keyed and scanned secrets, inputs, tamper; the panel decides."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import msgspec

from domain.events import Event, Subject
from edge.devices._fields import codes, decode_json, whole
from edge.devices._osdp_cards import card_of, is_code
from edge.devices._osdp_commands import encode
from edge.devices.driver import BadMessage, Driver, Message, Reading, Site

KIND, FAMILY = "osdp", "osdp"
_MAX_POINTS = 128
_REMOTE_STATES = MappingProxyType({0: "cleared", 2: "active"})  # 1: no such reader


class _Said(msgspec.Struct):
    """What a device on the line said, bytes as hex; ``last_hex`` is the report before, ``whole`` that there was none.

    ``Link`` and ``Result`` are the transport's own words.
    """

    pd: int
    event: str
    reader_no: int = 0
    format: str = ""
    length: int = 0
    data_hex: str = ""
    type: str = ""
    report_hex: str = ""
    last_hex: str = ""
    whole: bool = False
    online: bool = False
    request_id: str = ""
    ok: bool = False


_decode = msgspec.json.Decoder(_Said).decode


def decode(message: Message, site: Site) -> Reading:
    """What a device said. Raises BadMessage."""
    said = decode_json(_decode, message.payload, "not a message of OSDP")
    read = _READERS.get(said.event)
    if read is None:
        raise BadMessage(f"OSDP has no event {said.event!r:.40}")
    device = f"{KIND}:{message.sender or said.pd}"
    return Reading([_undated(device, **fields) for fields in read(said)])


def _undated(device: str, **fields: Any) -> Event:
    """OSDP knows no time: the moment of receipt counts."""
    return Event(device=device, time_quality="gateway", **fields)


Fields = list[dict[str, Any]]


def _card_read(said: _Said) -> Fields:
    """A card by its bits. What is read as text is a code that somebody shows: it opens, so it is in no event."""
    data = _bytes(said.data_hex)
    if is_code(said.format, said.length, data):
        return [_asking(said, "qr", Subject(type="qr"))]
    if said.format not in ("Wiegand", "Unspecified"):
        raise BadMessage(f"a card in the format {said.format!r:.40}")
    card = card_of(data, said.length, wiegand=said.format == "Wiegand")
    return [_asking(said, "card", card)]


def _key_press(said: _Said) -> Fields:
    """Never the keys themselves."""
    return [_asking(said, "pin", Subject(type="pin"))]


def _asking(said: _Said, method: str, subject: Subject) -> dict[str, Any]:
    point = _point("reader", said.reader_no)
    return {"kind": "access", "point": point, "result": "pending", "method": method, "subject": subject}


def _status(said: _Said) -> Fields:
    report, last = _bytes(said.report_hex), _bytes(said.last_hex)
    if not 0 < len(report) <= _MAX_POINTS:
        raise BadMessage(f"a report of {len(report)} bytes")
    changed = [
        (number, value)
        for number, value in enumerate(report)
        if said.whole or value != (last[number] if number < len(last) else 0)
    ]
    read = _REPORTS.get(said.type)
    if read is None:
        raise BadMessage(f"a report of {said.type!r:.40}")
    return [fields for number, value in changed for fields in read(number, value)]


def _input(number: int, value: int) -> Fields:
    return [{"kind": "input", "point": _point("input", number), "value": value}]


def _output(number: int, value: int) -> Fields:
    return [{"kind": "input", "point": _point("output", number), "value": value}]


def _local(number: int, value: int) -> Fields:
    """The case of the device itself, and its power."""
    names = ("tamper", "power_failure")
    if number >= len(names):
        return []
    return [{"kind": "alarm", "alarm": names[number], "state": "active" if value else "cleared"}]


def _remote(number: int, value: int) -> Fields:
    state = _REMOTE_STATES.get(value)
    return [{"kind": "alarm", "alarm": "tamper", "point": _point("reader", number), "state": state}] if state else []


def _link(said: _Said) -> Fields:
    return [{"kind": "availability", "state": "online" if said.online else "offline", "reason": "line"}]


def _result(said: _Said) -> Fields:
    if not said.request_id:
        raise BadMessage("a result of nothing")
    return [{"kind": "command_result", "request_id": said.request_id, "ok": said.ok}]


def _manufacturer(said: _Said) -> Fields:
    return [{"kind": "passthrough", "bytes": len(_bytes(said.data_hex)), "raw_codes": codes({"event": said.event})}]


def _bytes(text: str) -> bytes:
    """Raises BadMessage."""
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise BadMessage(f"not hex: {text[:20]!r}") from error


def _point(kind: str, number: int) -> str:
    """Raises BadMessage."""
    found = whole(number)
    if found is None or not 0 <= found < _MAX_POINTS:
        raise BadMessage(f"no {kind}: {number!r:.40}")
    return f"{kind}/{found}"


_REPORTS: MappingProxyType[str, Callable[[int, int], Fields]] = MappingProxyType(
    {"Input": _input, "Output": _output, "Local": _local, "Remote": _remote}
)
_READERS: MappingProxyType[str, Callable[[_Said], Fields]] = MappingProxyType(
    {
        "CardRead": _card_read,
        "KeyPress": _key_press,
        "Status": _status,
        "Link": _link,
        "Result": _result,
        "ManufacturerReply": _manufacturer,
    }
)

DRIVER = Driver(
    kind=KIND,
    families=(FAMILY,),
    decode=decode,
    encode=encode,
    transports=("osdp_bus",),
)
