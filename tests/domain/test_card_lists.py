"""What a controller that decides alone shall hold: never more than the gateway itself would open for."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from domain.access import CardList
from domain.card_lists import CardWish, Wishes, wishes_of
from domain.desired_bodies import Card, Credentials, Device, Door, DoorSet

ZONE = ZoneInfo("Asia/Shanghai")
TODAY = date(2026, 3, 1)
DEVICE = Device("uhppote:1", doors=(Door("door/1"), Door("door/2"), Door("door/3", decides="gateway")))


def card(
    number: str, *points: str, begin: int | None = None, end: int = 30, revoked: bool = False, key: int = 0
) -> Card:
    """Valid from ``begin`` to ``end`` days from today."""
    since = None if begin is None else TODAY + timedelta(days=begin)
    doors = (DoorSet("uhppote:1", points or ("*",)),)
    return Card(f"{number}/{key}", number, doors, TODAY + timedelta(days=end), since, revoked)


def wishes(*cards: Card, device: Device = DEVICE) -> Wishes:
    return wishes_of(CardList(4, Credentials(cards)), device, TODAY)


def test_doors_that_the_device_decides_and_the_days_of_the_card() -> None:
    found = wishes(card("007", begin=2, end=9), card("8", "door/3"), card("9", "door/2", "door/3"))
    assert found.version == 4
    assert found.cards == {
        "7": CardWish("7", TODAY + timedelta(days=2), TODAY + timedelta(days=9), ("door/1", "door/2")),
        "9": CardWish("9", date(2000, 1, 1), TODAY + timedelta(days=30), ("door/2",)),
    }, "door/3 is the gateway's: the controller must not know card 8 at all"


def test_revoked_beats_every_other_entry_and_is_named_first() -> None:
    found = wishes(card("7"), card("7", revoked=True, key=1), card("8"))
    assert (list(found.cards), found.revoked) == (["8"], ("7",))


def test_another_device_is_not_meant() -> None:
    other = msgspec.structs.replace(DEVICE, id="uhppote:2")
    assert wishes(card("7"), device=other).cards == {}


def test_of_entries_with_other_days_those_of_today_count_while_all_of_them_do() -> None:
    found = wishes(card("7", "door/1", end=5), card("7", "door/2", begin=-3, end=9, key=1)).cards["7"]
    assert (found.begin, found.end) == (TODAY - timedelta(days=3), TODAY + timedelta(days=5))
    assert found.points == ("door/1", "door/2")
    later = wishes(card("7", "door/1", end=-1), card("7", "door/2", begin=3, key=1)).cards["7"]
    assert (later.begin, later.points) == (TODAY + timedelta(days=3), ("door/2",)), "the next one; the first is over"


spans = st.tuples(st.none() | st.integers(-5, 5), st.integers(5, 12)) | st.tuples(st.none(), st.integers(-9, -6))
entries = st.builds(
    lambda number, point, span, revoked, key: card(number, point, begin=span[0], end=span[1], revoked=revoked, key=key),
    st.sampled_from(["7", "8"]),
    st.sampled_from(["door/1", "door/2", "door/3", "*"]),
    spans,
    st.sampled_from([False, False, False, True]),
    st.integers(0, 10_000),
)


@given(st.lists(entries, max_size=6, unique_by=lambda one: one.id), st.integers(-10, 15))
def test_a_device_never_opens_more_than_the_list_does(cards: list[Card], days: int) -> None:
    listed = CardList(1, Credentials(tuple(cards)))
    day = TODAY + timedelta(days=days)
    at = datetime.combine(day, datetime.min.time(), tzinfo=UTC) + timedelta(hours=4)
    for wish in wishes_of(listed, DEVICE, TODAY).cards.values():
        for point in wish.points if wish.begin <= day <= wish.end else ():
            assert listed.decide(wish.number, DEVICE.id, point, at, ZONE).granted


@given(st.lists(entries, max_size=6, unique_by=lambda one: one.id))
def test_a_device_opens_today_whatever_the_list_does_today(cards: list[Card]) -> None:
    listed = CardList(1, Credentials(tuple(cards)))
    at = datetime.combine(TODAY, datetime.min.time(), tzinfo=UTC) + timedelta(hours=4)
    found = wishes_of(listed, DEVICE, TODAY).cards
    for number in ("7", "8"):
        for point in ("door/1", "door/2"):
            wish = found.get(number)
            opens = wish is not None and point in wish.points and wish.begin <= TODAY <= wish.end
            assert opens == listed.decide(number, DEVICE.id, point, at, ZONE).granted
