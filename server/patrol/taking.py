"""What a phone tells of rounds, act by act: each is kept once, however often it comes and in whatever order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.rounds.codes import canonical
from domain.rounds.phone_time import corrected
from domain.rounds.walk import Act, Kind
from server.patrol.route_form import tidy
from server.store import patrol_rows

MOST_ACTS, MOST_REASON_SIGNS = 200, 200
Key = Annotated[str, Meta(min_length=8, max_length=64, pattern="^[0-9A-Za-z_-]+$")]
Moment = Annotated[datetime, Meta(tz=True)]
Outcome = Literal["kept", "known", "no_route", "no_point", "no_reason", "other_route"]


class Tapped(msgspec.Struct, frozen=True):
    """An act as a phone keeps it. ``code``: of the checkpoint, as it was scanned or typed."""

    key: Key
    round: Key
    route: Annotated[str, Meta(min_length=1, max_length=64)]
    kind: Kind
    at: Moment
    due_at: Moment | None = None
    code: Annotated[str, Meta(max_length=40)] = ""
    reason: Annotated[str, Meta(max_length=MOST_REASON_SIGNS)] = ""


class Sent(msgspec.Struct, frozen=True):
    """What a phone sends at once; ``sent_at`` by its clock."""

    sent_at: Moment
    acts: Annotated[tuple[Tapped, ...], Meta(min_length=1, max_length=MOST_ACTS)]


def is_sound(sent: Sent) -> bool:
    """Whether every time lies where calendars can reckon with it; a phone's clock may be wrong by decades."""
    times = [sent.sent_at, *(act.at for act in sent.acts), *(act.due_at for act in sent.acts if act.due_at)]
    return all(1900 <= time.year <= 2200 for time in times)


class Answer(msgspec.Struct, frozen=True):
    """What became of an act, and which checkpoint it was."""

    key: str
    outcome: Outcome
    point: str = ""


class Taking:
    """Takes what one phone sends, in the complex's turn."""

    def __init__(self, connection: AsyncConnection, complex_id: str, by: str, now: datetime) -> None:
        self._connection, self._complex, self._by, self._now = connection, complex_id, by, now

    async def take(self, sent: Sent) -> list[Answer]:
        """An answer for each act, in their order."""
        routes = await patrol_rows.routes(self._connection, self._complex)
        points = {one.code: one.id for one in await patrol_rows.points(self._connection, self._complex)}
        rounds = {act.round for act in sent.acts}
        on = await patrol_rows.route_of_rounds(self._connection, self._complex, rounds)
        answers: list[Answer] = []
        for tapped in sent.acts:
            outcome, point = _judged(tapped, routes, points, on)
            if outcome == "kept":
                on.setdefault(tapped.round, tapped.route)
                outcome = await self._keep(tapped, point, sent.sent_at)
            answers.append(Answer(tapped.key, outcome, point))
        return answers

    async def _keep(self, tapped: Tapped, point: str, sent_at: datetime) -> Outcome:
        at, is_sure = corrected(tapped.at, sent_at, self._now)
        act = Act(
            key=tapped.key,
            round=tapped.round,
            route=tapped.route,
            kind=tapped.kind,
            at=at,
            by=self._by,
            due_at=tapped.due_at,
            point=point,
            reason=tidy(tapped.reason),
            is_sure=is_sure,
        )
        is_new = await patrol_rows.add_act(self._connection, self._complex, act, tapped.at, self._now)
        return "kept" if is_new else "known"


def _judged(
    tapped: Tapped, routes: Mapping[str, Sequence[object]], points: Mapping[str, str], on: Mapping[str, str]
) -> tuple[Outcome, str]:
    """Whether an act can be kept, and of which checkpoint it is."""
    if tapped.route not in routes:
        return "no_route", ""
    if on.get(tapped.round, tapped.route) != tapped.route:
        return "other_route", ""
    if tapped.kind == "end":
        return ("kept" if tidy(tapped.reason) else "no_reason"), ""
    if tapped.kind == "begin":
        return "kept", ""
    point = points.get(canonical(tapped.code) or "")
    return ("kept", point) if point else ("no_point", "")
