"""A document for many complexes in stages, 1, 10 and 100 in a hundred: each waits until the last is well, and it stops
by itself when more fail than may. What people do with it is recorded with who and when."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.desired import CONFIDENTIAL, BadDesired, read_body
from domain.desired_bodies import Release
from domain.ids import content_name
from server.audit import Actor, Subject, record
from server.store import desired_rows, rollout_rows
from server.store.engine import Database, stamp
from server.store.failures import DatabaseBusy
from server.store.rollout_rows import STAGES, BoxView, Care, RolloutView, TargetView

log = structlog.get_logger()

_LOOK_EVERY_S = 2.0
_AT_ONCE = 200  # documents put in one transaction
_ITSELF = Actor("gatehouse", "centre")
_NAMED = 3  # of those that failed, in the reason


class NotPossible(Exception):
    """What was asked of a rollout cannot be done; the message says why."""


class Preview(msgspec.Struct, frozen=True):
    """What a rollout would do: complexes that would get another document, and those that have it already."""

    changing: list[str]
    same: list[str]
    gateways: int


def _content(kind: str, body: object) -> bytes:
    """The document as it is kept. Raises BadDesired."""
    if kind in CONFIDENTIAL:
        raise BadDesired(f"{kind}: is placed by an order, on its own page")
    content = desired_rows.content(kind, body)
    read_body(kind, msgspec.json.decode(content))
    return content


class Rollouts:
    """``run`` moves what is under way; the rest is for people."""

    def __init__(self, db: Database, now: Callable[[], datetime]) -> None:
        self._db, self._now = db, now

    async def run(self) -> None:
        """Look every few seconds, until cancelled."""
        while True:
            try:
                await self.look()
            except DatabaseBusy as error:  # the next look sees the same
                log.warning("rollouts_wait", error=str(error))
            await asyncio.sleep(_LOOK_EVERY_S)

    async def look(self) -> None:
        """One look at all that run."""
        async with self._db.read() as connection:
            running = await rollout_rows.running(connection)
        for one in running:
            async with self._db.write() as connection:
                again = await rollout_rows.find(connection, one.id)
                if again is not None and again.state == "running":  # a person may have stopped it meanwhile
                    await _advance(connection, again, self._now())

    async def preview(self, kind: str, body: object, chosen: Sequence[tuple[str, str]]) -> Preview:
        """Of chosen gateways with their complexes, whose document would change. Raises BadDesired."""
        content = _content(kind, body)
        complexes = sorted({complex_id for _, complex_id in chosen})
        async with self._db.read() as connection:
            wished = await rollout_rows.wished(connection, kind, complexes)
        same = [one for one in complexes if one in wished and wished[one][1] == content_name(content)]
        changing = sorted(set(complexes) - set(same))
        return Preview(changing, same, sum(complex_id not in same for _, complex_id in chosen))

    async def begin(self, kind: str, body: object, complexes: Collection[str], care: Care, by: Actor) -> str:
        """Its id. Raises BadDesired or NotPossible."""
        content = _content(kind, body)
        if not complexes:
            raise NotPossible("no complex is chosen whose document would change")
        now, id_ = self._now(), f"r-{secrets.token_hex(5)}"
        how = (care.health_s, care.silent_s, care.most_failed)
        view = RolloutView(id_, kind, content, "running", 0, now, *how, now, by.who)
        async with self._db.write() as connection:
            other = await rollout_rows.conflicting(connection, kind, complexes)
            if other:
                raise NotPossible(f"{other} rolls out {kind} to some of these complexes: end it first")
            await rollout_rows.make(connection, view, complexes)
            await _note(connection, id_, by, "made", f"{len(complexes)} complexes", now)
        return id_

    async def stop(self, id_: str, by: Actor) -> None:
        await self._turn(id_, by, ("running",), "stopped")

    async def resume(self, id_: str, by: Actor) -> None:
        """Go on; what had failed gets its time again."""
        async with self._db.write() as connection:
            view, now = await self._going(connection, id_, ("stopped",)), self._now()
            failed = [one for one in await rollout_rows.targets(connection, id_) if one.state == "failed"]
            await rollout_rows.change_targets(connection, id_, [_again(one, now) for one in failed])
            await rollout_rows.change(connection, view.id, state="running", reason=None, stage_since=stamp(now))
            await _note(connection, id_, by, "resumed", f"{len(failed)} tried again", now)

    async def abort(self, id_: str, by: Actor) -> None:
        """Leave everything as it is now, for good."""
        await self._turn(id_, by, rollout_rows.GOING, "aborted")

    async def back(self, id_: str, by: Actor) -> int:
        """Publish what complexes had before, as a new version; of how many there was nothing before."""
        async with self._db.write() as connection:
            view, now = await self._going(connection, id_, ("running", "stopped", "aborted", "done")), self._now()
            touched = [one for one in await rollout_rows.targets(connection, id_) if one.version is not None]
            after = [await _back(connection, view, one, by.who, now) for one in touched]
            await rollout_rows.change_targets(connection, id_, after)
            await rollout_rows.change(connection, id_, state="back", reason=f"by {by.who}")
            kept = sum(one.state == "kept" for one in after)
            note = f"{len(after) - kept} complexes, {kept} had none before or were changed since and keep this one"
            await _note(connection, id_, by, "back", note, now)
        return kept

    async def _turn(self, id_: str, by: Actor, of: Sequence[str], state: str) -> None:
        async with self._db.write() as connection:
            await self._going(connection, id_, of)
            await rollout_rows.change(connection, id_, state=state, reason=f"by {by.who}")
            await _note(connection, id_, by, state, "", self._now())

    async def _going(self, connection: AsyncConnection, id_: str, of: Sequence[str]) -> RolloutView:
        view = await rollout_rows.find(connection, id_)
        if view is None:
            raise NotPossible(f"there is no rollout {id_}")
        if view.state not in of:
            raise NotPossible(f"{id_} is {view.state}")
        return view


async def _note(connection: AsyncConnection, id_: str, by: Actor, what: str, note: str, now: datetime) -> None:
    """Who did what, in the rollout's own list; what people did is in the audit too."""
    await rollout_rows.step(connection, id_, by.who, what, note, now)
    if by is not _ITSELF:
        record(connection, by, f"rollout.{what}", now, on=Subject("rollout", id_))


def _again(one: TargetView, now: datetime) -> TargetView:
    return replace(one, state="put" if one.version else "waiting", put_at=now if one.version else None, reason=None)


async def _back(connection: AsyncConnection, view: RolloutView, one: TargetView, who: str, now: datetime) -> TargetView:
    """What the complex had before, unless somebody has wished something else since."""
    wished = await rollout_rows.wished(connection, view.kind, [one.complex])
    before = None
    if one.version_before is not None and wished[one.complex][0] == one.version:
        before = await rollout_rows.body_of(connection, one.complex, view.kind, one.version_before)
    if before is None:
        return replace(one, state="kept")
    body = msgspec.json.decode(before)
    await desired_rows.put(connection, one.complex, view.kind, body, f"{who} ({view.id} back)", now)
    return replace(one, state="back")


async def _advance(connection: AsyncConnection, view: RolloutView, now: datetime) -> None:
    """Publish what is due, see what became of the rest, and stop, wait or begin the next stage."""
    known = await rollout_rows.targets(connection, view.id)
    due = [one for one in known if one.stage <= view.stage]
    boxes = await rollout_rows.boxes(connection, view.kind, [one.complex for one in due])
    waiting = [one for one in due if one.state == "waiting"][:_AT_ONCE]
    put = [await _put(connection, view, one, boxes.get(one.complex, []), now) for one in waiting]
    seen = [_judged(view, one, boxes.get(one.complex, []), now) for one in due if one.state in ("put", "away", "done")]
    after = {one.complex: one for one in (*due, *put, *seen)}
    changed = [one for one in known if after.get(one.complex, one) != one]
    await rollout_rows.change_targets(connection, view.id, [after[one.complex] for one in changed])
    await _move(connection, view, list(after.values()), now)


async def _put(
    connection: AsyncConnection, view: RolloutView, one: TargetView, boxes: Sequence[BoxView], now: datetime
) -> TargetView:
    wished = (await rollout_rows.wished(connection, view.kind, [one.complex])).get(one.complex)
    version, _ = await desired_rows.put(
        connection, one.complex, view.kind, view.document, f"{view.made_by} ({view.id})", now
    )
    there = any(_is_heard(box, now, view.silent_s) for box in boxes)
    before = wished[0] if wished and wished[0] != version else None
    return replace(one, state="put" if there else "away", version=version, version_before=before, put_at=now)


def _is_heard(box: BoxView, now: datetime, silent_s: int) -> bool:
    return box.last_seen_at is not None and now - box.last_seen_at <= timedelta(seconds=silent_s)


def _judged(view: RolloutView, one: TargetView, boxes: Sequence[BoxView], now: datetime) -> TargetView:
    """What became of a complex that has its document. One whose boxes were away from the first holds nobody up."""
    if one.version is None or one.put_at is None:
        return one
    release = _release(view)
    wrong = next((why for box in boxes if (why := _wrong(box, one.version, release, one.put_at))), None)
    if wrong:
        return replace(one, state="failed", reason=wrong)
    if boxes and all(_is_done(box, one.version, release) for box in boxes):
        silent = next((box for box in boxes if not _is_heard(box, now, view.silent_s)), None)
        if silent is not None and one.state != "away":
            return replace(one, state="failed", reason=f"{silent.id}: silent since {silent.last_seen_at}")
        return one if one.state == "done" else replace(one, state="done", done_at=now)
    if one.state == "away":
        heard = any(_is_heard(box, now, view.silent_s) for box in boxes)
        return replace(one, state="put", put_at=now) if heard else one
    if now - one.put_at > timedelta(seconds=view.silent_s):
        return replace(one, state="failed", reason=f"not done after {view.silent_s} s")
    return one


def _release(view: RolloutView) -> str | None:
    """The version that gateways must run, where that is what is rolled out."""
    body: Any = read_body(view.kind, view.document)
    return body.version if isinstance(body, Release) else None


def _wrong(box: BoxView, version: int, release: str | None, put_at: datetime) -> str | None:
    if box.refused_version == version:
        return f"{box.id} refused it: {box.refused_reason}"
    if release and box.returned and release in box.returned and box.version != release:
        heard = box.last_seen_at is not None and box.last_seen_at > put_at
        return f"{box.id}: {box.returned}" if heard else None
    return None


def _is_done(box: BoxView, version: int, release: str | None) -> bool:
    return (box.applied or 0) >= version and (release is None or box.version == release)


async def _move(connection: AsyncConnection, view: RolloutView, due: Sequence[TargetView], now: datetime) -> None:
    failed = [one for one in due if one.state == "failed"]
    if len(failed) > view.most_failed:
        reason = f"{len(failed)} failed: " + "; ".join(f"{one.complex}: {one.reason}" for one in failed[:_NAMED])
        await rollout_rows.change(connection, view.id, state="stopped", reason=reason)
        await _note(connection, view.id, _ITSELF, "stopped", reason, now)
        log.error("rollout_stopped", rollout=view.id, reason=reason)
        return
    if any(one.state in ("waiting", "put") for one in due):
        return
    since = max([view.stage_since, *(one.done_at for one in due if one.done_at)])
    if now - since >= timedelta(seconds=view.health_s):
        await _next(connection, view, now)


async def _next(connection: AsyncConnection, view: RolloutView, now: datetime) -> None:
    if view.stage + 1 == len(STAGES):
        await rollout_rows.change(connection, view.id, state="done")
        await _note(connection, view.id, _ITSELF, "done", "", now)
        return
    await rollout_rows.change(connection, view.id, stage=view.stage + 1, stage_since=stamp(now))
    await _note(connection, view.id, _ITSELF, "stage", f"{STAGES[view.stage + 1]} %", now)
