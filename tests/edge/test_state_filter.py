"""What says nothing new is dropped; what is remembered for that is bounded."""

from __future__ import annotations

from domain.events import Event
from edge.intake.state_filter import StateFilter


def state(device: str, what: str) -> Event:
    return Event(kind="door", device=device, point="door/1", state=what)


def test_the_oldest_point_is_forgotten_first() -> None:
    states = StateFilter(max_points=3)
    for device in ("a", "b", "c"):
        assert states.changes(state(device, "open"))
    assert not states.changes(state("a", "open")), "remembered, and now the newest"
    assert states.changes(state("d", "open"))
    assert len(states._last) == 3
    assert states.changes(state("b", "open")), "forgotten: said once more"


def test_what_did_not_get_into_the_log_is_new_when_it_is_said_again() -> None:
    states = StateFilter()
    assert states.changes(state("a", "open"))
    states.forget(state("a", "open"))
    assert states.changes(state("a", "open"))
