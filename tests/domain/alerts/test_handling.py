"""Where the handling of an alert stands, from what people did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alerts import handling, incidents

AT = datetime(2026, 3, 1, tzinfo=UTC)
ACTIONS = st.lists(st.sampled_from(handling.ACTIONS))


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ([], "open"),
        (["acknowledge"], "acknowledged"),
        (["acknowledge", "undo"], "open"),
        (["acknowledge", "close"], "closed"),
        (["acknowledge", "close", "undo"], "closed"),
        (["false"], "false"),
        (["undo"], "open"),
    ],
)
def test_status(actions: list[str], expected: str) -> None:
    assert handling.status(actions) == expected


@given(ACTIONS)
def test_a_tap_sent_twice_is_one_tap(actions: list[str]) -> None:
    doubled = [action for action in actions for _ in range(2)]
    assert handling.status(doubled) == handling.status(actions)


@given(ACTIONS, ACTIONS)
def test_what_is_closed_stays_closed(before: list[str], after: list[str]) -> None:
    if handling.status(before) == "closed":
        assert handling.status(before + after) == "closed"


def test_a_closed_alert_takes_no_more_actions() -> None:
    with pytest.raises(handling.NotPossible):
        handling.check("closed", "acknowledge")
    with pytest.raises(handling.NotPossible):
        handling.check("open", "explode")
    handling.check("acknowledged", "acknowledge")


def test_alerts_of_one_cause_join() -> None:
    assert incidents.joins(AT, AT + timedelta(minutes=5))
    assert not incidents.joins(AT, AT + timedelta(minutes=5, seconds=1))
