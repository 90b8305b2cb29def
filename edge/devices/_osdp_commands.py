"""Orders to an OSDP device, as pip's libosdp words commands: relays, and what a reader shows and sounds."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import msgspec

from edge.devices._arguments import whole_in, words
from edge.devices._fields import whole
from edge.devices.driver import CannotEncode, Command, Packet, Site

# Control codes of an output.
_OFF, _ON, _ON_FOR_A_WHILE = 1, 2, 5
_TICK_MS = 100  # of outputs, lights and sounds
_MAX_MS, _OPEN_MS = 600_000, 3_000
_RED, _GREEN = 1, 2
_SHOWN_TICKS = 15
_MAX_POINT = 126
Wire = list[dict[str, Any]]


def encode(command: Command, site: Site, topic_hint: str) -> Packet:
    """One command, or a list of them. Raises CannotEncode."""
    make = _COMMANDS.get(command.name)
    if make is None:
        raise CannotEncode(f"OSDP devices have no {command.name!r}; they have {', '.join(sorted(_COMMANDS))}")
    pd = whole(command.device.partition(":")[2])
    worded = [one if pd is None else {"pd": pd, **one} for one in make(command)]
    return Packet(msgspec.json.encode(worded[0] if len(worded) == 1 else worded), command.request_id)


def _output(number: int, code: int, ticks: int = 0) -> dict[str, Any]:
    return {"command": "Output", "output_no": number, "control_code": code, "timer_count": ticks}


def _pulse(command: Command) -> Wire:
    """``point`` (output/0), ``ms``."""
    ms = whole_in(command, "ms", _TICK_MS, _MAX_MS)
    return [_output(_point(command, "output"), _ON_FOR_A_WHILE, -(-ms // _TICK_MS))]


def _switch(code: int) -> Callable[[Command], Wire]:
    return lambda command: [_output(_point(command, "output"), code)]


def _open(command: Command) -> Wire:
    """``point`` is the reader that asked; ``output`` (0) its relay, ``ms`` for how long; the reader shows green."""
    ms = whole_in(command, "ms", _TICK_MS, _MAX_MS, _OPEN_MS)
    return [_output(_relay(command), _ON_FOR_A_WHILE, -(-ms // _TICK_MS)), *_shown(command, _GREEN)]


def _deny(command: Command) -> Wire:
    """Red, and two short tones."""
    reader = _reader(command)
    tone = {"command": "Buzzer", "reader": reader, "control_code": 2, "on_count": 2, "off_count": 2, "rep_count": 2}
    return [*_shown(command, _RED), tone]


def _hold(code: int) -> Callable[[Command], Wire]:
    return lambda command: [_output(_relay(command), code)]


def _shown(command: Command, color: int) -> Wire:
    """A light for a moment, over whatever it shows else."""
    times = {"on_count": _SHOWN_TICKS, "off_count": 0, "timer_count": _SHOWN_TICKS}
    light = {"led_number": 0, "control_code": 2, "on_color": color, "off_color": 0, "temporary": True}
    return [{"command": "LED", "reader": _reader(command), **light, **times}]


def _relay(command: Command) -> int:
    return whole_in(command, "output", 0, _MAX_POINT, 0)


def _reader(command: Command) -> int:
    return _point(command, "reader", "reader/0")


def _point(command: Command, kind: str, default: str = "") -> int:
    point = words(command, "point", default)
    number = whole(point.removeprefix(f"{kind}/"))
    if not point.startswith(f"{kind}/") or number is None or not 0 <= number <= _MAX_POINT:
        raise CannotEncode(f"{command.name} needs point, {kind}/0 and so on, not {point!r}")
    return number


_COMMANDS: MappingProxyType[str, Callable[[Command], Wire]] = MappingProxyType(
    {
        "output.pulse": _pulse,
        "output.on": _switch(_ON),
        "output.off": _switch(_OFF),
        "door.open": _open,
        "door.deny": _deny,
        "door.free": _hold(_ON),
        "door.lock": _hold(_OFF),
        "door.normal": _hold(_OFF),
    }
)
