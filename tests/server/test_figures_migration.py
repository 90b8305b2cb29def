"""Matters that were there before figures were counted get them by the migration: the same that the program counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from domain.duty.acts import Acknowledge, Close
from domain.duty.machine import Duty, Matter
from domain.duty.plan import BUILT_IN
from domain.duty.rota import Rota
from domain.duty.state import State, encode_state
from domain.places import Place
from server.store import migrate
from server.store.duty_figures import figures
from server.store.engine import stamp
from tests.server.test_migrations import url, with_connection

__all__ = ["url"]  # the fixture: an empty database of either engine
OPENED = datetime(2026, 3, 1, 8, tzinfo=UTC)
FIGURES = ("climbed_to", "taken_s", "ended_s", "ended_why")
BROKEN = (b"{", b"[]", b"null", b'{"tenures": [{"why": "climbed", "owner": {"level": "moon"}}]}', b"\xff")


def opened(name: str) -> tuple[Duty, State]:
    duty = Duty(BUILT_IN, Rota(), Place())
    return duty, duty.opened(Matter(name, "garden", "security", "critical"), OPENED)[0]


def climbed(duty: Duty, state: State, minutes: int) -> State:
    at = OPENED + timedelta(minutes=minutes)
    while (after := duty.due(state, at)[0]) != state:
        state, at = after, at + timedelta(minutes=4)
        if at > OPENED + timedelta(minutes=minutes):
            return state
    return state


def matters() -> dict[str, State]:
    """One that nobody took yet, one that climbed, one that was taken, one that was closed after it climbed."""
    duty, fresh = opened("a1")
    _, second = opened("a2")
    high = climbed(duty, second, 4)
    _, third = opened("a3")
    taken = duty.apply(third, Acknowledge(key="k", by="li", level="complex"), OPENED + timedelta(seconds=40))[0]
    _, fourth = opened("a4")
    fourth = climbed(duty, fourth, 4)
    closed = duty.apply(fourth, Close(key="c", by="she"), OPENED + timedelta(minutes=9))[0]
    return {"a1": fresh, "a2": high, "a3": taken, "a4": closed}


def row(name: str, body: bytes) -> dict[str, Any]:
    return {"incident": name, "state": body, "opened_at": stamp(OPENED), "updated_at": stamp(OPENED), "at_top": 0}


def put(connection: Connection) -> None:
    rows = [row(name, encode_state(state)) for name, state in matters().items()]
    rows += [row(f"x{index}", body) for index, body in enumerate(BROKEN)]
    connection.execute(
        text(
            "INSERT INTO duty_state(incident, complex, category, place, state, revision, status, level, person,"
            " severity, at_top, opened_at, updated_at) VALUES(:incident, 'garden', 'security', 'gate', :state, 1,"
            " 'open', 'complex', '', 'critical', :at_top, :opened_at, :updated_at)"
        ),
        rows,
    )


def told(connection: Connection) -> dict[str, dict[str, Any]]:
    found = connection.execute(text(f"SELECT incident, {', '.join(FIGURES)} FROM duty_state")).mappings()
    return {one["incident"]: {name: one[name] for name in FIGURES} for one in found}


def test_matters_of_before_have_the_figures_that_the_program_counts(url: str) -> None:
    """What cannot be read has none, and stops nothing."""
    migrate.upgrade(url, "0034")
    with_connection(url, put)
    migrate.upgrade(url, "0035")
    wanted = {name: figures(state, OPENED) for name, state in matters().items()}
    assert {name: one["climbed_to"] for name, one in wanted.items()}["a2"] is not None, "it climbed"
    assert (wanted["a3"]["taken_s"], wanted["a4"]["ended_why"]) == (40, "closed")
    nothing = dict.fromkeys(FIGURES)
    found = with_connection(url, told)
    assert found == wanted | {f"x{index}": nothing for index in range(len(BROKEN))}
    assert found != dict.fromkeys(found, nothing), "the control: without the backfill all would be empty"
    migrate.downgrade(url, "0034")
    migrate.upgrade(url, "0035")
    assert with_connection(url, told) == found
