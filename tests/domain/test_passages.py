"""Passages: what of an event parking needs, and one copy of each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.events import Event, Media, Subject
from domain.passages import Passage, once_each, passage_of, preferred

NOON = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
ID = bytes(range(16))


def plate_event(**changes: object) -> Event:
    fields: dict[str, object] = {
        "kind": "plate",
        "device": "vzenith:7b5a",
        "time": NOON,
        "direction": "in",
        "lane": "gate-1",
        "confidence": 0.97,
        "subject": Subject(type="plate", id="粤B·8K6Q2", plate_color="blue", plate_status="read"),
    }
    return Event(**{**fields, **changes})  # pyright: ignore[reportArgumentType]


def taken(**changes: object) -> Passage:
    passage = passage_of(plate_event(**changes), ID)
    assert passage is not None
    return passage


def test_a_plate_event_becomes_a_passage() -> None:
    assert taken() == Passage(
        id=ID,
        plate="粤B8K6Q2",
        plate_color="blue",
        plate_status="read",
        lane="gate-1",
        direction="in",
        occurred_at=NOON,
        device="vzenith:7b5a",
        confidence=0.97,
    )


@pytest.mark.parametrize(("result", "counts"), [(None, True), ("granted", True), ("pending", False), ("denied", False)])
def test_a_read_by_which_a_car_only_asked_is_none(result: str | None, counts: bool) -> None:
    assert (passage_of(plate_event(result=result), ID) is not None) == counts


@pytest.mark.parametrize("kind", ["barrier", "access", "alarm", "unknown"])
def test_no_other_kind_is_a_passage(kind: str) -> None:
    assert passage_of(plate_event(kind=kind), ID) is None


@pytest.mark.parametrize("status", ["no_plate", "unreadable", "encrypted"])
def test_a_plate_that_was_not_read_is_empty(status: str) -> None:
    passage = taken(subject=Subject(type="plate", id="X+aXoF8", plate_status=status))
    assert (passage.plate, passage.plate_status) == ("", status)


def test_a_suspected_fake_keeps_its_number() -> None:
    passage = taken(subject=Subject(type="plate", id="粤B8K6Q2", plate_status="suspect_fake"))
    assert (passage.plate, passage.plate_status) == ("粤B8K6Q2", "suspect_fake")


def test_a_missing_subject_is_an_unread_plate() -> None:
    assert (taken(subject=None).plate, taken(subject=None).plate_status) == ("", "unreadable")


def test_unknown_words_are_unknown() -> None:
    passage = taken(direction="sideways", subject=Subject(type="plate", id="粤B8K6Q2", plate_color="mauve"))
    assert (passage.direction, passage.plate_color) == ("unknown", "unknown")


def test_a_device_without_a_lane_is_its_own() -> None:
    assert taken(lane=None).lane == "vzenith:7b5a"


def test_the_gateways_time_counts_where_the_device_gave_none() -> None:
    assert taken(time=None, recorded_at=NOON + timedelta(seconds=1)).occurred_at == NOON + timedelta(seconds=1)


def test_an_event_without_any_time_is_refused() -> None:
    with pytest.raises(ValueError, match="vzenith:7b5a"):
        passage_of(plate_event(time=None), ID)


@pytest.mark.parametrize("late", [{"time_quality": "replay"}, {"retained": True}])
def test_a_stored_record_is_marked(late: dict[str, object]) -> None:
    assert taken(**late).replay
    assert not taken().replay


def test_the_scene_is_the_picture_to_show() -> None:
    cut_out, scene = Media(role="plate", sha256="aa"), Media(role="scene", sha256="bb")
    assert taken(media=[cut_out, scene]).picture == "bb"
    assert taken(media=[cut_out, Media(role="scene", ref="/late.jpg")]).picture == "aa"
    assert taken(media=[Media(role="scene", ref="/late.jpg")]).picture is None


def copy_of(number: int, second: int, replay: bool, confidence: float | None, picture: str | None) -> Passage:
    return Passage(
        id=bytes([number]) * 16,
        plate="粤B8K6Q2",
        lane="gate-1",
        occurred_at=NOON + timedelta(seconds=second),
        device="vzenith:7b5a",
        replay=replay,
        confidence=confidence,
        picture=picture,
    )


def with_another_order(passages: list[Passage]) -> st.SearchStrategy[tuple[list[Passage], list[Passage]]]:
    return st.tuples(st.just(passages), st.permutations(passages))


PICTURES = st.sampled_from([None, "a" * 64, "b" * 64])
copies = st.builds(copy_of, st.integers(0, 3), st.integers(0, 2), st.booleans(), st.none() | st.just(0.5), PICTURES)


@given(st.lists(copies, max_size=12).flatmap(with_another_order))
def test_the_choice_among_copies_does_not_depend_on_arrival(arrivals: tuple[list[Passage], list[Passage]]) -> None:
    first, second = arrivals
    kept = once_each(first)
    assert kept == once_each(second) == once_each(first + second)
    assert len({passage.id for passage in kept}) == len(kept)
    assert [passage.key for passage in kept] == sorted(passage.key for passage in kept)


def test_the_earlier_of_two_copies_counts() -> None:
    early, late = taken(), taken(time=NOON + timedelta(hours=8))
    assert preferred(early, late) == preferred(late, early) == early


def test_pictures_of_a_second_message_are_the_cars() -> None:
    """A camera that says ``hasMoreData`` sends them later, as the same fact."""
    bare, later = taken(), taken(media=[Media(role="scene", sha256="b" * 64)])
    (kept,) = once_each([bare, later])
    assert kept == preferred(later, bare) == replace(bare, picture="b" * 64)


def test_a_passage_knows_whether_its_time_is_sure() -> None:
    assert taken(time_quality="unsynced").unsure
    assert not taken(time_quality="unsynced").replay
    assert not taken().unsure
