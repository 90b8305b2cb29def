"""The box's status as a page of text: streams, connections, disk, devices, counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from edge.commands.ages import size, span
from edge.commands.vision_table import vision_table

_SILENT = timedelta(seconds=15)  # the agent speaks every second
_DEVICES_SHOWN = 30
_SAID_ELSEWHERE = frozenset({"messages", "events"})
# What other parts of the agent may say of themselves in a word or a few; shown where it is there.
_IN_A_WORD = ("desired", "clock")


def page(described: Mapping[str, Any], now: datetime) -> RenderableType:
    """The whole page. ``now`` is aware."""
    return Group(_head(described, now), _streams(described, now), *_lines(described), _devices(described, now))


def _head(described: Mapping[str, Any], now: datetime) -> RenderableType:
    said_at = _moment(described.get("time"))
    last = f"; it last said something {span(now - said_at)} ago" if said_at else ""
    if not described["running"]:
        return Text(f"the agent is not running{last}", style="bold red")
    if said_at and abs(now - said_at) > _SILENT:
        return Text(f"the agent runs and says nothing{last}", style="bold yellow")
    return Text(f"gatehouse-edge {described.get('version', '')} runs, process {described.get('pid', '')}", style="bold")


def _streams(described: Mapping[str, Any], now: datetime) -> RenderableType:
    table = Table("stream", "newest", "at the centre", "backlog", "oldest unsent")
    oldest: Mapping[str, Any] = described.get("oldest_unsent_at", {})
    for name, row in described["streams"].items():
        at = _moment(oldest.get(name))
        table.add_row(
            name, str(row["head"]), str(row["acknowledged"]), str(row["backlog"]), span(now - at) if at else ""
        )
    return table


def _lines(described: Mapping[str, Any]) -> Iterator[RenderableType]:
    yield _line("uplink", described["uplink"], good="online")
    yield _line("broker", described["broker"], good="connected")
    if (offset_s := described.get("clock_offset_s")) is not None:
        yield Text(f"clock: the centre's less ours {offset_s:+.1f} s", style="" if abs(offset_s) <= 2 else "yellow")
    if disk := described.get("disk"):
        held = f"log {size(disk['log_bytes'])}, free {size(disk['free_bytes'])} of {size(disk['size_bytes'])}"
        yield Text(f"disk: {held}; pictures unsent: {described.get('media_unsent', 0)}")
    if store := described.get("store"):
        yield _store(store)
    for device, held in described.get("card_lists", {}).items():
        yield _card_list(device, held)
    if vision := described.get("vision"):
        yield vision_table(vision)
    for key in _IN_A_WORD:
        if (value := described.get(key)) not in (None, {}, ""):
            yield _line(key, _words(value), good="ok")
    if rates := described.get("rates"):
        yield Text("rates: " + ", ".join(f"{name} {rate:.1f}/s" for name, rate in rates.items()))
    yield Text(f"parked: {_tally(described['parked'], described.get('parked_by_reason', {}))}")
    counts = {key: value for key, value in described["counts"].items() if value and key not in _SAID_ELSEWHERE}
    if counts:
        yield Text(f"since it started: {_words(counts)}")


def _card_list(device: str, reached: Mapping[str, Any]) -> Text:
    """How the card list in a controller that decides alone is, against the wishes of the centre."""
    failure, whole = reached.get("failure"), reached["held"] == reached["wished"]
    text = f"cards in {device}: {reached['held']} of {reached['wished']}, version {reached['version']}"
    return Text(f"{text}; {failure}" if failure else text, style="" if whole and not failure else "yellow")


def _store(store: Mapping[str, Any]) -> Text:
    detail = f": {store['detail']}" if store.get("detail") else ""
    reserve = "" if store.get("reserve") else ", the reserve is not held"
    return _line("store", f"{store['state']}{detail}{reserve}", "ok")


def _line(name: str, value: str, good: str) -> Text:
    return Text(f"{name}: {value}", style="" if value.startswith(good) else "yellow")


def _tally(total: int, parts: Mapping[str, int]) -> str:
    return f"{total} ({_words(parts)})" if parts else str(total)


def _words(value: Any) -> str:
    """A word as it is; entries as ``name value``."""
    match value:
        case dict():
            entries = cast("dict[str, Any]", value)
            return ", ".join(f"{key} {_words(entry)}" for key, entry in entries.items())
        case _:
            return str(value)


def _devices(described: Mapping[str, Any], now: datetime) -> RenderableType:
    seen: Mapping[str, Mapping[str, Any]] = described.get("seen", {})
    listed: list[Mapping[str, Any]] = described.get("devices", [])
    names = {device["id"]: device.get("name", "") for device in listed}
    rows = [*names, *(device for device in seen if device not in names)]
    if not rows:
        return Text("devices: none listed, none heard")
    table = Table("device", "name", "last heard", "state")
    for device in rows[:_DEVICES_SHOWN]:
        entry = seen.get(device, {})
        at = _moment(entry.get("at"))
        heard = f"{span(now - at)} ago" if at else "never"
        table.add_row(device, names.get(device, "not in the list"), heard, entry.get("state") or "")
    more = len(rows) - _DEVICES_SHOWN
    return Group(table, Text(f"and {more} more")) if more > 0 else table


def _moment(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
