"""Commands to Vzenith cameras over MQTT. An answer with code 200 says that a relay fired, not that the arm moved."""

from __future__ import annotations

import base64
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import msgspec

from edge.devices import _led_boards
from edge.devices._arguments import span, texts, whole_in, words
from edge.devices._times import local_text
from edge.devices.driver import CannotEncode, Command, Publish, Site

_PULSE = 2  # value of gpio_out: 0 off, 1 on, 2 on for the delay
_OPEN_RELAY, _CLOSE_RELAY, _LAST_RELAY = 0, 1, 3  # the usual wiring; args["io"] says otherwise
_PULSE_MS, _MIN_PULSE_MS, _MAX_PULSE_MS = 500, 500, 5_000
_LAST_SERIAL_CHANNEL = 7
_NOT_IN_TOPICS = frozenset("/+#\0")

Body = dict[str, Any]


def encode(command: Command, site: Site, topic_hint: str) -> Publish:
    """The message for a camera, in the topic layout it was last heard in. Raises CannotEncode."""
    make = _COMMANDS.get(command.name)
    if make is None:
        raise CannotEncode(f"Vzenith cameras have no {command.name!r}; they have {', '.join(sorted(_COMMANDS))}")
    serial = command.device.partition(":")[2]
    if not serial or not _NOT_IN_TOPICS.isdisjoint(serial):
        raise CannotEncode(f"{command.device!r} names no camera that can stand in a topic")
    name, body = make(command, site)
    envelope = {
        "id": command.request_id,
        "sn": serial,
        "name": name,
        "version": "1.0",
        "timestamp": int(command.issued_at.timestamp()),
        "payload": {"type": name, "body": body},
    }
    return Publish(f"{_layout(serial, topic_hint)}/message/down/{name}", msgspec.json.encode(envelope))


def _layout(serial: str, topic_hint: str) -> str:
    """What stands before ``/message/``: some firmware puts the serial first. Only a hint about this camera counts."""
    head = topic_hint.partition("/message/")[0]
    return head if serial in head.split("/") else f"device/{serial}"


def pulse_of(command: Command, relay: int) -> Body:
    """``io`` and ``pulse_ms``, or what is usual. Raises CannotEncode."""
    delay = whole_in(command, "pulse_ms", _MIN_PULSE_MS, _MAX_PULSE_MS, _PULSE_MS)
    return {"delay": delay, "io": whole_in(command, "io", 0, _LAST_RELAY, relay), "value": _PULSE}


def _open(command: Command, site: Site) -> tuple[str, Body]:
    return "gpio_out", pulse_of(command, _OPEN_RELAY)


def _close(command: Command, site: Site) -> tuple[str, Body]:
    return "gpio_out", pulse_of(command, _CLOSE_RELAY)


def _put_plates(command: Command, site: Site) -> tuple[str, Body]:
    """``plates``, ``valid_utc`` (two times). The camera keeps its own clock's times, and plates as plain text."""
    begin, end = span(command, "valid_utc")
    record = {
        "create_time": local_text(command.issued_at, site.zone),
        "enable": 1,
        "enable_time": local_text(begin, site.zone),
        "overdue_time": local_text(end, site.zone),
        "time_seg_enable": 0,
        "need_alarm": 0,
    }
    records = [{"plate": plate, **record} for plate in texts(command, "plates")]
    return "white_list_operator", {"operator_type": "update_or_add", "dldb_rec": records}


def _delete_plates(command: Command, site: Site) -> tuple[str, Body]:
    return "white_list_operator", {"operator_type": "delete", "plate": texts(command, "plates")}


def voice_of(command: Command) -> Body:
    """``text``; perhaps ``board`` (its protocol) and ``serial_channel``. Raises CannotEncode."""
    board, text = _board(command), words(command, "text")
    return _framed(command, lambda: board.voice(text))


def _lines(command: Command, site: Site) -> tuple[str, Body]:
    """``lines``, a list; perhaps ``text`` to be spoken, ``board`` and ``serial_channel``."""
    board, lines, text = _board(command), texts(command, "lines"), str(command.args.get("text") or "")
    return _serial(command, lambda: board.lines(lines, text))


def _line(command: Command, site: Site) -> tuple[str, Body]:
    """``text`` and ``line``, from 0; perhaps ``board`` and ``serial_channel``."""
    board, text = _board(command), words(command, "text")
    number = whole_in(command, "line", 0, _led_boards.MAX_LINES - 1, 0)
    return _serial(command, lambda: board.line(number, text))


def _clock(command: Command, site: Site) -> tuple[str, Body]:
    """The site's wall clock when the command was given."""
    board, local = _board(command), command.issued_at.astimezone(site.zone)
    return _serial(command, lambda: board.clock(local))


def _board(command: Command) -> _led_boards.Board:
    name = words(command, "board", "0x64")
    board = _led_boards.BOARDS.get(name)
    if board is None:
        raise CannotEncode(f"no LED board {name!r}; there are {', '.join(sorted(_led_boards.BOARDS))}")
    return board


def _serial(command: Command, make: Callable[[], bytes]) -> tuple[str, Body]:
    """A frame through the camera's serial line."""
    return "serial_data", {"serialData": [_framed(command, make)]}


def _framed(command: Command, make: Callable[[], bytes]) -> Body:
    try:
        frame = make()
    except _led_boards.BadText as error:
        raise CannotEncode(f"{command.name}: {error}") from error
    channel = whole_in(command, "serial_channel", 0, _LAST_SERIAL_CHANNEL, 0)
    return {"serialChannel": channel, "data": base64.b64encode(frame).decode(), "dataLen": len(frame)}


def _voice(command: Command, site: Site) -> tuple[str, Body]:
    return "serial_data", {"serialData": [voice_of(command)]}


_COMMANDS: MappingProxyType[str, Callable[[Command, Site], tuple[str, Body]]] = MappingProxyType(
    {
        "barrier.open": _open,
        "barrier.close": _close,
        "allowlist.put": _put_plates,
        "allowlist.delete": _delete_plates,
        "display.voice": _voice,
        "display.lines": _lines,
        "display.line": _line,
        "display.clock": _clock,
    }
)
