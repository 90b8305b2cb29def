"""What doors must remember over a restart: who is where, which codes were used, who came first, fire and lock-down."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date

from domain.access import is_once
from domain.doors.credentials import Credentials
from domain.doors.state import DoorState, Effect, FirstCame, Used, Went
from domain.doors.verdict import holder_of, used_key
from eventlog.sqlite import SqliteEventLog
from eventlog.sqlite_rows import Statement

SCHEMA = """
CREATE TABLE IF NOT EXISTS door_kept(
    kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(kind, key));
"""
_KEEP = "INSERT OR REPLACE INTO door_kept(kind, key, value) VALUES(?, ?, ?)"
_FORGET = "DELETE FROM door_kept WHERE kind = ? AND key = ?"
_FLAGS = ("fire", "lock_down")


def kept(effects: Sequence[Effect]) -> list[Statement]:
    """What of the effects outlasts a restart, as statements of the transaction that records why."""
    rows = [row for effect in effects if (row := _row(effect)) is not None]
    return [(_KEEP, rows)] if rows else []


def _row(effect: Effect) -> tuple[str, str, str] | None:
    match effect:
        case Went(holder, area):
            return "area", holder, area
        case Used(digest):
            return "used", digest, ""
        case FirstCame(door, day):
            return "first", door, day.isoformat()
        case _:
            return None


def contact(door: str, *, standing_open: bool) -> list[Statement]:
    """How a door stands: so that after a restart it is known whether it was opened."""
    return [(_KEEP, [("contact", door, "open" if standing_open else "closed")])]


def flag(name: str, *, up: bool) -> list[Statement]:
    """Fire or lock-down, begun or over."""
    return [(_KEEP, [("flag", name, "")])] if up else [(_FORGET, [("flag", name)])]


async def remembered(store: SqliteEventLog) -> DoorState:
    """The state as it was kept."""
    state = DoorState()
    for kind, key, value in await store.query("SELECT kind, key, value FROM door_kept"):
        match kind:
            case "area":
                state.areas[key] = value
            case "used":
                state.used.add(key)
            case "first":
                state.first[key] = date.fromisoformat(value)
            case "contact":
                state.contacts.add(key)
                if value == "open":
                    state.standing_open.add(key)
            case "flag" if key in _FLAGS:
                setattr(state, key, True)
            case _:
                pass
    return state


def outdated(state: DoorState, credentials: Credentials) -> list[Statement]:
    """Let go of whoever is on the list no more; taken out of the state, and statements that do the same on disk."""
    listed = (*credentials.cards, *credentials.known)
    holders, codes = {holder_of(entry) for entry in listed}, {used_key(entry) for entry in listed if is_once(entry)}
    gone = [("area", name) for name in _without(state.areas, holders)]
    gone += [("used", name) for name in _without(state.used, codes)]
    for kind, name in gone:
        state.areas.pop(name, None) if kind == "area" else state.used.discard(name)
    return [(_FORGET, gone)] if gone else []


def forget_areas(state: DoorState) -> list[Statement]:
    """Nobody knows where anybody is: the way out of an anti-passback that went wrong."""
    state.areas.clear()
    return [("DELETE FROM door_kept WHERE kind = ?", [("area",)])]


def _without(names: Iterable[str], listed: Collection[str]) -> list[str]:
    return [name for name in names if name not in listed]
