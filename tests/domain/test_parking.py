"""Sessions: the rules of folding, one by one, and matching at the exit."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain import parking
from domain.parking import Candidate, Session, exceptions, fold, near_matches, session_id, sure_match
from tests.domain.seen import NOON, seen


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


def test_a_time_of_a_clock_that_nobody_vouched_for_is_noted() -> None:
    (session,) = fold([seen(1, "in", 0, unsure=True), seen(2, "out", 90)])
    assert kinds(session) == ["time_unsure"]


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
