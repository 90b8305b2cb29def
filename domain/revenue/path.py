"""一议三审三公开 as data: one proposal, three reviews by three people, three publications; what may follow what.

A path is rows, not code: pages, checks and tests read the same ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

State = Literal[
    "draft",
    "proposed",
    "reviewed_1",
    "reviewed_2",
    "approved",
    "decided",
    "under_way",
    "done",
    "closed",
    "withdrawn",
    "reversed",
]
Need = Literal["note", "votes", "money", "any_document", "voucher", "result", "nothing_personal"]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """From where to where. ``review``: the how-manieth of the three; ``stage``: where it stands in the drawn path."""

    action: str
    starts: tuple[State, ...]
    end: State
    needs: tuple[Need, ...] = ()
    review: int = 0
    is_reviewers: bool = False  # of whoever reviews next
    by_another: str = ""  # not whoever did this action last


_PUBLISHED: tuple[Need, ...] = ("note", "nothing_personal")
PATH = (
    Step(action="propose", starts=("draft",), end="proposed", needs=("note", "votes", "any_document")),
    Step(action="withdraw", starts=("draft",), end="withdrawn", needs=("note",)),
    Step(action="review_1", starts=("proposed",), end="reviewed_1", needs=("note",), review=1, is_reviewers=True),
    Step(action="review_2", starts=("reviewed_1",), end="reviewed_2", needs=("note",), review=2, is_reviewers=True),
    Step(action="review_3", starts=("reviewed_2",), end="approved", needs=("note",), review=3, is_reviewers=True),
    Step(
        action="refuse",
        starts=("proposed", "reviewed_1", "reviewed_2"),
        end="draft",
        needs=("note",),
        is_reviewers=True,
    ),
    Step(action="publish_decision", starts=("approved",), end="decided", needs=_PUBLISHED),
    Step(action="publish_process", starts=("decided",), end="under_way", needs=_PUBLISHED),
    Step(action="finish", starts=("under_way",), end="done", needs=("note", "money", "voucher")),
    Step(action="publish_result", starts=("done",), end="closed", needs=(*_PUBLISHED, "result")),
    Step(action="reverse", starts=("done", "closed"), end="reversed", needs=("note",), by_another="finish"),
)
# What is drawn, in its order: the state that is behind each stage once it is done.
STAGES: tuple[tuple[str, State], ...] = (
    ("propose", "proposed"),
    ("review_1", "reviewed_1"),
    ("review_2", "reviewed_2"),
    ("review_3", "approved"),
    ("publish_decision", "decided"),
    ("publish_process", "under_way"),
    ("finish", "done"),
    ("publish_result", "closed"),
)
PUBLIC: frozenset[str] = frozenset({"decided", "under_way", "done", "closed", "reversed"})  # owners may read of it
SETTLED: frozenset[str] = frozenset({"done", "closed"})  # its money is booked
KEEPERS = ("operator", "committee", "clerk")  # roles that draft, propose, publish and carry out
REVIEWING: dict[str, int] = {"proposed": 1, "reviewed_1": 2, "reviewed_2": 3}  # whose turn it is


class NotNow(Exception):
    """A step that cannot be taken; ``reason`` is a stable word."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Past(msgspec.Struct, frozen=True):
    """A step that was taken. A refusal begins the next ``round``."""

    action: str
    by: str
    round: int


class Standing(msgspec.Struct, frozen=True):
    """How far an entry has come, and who did what on its way."""

    state: str
    round: int
    past: Sequence[Past]


class Who(msgspec.Struct, frozen=True):
    """Somebody, in a role."""

    person: str
    role: str


def step_named(action: str) -> Step | None:
    return next((step for step in PATH if step.action == action), None)


def check(step: Step, at: Standing, who: Who, roles: Sequence[str]) -> None:
    """Whether somebody may take a step now; ``roles``: of the three reviews, in order. Raises NotNow."""
    if at.state not in step.starts:
        raise NotNow("not_now", f"{step.action} does not follow {at.state}")
    if step.is_reviewers:
        _check_reviewer(at, who, roles)
    elif who.role not in KEEPERS:
        raise NotNow("other_role", f"{step.action} is for {', '.join(KEEPERS)}, not {who.role}")
    last = next((one for one in reversed(at.past) if one.action == step.by_another), None)
    if last is not None and last.by == who.person:
        raise NotNow("same_person", f"{step.action}: another person than {who.person}, who did {step.by_another}")


def _check_reviewer(at: Standing, who: Who, roles: Sequence[str]) -> None:
    turn = REVIEWING[at.state]
    if who.role != roles[turn - 1]:
        raise NotNow("other_role", f"review {turn} is for the role {roles[turn - 1]}, not {who.role}")
    before = {one.by for one in at.past if one.round == at.round}  # who proposed, and who reviewed before
    before |= {one.by for one in at.past if one.action == "draft"}
    if who.person in before:
        raise NotNow("same_person", f"{who.person} drafted, proposed or reviewed this: another person reviews it")


def open_to(at: Standing, who: Who, roles: Sequence[str]) -> list[Step]:
    """The steps that somebody may take now."""
    found: list[Step] = []
    for step in PATH:
        try:
            check(step, at, who, roles)
        except NotNow:
            continue
        found.append(step)
    return found
