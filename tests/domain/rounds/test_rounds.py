"""Rounds: what is planned, what a set of acts makes of it in whatever order, when a phone's time is believed, codes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rounds import codes
from domain.rounds.phone_time import OLDEST, corrected
from domain.rounds.plan import BadRoute, Route, Slot, Version, check, in_force, slots
from domain.rounds.walk import Act, Walk, extra, judge, walks

ZONE = ZoneInfo("Asia/Shanghai")
TEN = datetime(2026, 11, 27, 14, 0, tzinfo=UTC)  # 22:00 there, a Friday
ROUTE = Route("东侧", ("p1", "p2", "p3"), ("22:00",), tolerance_min=15, within_min=60, is_ordered=True)
SLOT = Slot("r1", 1, ROUTE, TEN)
MINUTE = timedelta(minutes=1)


def act(minute: float, kind: Any = "read", point: str = "", key: str = "", **more: Any) -> Act:
    said: dict[str, Any] = {"round": "w1", "route": "r1", "by": "li", "due_at": TEN, "point": point} | more
    return Act(key=key or f"{kind}{point}{minute}", kind=kind, at=TEN + minute * MINUTE, **said)


def walked(*acts: Act) -> Iterable[Walk]:
    return walks(acts).values()


WHOLE = (act(0, "begin"), act(5, point="p1"), act(9, point="p2"), act(20, point="p3"))


def at(minute: float) -> datetime:
    return TEN + minute * MINUTE


@pytest.mark.parametrize(
    ("minute", "state", "tint"),
    [(-1, "planned", "plain"), (15, "waiting", "plain"), (16, "overdue", "yellow"), (61, "missed", "red")],
)
def test_a_round_that_nobody_walks_is_late_then_missed(minute: float, state: str, tint: str) -> None:
    judged = judge(SLOT, (), at(minute))
    assert (judged.state, judged.tint) == (state, tint)


def test_a_round_in_time_is_done_one_begun_late_is_yellow_one_through_too_late_is_red() -> None:
    assert judge(SLOT, walked(*WHOLE), at(300)).state == "done"
    assert judge(SLOT, walked(*WHOLE[:3]), at(30)).state == "under_way"
    assert judge(SLOT, walked(*WHOLE[:3]), at(61)).state == "missed", "it was never finished"
    late = (act(16, "begin"), *(act(20 + n, point=f"p{n}") for n in (1, 2, 3)))
    assert judge(SLOT, walked(*late), at(300)).state == "late"
    slow = (*WHOLE[:3], act(61, point="p3"))
    assert judge(SLOT, walked(*slow), at(300)).state == "missed"


def test_an_early_end_is_yellow_with_its_reason_and_red_where_nothing_was_read() -> None:
    end = act(10, "end", reason="下大雨")
    judged = judge(SLOT, walked(*WHOLE, end), at(300))
    assert judged.state == "short" and judged.walk and judged.walk.reason == "下大雨"
    assert judged.walk.missing(ROUTE.points) == ["p3"], "what is read after the end is not of the round"
    assert judge(SLOT, walked(WHOLE[0], end), at(30)).state == "missed"


def test_what_is_read_out_of_order_is_told_and_is_done() -> None:
    other = (act(0, "begin"), act(5, point="p2"), act(9, point="p1"), act(20, point="p3"))
    judged = judge(SLOT, walked(*other), at(300))
    assert judged.state == "done" and judged.walk and judged.walk.strays(ROUTE.points) == ["p1"]
    assert next(iter(walked(*WHOLE))).strays(ROUTE.points) == []


def test_a_round_of_another_slot_or_begun_long_before_is_not_this_one() -> None:
    early = [msgspec.structs.replace(one, at=one.at - timedelta(hours=2)) for one in WHOLE]
    assert judge(SLOT, walked(*early), at(300)).state == "missed"
    other = [msgspec.structs.replace(one, due_at=None) for one in WHOLE]
    assert judge(SLOT, walked(*other), at(300)).state == "missed"
    assert extra(next(iter(walked(*other)))).state == "extra"


def test_of_two_rounds_for_one_slot_the_better_counts() -> None:
    broken = (act(0, "begin", round="w0", key="b"), act(3, "end", reason="x", round="w0", key="e"))
    assert judge(SLOT, walked(*broken, *WHOLE), at(300)).state == "done"


def test_what_a_phone_kept_is_known_by_the_checkpoint_and_judged_by_when_it_was_scanned() -> None:
    told = (act(0, "begin", received_at=at(0)), act(5, point="p1", received_at=at(50)), WHOLE[2])
    (walk,) = walked(*told, act(20, point="p3", received_at=at(50.5)))
    assert walk.late == {"p1": at(50), "p3": at(50.5)} and walk.came_at == at(50.5)
    assert judge(SLOT, [walk], at(300)).state == "done"
    (walk,) = walked(act(0, "begin", received_at=at(1)), act(5, point="p1", received_at=at(6)))
    assert (walk.late, walk.came_at) == ({}, None), "the control: told as it happened"


acts = st.builds(
    act,
    st.integers(-30, 90),
    st.sampled_from(("begin", "read", "end")),
    st.sampled_from(("", "p1", "p2", "p3", "gone")),
    st.sampled_from([f"k{n}" for n in range(9)]),
    round=st.sampled_from(("w1", "w2")),
    by=st.sampled_from(("li", "gao")),
    reason=st.sampled_from(("", "雨")),
    received_at=st.none() | st.integers(0, 200).map(at),
)
histories = st.lists(acts, max_size=12)


def as_they_came(told: Sequence[Act]) -> dict[str, Walk]:
    """The broken variant: the first that came is the first that was."""
    reads: dict[str, datetime] = {}
    for one in told:
        if one.kind == "read":
            reads.setdefault(one.point, one.at)
    return {told[0].round: Walk("w1", "r1", TEN, told[0].at, (told[0].by,), reads)} if told else {}


@given(told=histories, data=st.data(), minute=st.integers(-60, 200))
def test_any_order_and_any_repeats_give_the_same(told: list[Act], data: st.DataObject, minute: int) -> None:
    again = data.draw(st.permutations(told)) + data.draw(
        st.lists(st.sampled_from(told), max_size=5) if told else st.just([])
    )
    assert walks(again) == walks(told)
    assert judge(SLOT, walks(again).values(), at(minute)) == judge(SLOT, walks(told).values(), at(minute))


def test_the_law_sees_a_fold_that_goes_by_arrival() -> None:
    told = (WHOLE[0], act(9, point="p1", key="b"), act(5, point="p1", key="a"))
    assert as_they_came(told) != as_they_came(told[::-1]) and walks(told) == walks(told[::-1])


@given(told=histories, minute=st.integers(-60, 200), later=st.integers(0, 200))
def test_time_alone_never_makes_a_round_better(told: list[Act], minute: int, later: int) -> None:
    rank = ("done", "late", "planned", "waiting", "overdue", "under_way", "short", "missed")
    before, after = (judge(SLOT, walks(told).values(), at(one)) for one in (minute, minute + later))
    assert rank.index(after.state) >= rank.index(before.state)


def test_what_is_due_is_told_by_the_version_that_counted_then() -> None:
    noon = TEN - timedelta(hours=10)
    more = Route("东侧", ("p1",), ("02:00", "22:00"), days=("fri", "sat"))
    versions = (Version(1, noon - timedelta(days=9), ROUTE), Version(2, TEN, more))
    due = slots("r1", versions, ZONE, noon - timedelta(days=1), noon + timedelta(days=2))
    assert [(one.due_at.astimezone(ZONE).strftime("%a %H:%M"), one.version) for one in due] == [
        ("Thu 22:00", 1),
        ("Fri 22:00", 2),
        ("Sat 02:00", 2),
        ("Sat 22:00", 2),
    ]
    over = (*versions, Version(3, TEN + timedelta(hours=1), msgspec.structs.replace(more, ended=True)))
    assert len(slots("r1", over, ZONE, noon, noon + timedelta(days=9))) == 1
    assert in_force(versions, noon - timedelta(days=10)) is None


def test_a_time_that_the_clocks_skip_is_due_once() -> None:
    berlin, march = ZoneInfo("Europe/Berlin"), datetime(2026, 3, 29, tzinfo=UTC)
    route = Route("x", ("p1",), ("02:30",))
    found = slots("r", (Version(1, march - timedelta(days=9), route),), berlin, march, march + timedelta(hours=12))
    assert len(found) == 1


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"times": ("25:00",)}, "times"),
        ({"times": ("9:00",)}, "times"),
        ({"days": ()}, "days"),
        ({"points": ("p1", "p1")}, "points"),
        ({"points": ("p9",)}, "points"),
        ({"tolerance_min": 60}, "within"),
    ],
)
def test_a_route_that_cannot_be_walked_is_refused_by_its_field(change: dict[str, Any], word: str) -> None:
    with pytest.raises(BadRoute, match=f"^{word}: "):
        check(msgspec.structs.replace(ROUTE, **change), ("p1", "p2", "p3"))
    twice = msgspec.structs.replace(ROUTE, times=("22:00", "02:00", "22:00"))
    assert check(twice, ("p1", "p2", "p3")).times == ("02:00", "22:00")


moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


@given(wrong=st.timedeltas(timedelta(days=-4_000), timedelta(days=4_000)), ago=st.timedeltas(timedelta(), OLDEST))
def test_a_phone_s_wrong_clock_falls_away(wrong: timedelta, ago: timedelta) -> None:
    told = corrected(TEN - ago + wrong, TEN + wrong, TEN)
    assert told.at == TEN - ago and told.is_sure


@given(moments, moments, moments)
def test_nothing_happened_after_it_was_received_or_is_older_than_the_bound(
    phone: datetime, sent: datetime, received: datetime
) -> None:
    told = corrected(phone, sent, received)
    assert received - OLDEST <= told.at <= received
    assert told.is_sure == (timedelta() <= sent - phone <= OLDEST)


@given(st.binary(min_size=codes.RANDOM_BYTES, max_size=codes.RANDOM_BYTES), st.data())
def test_a_slip_in_a_code_is_seen(chance: bytes, data: st.DataObject) -> None:
    code = codes.code_of(chance)
    assert codes.canonical(f" {code[:4].lower()}-{code[4:]}") == code
    place, sign = data.draw(st.integers(0, codes.LENGTH - 1)), data.draw(st.sampled_from("23456789ABCDEFGH"))
    slip = code[:place] + sign + code[place + 1 :]
    assert slip == code or codes.canonical(slip) is None
    swapped = code[: place - 1] + code[place] + code[place - 1] + code[place + 1 :] if place else code
    assert swapped == code or codes.canonical(swapped) is None
    assert 0 <= codes.mark_of(code) < 1 << 24


def test_codes_are_long_enough_and_want_chance() -> None:
    assert codes.canonical("2222") is None and codes.canonical("0" * codes.LENGTH) is None
    with pytest.raises(ValueError, match="chance"):
        codes.code_of(b"x")
