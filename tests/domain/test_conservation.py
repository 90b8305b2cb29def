"""What is balanced, what is still open, and what is broken: each by its name and number."""

from __future__ import annotations

from domain.conservation import Counted, GapCount, Judged, compare, in_sum, is_news
from domain.statements import CARRIED_ALL, Present, Row

DAY = 20_000


def row(day: int = DAY, epoch: str = "e1", **counts: int) -> Row:
    counts = {"produced": 0, "held": 0, "unsent": 0, "trimmed": 0, "dropped": 0, "through": 100, **counts}
    return Row("routine", epoch, day, **counts)


def judge(*rows: Row, is_present: bool = True, **counted: object) -> list[Judged]:
    return compare(("routine", "e1"), rows, Counted(**{"mark": 100, **counted}), is_present=is_present)  # type: ignore[arg-type]


def only(*rows: Row, **counted: object) -> tuple[str, dict[str, int]]:
    (day,) = judge(*rows, **counted)  # type: ignore[arg-type]
    return day.verdict, day.differences


def test_all_that_was_produced_is_here() -> None:
    assert only(row(produced=100, held=60, trimmed=40), received={DAY: 100}) == ("balanced", {})


def test_what_is_on_the_way_leaves_the_day_open() -> None:
    assert only(row(produced=120, held=120, unsent=20), received={DAY: 100}) == ("open", {})


def test_received_and_not_counted_yet_is_no_difference() -> None:
    (day,) = judge(row(produced=100, held=100), received={DAY: 70}, uncounted=30)
    assert (day.verdict, day.waiting) == ("open", 30)


def test_let_go_by_rule_is_no_difference() -> None:
    gaps = [GapCount("capacity", 10, DAY)]
    assert only(row(produced=100, held=90, dropped=10), received={DAY: 90}, gaps=gaps) == ("balanced", {})


def test_dropped_at_the_gateway_and_arrived_all_the_same() -> None:
    """The centre's answer was lost, and the gateway let go of what it thought unsent."""
    (day,) = judge(row(produced=100, held=90, dropped=10), received={DAY: 96})
    assert (day.verdict, day.dropped) == ("balanced", 4)


def test_a_gateways_books_that_do_not_add_up() -> None:
    assert only(row(produced=100, held=99), received={DAY: 99}) == ("broken", {"missing_at_gateway": 1})
    assert only(row(produced=100, held=101), received={DAY: 100})[1]["more_at_gateway"] == 1


def test_what_the_centre_should_have_and_has_not() -> None:
    assert only(row(produced=100, held=100), received={DAY: 97}) == ("broken", {"missing_at_centre": 3})


def test_lost_at_the_centre_and_short_of_the_statement_is_one_loss() -> None:
    counted = {"received": {DAY: 97}, "lost": {DAY: 3}}
    assert only(row(produced=100, held=100), **counted) == ("broken", {"missing_at_centre": 3})


def test_a_hole_is_told_on_the_day_that_is_short() -> None:
    """After a rebuild only the numbering knows of the hole; the statement knows the day."""
    rows = row(DAY, produced=50, held=50), row(DAY + 1, produced=50, held=50)
    first, second = judge(*rows, received={DAY: 50, DAY + 1: 47}, lost_near={DAY: 3})
    assert (first.verdict, second.differences) == ("balanced", {"missing_at_centre": 3})


def test_a_hole_of_which_no_statement_tells_is_told_where_it_lies() -> None:
    (day,) = judge(lost_near={DAY: 3}, received={DAY: 10})
    assert day.differences == {"missing_at_centre": 3}


def test_a_gap_that_nothing_explains() -> None:
    gaps = [GapCount("unreadable", 2, DAY)]
    assert only(row(produced=100, held=100), received={DAY: 98}, gaps=gaps) == ("broken", {"unexplained_gap": 2})


def test_a_refilled_centre_lists_what_the_gateway_had_let_go_of() -> None:
    """Its disk was lost; 40 were trimmed at the gateway long before, and are declared."""
    gaps = [GapCount("trimmed", 40, DAY)]
    (day,) = judge(row(produced=100, held=60, trimmed=40), received={DAY: 60}, gaps=gaps)
    assert (day.verdict, day.explained) == ("balanced", 40)


def test_a_declared_gap_explains_no_more_than_was_trimmed() -> None:
    gaps = [GapCount("trimmed", 40, DAY)]
    assert only(row(produced=100, held=100), received={DAY: 60}, gaps=gaps)[0] == "broken"


def test_a_centre_that_went_back_is_waited_for() -> None:
    assert only(row(produced=100, held=100), received={DAY: 60}, mark=60) == ("open", {})


def test_a_day_counted_elsewhere_is_no_difference() -> None:
    """The gateway's zone was changed, or its records are older than its counting by days (day 0)."""
    days = judge(row(0, produced=30, held=30), received={DAY: 20, DAY + 1: 10})
    assert {day.verdict for day in days} == {"balanced"}


def test_more_here_than_was_ever_produced() -> None:
    assert only(row(produced=10, held=10), received={DAY: 12}) == ("broken", {"more_at_centre": 2})


def test_a_day_not_stated_yet_is_open() -> None:
    assert only(received={DAY: 12}) == ("open", {})


def test_an_epoch_left_behind_is_judged_by_the_centres_numbering() -> None:
    closed = row(produced=50, trimmed=50)
    assert only(closed, is_present=False, received={DAY: 80}) == ("balanced", {})
    assert only(closed, is_present=False, received={DAY: 79}, lost={DAY: 1}) == ("broken", {"missing_at_centre": 1})


def test_what_a_lost_store_had_not_sent_is_not_called_balanced() -> None:
    (day,) = judge(row(produced=50, held=50, unsent=20, through=30), is_present=False, received={DAY: 35})
    assert (day.verdict, day.left_behind) == ("open", 15)


def test_what_was_saved_of_a_lost_store_is_counted_under_the_next_epoch_and_the_rest_is_lost() -> None:
    stale = row(produced=50, held=50, unsent=20, through=30)
    saved = {"is_present": False, "received": {DAY: 35}}
    (day,) = judge(stale, **saved, carried={DAY: 15, CARRIED_ALL: 0})  # type: ignore[arg-type]
    assert (day.verdict, day.produced, day.received) == ("balanced", 35, 35)
    (day,) = judge(stale, **saved, carried={DAY: 12, CARRIED_ALL: 0})  # type: ignore[arg-type]
    assert day.differences == {"lost_with_store": 3}
    (day,) = judge(stale, **saved, carried={DAY: 12})  # type: ignore[arg-type]
    assert (day.verdict, day.left_behind) == ("open", 3)


def test_what_could_not_be_read_of_a_lost_store_is_red_though_it_was_never_stated() -> None:
    known = {"is_present": False, "received": {DAY - 1: 35}}
    (early, late) = judge(**known, carried={DAY: 12, CARRIED_ALL: 3})  # type: ignore[arg-type]
    assert (early.day, early.verdict, late.day, late.differences) == (DAY - 1, "balanced", DAY, {"lost_with_store": 3})
    assert only(**known, carried={CARRIED_ALL: 3}) == ("broken", {"lost_with_store": 3})  # type: ignore[arg-type]
    assert only(is_present=False, carried={DAY: 0, CARRIED_ALL: 3}) == ("broken", {"lost_with_store": 3})
    stale = row(produced=50, held=50, unsent=20, through=30)
    (day,) = judge(stale, is_present=False, received={DAY: 35}, carried={DAY: 12, CARRIED_ALL: 3})
    assert day.differences == {"lost_with_store": 3}, "the same three, told once"
    (day,) = judge(stale, is_present=False, received={DAY: 35}, carried={DAY: 12, CARRIED_ALL: 5})
    assert day.differences == {"lost_with_store": 5}, "two of them came after the last statement"


def test_a_statement_that_comes_late_or_again_is_no_news_and_a_clock_that_steps_back_hides_none() -> None:
    noon, before = "2026-11-23T12:00:00.000Z", "2026-11-22T12:00:00.000Z"
    known = {"routine": Present("e1", 100)}
    assert is_news(noon, known, before, known)
    assert is_news(noon, known, noon, known)
    assert not is_news(before, {"routine": Present("e1", 90)}, noon, known)
    assert is_news(before, {"routine": Present("e1", 101)}, noon, known)
    assert not is_news(before, {"routine": Present("e0", 500)}, noon, known)


def test_a_day_in_sum_holds_every_epoch_of_a_stream() -> None:
    days = [Judged("routine", "e1", DAY, True, 5, received=5), Judged("routine", "e2", DAY, True, 7, unsent=7)]
    days.append(Judged("urgent", "e2", DAY + 1, True, 1, received=0, differences={"missing_at_centre": 1}))
    urgent, routine = in_sum(days)
    assert (urgent.stream, urgent.verdict) == ("urgent", "broken")
    assert (routine.produced, routine.received, routine.verdict) == (12, 5, "open")
