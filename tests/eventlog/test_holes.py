"""Which sequences a stream no longer gives, and why: held against counting them one by one."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from eventlog.holes import holes
from eventlog.log import Span

LAST = 30


@st.composite
def let_go_spans(draw: st.DrawFn) -> list[Span]:
    edges = sorted(draw(st.sets(st.integers(1, LAST), max_size=6)))
    pairs = zip(edges[::2], edges[1::2], strict=False)
    return [Span(first, last, draw(st.sampled_from(["trimmed", "capacity"]))) for first, last in pairs]


def one_by_one(first: int, last: int, there: dict[int, bool], let_go: list[Span]) -> dict[int, str]:
    found: dict[int, str] = {}
    for sequence in range(first, last + 1):
        if sequence in there:
            if not there[sequence]:
                found[sequence] = "unreadable"
            continue
        reasons = [span.reason for span in let_go if span.first <= sequence <= span.last]
        found[sequence] = reasons[0] if reasons else "missing"
    return found


@given(st.integers(1, LAST), st.integers(1, LAST), st.dictionaries(st.integers(1, LAST), st.booleans()), let_go_spans())
def test_the_spans_say_of_each_sequence_what_counting_says(
    first: int, last: int, rows: dict[int, bool], let_go: list[Span]
) -> None:
    there = {sequence: rows[sequence] for sequence in sorted(rows) if first <= sequence <= last}
    spans = holes(first, last, there.items(), let_go)
    said = {sequence: span.reason for span in spans for sequence in range(span.first, span.last + 1)}
    assert said == one_by_one(first, last, there, let_go)
    for before, after in pairwise(spans):
        assert before.last < after.first
        assert before.reason != after.reason or before.last + 1 < after.first, "neighbours of one reason are one span"
