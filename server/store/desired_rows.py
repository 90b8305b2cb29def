"""Desired state in the database: versions that only rise, and what each gateway says it made of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import RowMapping, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.desired import MAX_BODY_BYTES, BadDesired, Document, Refusal, read_body
from domain.ids import content_name
from server.store.engine import stamp
from server.store.schema import desired_state, gateway, gateway_applied
from server.store.upsert import insert

Row = dict[str, Any]


async def put(
    connection: AsyncConnection, complex_id: str, kind: str, body: object, made_by: str, now: datetime
) -> tuple[int, bool]:
    """Keep the next version of a complex's document; its number, and whether it is new. Raises BadDesired.

    What says the same as the newest version is that version.
    """
    kept = content(kind, body)
    read_body(kind, msgspec.json.decode(kept))
    newest = await _newest(connection, complex_id, kind)
    sha256 = content_name(kept)
    if newest is not None and newest.sha256 == sha256:
        return newest.version, False
    version = 1 + max(newest.version if newest else 0, await _seen_at_gateways(connection, complex_id, kind))
    row = {"complex": complex_id, "kind": kind, "version": version, "body": kept, "sha256": sha256}
    await connection.execute(desired_state.insert().values(**row, made_at=stamp(now), made_by=made_by))
    return version, True


async def put_again(connection: AsyncConnection, row: RowMapping, made_by: str, now: datetime) -> None:
    """The newest version's content as another version: its own was changed in place, and gateways must hear of it."""
    seen = await _seen_at_gateways(connection, row["complex"], row["kind"])
    same = {name: row[name] for name in ("complex", "kind", "body", "sha256")}
    version = 1 + max(row["version"], seen)
    await connection.execute(
        desired_state.insert().values(**same, version=version, made_at=stamp(now), made_by=made_by)
    )


def content(kind: str, body: object) -> bytes:
    """The body as it is kept: the same content gives the same bytes. Raises BadDesired."""
    try:
        kept = msgspec.json.encode(body, order="deterministic")
    except (TypeError, RecursionError) as error:
        raise BadDesired(f'{kind}: {error}; a key that YAML reads as true or false ("on") wants quotes') from error
    if len(kept) > MAX_BODY_BYTES:
        raise BadDesired(f"{kind}: {len(kept)} bytes, at most {MAX_BODY_BYTES}")
    return kept


async def _newest(connection: AsyncConnection, complex_id: str, kind: str) -> Any:
    same = (desired_state.c.complex == complex_id, desired_state.c.kind == kind)
    query = select(desired_state.c.version, desired_state.c.sha256).where(*same)
    return (await connection.execute(query.order_by(desired_state.c.version.desc()).limit(1))).first()


async def _seen_at_gateways(connection: AsyncConnection, complex_id: str, kind: str) -> int:
    """The highest version a gateway of the complex ever named: after an older copy of this database was put back it
    lies above all of ours, and a version below it would never be applied."""
    columns = (func.max(gateway_applied.c.version), func.max(gateway_applied.c.refused_version))
    query = select(*columns).join(gateway, gateway.c.id == gateway_applied.c.gateway)
    found = await connection.execute(query.where(gateway.c.complex == complex_id, gateway_applied.c.kind == kind))
    return max(version or 0 for version in found.one())


_NEWEST = (
    select(desired_state.c.complex, desired_state.c.kind, func.max(desired_state.c.version).label("version"))
    .where(desired_state.c.complex.in_(bindparam("complexes", expanding=True)))
    .group_by(desired_state.c.complex, desired_state.c.kind)
)
_REPORTED = select(gateway_applied).where(gateway_applied.c.gateway.in_(bindparam("gateways", expanding=True)))


async def newest_of(connection: AsyncConnection, complexes: Collection[str]) -> dict[str, dict[str, int]]:
    """complex -> kind -> the newest version."""
    found: dict[str, dict[str, int]] = {}
    for row in await connection.execute(_NEWEST, {"complexes": list(complexes)}):
        found.setdefault(row.complex, {})[row.kind] = row.version
    return found


def above(newest: Mapping[str, int], known: Mapping[str, int]) -> list[tuple[str, int]]:
    """Kind and version of what is newer than what is known."""
    return [(kind, version) for kind, version in newest.items() if version > known.get(kind, 0)]


async def document(connection: AsyncConnection, complex_id: str, kind: str, version: int) -> Document:
    one = (
        desired_state.c.complex == complex_id,
        desired_state.c.kind == kind,
        desired_state.c.version == version,
    )
    body = (await connection.execute(select(desired_state.c.body).where(*one))).scalar_one()
    return Document(kind, version, msgspec.json.decode(body, type=dict[str, Any]))


async def reported(connection: AsyncConnection, gateways: Collection[str]) -> dict[str, dict[str, Row]]:
    """gateway -> kind -> what it last said of it."""
    found: dict[str, dict[str, Row]] = {}
    rows = await connection.execute(_REPORTED, {"gateways": list(gateways)})
    for row in rows.mappings():
        found.setdefault(row["gateway"], {})[row["kind"]] = {str(name): value for name, value in row.items()}
    return found


def changes(
    gateway_id: str, before: Mapping[str, Row], applied: Mapping[str, int], refused: Collection[Refusal], now: datetime
) -> list[Row]:
    """The rows that a report changes; none for most reports, and then nothing is written."""
    by_kind = {refusal.kind: refusal for refusal in refused}
    rows = [
        _row(gateway_id, kind, before.get(kind), applied.get(kind, 0), by_kind.get(kind), now)
        for kind in sorted({*applied, *by_kind, *before})
    ]
    return [row for row in rows if row != before.get(row["kind"])]


def _row(gateway_id: str, kind: str, before: Row | None, version: int, refusal: Refusal | None, now: datetime) -> Row:
    same = before is not None and before["version"] == version
    at = before["applied_at"] if before is not None and same else stamp(now) if version else None
    return {
        "gateway": gateway_id,
        "kind": kind,
        "version": version,
        "applied_at": at,
        "refused_version": refusal.version if refusal else None,
        "refused_reason": refusal.reason if refusal else None,
    }


async def save(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    """Keep changed reports."""
    statement = insert(gateway_applied)
    fresh = {name: statement.excluded[name] for name in ("version", "applied_at", "refused_version", "refused_reason")}
    keys = ["gateway", "kind"]
    await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=fresh), list(rows))
