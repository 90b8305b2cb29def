"""One record, three lists: from being asked to being rated, who may do what, and how long it took."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.duty.acts import NotPossible
from domain.items import acts, views
from domain.items.figures import Figures, figures, percentile
from domain.items.item import Asked, Item, apply, decode_item, encode_item

AT = datetime(2026, 6, 15, 1, 0, tzinfo=UTC)
DUE = AT + timedelta(hours=8)
PICTURE = ("a" * 64,)

SEND = acts.Send(key="1", by="community", unit="power", due_at=DUE)
TAKE = acts.Take(key="2", by="worker")
FINISH = acts.Finish(key="3", by="worker", words="灯已换", pictures=PICTURE)
PASS = acts.Review(key="4", by="committee", passed=True)
RATE = acts.Rate(key="5", by="resident", stars=4)


def asked(**changes: Any) -> Item:
    need = Asked(AT, "resident", "3号楼楼道灯不亮", "3号楼", **changes)
    return Item(id="i1", complex="garden", category="lighting", asked=need)


def after(*done: acts.Act, hours: float = 1) -> Item:
    item = asked()
    for act in done:
        item = decode_item(encode_item(apply(item, act, AT + timedelta(hours=hours))))
    return item


def test_from_asked_to_rated_and_each_list_shows_it() -> None:
    taken, rated = after(SEND, TAKE), after(SEND, TAKE, FINISH, PASS, RATE)
    assert (rated.status, rated.rated and rated.rated.stars) == ("closed", 4)
    assert [row.status for row in views.needs([taken, rated])] == ["taken", "closed"]
    assert [(row.unit, row.is_late) for row in views.services([taken], AT)] == [("power", False)]
    assert [row.is_late for row in views.services([taken, rated], DUE + timedelta(hours=1))] == [True, False]
    assert [(row.doer, row.due_at) for row in views.tasks([taken, rated])] == [("worker", DUE)]
    assert views.needs([asked(alert="m1")]) == []


def test_an_act_that_comes_twice_is_done_once() -> None:
    item = after(SEND, TAKE, FINISH, PASS, RATE)
    for act in (SEND, TAKE, FINISH, PASS, RATE):
        assert apply(item, act, DUE) == item


@pytest.mark.parametrize(
    ("before", "act", "says"),
    [
        ((), TAKE, "sent to a unit"),
        ((SEND,), FINISH, "take it first"),
        ((SEND, TAKE), acts.Finish(key="x", by="worker", words=" ", pictures=PICTURE), "words are missing"),
        ((SEND, TAKE), acts.Finish(key="x", by="worker", words="灯已换", pictures=()), "picture .* is missing"),
        ((SEND, TAKE), acts.Finish(key="x", by="other", words="灯已换", pictures=PICTURE), "worker has taken it"),
        ((SEND, TAKE), acts.Take(key="x", by="other"), "by nobody yet"),
        ((SEND, TAKE), acts.Withdraw(key="x", by="resident"), "at work"),
        ((SEND, TAKE, FINISH), acts.Review(key="x", by="worker", passed=True), "another person"),
        ((SEND, TAKE, FINISH), acts.Review(key="x", by="resident", passed=True), "another person"),
        ((SEND, TAKE, FINISH), acts.Review(key="x", by="committee", passed=False), "what is missing"),
        ((SEND, TAKE, FINISH), RATE, "once it is closed"),
        ((SEND, TAKE, FINISH, PASS), acts.Rate(key="x", by="worker", stars=5), "only who asked"),
        ((SEND, TAKE, FINISH, PASS, RATE), acts.Rate(key="x", by="resident", stars=5), "stays as it is"),
        ((SEND, TAKE, FINISH, PASS), acts.Finish(key="x", by="worker", words="w", pictures=PICTURE), "closed"),
        ((), acts.Refuse(key="x", by="community", words=""), "say why"),
    ],
)
def test_what_is_not_possible_says_why(before: tuple[acts.Act, ...], act: acts.Act, says: str) -> None:
    with pytest.raises(NotPossible, match=says):
        apply(after(*before), act, AT)


def test_who_did_it_last_time_may_not_review_it_either() -> None:
    """It was sent back and given to another; both did it, and neither says that it is done."""
    back = acts.Review(key="6", by="committee", passed=False, words="还是不亮")
    give = acts.GiveBack(key="7", by="worker", words="缺配件")
    second = (acts.Take(key="8", by="second"), acts.Finish(key="9", by="second", words="换了", pictures=PICTURE))
    item = after(SEND, TAKE, FINISH, back, give, *second)
    with pytest.raises(NotPossible, match="another person"):
        apply(item, acts.Review(key="x", by="worker", passed=True), AT)
    assert [done.by for done in item.past] == ["worker"]
    assert apply(item, acts.Review(key="y", by="committee", passed=True), AT).status == "closed"


def test_how_long_it_took_and_whether_in_time() -> None:
    done = [SEND, TAKE, FINISH, PASS]
    items = [after(*done, hours=hours) for hours in (1, 2, 3, 10)] + [after(SEND, TAKE), after(*done, RATE, hours=4)]
    assert figures(items) == Figures(5, 4.0, 3.0, 10.0, on_time=4, late=1, rated=1, stars=4.0)
    assert figures([asked()]) == Figures()


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.integers(1, 100))
def test_so_many_percent_are_no_longer_than_the_percentile(hours: list[float], percent: int) -> None:
    ordered = sorted(hours)
    found = percentile(ordered, percent)
    assert 100 * sum(hour <= found for hour in ordered) >= percent * len(ordered)
    assert 100 * sum(hour < found for hour in ordered) < percent * len(ordered)
