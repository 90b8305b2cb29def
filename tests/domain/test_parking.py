"""Sessions: the rules one by one, then the laws: any order, any repetition, any cut into arrivals."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import parking
from domain.parking import Candidate, Session, exceptions, fold, fold_start, near_matches, session_id, sure_match
from domain.passages import FoldKey, Passage, once_each, preferred

NOON = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
Start = Callable[[Iterable[Session], Iterable[Passage]], FoldKey | None]
Fold = Callable[[Iterable[Passage]], list[Session]]


def seen(number: int, direction: str, second: int, **changes: Any) -> Passage:
    fields: dict[str, Any] = {
        "id": bytes([number]) * 16,
        "plate": "粤B8K6Q2",
        "lane": "east",
        "direction": direction,
        "occurred_at": NOON + timedelta(seconds=second),
        "device": "vzenith:7b5a",
    }
    return Passage(**{**fields, **changes})


def kinds(session: Session) -> list[str]:
    return [anomaly.kind for anomaly in session.anomalies]


def test_in_and_out_is_a_stay() -> None:
    entry, exit_ = seen(1, "in", 0), seen(2, "out", 3600, lane="west")
    (session,) = fold([exit_, entry])
    assert (session.state, session.entered_at, session.exited_at) == ("exited", entry.occurred_at, exit_.occurred_at)
    assert (session.entry_lane, session.exit_lane) == ("east", "west")
    assert session.id == session_id(entry.id)
    assert session.anomalies == ()


def test_a_car_inside_has_no_exit() -> None:
    (session,) = fold([seen(1, "in", 0)])
    assert (session.state, session.exit_id) == ("inside", None)


@pytest.mark.parametrize(("second", "sessions"), [(60, 1), (61, 2)])
def test_a_read_in_the_same_lane_within_a_minute_is_a_repeat(second: int, sessions: int) -> None:
    assert len(fold([seen(1, "in", 0), seen(2, "in", second)])) == sessions


def test_a_car_that_waits_at_the_barrier_is_read_again_and_again() -> None:
    (session,) = fold([seen(number, "in", 50 * number) for number in range(1, 6)])
    assert session.entered_at == NOON + timedelta(seconds=50)
    assert len(session.other_ids) == 4


def test_a_second_entry_closes_the_first_as_lost() -> None:
    lost, inside = fold([seen(1, "in", 0), seen(2, "in", 30, lane="west")])
    assert (lost.state, lost.exited_at, kinds(lost)) == ("lost_exit", None, ["duplicate_entry"])
    assert (inside.state, kinds(inside)) == ("inside", [])


def test_an_exit_without_an_entry_is_a_session_of_its_own() -> None:
    (session,) = fold([seen(1, "out", 0)])
    assert (session.state, session.entered_at, kinds(session)) == ("no_entry", None, ["no_entry"])
    assert session.id == session_id(bytes([1]) * 16)


@pytest.mark.parametrize(("second", "states"), [(160, ["exited"]), (161, ["exited", "no_entry"])])
def test_a_second_exit_within_a_minute_is_a_repeat(second: int, states: list[str]) -> None:
    sessions = fold([seen(1, "in", 0), seen(2, "out", 100), seen(3, "out", second, lane="west")])
    assert [session.state for session in sessions] == states


def test_back_in_at_once_after_an_exit_is_a_new_stay() -> None:
    assert [session.state for session in fold([seen(1, "in", 0), seen(2, "out", 20), seen(3, "in", 40)])] == [
        "exited",
        "inside",
    ]


def test_a_read_without_direction_only_leaves_a_note() -> None:
    passages = [seen(1, "unknown", 0), seen(2, "in", 10), seen(3, "unknown", 20), seen(4, "out", 90)]
    (session,) = fold(passages)
    assert (session.entry_id, session.exit_id) == (passages[1].id, passages[3].id)
    assert session.anomalies == (parking.Anomaly("direction_unknown", passages[2].id),)
    assert exceptions(passages, [session]) == [passages[0]]


def test_two_known_colors_are_noted_and_an_unknown_one_is_not() -> None:
    one, other, none = "blue", "yellow", "unknown"
    assert kinds(fold([seen(1, "in", 0, plate_color=one), seen(2, "out", 90, plate_color=other)])[0]) == [
        "color_differs"
    ]
    (session,) = fold([seen(1, "in", 0, plate_color=none), seen(2, "out", 90, plate_color=other)])
    assert (session.color, kinds(session)) == ("yellow", [])


def test_late_and_doubtful_reads_are_noted() -> None:
    (session,) = fold([seen(1, "in", 0, replay=True), seen(2, "out", 90, plate_status="suspect_fake")])
    assert kinds(session) == ["replayed", "suspect_fake"]


def test_several_plates_or_none_are_refused() -> None:
    with pytest.raises(ValueError, match="one plate"):
        fold([seen(1, "in", 0), seen(2, "out", 9, plate="京A12345")])
    with pytest.raises(ValueError, match="not read"):
        fold([seen(1, "in", 0, plate="")])


def test_candidates_at_the_exit_come_nearest_first() -> None:
    plates = ["京A12345", "京A1234S", "京A12346", "京AD12345", "沪C77777"]
    inside = [fold([seen(n, "in", n, plate=plate, plate_color="blue")])[0] for n, plate in enumerate(plates, start=1)]
    found = near_matches("京A12345", inside)
    assert [(candidate.session.plate, candidate.distance) for candidate in found] == [
        ("京A12345", 0.0),
        ("京A1234S", 0.3),
        ("京A12346", 1.0),
    ]
    assert sure_match("京A12345", "blue", inside) is None  # three of them: a person decides
    assert sure_match("沪C7777T", "blue", inside) == Candidate(inside[4], 0.3)
    assert sure_match("沪C7777T", "yellow", inside) is None
    assert sure_match("沪C7777T", "unknown", inside) is None


# Few seconds, few lanes, few ids: ties, repeats and copies that differ are common.
def read(number: int, direction: str, step: int, lane: str, color: str, replay: bool) -> Passage:
    return seen(number, direction, step * 20, lane=lane, plate_color=color, replay=replay)


reads = st.builds(
    read,
    st.integers(0, 9),
    st.sampled_from(["in", "out", "unknown"]),
    st.integers(0, 12),
    st.sampled_from(["east", "west"]),
    st.sampled_from(["blue", "yellow", "unknown"]),
    st.booleans(),
)
arrivals = st.lists(reads, max_size=14)


def with_another_order(passages: list[Passage]) -> st.SearchStrategy[tuple[list[Passage], list[Passage]]]:
    return st.tuples(st.just(passages), st.permutations(passages))


def any_order(folded: Fold) -> None:
    @settings(deadline=None, max_examples=300)
    @given(arrivals.flatmap(with_another_order))
    def law(orders: tuple[list[Passage], list[Passage]]) -> None:
        assert folded(orders[0]) == folded(orders[1])

    law()


def any_repetition(folded: Fold) -> None:
    @settings(deadline=None, max_examples=300)
    @given(arrivals)
    def law(passages: list[Passage]) -> None:
        assert folded(passages) == folded(passages + passages[::2])

    law()


def test_any_arrival_order_gives_the_same_sessions() -> None:
    any_order(fold)


def test_any_repetition_gives_the_same_sessions() -> None:
    any_repetition(fold)


def as_they_arrive(passages: Iterable[Passage]) -> list[Passage]:
    return list({passage.id: passage for passage in passages}.values())


def with_copies(passages: Iterable[Passage]) -> list[Passage]:
    return sorted(passages, key=lambda passage: passage.key)


def test_the_laws_catch_a_fold_that_does_not_sort(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parking, "once_each", as_they_arrive)
    with pytest.raises(AssertionError):
        any_order(fold)


def test_the_laws_catch_a_fold_that_counts_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parking, "once_each", with_copies)
    with pytest.raises(AssertionError):
        any_repetition(fold)


@settings(deadline=None)
@given(arrivals)
def test_every_passage_is_in_one_session_or_an_exception(passages: list[Passage]) -> None:
    sessions = fold(passages)
    placed = [found for session in sessions for found in session.passage_ids]
    placed += [passage.id for passage in exceptions(passages, sessions)]
    assert sorted(placed) == sorted({passage.id for passage in passages})


@settings(deadline=None)
@given(arrivals)
def test_sessions_follow_each_other(passages: list[Passage]) -> None:
    sessions = fold(passages)
    assert [session.key for session in sessions] == sorted({session.key for session in sessions})
    assert all(session.state != "inside" for session in sessions[:-1])
    assert all(s.entered_at <= s.exited_at for s in sessions if s.entered_at and s.exited_at)


def incrementally(batches: list[list[Passage]], start: Start) -> list[Session]:
    """What a projection does: keep passages by id, and with each batch fold again from where ``start`` says."""
    kept: dict[bytes, Passage] = {}
    sessions: list[Session] = []
    for batch in batches:
        new = [passage for passage in once_each(batch) if preferred(kept.get(passage.id, passage), passage) == passage]
        kept.update({passage.id: passage for passage in new})
        key = start(sessions, new)
        before = [session for session in sessions if key is not None and session.key < key]
        sessions = before + fold(passage for passage in kept.values() if key is None or passage.key >= key)
    return sessions


def any_batches(start: Start) -> None:
    @settings(deadline=None, max_examples=500)
    @given(st.lists(st.lists(reads, max_size=5), max_size=5))
    def law(batches: list[list[Passage]]) -> None:
        assert incrementally(batches, start) == fold(passage for batch in batches for passage in batch)

    law()


def test_folding_again_from_the_start_it_names_equals_folding_everything() -> None:
    any_batches(fold_start)


def last_start(sessions: Iterable[Session], new: Iterable[Passage]) -> FoldKey | None:
    return max((session.key for session in sessions), default=None)


def test_the_law_catches_a_start_that_is_too_late() -> None:
    with pytest.raises(AssertionError):
        any_batches(last_start)
