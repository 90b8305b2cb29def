"""One RS-485 line with its OSDP devices, in a thread of its own: the library polls, we hand on."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import osdp_sys  # pyright: ignore[reportMissingTypeStubs]
import serial
import structlog

from edge.transports.osdp_address import Place

log = structlog.get_logger()

_TURN_S, _ERROR_S = 0.005, 2.0
_SILENT_S, _APART_S = 3.0, 0.3  # how long the library leaves a device alone by itself is minutes
_WAITING, _UNANSWERED = 64, 64
_JOIN_S = 3.0
Wire = dict[str, Any]
Hear = Callable[[Place, Wire], None]
_sys: Any = osdp_sys

_FORMATS = {_sys.CARD_FMT_RAW_WIEGAND: "Wiegand", _sys.CARD_FMT_ASCII: "ASCII"}
_REPORTS = {
    _sys.STATUS_REPORT_INPUT: "Input",
    _sys.STATUS_REPORT_OUTPUT: "Output",
    _sys.STATUS_REPORT_LOCAL: "Local",
    _sys.STATUS_REPORT_REMOTE: "Remote",
}
_COMMANDS = {"Output": _sys.CMD_OUTPUT, "LED": _sys.CMD_LED, "Buzzer": _sys.CMD_BUZZER}


class Port(Protocol):
    """What is needed of a serial port."""

    def read(self, size: int, /) -> bytes: ...
    def write(self, data: bytes, /) -> int | None: ...
    def close(self) -> None: ...


def open_port(path: str, baud: int) -> Port:
    """For us alone. Raises OSError."""
    return serial.Serial(path, baud, timeout=0, write_timeout=1, exclusive=True)


class _Channel:
    """The port as the library wants it. What goes wrong must not travel through the library: it is kept."""

    def __init__(self, port: Port, number: int) -> None:
        self.id, self._port = number, port
        self.failure: OSError | None = None

    def read(self, max_bytes: int) -> bytes:
        try:
            return self._port.read(max_bytes)
        except OSError as error:
            self.failure = error
            return b""

    def write(self, data: bytes) -> int:
        try:
            return self._port.write(data) or 0
        except OSError as error:
            self.failure = error
            return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""


class Line:
    """Starts at once; ``hear`` is called in the line's thread, with the words of libosdp, bytes as bytes."""

    def __init__(self, places: Sequence[Place], hear: Hear) -> None:
        self.places = tuple(places)
        self._hear = hear
        self._numbers = {place.device: number for number, place in enumerate(self.places)}
        self._orders: queue.Queue[tuple[int, list[Wire], str]] = queue.Queue(_WAITING)
        self._stopping = threading.Event()
        self._online = [False] * len(self.places)
        self._thread = threading.Thread(target=self._run, name=f"osdp {self.places[0].path}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Waits for the thread, a moment."""
        self._stopping.set()
        self._thread.join(_JOIN_S)

    def send(self, device: str, commands: list[Wire], request_id: str) -> bool:
        """Now or not at all: False for a device that is not there, or where too much waits."""
        number = self._numbers.get(device)
        if number is None or not self._online[number]:
            return False
        try:
            self._orders.put_nowait((number, commands, request_id))
        except queue.Full:
            return False
        return True

    def _run(self) -> None:
        path, baud = self.places[0].path, self.places[0].baud
        while not self._stopping.is_set():
            try:
                with contextlib.closing(open_port(path, baud)) as port:
                    _Talk(self, port).go_on()
            except OSError as error:
                log.warning("osdp_line_away", path=path, error=str(error))
            self._all_gone()
            self._stopping.wait(_ERROR_S)

    def _all_gone(self) -> None:
        for number, place in enumerate(self.places):
            self.note_link(number, place, online=False)

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def next_order(self) -> tuple[int, list[Wire], str] | None:
        try:
            return self._orders.get_nowait()
        except queue.Empty:
            return None

    def note_link(self, number: int, place: Place, *, online: bool) -> None:
        if self._online[number] != online:
            self._online[number] = online
            self._hear(place, {"event": "Link", "online": online})

    def hear(self, number: int, words: Wire) -> None:
        self._hear(self.places[number], words)


class _Talk:
    """From opening the port until it fails."""

    def __init__(self, line: Line, port: Port) -> None:
        self._line = line
        self._channel = _Channel(port, 0)
        _sys.set_loglevel(_sys.LOG_ERROR)  # below that the library writes frames to standard error
        self._panel: Any = _sys.ControlPanel([_description(place, self._channel) for place in line.places])
        self._panel.set_event_callback(self._on_event)
        self._panel.set_command_completion_callback(self._on_completion)
        self._silent_since_s = [time.monotonic()] * len(line.places)
        self._resting: set[int] = set()
        self._unanswered: list[deque[str]] = [deque() for _ in line.places]

    def go_on(self) -> None:
        """Raises OSError."""
        while not self._line.stopping:
            self._panel.refresh()
            if self._channel.failure is not None:
                raise self._channel.failure
            self._look()
            while (order := self._line.next_order()) is not None:
                self._tell(*order)
            time.sleep(_TURN_S)

    def _look(self) -> None:
        """Who is there, in a secure channel; one that is silent is asked anew."""
        there, now_s = self._panel.status() & self._panel.sc_status(), time.monotonic()
        for number, place in enumerate(self._line.places):
            online = bool(there >> number & 1)
            if online:
                self._silent_since_s[number] = now_s
            self._line.note_link(number, place, online=online)
            self._ask_anew(number, now_s - self._silent_since_s[number], now_s)

    def _ask_anew(self, number: int, silent_s: float, now_s: float) -> None:
        if number in self._resting:
            if silent_s > _SILENT_S + _APART_S:
                self._resting.discard(number)
                self._panel.enable_pd(number)
                self._silent_since_s[number] = now_s
        elif silent_s > _SILENT_S:
            self._panel.disable_pd(number)
            self._unanswered[number].clear()
            self._resting.add(number)

    def _tell(self, number: int, commands: list[Wire], request_id: str) -> None:
        """The result of an order is that of its first command: the rest is light and sound."""
        for place, words in enumerate(commands):
            taken = self._panel.submit_command(number, _for_library(words))
            name = request_id if place == 0 else ""
            if taken:
                self._unanswered[number].append(name)
                while len(self._unanswered[number]) > _UNANSWERED:
                    self._unanswered[number].popleft()
            elif name:
                self._line.hear(number, {"event": "Result", "request_id": name, "ok": False})

    def _on_completion(self, number: int, command: Wire, status: int) -> None:
        name = self._unanswered[number].popleft() if self._unanswered[number] else ""
        if name:
            self._line.hear(number, {"event": "Result", "request_id": name, "ok": status == _sys.COMPLETION_OK})

    def _on_event(self, number: int, event: Wire) -> int:
        words = _from_library(event)
        if words is not None:
            self._line.hear(number, words)
        return 0


def _description(place: Place, channel: _Channel) -> Wire:
    ours = {"name": place.device, "address": place.pd, "flags": _sys.FLAG_ENFORCE_SECURE, "scbk": place.key}
    of_devices_alone = dict.fromkeys(("version", "model", "vendor_code", "serial_number", "firmware_version"), 0)
    return {**ours, **of_devices_alone, "channel": channel}


def _for_library(words: Wire) -> Wire:
    inner = {key: value for key, value in words.items() if key not in ("pd", "command")}
    return {**inner, "command": _COMMANDS[words["command"]]}


def _from_library(event: Wire) -> Wire | None:
    """Its words with names for its numbers; None for what tells nothing."""
    match event.get("event"):
        case _sys.EVENT_CARDREAD:
            inner = {key: event[key] for key in ("reader_no", "direction", "length", "data")}
            return {"event": "CardRead", "format": _FORMATS.get(event["format"], "Unspecified"), **inner}
        case _sys.EVENT_KEYPRESS:
            return {"event": "KeyPress", "reader_no": event["reader_no"], "data": event["data"]}
        case _sys.EVENT_STATUS:
            return {"event": "Status", "type": _REPORTS.get(event["type"], ""), "report": event["report"]}
        case _sys.EVENT_MFGREP:
            return {"event": "ManufacturerReply", "data": event.get("data", b"")}
        case _:
            return None
