"""A matter on a ladder, a queue that loses nothing and repeats much, a clock that jumps, and what must hold of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.alerts.words import CATEGORIES, SEVERITIES
from domain.duty.acts import Acknowledge, Act, Call, Close, Expire, HandOver, NotPossible, ReportIn, Undo, Worsen
from domain.duty.machine import Duty, Matter
from domain.duty.plan import BUILT_IN, EMERGENCY
from domain.duty.rota import Rota, Turn
from domain.duty.state import Owner, State, Step, decode_state, encode_state, may_send
from domain.places import Place

START = datetime(2026, 6, 15, 11, 55, tzinfo=UTC)  # a Monday, 19:55 at the site
ROTA = Rota(
    turns=(
        Turn("wang", "complex", "08:00-20:00"),
        Turn("li", "complex", "08:00-20:00", order=2),
        Turn("zhao", "complex", "20:00-08:00"),
        Turn("chen", "community", "08:30-18:00", days=("workday",)),
        Turn("fire-1", "department", "00:00-24:00"),
    )
)
PEOPLE = st.sampled_from(["wang", "li", "zhao", "chen", "off-duty"])
LONGEST = timedelta(days=60)
FIRST = {"high": timedelta(minutes=30), "medium": timedelta(hours=4), "low": timedelta(hours=24)}
PLACE = Place()


class LadderMachine(RuleBasedStateMachine):
    """``duty`` may be a broken one: the invariants then must say so."""

    duty = Duty(BUILT_IN, ROTA, PLACE)

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.queue: list[Step] = []
        self.void = 0  # steps up to this number must never be sent: somebody has taken the matter since
        self.is_taken = False
        self.acts: list[Act] = []
        self.state: State

    @initialize(severity=st.sampled_from(SEVERITIES), category=st.sampled_from(CATEGORIES))
    def opens(self, severity: Any, category: Any) -> None:
        self._keep(*self.duty.opened(Matter("m1", "garden", category, severity), self.now))

    @rule(seconds=st.sampled_from([1, 59, 61, 181, 400, 3_600, 90_000, 900_000]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self._due()

    @rule(seconds=st.sampled_from([1, 70, 3_700, 50_000]))
    def the_clock_is_set_back(self, seconds: int) -> None:
        self.now -= timedelta(seconds=seconds)
        self._due()

    @rule()
    def the_server_dies_before_it_keeps_what_was_due(self) -> None:
        self.duty.due(self.state, self.now)

    @rule()
    def the_server_starts_again(self) -> None:
        self.state = decode_state(encode_state(self.state))

    @rule(at=st.integers(0, 30), again=st.booleans())
    def the_queue_sends(self, at: int, again: bool) -> None:
        """In any order, and some twice."""
        if not self.queue:
            return
        step = self.queue[at % len(self.queue)]
        if not again:
            self.queue.remove(step)
        if may_send(self.state, step):
            assert step.why == "called" or step.number > self.void, f"{step} was sent after somebody had taken it"
            assert not self.is_taken or step.why in ("shift_change", "called", "not_reported"), step

    @rule(by=PEOPLE)
    def somebody_takes_it(self, by: str) -> None:
        level = "community" if by == "chen" else "complex"
        if self._act(Acknowledge(key=self._key(), by=by, level=level)):
            self._everything_is_void(is_taken=True)

    @rule(by=PEOPLE)
    def somebody_gives_it_back(self, by: str) -> None:
        if self._act(Undo(key=self._key(), by=by)):
            self.is_taken = False

    @rule(to=st.sampled_from([Owner("complex", "li"), Owner("complex", "zhao"), Owner("street"), Owner("community")]))
    def somebody_hands_it_over(self, to: Owner) -> None:
        self._act(HandOver(key=self._key(), by="wang", to=to), is_reopening=True)

    @rule(unit=st.sampled_from(["power", "water"]))
    def a_unit_is_called(self, unit: str) -> None:
        self._act(Call(key=self._key(), by="wang", unit=unit))

    @rule(unit=st.sampled_from(["power", "water"]))
    def a_unit_reports_in(self, unit: str) -> None:
        self._act(ReportIn(key=self._key(), by="driver", unit=unit))

    @rule(severity=st.sampled_from(SEVERITIES))
    def it_grows_worse(self, severity: Any) -> None:
        before = self.state.severity
        self._act(Worsen(key=self._key(), severity=severity))
        if self.state.severity != before:
            self.is_taken = False

    @rule(is_false=st.booleans())
    def somebody_closes_it(self, is_false: bool) -> None:
        if self._act(Close(key=self._key(), by="wang", is_false=is_false)):
            self._everything_is_void(is_taken=True)

    @rule(why=st.sampled_from(["inhibited", "joined", "cleared", "retention"]))
    def it_expires(self, why: Any) -> None:
        if self._act(Expire(key=self._key(), why=why)):
            self._everything_is_void(is_taken=True)

    @rule(at=st.integers(0, 30))
    def an_act_comes_twice(self, at: int) -> None:
        if self.acts:
            before = self.state
            after, steps = self.duty.apply(self.state, self.acts[at % len(self.acts)], self.now)
            assert (after, steps) == (before, ())

    @invariant()
    def exactly_one_has_it(self) -> None:
        open_ = [one for one in self.state.tenures if one.until is None]
        assert len(open_) == (self.state.status != "ended"), f"{len(open_)} owners at once"
        for one, after in pairwise(self.state.tenures):
            assert one.until == after.since
            assert one.since <= after.since

    @invariant()
    def whoever_took_it_has_it_or_their_relief(self) -> None:
        if self.state.status == "acknowledged":
            assert self.is_taken
            assert self.state.tenures[-1].why in ("acknowledged", "shift_change")

    @invariant()
    def it_never_stands_still(self) -> None:
        if self.state.status == "open":
            waits = FIRST if self.state.rung == 0 and not self.state.at_top else {}
            at_most = timedelta(seconds=180) if self._rings_on else waits.get(self.state.severity, LONGEST)
            assert self.state.due_at - self.now <= at_most, f"it stands still until {self.state.due_at}"

    @invariant()
    def it_ends_by_a_name(self) -> None:
        assert (self.state.status == "ended") == (self.state.ended is not None)

    def teardown(self) -> None:
        """Left alone, it comes to an end: taken, or told to the top and then ended as unanswered."""
        if not hasattr(self, "state"):
            return
        for _ in range(24):
            if self.state.status != "open":
                break
            self.now = max(self.now, self.state.due_at)
            was_at_top = self.state.at_top
            self._due()
            assert self.state.ended is None or was_at_top
        assert self.state.status != "open"

    @property
    def _rings_on(self) -> bool:
        return self.state.severity == EMERGENCY and not self.state.at_top

    def _due(self) -> None:
        for _ in range(20):
            after, steps = self.duty.due(self.state, self.now)
            if after == self.state:
                return
            self._keep(after, steps)
        raise AssertionError("what is due has no end")

    def _act(self, act: Act, *, is_reopening: bool = False) -> bool:
        was = self.state.revision
        try:
            after, steps = self.duty.apply(self.state, act, self.now)
        except NotPossible:
            return False
        if is_reopening:
            self._everything_is_void(is_taken=False)
        self.acts.append(act)
        self._keep(after, steps)
        return isinstance(act, Acknowledge | Close) or after.revision != was

    def _keep(self, state: State, steps: tuple[Step, ...]) -> None:
        self.state = state
        self.queue += [step for step in steps if step not in self.queue]

    def _everything_is_void(self, *, is_taken: bool) -> None:
        self.void, self.is_taken = self.state.told, is_taken

    def _key(self) -> str:
        return f"key-{len(self.acts)}-{self.now.isoformat()}-{self.state.told}-{self.state.revision}"
