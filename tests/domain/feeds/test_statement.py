"""The hand-over statement adds up, or says that it does not."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.feeds.classes import CLASSES
from domain.feeds.statement import STATES, DoesNotAddUp, statement

RECORDS = st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from(STATES)), max_size=60)


@given(RECORDS)
def test_every_record_is_in_one_column(records: list[tuple[str, str]]) -> None:
    made = statement("p", "2026-11-27", Counter(name for name, _ in records), Counter(records), {})
    assert made.total.offered == len(records)
    for line in (*made.lines, made.total):
        assert line.offered == sum(getattr(line, state) for state in STATES)


@pytest.mark.parametrize("state", ["lost", "parked"])
def test_a_state_that_no_column_counts_is_said(state: str) -> None:
    with pytest.raises(DoesNotAddUp, match=state):
        statement("p", "2026-11-27", {"door": 1}, {("door", state): 1}, {})


def test_a_record_that_is_in_no_column_is_said() -> None:
    with pytest.raises(DoesNotAddUp, match="2 offered, 1 told of"):
        statement("p", "2026-11-27", {"door": 2}, {("door", "accepted"): 1}, {})
