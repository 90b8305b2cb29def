"""Laws: whatever happens by rule, nothing is broken and in the end all is balanced; one record less is always seen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.conservation import in_sum
from domain.statements import Row
from tests.domain.two_ends import TwoEnds, differences

STEPS = st.one_of(
    st.tuples(st.just("append"), st.integers(20_000, 20_004)),
    st.tuples(st.just("append"), st.integers(20_000, 20_001)),
    st.tuples(st.sampled_from(["send", "unanswered", "fold", "trim", "drop"]), st.integers(1, 6)),
    st.tuples(st.sampled_from(["state", "hear", "hear_again"]), st.just(0)),
)


class Story:
    """Two ends, and the statements that are on their way between them."""

    def __init__(self) -> None:
        self.ends = TwoEnds()
        self.under_way: list[tuple[int, int, list[Row]]] = []

    def step(self, what: str, count: int) -> None:
        match what:
            case "append":
                self.ends.append(count)
            case "send" | "unanswered":
                self.ends.send(count, is_answered=what == "send")
            case "state":
                self.under_way.append(self.ends.state())
            case "hear":
                if self.under_way:
                    self.ends.hear(self.under_way.pop())  # the newest first: the older ones arrive late
            case "hear_again":
                if self.under_way:
                    self.ends.hear(self.under_way[0])
            case _:
                getattr(self.ends, what)(count)


@given(st.lists(STEPS, max_size=80))
def test_nothing_that_happens_by_rule_is_ever_red_and_all_is_green_in_the_end(steps: list[tuple[str, int]]) -> None:
    story = Story()
    for what, count in steps:
        story.step(what, count)
        assert "broken" not in story.ends.verdicts(), (what, differences(story.ends.judged()))
    story.ends.settle()
    assert story.ends.verdicts() <= {"balanced"}
    for day in story.ends.judged():
        assert day.produced == day.received + day.unsent + day.dropped + day.explained + day.waiting


def _after(steps: list[tuple[str, int]]) -> TwoEnds:
    story = Story()
    story.step("append", 20_000)
    for what, count in steps:
        story.step(what, count)
    return story.ends


@given(st.lists(STEPS, max_size=60), st.data())
def test_a_record_removed_at_the_gateway_is_named_with_its_day(
    steps: list[tuple[str, int]], data: st.DataObject
) -> None:
    ends = _after(steps)
    if not ends.kept:
        ends.append(20_000)
    victim = data.draw(st.sampled_from(sorted(ends.kept)))
    day = ends.kept.pop(victim)
    was_sent = victim <= ends.mark
    ends.settle()
    (red,) = [judged for judged in in_sum(ends.judged()) if judged.verdict == "broken"]
    assert red.day == day
    assert red.differences["missing_at_gateway"] == 1
    assert red.differences.get("unexplained_gap", 0) == (0 if was_sent else 1)


@given(st.lists(STEPS, max_size=60), st.data(), st.booleans())
def test_a_batch_removed_at_the_centre_is_named_with_its_days(
    steps: list[tuple[str, int]], data: st.DataObject, is_remembered: bool
) -> None:
    """``is_remembered``: the count by day of the batch is still there; else a rebuild has taken it too, and a record
    that arrived although it was dropped stands for the one that is missing, until the log's numbering is walked."""
    ends = _after(steps)
    ends.append(20_000)
    ends.settle()
    victim = ends.batches.pop(data.draw(st.integers(0, len(ends.batches) - 1)))
    ends.folded -= 1
    if is_remembered:
        ends.gone.append(victim)
    red = [judged for judged in ends.judged() if judged.verdict == "broken"]
    arrived_though_dropped = ends.dropped_sequences & {
        sequence for batch in [*ends.batches, victim] for sequence in batch
    }
    if is_remembered or not arrived_though_dropped:
        assert sum(judged.differences["missing_at_centre"] for judged in red) == len(victim)
        assert {judged.day for judged in red} == {ends.days[sequence] for sequence in victim}


@given(st.lists(STEPS, max_size=60), st.integers(20_000, 20_004))
def test_a_record_too_many_at_the_centre_is_seen(steps: list[tuple[str, int]], day: int) -> None:
    ends = _after(steps)
    ends.append(day)
    ends.settle()
    ends.days[10_000] = day
    ends.batches[-1].insert(0, 10_000)
    assert differences(ends.judged())["more_at_centre"] == 1 or ends.dropped_sequences
