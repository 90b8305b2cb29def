"""The agent's own log: one JSON object a line, UTC times, and nothing that repeats itself floods it."""

from __future__ import annotations

import logging
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from types import TracebackType
from typing import Any, Literal, TextIO

import msgspec
import structlog

Level = Literal["debug", "info", "warning", "error"]

_NUMBERS: dict[Level, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_LINES_A_MINUTE = 20
_WINDOW_S = 60.0
_MAX_KEYS = 1_000
# What tells one complaint from another. Of a small vocabulary each: a topic is the sender's to choose, and is not here.
_TOLD_APART = ("reason", "family", "stream", "reader", "host", "state")


class _Window(msgspec.Struct):
    began_s: float
    lines: int = 0
    suppressed: int = 0


class Throttle:
    """At most so many lines a minute of one event about one thing; the next one says how many were held back.

    A structlog processor. Its keys are bounded; the one unused longest is forgotten first.
    """

    def __init__(
        self, lines: int = _LINES_A_MINUTE, window_s: float = _WINDOW_S, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._lines, self._window_s, self._clock_s = lines, window_s, clock_s
        self._windows: OrderedDict[tuple[object, ...], _Window] = OrderedDict()

    def __call__(self, _logger: object, _level: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """The line, with ``suppressed`` where some were held back before it. Raises DropEvent."""
        key = (line.get("event"), *(line.get(name) for name in _TOLD_APART))
        now_s = self._clock_s()
        window = self._windows.get(key)
        if window is None or now_s - window.began_s >= self._window_s:
            held_back = window.suppressed if window else 0
            window = self._windows[key] = _Window(now_s)
            self._forget()
            if held_back:
                line["suppressed"] = held_back
        window.lines += 1
        if window.lines > self._lines:
            window.suppressed += 1
            raise structlog.DropEvent
        return line

    def _forget(self) -> None:
        while len(self._windows) > _MAX_KEYS:
            self._windows.popitem(last=False)

    def settle(self) -> list[dict[str, Any]]:
        """What ended windows held back and no later line told: event, suppressed, and what told it apart."""
        now_s = self._clock_s()
        ended = [(key, window) for key, window in self._windows.items() if now_s - window.began_s >= self._window_s]
        for key, _ in ended:
            del self._windows[key]
        return [_told(key, window.suppressed) for key, window in ended if window.suppressed]


def _told(key: tuple[object, ...], suppressed: int) -> dict[str, Any]:
    apart = {name: value for name, value in zip(_TOLD_APART, key[1:], strict=True) if value is not None}
    return {"of": key[0], "suppressed": suppressed, **apart}


_throttle = Throttle()


def configure(level: Level = "info", out: TextIO | None = None, throttle: Throttle = _throttle) -> None:
    """One place for all lines of this process: ours, the libraries', warnings, and what ends it. Standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            throttle,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_NUMBERS[level]),
        logger_factory=structlog.PrintLoggerFactory(out or sys.stderr),
    )
    logging.basicConfig(handlers=[_FromLibraries()], level=logging.WARNING, force=True)
    logging.captureWarnings(True)
    sys.excepthook = _on_the_way_out


def tell_suppressed() -> None:
    """Say what was held back in minutes that are over; called now and then by whoever keeps house."""
    for told in _throttle.settle():
        structlog.get_logger().warning("lines_suppressed", **told)


class _FromLibraries(logging.Handler):
    """Lines of libraries (asyncio, aiohttp) in our form."""

    def emit(self, record: logging.LogRecord) -> None:
        line: dict[str, Any] = {"message": record.getMessage()}
        if record.exc_info:
            line["exc_info"] = record.exc_info
        level = "error" if record.levelno >= logging.ERROR else "warning"
        getattr(structlog.get_logger(), level)(record.name, **line)


def _on_the_way_out(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    structlog.get_logger().critical("ended", error=repr(error), exc_info=(kind, error, trace))


def origin(gateway: str, stream: str, epoch: str, first: int, count: int = 1) -> dict[str, Any]:
    """What a line about events or a batch bears, so that it can be found at both ends."""
    return {"gateway": gateway, "stream": stream, "epoch": epoch, "first": first, "events": count}
