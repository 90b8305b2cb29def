"""Whatever people do to an item, in whatever order: one owner while it is open, and nothing after the rating."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from domain.items import acts, item
from domain.items.item import RESIDENT, Asked, Item, Refused, apply, decode_item, encode_item, owner
from domain.items.views import list_of

AT = datetime(2026, 6, 15, 1, 0, tzinfo=UTC)
PEOPLE = st.sampled_from(["wang", "li", "zhao", RESIDENT])
UNITS = st.sampled_from(["物业", "供电", "供水"])
WORDS = st.sampled_from(["", " ", "灯已换"])
PICTURES = st.sampled_from([(), ("a" * 64,)])


class Record(RuleBasedStateMachine):
    """Acts of anybody at any time; those that are refused change nothing."""

    def __init__(self) -> None:
        super().__init__()
        asked = Asked(AT, RESIDENT, "楼道灯不亮", "3号楼")
        due = AT + timedelta(hours=8)
        self.item = Item(id="i1", complex="garden", origin="report", category="lighting", due_at=due, asked=asked)
        self.now, self.number = AT, 0
        self.did: list[str] = []
        self.rated: item.Rated | None = None

    def act(self, make: Callable[[str], acts.Act]) -> bool:
        """Whether it was done."""
        self.number += 1
        self.now += timedelta(minutes=7)
        before = self.item
        try:
            self.item = decode_item(encode_item(apply(before, make(f"k{self.number}"), self.now)))
        except Refused as error:
            assert error.reason and str(error)
            return False
        if self.item.status == "done" and self.item.done is not None:
            self.did.append(self.item.done.by)
        assert not before.rated, "nothing is done once it is rated"
        assert before.is_open or (before.status == "closed" and self.item.rated), "what is over is only rated"
        return True

    @rule()
    def go_on(self) -> None:
        """What should be done next, so that the far end is reached often."""
        done: dict[str, Callable[[str], acts.Act]] = {
            "asked": lambda key: acts.Send(key=key, by="wang", unit="物业"),
            "sent": lambda key: acts.Take(key=key, by="li"),
            "taken": lambda key: acts.Finish(key=key, by=self.item.doer, words="灯已换", pictures=("a" * 64,)),
            "done": lambda key: acts.Review(key=key, by="zhao", passed=True),
            "closed": lambda key: acts.Rate(key=key, by=RESIDENT, stars=5),
        }
        if self.item.status in done:
            self.act(done[self.item.status])

    @rule(by=PEOPLE, unit=UNITS)
    def send(self, by: str, unit: str) -> None:
        self.act(lambda key: acts.Send(key=key, by=by, unit=unit))

    @rule(by=PEOPLE)
    def take(self, by: str) -> None:
        self.act(lambda key: acts.Take(key=key, by=by))

    @rule(by=PEOPLE, unit=UNITS, words=WORDS)
    def hand_over(self, by: str, unit: str, words: str) -> None:
        due = self.item.due_at
        self.act(lambda key: acts.HandOver(key=key, by=by, unit=unit, words=words))
        assert self.item.due_at == due, "handing over wins no time"

    @rule(by=PEOPLE, words=WORDS)
    def give_back(self, by: str, words: str) -> None:
        self.act(lambda key: acts.GiveBack(key=key, by=by, words=words))

    @rule(by=PEOPLE, words=WORDS, pictures=PICTURES)
    def finish(self, by: str, words: str, pictures: tuple[str, ...]) -> None:
        if self.act(lambda key: acts.Finish(key=key, by=by, words=words, pictures=pictures)):
            assert words.strip() and pictures, "done in words and a picture"

    @rule(by=PEOPLE, passed=st.booleans(), words=WORDS)
    def review(self, by: str, passed: bool, words: str) -> None:
        self.act(lambda key: acts.Review(key=key, by=by, passed=passed, words=words))

    @rule()
    def review_their_own(self) -> None:
        """Who did it is tempted each time, so that a machine that lets them is seen."""
        if self.item.status == "done":
            by = self.item.doer
            assert not self.act(lambda key: acts.Review(key=key, by=by, passed=True)), "who did it does not review it"

    @rule(by=PEOPLE, stars=st.integers(1, 5))
    def rate(self, by: str, stars: int) -> None:
        if self.act(lambda key: acts.Rate(key=key, by=by, stars=stars)):
            assert by == RESIDENT

    @rule(by=PEOPLE, words=WORDS)
    def refuse(self, by: str, words: str) -> None:
        self.act(lambda key: acts.Refuse(key=key, by=by, words=words))

    @rule(by=PEOPLE)
    def withdraw(self, by: str) -> None:
        self.act(lambda key: acts.Withdraw(key=key, by=by))

    @invariant()
    def one_owner_while_it_is_open(self) -> None:
        found = owner(self.item)
        assert (found is not None) == self.item.is_open
        assert bool(self.item.doer) == (self.item.status in ("taken", "done", "closed"))
        if found is not None and found.kind in ("unit", "person"):
            assert found.name

    @invariant()
    def who_did_it_does_not_review(self) -> None:
        if self.item.status == "closed":
            assert self.item.reviews[-1].by not in (*self.did, self.item.asked.by)

    @invariant()
    def one_rating_that_stays(self) -> None:
        self.rated = self.rated or self.item.rated
        assert self.item.rated == self.rated

    @invariant()
    def closed_is_done_with_evidence(self) -> None:
        if self.item.status == "closed":
            assert self.item.done is not None and self.item.done.pictures and self.item.over_at is not None
        assert list_of(self.item) == ("need" if self.item.sent is None else "service")


EACH = settings(max_examples=100, stateful_step_count=40, deadline=None)
# Found is enough: nothing shrinks.
BROKEN = settings(EACH, database=None, derandomize=True, phases=(Phase.generate,))


def test_whatever_people_do() -> None:
    run_state_machine_as_test(Record, settings=EACH)


def test_the_machine_sees_a_rating_that_can_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = item._rate  # pyright: ignore[reportPrivateUsage]

    def again(one: Item, act: acts.Rate, now: datetime) -> Item:
        return real(item.replace(one, rated=None), act, now)

    monkeypatch.setattr(item, "_rate", again)
    with pytest.raises(AssertionError, match="nothing is done once it is rated"):
        run_state_machine_as_test(Record, settings=BROKEN)


def test_the_machine_sees_who_reviews_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    real = item._review  # pyright: ignore[reportPrivateUsage]

    def blind(one: Item, act: acts.Review, now: datetime) -> Item:
        after = real(item.replace(one, doers=()), act, now)
        return item.replace(after, doers=one.doers)

    monkeypatch.setattr(item, "_review", blind)
    with pytest.raises(AssertionError, match=r"who did it does not review it|Reviewed"):
        run_state_machine_as_test(Record, settings=BROKEN)
