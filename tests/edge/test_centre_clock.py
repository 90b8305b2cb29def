"""The centre's time by its answers: never ahead of the truth, and as near to it as the quickest answer was quick."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from edge.control.centre_clock import CentreClock

SENT = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)


@given(st.lists(st.tuples(st.floats(0, 1_000), st.floats(0, 60)), min_size=1, max_size=20), st.floats(0, 1_000))
def test_law_never_ahead_and_off_by_the_quickest_answer(answers: list[tuple[float, float]], later_s: float) -> None:
    clock = CentreClock()
    for sent_s, delay_s in answers:
        clock.heard(SENT + timedelta(seconds=sent_s), sent_s + delay_s)
    truth = SENT + timedelta(seconds=later_s)
    off_s = (truth - clock.now(later_s)).total_seconds()
    quickest_s = min(delay_s for _, delay_s in answers)
    assert abs(off_s - quickest_s) < 0.001
