"""Laws of folding: any order, any repetition, any cut into arrivals gives the same sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import parking
from domain.parking import Session, exceptions, fold, fold_start
from domain.passages import FoldKey, Passage, once_each, preferred
from tests.domain.seen import seen

Start = Callable[[Iterable[Session], Iterable[Passage]], FoldKey | None]
Fold = Callable[[Iterable[Passage]], list[Session]]


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


def test_a_copy_may_replace_the_passage_that_began_a_session() -> None:
    batches = [[seen(0, "in", 0), seen(1, "in", 0, lane="west")], [seen(1, "in", 0, lane="east")]]
    assert len(fold(batches[0])) == 2
    assert len(incrementally(batches, fold_start)) == len(fold(batches[0] + batches[1])) == 1


def last_start(sessions: Iterable[Session], new: Iterable[Passage]) -> FoldKey | None:
    return max((session.key for session in sessions), default=None)


def test_the_law_catches_a_start_that_is_too_late() -> None:
    with pytest.raises(AssertionError):
        any_batches(last_start)
