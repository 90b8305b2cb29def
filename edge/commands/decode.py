"""``gatehouse-edge decode``: hold a driver against a message in a file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import typer

from domain.events import to_plain
from edge.devices.driver import BadMessage, Message, Site, discover

_REFUSED = 1


def decode(
    family: Annotated[str, typer.Argument(help="Device family, such as vzenith-mqtt, uhppoted-mqtt or frigate.")],
    file: Annotated[
        Path, typer.Argument(help="The message as sent; a .hex file is hex text.", exists=True, dir_okay=False)
    ],
    topic: Annotated[str, typer.Option(help="The MQTT topic, or the URL path, it came on.")] = "",
    retained: Annotated[bool, typer.Option("--retained", help="The broker sent it as retained.")] = False,
    header: Annotated[list[str] | None, typer.Option(help="A header of the HTTP request, Key:Value.")] = None,
    received_at: Annotated[
        str | None, typer.Option(help="When it came, ISO 8601; without a zone, in the site's. Turns clock checks on.")
    ] = None,
    site_zone: Annotated[str, typer.Option(help="The zone of the site's clocks.")] = "Asia/Shanghai",
) -> None:
    """Print what a message says: one JSON line an event, nothing where it says nothing.

    A refused message prints its reason on standard error; exit 1.

    Example: gatehouse-edge decode frigate motion.txt --topic frigate/lobby/motion --received-at 2026-03-01T08:15:30
    """
    site = Site(_zone(site_zone))
    headers = dict(_header(text) for text in header or [])
    received = None if received_at is None else _time(received_at, site)
    try:
        message = Message(family, _payload(file), topic, retained, headers, received)
        reading = discover().decode(message, site)
    except BadMessage as error:
        typer.echo(f"{file}: {error}", err=True)
        raise typer.Exit(_REFUSED) from error
    for event in reading.events:
        typer.echo(msgspec.json.encode(to_plain(event)))


def _payload(file: Path) -> bytes:
    """Raises BadMessage where a .hex file is not hex text."""
    body = file.read_bytes()
    if file.suffix != ".hex":
        return body
    try:
        return bytes.fromhex(body.decode("ascii"))
    except ValueError as error:
        raise BadMessage(f"not hex text: {error}") from error


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError) as error:
        raise typer.BadParameter(f"no zone {name!r}; Asia/Shanghai is one", param_hint="--site-zone") from error


def _header(text: str) -> tuple[str, str]:
    key, colon, value = text.partition(":")
    if not colon or not key.strip():
        raise typer.BadParameter(f"{text!r} is not Key:Value", param_hint="--header")
    return key.strip().lower(), value.strip()


def _time(text: str, site: Site) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not an ISO 8601 time", param_hint="--received-at") from error
    return time if time.tzinfo else time.replace(tzinfo=site.zone)
