"""Orders: an ended one stays ended, and what became of it is the same however the answers arrive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import Event
from domain.orders import ENDED, MAX_LIFE, STATES, BadStep, Order, State, advance, answered, settled

NOW = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)
states = st.sampled_from(STATES)


def order(name: str = "door.open", life: timedelta = timedelta(seconds=15), **rest: object) -> Order:
    base: dict[str, object] = {"id": "order-0001", "device": "uhppoted:1", "args": {"point": "door/1"}}
    return Order(name=name, issued_at=NOW, expires_at=NOW + life, issued_by="wang", **{**base, **rest})  # type: ignore[arg-type]


def test_the_ways_an_order_goes() -> None:
    assert advance(advance(None, "accepted"), "confirmed") == "confirmed"
    assert advance(None, "expired") == "expired"
    for wrong in ((None, "confirmed"), ("accepted", "expired"), ("accepted", "accepted")):
        with pytest.raises(BadStep):
            advance(*wrong)  # type: ignore[arg-type]


@given(st.lists(states, max_size=8))
def test_law_no_step_leaves_an_end(steps: list[State]) -> None:
    state: State | None = None
    ended: State | None = None
    for to in steps:
        try:
            state = advance(state, to)
        except BadStep:
            continue
        assert ended is None, "an end was left"
        ended = state if state in ENDED else None


@given(st.lists(states, min_size=1, max_size=6).flatmap(lambda said: st.tuples(st.just(said), st.permutations(said))))
def test_law_any_order_of_answers_settles_alike(said: tuple[list[State], list[State]]) -> None:
    heard, shuffled = said
    assert settled(heard) == settled(shuffled)
    folded: State | None = None
    for state in shuffled:
        folded = settled([*([folded] if folded else []), state])
    assert folded == settled(heard)
    assert (settled(heard) in ENDED) == any(state in ENDED for state in heard)


@pytest.mark.parametrize(
    "changed", [{"id": "x"}, {"name": "open the door"}, {"life": MAX_LIFE * 2}, {"life": timedelta()}]
)
def test_what_is_no_order_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="order"):
        order(**changed)  # type: ignore[arg-type]


def result(**said: object) -> Event:
    return Event(kind="command_result", device="uhppoted:1", **said)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("event", "state"),
    [
        (result(request_id="order-0001", ok=True), "confirmed"),
        (result(request_id="order-0001", ok=False), "refused"),
        (result(request_id="order-0001"), None),
        (result(request_id="another", ok=True), None),
        (Event(kind="door", device="uhppoted:1", point="door/1", state="open"), "confirmed"),
        (Event(kind="door", device="uhppoted:1", point="door/1", state="closed"), None),
        (Event(kind="door", device="uhppoted:1", point="door/2", state="open"), None),
        (Event(kind="door", device="uhppoted:2", point="door/1", state="open"), None),
        (Event(kind="door", device="uhppoted:1", point="door/1", state="open", retained=True), None),
        (Event(kind="barrier", device="uhppoted:1", state="open"), None),
    ],
)
def test_what_answers_an_order(event: Event, state: State | None) -> None:
    assert answered(order(), event) == state


def test_a_relay_that_fired_confirms_no_barrier() -> None:
    opens = order("barrier.open", device="vzenith:1", args={})
    said = {ok: Event(kind="command_result", device="vzenith:1", request_id=opens.id, ok=ok) for ok in (True, False)}
    assert [answered(opens, said[ok]) for ok in (True, False)] == [None, "refused"]


def test_a_barrier_that_moves_answers_its_order() -> None:
    opened = Event(kind="barrier", device="vzenith:1", state="opening")
    assert answered(order("barrier.open", device="vzenith:1", args={}), opened) == "confirmed"
    assert answered(order("barrier.close", device="vzenith:1", args={}), opened) is None
