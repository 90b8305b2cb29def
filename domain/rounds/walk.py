"""A round as it was walked: told from the *set* of what people did, so that order and repeats make no difference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

import msgspec

from domain.rounds.plan import Slot

Kind = Literal["begin", "read", "end"]
State = Literal["planned", "waiting", "overdue", "under_way", "done", "late", "short", "missed", "extra"]
Tint = Literal["plain", "good", "yellow", "red"]
KINDS: tuple[Kind, ...] = ("begin", "read", "end")
TINTS: dict[State, Tint] = {
    "planned": "plain",
    "waiting": "plain",
    "extra": "plain",
    "under_way": "plain",
    "done": "good",
    "overdue": "yellow",
    "late": "yellow",
    "short": "yellow",
    "missed": "red",
}
KEPT_AFTER = timedelta(minutes=2)  # a phone with a network tells within seconds
# Of several rounds for one slot the best counts.
_BEST: tuple[State, ...] = ("done", "late", "under_way", "short", "missed", "overdue", "waiting", "planned", "extra")


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody did on a round. ``key``: the phone's own, so that an act sent twice is one; ``at``: when, by the
    centre's clock; ``is_sure`` not: the phone's clock could not be right. ``due_at``: the slot, if it is for one.
    ``received_at``: when the centre heard of it."""

    key: str
    round: str
    route: str
    kind: Kind
    at: datetime
    by: str
    due_at: datetime | None = None
    point: str = ""
    reason: str = ""
    is_sure: bool = True
    received_at: datetime | None = None

    @property
    def came_late(self) -> bool:
        """Whether it was told so long after it happened that a phone must have kept it."""
        return self.received_at is not None and self.received_at - self.at > KEPT_AFTER


class Walk(msgspec.Struct, frozen=True):
    """A round: who walked it, when which checkpoint was read for the first time, and how it ended early.

    ``late``: the checkpoints of which the centre heard only later, and when: scanned without a network. ``came_at``:
    when the last came of all that a phone had kept; None where everything was told as it happened."""

    round: str
    route: str
    due_at: datetime | None
    begun_at: datetime
    people: tuple[str, ...]
    reads: dict[str, datetime]
    ended_at: datetime | None = None
    reason: str = ""
    is_sure: bool = True
    late: dict[str, datetime] = {}
    came_at: datetime | None = None

    @property
    def order(self) -> list[str]:
        """The checkpoints as they were read."""
        return sorted(self.reads, key=lambda point: (self.reads[point], point))

    def missing(self, points: Sequence[str]) -> list[str]:
        return [point for point in points if point not in self.reads]

    def through_at(self, points: Sequence[str]) -> datetime | None:
        """When the last of the checkpoints was read; None while some are missing."""
        return None if self.missing(points) else max(self.reads[point] for point in points)

    def strays(self, points: Sequence[str]) -> list[str]:
        """Checkpoints that were read before one that stands ahead of them."""
        places = {point: place for place, point in enumerate(points)}
        read = [point for point in self.order if point in places]
        return [then for now, then in pairwise(read) if places[then] < places[now]]


class Judged(msgspec.Struct, frozen=True):
    """How a round stands now."""

    state: State
    slot: Slot | None
    walk: Walk | None = None

    @property
    def tint(self) -> Tint:
        return TINTS[self.state]


def walks(acts: Iterable[Act]) -> dict[str, Walk]:
    """The rounds that acts are, by their ids. Of two acts under one key the earlier counts, whichever came first."""
    once: dict[str, Act] = {}
    for act in acts:
        known = once.get(act.key)
        once[act.key] = act if known is None else min(known, act, key=_rank)
    of: defaultdict[str, list[Act]] = defaultdict(list)
    for act in once.values():
        of[act.round].append(act)
    return {identity: _walk(sorted(found, key=_rank)) for identity, found in sorted(of.items())}


def _rank(act: Act) -> tuple[object, ...]:
    """By time; of what is told of one moment by all that it says, so that no order of arrival is left."""
    said = (act.key, act.kind, act.point, act.reason, act.round, act.route, act.by, act.is_sure)
    return (act.at, *said, act.due_at or act.at, act.received_at or act.at)


def _walk(acts: list[Act]) -> Walk:
    """Of one round's acts, by time. What was read after an early end is not of the round."""
    end = next((act for act in acts if act.kind == "end"), None)
    reads: dict[str, Act] = {}
    for act in acts:
        if act.kind == "read" and (end is None or act.at <= end.at):
            reads.setdefault(act.point, act)
    return Walk(
        round=acts[0].round,
        route=min(act.route for act in acts),
        due_at=min((act.due_at for act in acts if act.due_at is not None), default=None),
        begun_at=acts[0].at,
        people=tuple(sorted({act.by for act in acts})),
        reads={point: act.at for point, act in reads.items()},
        ended_at=None if end is None else end.at,
        reason="" if end is None else end.reason,
        is_sure=all(act.is_sure for act in acts),
        late={point: act.received_at for point, act in reads.items() if act.received_at and act.came_late},
        came_at=max((act.received_at for act in acts if act.received_at and act.came_late), default=None),
    )


def fits(slot: Slot, walk: Walk) -> bool:
    """Whether a round is one for the slot: it says so, and was not begun long before."""
    return walk.route == slot.route_id and walk.due_at == slot.due_at and walk.begun_at >= slot.opens_at


def judge(slot: Slot, found: Iterable[Walk], now: datetime) -> Judged:
    """How a planned round stands at ``now``, by the best of the rounds that were walked for it."""
    judged = [Judged(_walked(slot, walk, now), slot, walk) for walk in found if fits(slot, walk)]
    if not judged:
        return Judged(_unwalked(slot, now), slot)
    return min(judged, key=lambda one: (_BEST.index(one.state), one.walk.begun_at if one.walk else now))


def _unwalked(slot: Slot, now: datetime) -> State:
    if now < slot.due_at:
        return "planned"
    if now <= slot.late_after:
        return "waiting"
    return "overdue" if now <= slot.missed_after else "missed"


def _walked(slot: Slot, walk: Walk, now: datetime) -> State:
    through = walk.through_at(slot.route.points)
    if through is not None:
        if through > slot.missed_after:
            return "missed"
        return "done" if walk.begun_at <= slot.late_after else "late"
    if walk.ended_at is not None:
        return "short" if walk.reads else "missed"
    return "under_way" if now <= slot.missed_after else "missed"


def extra(walk: Walk) -> Judged:
    """A round that nobody planned."""
    return Judged("extra", None, walk)
