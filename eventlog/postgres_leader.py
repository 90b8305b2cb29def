"""Connections to whichever machine leads: all that the URL names are asked at once, so that a silent one delays nobody.

The driver asks them one after the other and within one limit of time: a machine that hangs, named first, would keep it
from the leader for ever.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncpg  # pyright: ignore[reportMissingTypeStubs]

GRACE_S = 3.0
_PORT = "5432"
_HOST = re.compile(r"(?P<host>\[[^\]]+\]|[^:\[\]]+)(?::(?P<port>\d+))?")
_driver: Any = asyncpg  # it brings no types

Host = tuple[str, int]


class NoLeader(ConnectionError):
    """None of the machines may be written to at this moment; the message says why, machine by machine. Try again."""


async def connect(url: str, **options: Any) -> Any:
    """As the driver's ``connect``. Raises its errors where the URL names one machine, else NoLeader."""
    hosts = hosts_of(url)
    if len(hosts) < 2:
        return await _connect(url, options)
    attempts = [asyncio.create_task(_connect(url, {**options, "host": host, "port": port})) for host, port in hosts]
    chosen = None
    try:
        chosen = await _first(attempts)
    finally:
        for attempt in attempts:
            if attempt is not chosen:
                attempt.add_done_callback(_let_go)
                attempt.cancel()
    if chosen is None:
        said = (f"{host}:{port}: {_why(attempt)}" for (host, port), attempt in zip(hosts, attempts, strict=True))
        raise NoLeader("; ".join(said))
    return chosen.result()


def hosts_of(url: str) -> list[Host]:
    """The machines that a URL names, in either of libpq's forms: at the usual place, or as ``host=`` and ``port=``."""
    parts = urlsplit(url)
    said = dict(parse_qsl(parts.query))
    named = unquote(parts.netloc.rpartition("@")[2]) or said.get("host", "")
    hosts = named.split(",") if named else []
    ports = said.get("port", _PORT).split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    return [_host(host, port) for host, port in zip(hosts, ports, strict=True)]


def _host(text: str, port: str) -> Host:
    match = _HOST.fullmatch(text)
    if match is None or text.startswith("/"):
        return text, int(port)
    return match["host"].strip("[]"), int(match["port"] or port)


async def _connect(url: str, options: dict[str, Any]) -> Any:
    try:
        return await _driver.connect(url, **options)
    except _driver.TargetServerAttributeNotMatched as error:
        raise NoLeader("it does not lead") from error


async def _first(attempts: Sequence[asyncio.Task[Any]]) -> asyncio.Task[Any] | None:
    """The first attempt that comes to a connection; None where none does.

    Once one has said no, the silent ones are given a moment only: the next leader may be among those that said no.
    """
    pending, limit_s = set(attempts), None
    while pending:
        done, pending = await asyncio.wait(pending, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            return None
        limit_s = GRACE_S
        connected = [attempt for attempt in done if attempt.exception() is None]
        if connected:
            return connected[0]
    return None


def _let_go(attempt: asyncio.Task[Any]) -> None:
    """Of an attempt that is not wanted: close what it came to after all."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().terminate()


def _why(attempt: asyncio.Task[Any]) -> str:
    if not attempt.done():
        return "silent"
    error = attempt.exception()
    return str(error) or type(error).__name__
