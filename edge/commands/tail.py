"""``gatehouse-edge tail``: what the log takes, as it comes."""

from __future__ import annotations

import sqlite3
import time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import typer

from domain.events import STREAMS
from edge.commands.event_line import as_json as json_line
from edge.commands.event_line import masked, phrase
from edge.commands.newest import Line, Tail
from edge.commands.options import DEFAULT_CONFIG, AsJson, ConfigFile, fail, out, settings
from edge.status.beside import NoLog

_EVERY_S = 0.5

Stream = Literal["urgent", "money", "routine"]


def tail(
    config: ConfigFile = DEFAULT_CONFIG,
    stream: Annotated[Stream | None, typer.Option(help="Of this stream alone.")] = None,
    device: Annotated[str, typer.Option(help="Of devices that fit, as vzenith:* does.")] = "*",
    last: Annotated[int, typer.Option("--last", "-n", min=0, help="Begin with so many of each stream.")] = 10,
    since: Annotated[int | None, typer.Option(min=0, help="Begin behind this position; needs --stream.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    unmask: Annotated[bool, typer.Option("--unmask", help="Show plates, card numbers and names whole.")] = False,
    as_json: AsJson = False,
) -> None:
    """Events of the log: where they lie, when they were recorded, what they say. Works beside a running agent.

    Example: gatehouse-edge tail --follow --stream urgent
    """
    if since is not None and stream is None:
        raise typer.BadParameter("positions are counted a stream: name it with --stream", param_hint="--since")
    told = settings(config)
    show = _Shown(told.site.zone, as_json=as_json, unmask=unmask)
    reading = Tail(told.folder, [stream] if stream else STREAMS, device)
    try:
        reading.begin(last, since)
        _go_through(reading, show, follow=follow)
    except (NoLog, sqlite3.Error) as error:
        raise fail(str(error)) from error
    except KeyboardInterrupt:
        return


def _go_through(reading: Tail, show: _Shown, *, follow: bool) -> None:
    while True:
        for line in reading.look():
            show(line)
        if not reading.behind and not follow:
            return
        if not reading.behind:
            time.sleep(_EVERY_S)


class _Shown:
    """One line an event, for a person or a script."""

    def __init__(self, zone: ZoneInfo, *, as_json: bool, unmask: bool) -> None:
        self._zone, self._as_json, self._unmask = zone, as_json, unmask

    def __call__(self, line: Line) -> None:
        event = line.event if self._unmask else masked(line.event)
        if self._as_json:
            print(json_line(line.stream, line.position, event).decode(), flush=True)
            return
        at = event.recorded_at
        when = f"{at.astimezone(self._zone):%m-%d %H:%M:%S}" if at else "-"
        where = f"{line.stream} {line.position}"
        out.print(
            f"{where:<16} {when} {event.kind:<13} {event.device}  {phrase(event)}",
            soft_wrap=True,
            markup=False,
            highlight=False,
        )
