"""Takes facts out of the projections again: afterwards the rows are those that a rebuild from the log would give."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, RowMapping, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts import incidents
from domain.alerts.built_in import BUILT_IN
from domain.alerts.words import alert_id
from domain.events import decode_event
from domain.passages import passage_of
from server.facts import Fact
from server.projections import lane_records
from server.projections.alert_chunk import PICTURE_WITHIN
from server.projections.doors import LATEST, Door
from server.projections.doors import apply as apply_to_door
from server.projections.moments import Moments
from server.projections.orders import result_of
from server.retention.left import left_of
from server.retention.unfold_states import forget_states
from server.store import doubt_rows, duty_rows, rule_rows, stays
from server.store.bulk import delete as delete_rows
from server.store.bulk import look_up
from server.store.engine import stamp, unstamp
from server.store.schema import (
    alert,
    alert_action,
    door,
    door_fact,
    duty_delivery,
    lane_opening,
    live,
    order_result,
    parking_passage,
    scene,
    session,
)

_AT_ONCE = 400
_PARKING = stays.Tables(parking_passage, session)
_KNOWN = "SELECT alert.id FROM wanted CROSS JOIN alert WHERE alert.id = wanted.id"
_OF_FACTS = "SELECT alert.id, alert.fact FROM wanted CROSS JOIN alert WHERE alert.fact = wanted.fact"


async def alerted(connection: AsyncConnection, facts: Sequence[Fact]) -> dict[int, list[str]]:
    """By index among the facts, the alerts that stand because of them."""
    named = {index: ids for index, fact in enumerate(facts) if (ids := [*_alert_ids(fact)])}
    keys = [(identity,) for ids in named.values() for identity in ids]
    known = {row[0] for row in await look_up(connection, {"id": "varchar"}, keys, _KNOWN)}
    stand = defaultdict[int, list[str]](list)
    for index, ids in named.items():
        stand[index] += [one for one in ids if one in known]
    for index, identity in await _of_facts(connection, facts):
        stand[index] += [identity] if identity not in stand[index] else []
    return {index: ids for index, ids in stand.items() if ids}


async def _of_facts(connection: AsyncConnection, facts: Sequence[Fact]) -> list[tuple[int, str]]:
    """Alerts of complexes that ever had own rules, whatever they are called; to ask it of all costs too much."""
    own = {key.complex for key in await rule_rows.keys(connection, {fact.complex for fact in facts})}
    at = defaultdict[str, list[int]](list)
    for index, fact in enumerate(facts):
        if fact.complex in own:
            at[fact.id.hex()].append(index)
    rows = await look_up(connection, {"fact": "varchar"}, [(one,) for one in at], _OF_FACTS)
    return [(index, identity) for identity, fact in rows for index in at[fact]]


def _alert_ids(fact: Fact) -> Iterator[str]:
    """By the built-in rules, at whatever hours the complex had when the alert was raised."""
    for name in BUILT_IN.names_for(fact.event):
        yield alert_id(name, fact.id)


async def unfold(connection: AsyncConnection, facts: Sequence[Fact], pictures: Collection[str]) -> Counter[str]:
    """Take out what the facts brought; ``pictures`` are those that no batch names any more. What went, in numbers."""
    went = Counter[str]()
    went["alerts"] = await _alerts(connection, facts, pictures)
    went["doors"] = await _doors(connection, facts)
    await forget_states(connection, facts)
    went["passages"] = await _passages(connection, facts)
    await lane_records.forget(connection, facts)
    went["orders"] = await _orders(connection, facts)
    return +went


async def photos_of(connection: AsyncConnection, facts: Sequence[Fact]) -> set[str]:
    """With which the alerts of the facts were closed."""
    found: set[str] = set()
    for some in _some(sorted({identity for ids in (await alerted(connection, facts)).values() for identity in ids})):
        query = select(alert_action.c.photo).where(alert_action.c.alert.in_(some), alert_action.c.photo.is_not(None))
        found.update((await connection.execute(query)).scalars())
    return found


async def without_alert(connection: AsyncConnection, photos: Collection[str]) -> set[str]:
    """Those with which nothing is closed any more."""
    still: set[str] = set()
    for some in _some(sorted(photos)):
        query = select(alert_action.c.photo).where(alert_action.c.photo.in_(some))
        still.update((await connection.execute(query)).scalars())
    return set(photos) - still


async def _alerts(connection: AsyncConnection, facts: Sequence[Fact], pictures: Collection[str]) -> int:
    gone = sorted({identity for ids in (await alerted(connection, facts)).values() for identity in ids})
    await _scenes(connection, facts)
    broken: set[str] = set()
    for some in _some(gone):
        query = select(alert.c.incident).where(alert.c.id.in_(some)).distinct()
        broken.update((await connection.execute(query)).scalars())
        for column in (alert_action.c.alert, duty_delivery.c.incident, live.c.ref, alert.c.id):
            await connection.execute(delete(column.table).where(column.in_(some)))
        await duty_rows.forget(connection, some)
    await _join_anew(connection, broken)
    await _show_others(connection, pictures)
    return len(gone)


async def _scenes(connection: AsyncConnection, facts: Sequence[Fact]) -> None:
    keys = [
        (fact.complex, fact.event.place, stamp(fact.event.occurred_at), media.sha256)
        for fact in facts
        if fact.event.place
        for media in fact.event.media
        if media.role == "scene" and media.sha256
    ]
    await delete_rows(connection, scene, sorted(set(keys)))


async def _join_anew(connection: AsyncConnection, broken: Collection[str]) -> None:
    """Name again the incidents that lost alerts: by those that are left, in the order in which they came."""
    left: list[RowMapping] = []
    for some in _some(sorted(broken)):
        left += (await connection.execute(select(alert).where(alert.c.incident.in_(some)))).mappings().all()
    causes: defaultdict[tuple[str, ...], list[RowMapping]] = defaultdict(list)
    for row in left:
        causes[row["complex"], row["rule"], row["device"], row["point"]].append(row)
    for rows in causes.values():
        await _join_cause(connection, rows, broken)


async def _join_cause(connection: AsyncConnection, rows: list[RowMapping], broken: Collection[str]) -> None:
    times = sorted(row["occurred_at"] for row in rows)
    within = (stamp(unstamp(times[0]) - incidents.SAME_CAUSE_WITHIN), times[-1])
    same = [alert.c[name] == rows[0][name] for name in ("complex", "rule", "device")]
    point: ColumnElement[bool] = (
        alert.c.point.is_(None) if rows[0]["point"] is None else alert.c.point == rows[0]["point"]
    )
    query = select(alert).where(*same, point, alert.c.occurred_at.between(*within))
    earlier = Moments()
    for row in (
        await connection.execute(query.order_by(alert.c.received_at, alert.c.occurred_at, alert.c.id))
    ).mappings():
        incident = row["incident"]
        if incident in broken:
            incident = _joined(earlier, row) or row["id"]
            await connection.execute(update(alert).where(alert.c.id == row["id"]).values(incident=incident))
        earlier.add(row["occurred_at"], incident)


def _joined(earlier: Moments, row: RowMapping) -> str | None:
    last = earlier.last_until(row["occurred_at"])
    joins = last is not None and incidents.joins(unstamp(last[0]), unstamp(row["occurred_at"]))
    return last[1] if last is not None and joins else None


async def _show_others(connection: AsyncConnection, pictures: Collection[str]) -> None:
    """An alert whose picture is gone shows its own event's, or the nearest of its place that is left."""
    for some in _some(sorted(pictures)):
        for row in (await connection.execute(select(alert).where(alert.c.picture.in_(some)))).mappings().all():
            picture = await _other_picture(connection, row, pictures)
            await connection.execute(update(alert).where(alert.c.id == row["id"]).values(picture=picture))


async def _other_picture(connection: AsyncConnection, row: RowMapping, gone: Collection[str]) -> str | None:
    own = [media.sha256 for media in decode_event(row["event"]).media if media.sha256 and media.sha256 not in gone]
    if own:
        return own[0]
    at = unstamp(row["occurred_at"])
    within = scene.c.occurred_at.between(stamp(at - PICTURE_WITHIN), stamp(at + PICTURE_WITHIN))
    query = select(scene.c.occurred_at, scene.c.sha256).where(
        scene.c.complex == row["complex"], scene.c.place == row["place"], within
    )
    seen = [found for found in await connection.execute(query) if found.sha256 not in gone]
    nearest = min(seen, key=lambda found: (abs(unstamp(found.occurred_at) - at), found.sha256), default=None)
    return None if nearest is None else nearest.sha256


async def _doors(connection: AsyncConnection, facts: Sequence[Fact]) -> int:
    by_door: defaultdict[tuple[str, str, str], list[Fact]] = defaultdict(list)
    for fact in facts:
        if fact.event.kind in ("door", "access"):
            by_door[fact.complex, fact.event.device, fact.event.point or "door"].append(fact)
    stale = [key for key, found in by_door.items() if await _door(connection, key, found)]
    if stale:
        await _refold_doors(connection, stale)
    return len(by_door)


async def _door(connection: AsyncConnection, key: tuple[str, str, str], facts: list[Fact]) -> bool:
    """Count down what was counted; whether what the door last did was said by one of these."""
    same = _same_door(key)
    row = (await connection.execute(select(door).where(*same))).mappings().first()
    counted = await _counted(connection, facts)
    if row is None:
        return False
    now = {name: row[name] - counted[name] for name in ("granted", "denied")}
    await connection.execute(update(door).where(*same).values(now))
    return any(_said_last(row, fact) for fact in facts)


def _same_door(key: tuple[str, str, str]) -> tuple[ColumnElement[bool], ...]:
    return door.c.complex == key[0], door.c.device == key[1], door.c.point == key[2]


def _said_last(row: RowMapping, fact: Fact) -> bool:
    event, at = fact.event, stamp(fact.event.occurred_at)
    if event.kind == "door":
        return (row["state_at"], row["state"]) == (at, event.state)
    return (row["last_access_at"], row["last_result"], row["last_method"]) == (at, event.result, event.method)


async def _refold_doors(connection: AsyncConnection, keys: Sequence[tuple[str, str, str]]) -> None:
    """What these doors of one complex did last, by all that is left of the complex: once in a door's life, or rarer."""
    doors = {key: Door(*key) for key in keys}
    said: set[tuple[str, str, str]] = set()
    async for batch in left_of(connection, keys[0][0]):
        for fact in batch.facts(("door", "access")):
            key = (fact.complex, fact.event.device, fact.event.point or "door")
            if key in doors:
                apply_to_door(doors[key], fact)
                said.add(key)
    for key, one in doors.items():
        if key in said:
            values = {name: getattr(one, name) for name in LATEST}
            await connection.execute(update(door).where(*_same_door(key)).values(values))
        else:
            await connection.execute(delete(door).where(*_same_door(key)))


async def _counted(connection: AsyncConnection, facts: list[Fact]) -> Counter[str]:
    """How many of each result had been counted; they no longer are."""
    results = {fact.id: str(fact.event.result) for fact in facts if fact.event.result in ("granted", "denied")}
    gone = Counter[str]()
    for some in _some(sorted(results)):
        there = (await connection.execute(select(door_fact.c.id).where(door_fact.c.id.in_(some)))).scalars().all()
        await connection.execute(delete(door_fact).where(door_fact.c.id.in_(some)))
        gone.update(results[identity] for identity in there)
    return gone


async def _passages(connection: AsyncConnection, facts: Sequence[Fact]) -> int:
    found = [(fact.complex, passage) for fact in facts if (passage := passage_of(fact.event, fact.id)) is not None]
    keys = [(fact.complex, fact.id) for fact in facts if fact.event.kind in ("plate", "alarm", "barrier")]
    await doubt_rows.forget(connection, keys)
    await delete_rows(connection, lane_opening, sorted(set(keys)))
    if found:
        await doubt_rows.put(connection, await stays.forget(connection, _PARKING, found))
    return len(found)


async def _orders(connection: AsyncConnection, facts: Sequence[Fact]) -> int:
    said = [result for fact in facts if fact.event.kind == "command_result" and (result := result_of(fact))]
    for result in said:
        row = msgspec.structs.asdict(result)
        same = [order_result.c[name] == row[name] for name in ("gateway", "id", "state", "at")]
        await connection.execute(delete(order_result).where(*same))
    return len(said)


def _some(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """A few at a time: a statement takes only so many parameters."""
    for start in range(0, len(keys), _AT_ONCE):
        yield keys[start : start + _AT_ONCE]
