"""One record, three lists: from being asked to being rated, who may do what, and how long it took."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.duty.acts import NotPossible
from domain.duty.plan import BUILT_IN
from domain.items import acts
from domain.items.categories import CATEGORIES, due_at, office_hours
from domain.items.figures import Closed, Figures, by_category, figures, percentile
from domain.items.item import RESIDENT, Asked, Item, Origin, Refused, apply, decode_item, encode_item, owner
from domain.items.views import is_late, list_of
from domain.places import Place
from domain.tariff.calendar import Calendar

AT = datetime(2026, 6, 15, 1, 0, tzinfo=UTC)  # a Monday, nine in the morning in Shanghai
DUE = AT + timedelta(hours=8)
PICTURE = ("a" * 64,)

SEND = acts.Send(key="1", by="community", unit="供电")
TAKE = acts.Take(key="2", by="worker")
FINISH = acts.Finish(key="3", by="worker", words="灯已换", pictures=PICTURE)
PASS = acts.Review(key="4", by="committee", passed=True)
RATE = acts.Rate(key="5", by=RESIDENT, stars=4)


def asked(origin: Origin = "report", by: str = RESIDENT) -> Item:
    need = Asked(AT, by, "3号楼楼道灯不亮", "3号楼")
    return Item(id="i1", complex="garden", origin=origin, category="lighting", due_at=DUE, asked=need)


def after(*done: acts.Act, hours: float = 1, item: Item | None = None) -> Item:
    item = item or asked()
    for act in done:
        item = decode_item(encode_item(apply(item, act, AT + timedelta(hours=hours))))
    return item


def test_from_asked_to_rated_with_one_owner_at_each_step() -> None:
    steps = [after(), after(SEND), after(SEND, TAKE), after(SEND, TAKE, FINISH), after(SEND, TAKE, FINISH, PASS)]
    assert [one.status for one in steps] == ["asked", "sent", "taken", "done", "closed"]
    owners = [owner(one) for one in steps]
    assert [(one.kind, one.name) if one else None for one in owners] == [
        ("dispatcher", ""),
        ("unit", "供电"),
        ("person", "worker"),
        ("reviewer", ""),
        None,
    ]
    rated = after(SEND, TAKE, FINISH, PASS, RATE)
    assert (rated.status, rated.rated and rated.rated.stars, rated.over_at) == ("closed", 4, AT + timedelta(hours=1))


def test_each_item_stands_in_one_list() -> None:
    assert [list_of(after()), list_of(after(SEND)), list_of(after(SEND, TAKE, FINISH, PASS))] == [
        "need",
        "service",
        "service",
    ]
    assert [list_of(asked(origin)) for origin in get_args(Origin)] == ["need", "need", "task", "task"]


def test_what_is_late() -> None:
    late, taken = DUE + timedelta(hours=1), after(SEND, TAKE)
    assert [is_late(taken, DUE), is_late(taken, late), is_late(asked(), late)] == [False, True, True]
    done_late = after(FINISH, PASS, hours=9, item=taken)
    assert is_late(done_late, late) and not is_late(after(SEND, TAKE, FINISH, PASS), late)
    refused = after(acts.Refuse(key="r", by="community", words="不归小区管"))
    assert not is_late(refused, late)


def test_an_act_that_comes_twice_is_done_once() -> None:
    item = after(SEND, TAKE, FINISH, PASS, RATE)
    for act in (SEND, TAKE, FINISH, PASS, RATE):
        assert apply(item, act, DUE) == item


@pytest.mark.parametrize(
    ("before", "act", "says"),
    [
        ((), TAKE, "sent to a unit"),
        ((SEND,), FINISH, "take it first"),
        ((SEND,), acts.Send(key="x", by="community", unit="供水"), "hand it over"),
        ((SEND,), acts.HandOver(key="x", by="community", unit="供电", words="w"), "has it already"),
        ((SEND,), acts.HandOver(key="x", by="community", unit="供水", words=" "), "words are missing"),
        ((SEND, TAKE), acts.HandOver(key="x", by="other", unit="供水", words="w"), "worker has taken it"),
        ((SEND, TAKE), acts.GiveBack(key="x", by="other", words="w"), "worker has taken it"),
        ((SEND, TAKE), acts.Finish(key="x", by="worker", words=" ", pictures=PICTURE), "words are missing"),
        ((SEND, TAKE), acts.Finish(key="x", by="worker", words="灯已换", pictures=()), "picture .* is missing"),
        ((SEND, TAKE), acts.Finish(key="x", by="other", words="灯已换", pictures=PICTURE), "worker has taken it"),
        ((SEND, TAKE), acts.Take(key="x", by="other"), "by nobody yet"),
        ((SEND, TAKE), acts.Withdraw(key="x", by=RESIDENT), "at work"),
        ((SEND,), acts.Withdraw(key="x", by="community"), "only who asked"),
        ((SEND, TAKE, FINISH), acts.Review(key="x", by="worker", passed=True), "another person"),
        ((SEND, TAKE, FINISH), acts.Review(key="x", by=RESIDENT, passed=True), "another person"),
        ((SEND, TAKE, FINISH), acts.Review(key="x", by="committee", passed=False), "what is missing"),
        ((SEND, TAKE, FINISH), RATE, "once it is closed"),
        ((SEND, TAKE, FINISH, PASS), acts.Rate(key="x", by="worker", stars=5), "only the resident"),
        ((SEND, TAKE, FINISH, PASS, RATE), acts.Rate(key="x", by=RESIDENT, stars=5), "stays as it is"),
        ((SEND, TAKE, FINISH, PASS), acts.Finish(key="x", by="worker", words="w", pictures=PICTURE), "closed"),
        ((), acts.Refuse(key="x", by="community", words=""), "say why"),
    ],
)
def test_what_is_not_possible_says_why(before: tuple[acts.Act, ...], act: acts.Act, says: str) -> None:
    with pytest.raises(Refused, match=says) as raised:
        apply(after(*before), act, AT)
    assert raised.value.reason and isinstance(raised.value, NotPossible)


def test_handing_over_keeps_the_date_and_sending_sorts_it_anew() -> None:
    other, due = after(SEND, TAKE), DUE + timedelta(hours=2)
    over = apply(other, acts.HandOver(key="h", by="worker", unit="供水", words="是水管"), AT + timedelta(hours=3))
    assert (over.status, over.unit, over.doer, over.due_at) == ("sent", "供水", "", DUE)
    sent = apply(asked(), acts.Send(key="s", by="community", unit="物业", category="water", due_at=due), AT)
    assert (sent.category, sent.due_at) == ("water", due)


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


def test_what_is_of_no_resident_is_rated_by_nobody() -> None:
    item = after(SEND, TAKE, FINISH, PASS, item=asked("alert", "zhao"))
    with pytest.raises(Refused, match="only the resident"):
        apply(item, acts.Rate(key="x", by="zhao", stars=5), AT)


def test_nights_weekends_and_holidays_do_not_count_where_no_life_is_at_stake() -> None:
    """Sixteen working hours from Friday at noon: Friday afternoon, Monday and, of a holiday, nothing."""
    office, place = office_hours(BUILT_IN), Place()
    friday = datetime(2026, 6, 19, 4, 0, tzinfo=UTC)  # noon: 4 h on Friday, 7.5 on Monday, 4.5 on Tuesday
    assert due_at("lighting", friday, office, place).isoformat() == "2026-06-23T07:00:00+00:00"
    holiday = Place(calendar=Calendar({"2026-06-22": "restday"}))
    assert due_at("lighting", friday, office, holiday).isoformat() == "2026-06-24T07:00:00+00:00"
    assert due_at("danger", friday, office, place) == friday + timedelta(hours=4)
    assert due_at("lighting", friday, (), place) == friday + timedelta(hours=16), "no hours: all time counts"
    with pytest.raises(KeyError):
        due_at("moon", friday, office, place)
    assert all(term.hours > 0 for term in CATEGORIES.values())


def closed(hours: float, category: str = "water", **more: Any) -> Closed:
    return Closed(category, AT, AT + timedelta(hours=hours), DUE, **more)


def test_how_long_it_took_and_whether_in_time() -> None:
    some = [closed(hours) for hours in (1, 2, 3, 10)] + [closed(4, "lift", stars=4)]
    found = dict(by_category(some))
    assert found[""] == Figures(5, 4.0, 3.0, 10.0, on_time=4, late=1, rated=1, stars=4.0)
    assert (found["water"].closed, found["lift"].stars) == (4, 4.0)
    assert figures([]) == Figures()


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.integers(1, 100))
def test_so_many_percent_are_no_longer_than_the_percentile(hours: list[float], percent: int) -> None:
    ordered = sorted(hours)
    found = percentile(ordered, percent)
    assert 100 * sum(hour <= found for hour in ordered) >= percent * len(ordered)
    assert 100 * sum(hour < found for hour in ordered) < percent * len(ordered)
