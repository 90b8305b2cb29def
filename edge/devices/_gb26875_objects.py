"""The information objects of GB/T 26875.3 as events of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import msgspec

from domain.events import Event
from edge.devices import _gb26875_tables as tables
from edge.devices._charsets import chinese
from edge.devices._gb26875_frame import TIME_BYTES, Clock, Frame
from edge.devices._times import judged
from edge.devices.driver import JudgedTime, Message, Site

KIND = "gb26875"
_STORED_AFTER = timedelta(minutes=10)  # a report so much older than its frame waited for the line
_FIRE, _FAULT = "fire", "fire_system_fault"
_OWN = "transmitter"


class Heard(msgspec.Struct, frozen=True):
    """A frame and how it is to be read."""

    frame: Frame
    message: Message
    site: Site
    clock: Clock

    def event(self, kind: str, at: bytes, **rest: Any) -> Event:
        """An event at the time of its object, or of the frame where that has none.

        A transmitter numbers its frames, and starts again: the number names an event only where no time does.
        """
        when = self._when(at)
        event = Event(
            kind=kind,
            device=f"{KIND}:{self.frame.identity}",
            time=when.time,
            time_quality=when.time_quality,
            device_time=when.device_time,
            **rest,
        )
        if when.time is None and when.device_time:
            event.source_event_id = f"{self.frame.sequence}@{at.hex()}"
        return event

    def _when(self, label: bytes) -> JudgedTime:
        label = label if any(label) else self.frame.time
        time, sent = self.clock.read(label), self.clock.read(self.frame.time)
        said = label.hex() if any(label) else None
        stored = time is not None and sent is not None and sent - time > _STORED_AFTER
        when = judged(time, said, self.message, self.site, replay=stored)
        return msgspec.structs.replace(when, time_quality="assumed_zone") if when.time_quality == "ok" else when


def text_in(raw: bytes) -> str | None:
    """Padded with NUL; the last character may be cut in half."""
    raw = raw.strip(b"\0 ")
    try:
        return chinese(raw).strip() or None
    except UnicodeDecodeError:
        return raw.decode("gb18030", "replace").strip()


def _system_status(heard: Heard, body: bytes, label: bytes) -> list[Event]:
    kind, address = body[0], body[1]
    status = int.from_bytes(body[2:4], "little")
    told = {"point": f"system/{address}", "raw_codes": {"system_type": kind, "status": status}}
    return _status(heard, label, status, tables.SYSTEM_BITS, _FIRE, told)


def _component_status(heard: Heard, body: bytes, label: bytes) -> list[Event]:
    status = int.from_bytes(body[7:9], "little")
    codes = {"system_type": body[0], "component_type": body[2], "status": status}
    told = {"point": _component(body), "text": text_in(body[9:40]), "raw_codes": codes}
    alarm = "gas" if body[2] in tables.GAS_DETECTORS else _FIRE
    return _status(heard, label, status, tables.COMPONENT_BITS, alarm, told)


def _component(body: bytes) -> str:
    return f"system/{body[1]}/component/{body[2]}/{body[6:2:-1].hex()}"


def _own_status(heard: Heard, body: bytes, label: bytes) -> list[Event]:
    """The transmitter's own; that it says anything says that it is there."""
    told = {"point": _OWN, "raw_codes": {"status": body[0]}}
    events = _status(heard, label, body[0], tables.OWN_BITS, _FIRE, told)
    return [heard.event("availability", label, state="online"), *events]


def _status(
    heard: Heard, label: bytes, status: int, bits: Mapping[int, str], alarm: str, told: dict[str, Any]
) -> list[Event]:
    """An event for what burns, one for what is broken; else what else is the matter; else that nothing is."""
    words = [word for bit, word in bits.items() if status >> bit & 1]
    faults = [word for word in words if word.endswith("fault")]
    found = [(alarm, None)] if status >> tables.FIRE & 1 else []
    found += [(_FAULT, " ".join(faults))] if faults else []
    if found:
        return [heard.event("alarm", label, alarm=name, state="active", reason=why, **told) for name, why in found]
    if words:
        return [heard.event("input", label, state=" ".join(words), **told)]
    return [heard.event("alarm", label, alarm=name, state="cleared", **told) for name in (alarm, _FAULT)]


def _analogue(heard: Heard, body: bytes, label: bytes) -> list[Event]:
    number, steps = body[7], int.from_bytes(body[8:10], "little", signed=True)
    name, step = tables.METRICS.get(number, (f"analogue_{number}", 1.0))
    codes = {"system_type": body[0], "component_type": body[2], "analogue": number}
    metrics = {name: round(steps * step, 3)}
    return [heard.event("measurement", label, point=_component(body), metrics=metrics, raw_codes=codes)]


def _operation(heard: Heard, body: bytes, label: bytes) -> list[Event]:
    return _operations(heard, f"system/{body[1]}", body[2], body[3], tables.OPERATIONS, label)


def _own_operation(heard: Heard, body: bytes, label: bytes) -> list[Event]:
    return _operations(heard, _OWN, body[0], body[1], tables.OWN_OPERATIONS, label)


def _operations(
    heard: Heard, point: str, flags: int, operator: int, names: Mapping[int, str], label: bytes
) -> list[Event]:
    """What somebody did at a panel: a manual alarm is an alarm, its end an end."""
    codes = {"operation": flags, "operator": operator}
    done = [name for bit, name in names.items() if flags >> bit & 1] or ["none"]
    return [_operated(heard, point, name, codes, label) for name in done]


def _operated(heard: Heard, point: str, name: str, codes: dict[str, int], label: bytes) -> Event:
    state = {"manual_alarm": "active", "alarm_over": "cleared"}.get(name)
    told: dict[str, Any] = {"point": point, "raw_codes": dict(codes)}
    if state:
        return heard.event("alarm", label, alarm=_FIRE, state=state, reason=name, **told)
    return heard.event("detection", label, label=f"fire_panel_{name}", **told)


def _version(heard: Heard, body: bytes, label: bytes) -> list[Event]:
    point = f"system/{body[1]}" if len(body) == tables.SHAPES[tables.SYSTEM_VERSION].size else _OWN
    return [heard.event("measurement", label, point=point, label="version", text=f"{body[-2]}.{body[-1]}")]


def _component_config(heard: Heard, body: bytes, label: bytes) -> list[Event]:
    told = {"point": _component(body), "text": text_in(body[7:38])}
    return [heard.event("measurement", label, label="configuration", **told)]


def _time(heard: Heard, body: bytes, label: bytes) -> list[Event]:
    """What its clock shows: how far it is off is judged as every time is."""
    point = f"system/{body[1]}" if body else _OWN
    return [heard.event("measurement", label, point=point, label="clock")]


READERS: MappingProxyType[int, Callable[[Heard, bytes, bytes], list[Event]]] = MappingProxyType(
    {
        tables.SYSTEM_STATUS: _system_status,
        tables.COMPONENT_STATUS: _component_status,
        tables.ANALOGUE: _analogue,
        tables.OPERATION: _operation,
        tables.SYSTEM_VERSION: _version,
        tables.COMPONENT_CONFIG: _component_config,
        tables.SYSTEM_TIME: _time,
        tables.OWN_STATUS: _own_status,
        tables.OWN_OPERATION: _own_operation,
        tables.OWN_VERSION: _version,
        tables.OWN_TIME: _time,
    }
)


def objects(frame: Frame) -> list[tuple[bytes, bytes]] | None:
    """Each object's bytes and the time behind them, which may be missing; None for what has another shape."""
    kind, count, rest = frame.body[0], frame.body[1], frame.body[2:]
    shape = tables.SHAPES.get(kind)
    size = shape.whole(len(rest), count) if shape else None
    if shape is None or size is None:
        return None
    pieces = [rest[at : at + size] for at in range(0, size * count, size)]
    return [(piece[: shape.size], piece[shape.size : shape.size + TIME_BYTES]) for piece in pieces]


def configuration(heard: Heard) -> list[Event]:
    """What a system, or the transmitter itself, is set up as: words of any length behind their number."""
    kind, rest = heard.frame.body[0], heard.frame.body[2:]
    own = kind == tables.OWN_CONFIG
    head = 0 if own else 2  # the system's type and address
    if len(rest) <= head:
        return []
    words = rest[head + 1 : head + 1 + rest[head]]
    point = _OWN if own else f"system/{rest[1]}"
    return [heard.event("measurement", b"", point=point, label="configuration", text=text_in(words))]
