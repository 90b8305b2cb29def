"""Whether a card opens a door: the calendar of the site, the doors of the entry, and that revoked beats everything."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.access import NO_CARDS, CardList, asks_for_a_decision
from domain.desired_bodies import Card, Credentials, DoorSet
from domain.events import Event, Subject

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)
DEVICE, POINT = "uhppoted:405419896", "door/1"
HERE, ELSEWHERE = DoorSet(DEVICE, (POINT,)), DoorSet("uhppoted:405419896", ("door/2",))


def entry(number: str = "8165538", *, id: str = "c1", doors: tuple[DoorSet, ...] = (HERE,), **rest: object) -> Card:
    return Card(id=id, card=number, doors=doors, **{"until": date(2026, 12, 31), **rest})  # type: ignore[arg-type]


def reason(*cards: Card, number: str = "8165538", at: datetime = NOON) -> str:
    decision = CardList(7, Credentials(cards)).decide(number, DEVICE, POINT, at, ZONE)
    assert decision.granted == (decision.reason == "card_list")
    assert decision.version == 7
    return decision.reason


def test_a_listed_card_opens_its_door_however_the_reader_spells_it() -> None:
    assert reason(entry()) == "card_list"
    assert reason(entry("04:a3:7f"), number="0004A37F") == "card_list"


def test_what_is_not_listed_opens_nothing() -> None:
    assert reason(entry(), number="1") == "unknown_card"
    assert reason(entry(), number="") == "unknown_card"
    assert NO_CARDS.decide("8165538", DEVICE, POINT, NOON, ZONE).granted is False


def test_only_its_doors() -> None:
    assert reason(entry(doors=(ELSEWHERE,))) == "wrong_door"
    assert reason(entry(doors=())) == "wrong_door"
    assert reason(entry(doors=(ELSEWHERE, DoorSet("uhppoted:*")))) == "card_list"


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 6, 9, 15, 59, 59, tzinfo=UTC), "not_yet_valid"),  # 23:59:59 of the 9th at the site
        (datetime(2026, 6, 9, 16, 0, tzinfo=UTC), "card_list"),  # 00:00 of the 10th
        (datetime(2026, 6, 20, 15, 59, 59, tzinfo=UTC), "card_list"),  # the last second of the last day
        (datetime(2026, 6, 20, 16, 0, tzinfo=UTC), "expired"),
    ],
)
def test_days_are_those_of_the_site_and_both_ends_count(at: datetime, expected: str) -> None:
    assert reason(entry(from_=date(2026, 6, 10), until=date(2026, 6, 20)), at=at) == expected


def test_of_several_entries_the_nearest_reason_is_told() -> None:
    cards = [entry(id="a", doors=(ELSEWHERE,)), entry(id="b", until=date(2026, 1, 1))]
    assert reason(*cards) == "expired"
    assert reason(*cards, entry(id="c")) == "card_list"


days = st.dates(date(2026, 5, 1), date(2026, 7, 31))
entries = st.builds(
    lambda begins, lasts, doors, revoked, number: Card(
        id="x", card=number, doors=doors, until=begins + timedelta(days=lasts), from_=begins, revoked=revoked
    ),
    days,
    st.integers(0, 60),
    st.sampled_from([(), (HERE,), (ELSEWHERE,), (DoorSet("*"),)]),
    st.booleans(),
    st.sampled_from(["1", "01", "2"]),
)


def numbered(cards: list[Card]) -> tuple[Card, ...]:
    return tuple(Card(f"c{n}", c.card, c.doors, c.until, c.from_, c.revoked) for n, c in enumerate(cards))


@given(st.lists(entries, max_size=6), st.datetimes(datetime(2026, 4, 1), datetime(2026, 12, 1)), st.randoms())
def test_law_revoked_never_opens_and_order_plays_no_part(cards: list[Card], at: datetime, random: object) -> None:
    listed = numbered(cards)
    moment = at.replace(tzinfo=UTC)
    decision = CardList(1, Credentials(listed)).decide("1", DEVICE, POINT, moment, ZONE)
    mine = [card for card in listed if card.card.lstrip("0") == "1"]
    if any(card.revoked for card in mine):
        assert not decision.granted
    today = moment.astimezone(ZONE).date()
    fits = [
        card
        for card in mine
        if any(doors.holds(DEVICE, POINT) for doors in card.doors) and (card.from_ or today) <= today <= card.until
    ]
    assert decision.granted == (bool(fits) and not any(card.revoked for card in mine))
    shuffled = list(listed)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again = CardList(1, Credentials(tuple(shuffled))).decide("1", DEVICE, POINT, moment, ZONE)
    assert again.granted == decision.granted


def swipe(**changed: object) -> Event:
    base: dict[str, object] = {
        "result": "denied",
        "method": "card",
        "subject": Subject(type="card", id="1"),
        "time": NOON,
    }
    return Event(kind="access", device=DEVICE, **{**base, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize("result", ["denied", "pending"])
def test_a_swipe_that_was_not_let_through_asks(result: str) -> None:
    assert asks_for_a_decision(swipe(result=result))


@pytest.mark.parametrize(
    "event",
    [
        swipe(result="granted"),
        swipe(method="pin"),
        swipe(retained=True),
        swipe(time_quality="replay"),
        swipe(reason="anti_passback"),
        swipe(reason="interlock"),
        Event(kind="door", device=DEVICE, state="open", time=NOON),
    ],
)
def test_nothing_else_asks(event: Event) -> None:
    assert not asks_for_a_decision(event)
