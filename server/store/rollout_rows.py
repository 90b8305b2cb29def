"""Rollouts in the database: one document for many complexes, stage by stage, and who did what with it."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.engine import stamp
from server.store.schema import (
    complex_,
    desired_state,
    gateway,
    gateway_applied,
    gateway_health,
    rollout,
    rollout_step,
    rollout_target,
)
from server.store.scope import Scope, within

STAGES = (1, 10, 100)  # of a hundred, all together
_HUNDRED = 100
GOING = ("running", "stopped")


class Care(msgspec.Struct, frozen=True):
    """How carefully: what holds a stage back, and what stops it."""

    health_s: int = 600  # so long all of a stage must be well before the next
    silent_s: int = 900  # so long a gateway may take, or say nothing, before that is a failure
    most_failed: int = 0  # so many may fail


class RolloutView(msgspec.Struct, frozen=True):
    """A rollout."""

    id: str
    kind: str
    body: bytes
    state: str
    stage: int
    stage_since: datetime
    health_s: int
    silent_s: int
    most_failed: int
    made_at: datetime
    made_by: str
    reason: str | None = None

    @property
    def is_going(self) -> bool:
        return self.state in GOING

    @property
    def document(self) -> dict[str, Any]:
        return msgspec.json.decode(self.body, type=dict[str, Any])


class TargetView(msgspec.Struct, frozen=True):
    """A complex in a rollout."""

    complex: str
    stage: int
    state: str
    version_before: int | None = None
    version: int | None = None
    put_at: datetime | None = None
    done_at: datetime | None = None
    reason: str | None = None
    complex_name: str | None = None


class StepView(msgspec.Struct, frozen=True):
    """Something that was done with it."""

    at: datetime
    who: str
    what: str
    note: str


class BoxView(msgspec.Struct, frozen=True):
    """What a rollout must know of a gateway."""

    id: str
    complex: str
    last_seen_at: datetime | None
    version: str | None  # of the agent
    returned: str | None
    applied: int | None
    refused_version: int | None
    refused_reason: str | None


def stages(id_: str, complexes: Collection[str]) -> dict[str, int]:
    """complex -> the stage in which its turn is: at random, and the same however often it is asked."""
    ordered = sorted(complexes, key=lambda one: hashlib.sha256(f"{id_}\x1f{one}".encode()).digest())
    ends = [math.ceil(len(ordered) * share / _HUNDRED) for share in STAGES]
    return {one: next(stage for stage, end in enumerate(ends) if place < end) for place, one in enumerate(ordered)}


async def make(connection: AsyncConnection, view: RolloutView, complexes: Collection[str]) -> None:
    """Keep a new rollout with its targets."""
    row = msgspec.structs.asdict(view) | {"made_at": stamp(view.made_at), "stage_since": stamp(view.stage_since)}
    await connection.execute(rollout.insert(), row)
    rows = [
        {"rollout": view.id, "complex": one, "stage": stage, "state": "waiting"}
        for one, stage in stages(view.id, complexes).items()
    ]
    await connection.execute(rollout_target.insert(), rows)


async def step(connection: AsyncConnection, id_: str, who: str, what: str, note: str, now: datetime) -> None:
    """Record who did what."""
    row = {"rollout": id_, "at": stamp(now), "who": who, "what": what, "note": note}
    await connection.execute(rollout_step.insert(), row)


async def change(connection: AsyncConnection, id_: str, **values: Any) -> None:
    await connection.execute(update(rollout).where(rollout.c.id == id_).values(**values))


async def change_targets(connection: AsyncConnection, id_: str, rows: Sequence[TargetView]) -> None:
    """Keep what became of targets."""
    for row in rows:
        values = {
            "state": row.state,
            "version_before": row.version_before,
            "version": row.version,
            "put_at": stamp(row.put_at) if row.put_at else None,
            "done_at": stamp(row.done_at) if row.done_at else None,
            "reason": row.reason,
        }
        same = (rollout_target.c.rollout == id_, rollout_target.c.complex == row.complex)
        await connection.execute(update(rollout_target).where(*same).values(**values))


async def find(connection: AsyncConnection, id_: str) -> RolloutView | None:
    row = (await connection.execute(select(rollout).where(rollout.c.id == id_))).mappings().first()
    return None if row is None else msgspec.convert(row, RolloutView)


async def running(connection: AsyncConnection) -> list[RolloutView]:
    rows = await connection.execute(select(rollout).where(rollout.c.state == "running").order_by(rollout.c.made_at))
    return [msgspec.convert(row, RolloutView) for row in rows.mappings()]


async def newest(connection: AsyncConnection, limit: int) -> list[RolloutView]:
    rows = await connection.execute(select(rollout).order_by(rollout.c.made_at.desc()).limit(limit))
    return [msgspec.convert(row, RolloutView) for row in rows.mappings()]


async def conflicting(connection: AsyncConnection, kind: str, complexes: Collection[str]) -> str | None:
    """A rollout of the same kind that still goes on for one of these complexes: two would undo each other."""
    query = select(rollout.c.id).join(rollout_target, rollout_target.c.rollout == rollout.c.id)
    going = (rollout.c.state.in_(GOING), rollout.c.kind == kind, rollout_target.c.complex.in_(complexes))
    return (await connection.execute(query.where(*going).limit(1))).scalar()


async def targets(connection: AsyncConnection, id_: str) -> list[TargetView]:
    """By stage and complex."""
    columns = (
        *(column for column in rollout_target.columns if column.name != "rollout"),
        complex_.c.name.label("complex_name"),
    )
    query = select(*columns).outerjoin(complex_, complex_.c.id == rollout_target.c.complex)
    query = query.where(rollout_target.c.rollout == id_).order_by(rollout_target.c.stage, rollout_target.c.complex)
    rows = (await connection.execute(query)).mappings()
    return [msgspec.convert(row, TargetView) for row in rows]


async def within_scope(connection: AsyncConnection, id_: str, scope: Scope) -> bool:
    """Whether all that a rollout touches is in the scope."""
    outside = select(func.count()).select_from(rollout_target).where(rollout_target.c.rollout == id_)
    outside = outside.where(~within(rollout_target.c.complex, scope))
    return not (await connection.execute(outside)).scalar_one()


async def steps(connection: AsyncConnection, id_: str) -> list[StepView]:
    """The newest first."""
    columns = (rollout_step.c.at, rollout_step.c.who, rollout_step.c.what, rollout_step.c.note)
    query = select(*columns).where(rollout_step.c.rollout == id_).order_by(rollout_step.c.number.desc())
    return [msgspec.convert(row, StepView) for row in (await connection.execute(query)).mappings()]


async def boxes(connection: AsyncConnection, kind: str, complexes: Collection[str]) -> Mapping[str, list[BoxView]]:
    """complex -> its gateways in use."""
    same = (gateway_applied.c.gateway == gateway.c.id) & (gateway_applied.c.kind == kind)
    columns = (
        gateway.c.id,
        gateway.c.complex,
        gateway.c.last_seen_at,
        gateway_health.c.version,
        gateway_health.c.returned,
        gateway_applied.c.version.label("applied"),
        gateway_applied.c.refused_version,
        gateway_applied.c.refused_reason,
    )
    query = select(*columns).outerjoin(gateway_applied, same)
    query = query.outerjoin(gateway_health, gateway_health.c.gateway == gateway.c.id)
    query = query.where(gateway.c.replaced_at.is_(None), gateway.c.complex.in_(complexes))
    found: defaultdict[str, list[BoxView]] = defaultdict(list)
    for row in (await connection.execute(query)).mappings():
        found[row["complex"]].append(msgspec.convert(row, BoxView))
    return found


async def body_of(connection: AsyncConnection, complex_id: str, kind: str, version: int) -> bytes | None:
    same = (desired_state.c.complex == complex_id, desired_state.c.kind == kind, desired_state.c.version == version)
    return (await connection.execute(select(desired_state.c.body).where(*same))).scalar()


async def wished(connection: AsyncConnection, kind: str, complexes: Collection[str]) -> dict[str, tuple[int, str]]:
    """complex -> version and hash of what it has as its newest document of a kind."""
    top = select(desired_state.c.complex, func.max(desired_state.c.version).label("version"))
    top = top.where(desired_state.c.kind == kind, desired_state.c.complex.in_(complexes))
    newest_ = top.group_by(desired_state.c.complex).subquery()
    same = (newest_.c.complex == desired_state.c.complex) & (newest_.c.version == desired_state.c.version)
    query = select(desired_state.c.complex, desired_state.c.version, desired_state.c.sha256).join(newest_, same)
    rows = await connection.execute(query.where(desired_state.c.kind == kind))
    return {row.complex: (row.version, row.sha256) for row in rows}
