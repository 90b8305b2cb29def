"""Changes of a complex's tariff: in one transaction the version, the document its gateways go by, and the audit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.tariff import BadTariff, LotTariff, document_of, tariff_of
from server.audit import Actor, Subject, record
from server.books.lots import lot_of_version
from server.house import House
from server.store import desired_rows, tariff_rows
from server.store.resident_rows import NotPossible
from server.store.tariff_rows import Text
from server.tariff_check import examine
from server.tariff_file import BadFile

KIND = "tariffs"


async def draft(house: House, actor: Actor, complex_id: str, said: Text) -> int:
    """A new draft; its number. Raises NotPossible."""
    async with house.db.write() as connection:
        number = await tariff_rows.draft(connection, complex_id, said, actor.who, house.now())
        _record(connection, house, actor, "tariff.drafted", complex_id, number)
    return number


async def save(house: House, actor: Actor, complex_id: str, number: int, said: Text, seen: str) -> None:
    """A draft written anew. Raises NotPossible."""
    async with house.db.write() as connection:
        await tariff_rows.save(connection, complex_id, number, said, actor.who, house.now(), seen)
        _record(connection, house, actor, "tariff.changed", complex_id, number)


async def propose(house: House, actor: Actor, complex_id: str, number: int) -> None:
    """Raises NotPossible: also where the plan has a hole, or bands that overlap."""
    async with house.db.write() as connection:
        await _sound(connection, complex_id, number)
        await tariff_rows.propose(connection, complex_id, number, actor.who, house.now())
        _record(connection, house, actor, "tariff.proposed", complex_id, number)


async def send_back(house: House, actor: Actor, complex_id: str, number: int, reason: str) -> None:
    """A proposal becomes a draft again. Raises NotPossible."""
    async with house.db.write() as connection:
        await tariff_rows.send_back(connection, complex_id, number, reason)
        _record(connection, house, actor, "tariff.sent_back", complex_id, number, reason)


async def publish(house: House, actor: Actor, complex_id: str, number: int) -> None:
    """The second person's word: it counts from its date on, and the gateways are told. Raises NotPossible."""
    async with house.db.write() as connection:
        lot = await _sound(connection, complex_id, number)
        await tariff_rows.publish(connection, complex_id, number, actor.who, house.now())
        told = await _tell(connection, house, actor, complex_id)
        told |= {"plans": {name: plan.version for name, plan in lot.tariff.plans.items()}}
        _record(connection, house, actor, "tariff.published", complex_id, number, details=told)
    house.desired.ring({complex_id})


async def withdraw(house: House, actor: Actor, complex_id: str, number: int, reason: str) -> None:
    """It is dropped; where it was published, and is not in force yet, the gateways are told. Raises NotPossible."""
    async with house.db.write() as connection:
        row = await tariff_rows.one(connection, complex_id, number)
        await tariff_rows.withdraw(connection, complex_id, number, actor.who, house.now(), reason)
        was_published = row is not None and row.state == "published"
        told = await _tell(connection, house, actor, complex_id) if was_published else {}
        _record(connection, house, actor, "tariff.withdrawn", complex_id, number, reason, told)
    house.desired.ring({complex_id})


async def _sound(connection: AsyncConnection, complex_id: str, number: int) -> LotTariff:
    """The version, which can be priced by. Raises NotPossible."""
    row = await tariff_rows.one(connection, complex_id, number)
    if row is None:
        raise NotPossible("not_so")
    try:
        lot = lot_of_version(row)
    except (BadFile, BadTariff) as error:
        raise NotPossible("not_sound") from error
    if not examine(row.body).is_sound:  # as the page shows it: dates of its own, holes, a key that stands twice
        raise NotPossible("not_sound")
    if row.change == "split" and any(plan.looks_back for plan in lot.tariff.plans.values()):
        raise NotPossible("split_looks_back")
    return lot


async def _tell(connection: AsyncConnection, house: House, actor: Actor, complex_id: str) -> dict[str, Any]:
    """Put what the gateways go by; its version. Without any tariff they keep what they have."""
    lot = await house.lots.one(connection, complex_id)
    if lot is None:
        return {}
    now: datetime = house.now()
    body = document_of(tariff_of(lot, now))
    version, _ = await desired_rows.put(connection, complex_id, KIND, body, actor.who, now)
    return {"tariffs_version": version}


def _record(
    connection: AsyncConnection,
    house: House,
    actor: Actor,
    action: str,
    complex_id: str,
    number: int,
    reason: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    on = Subject("tariff", str(number))
    record(connection, actor, action, house.now(), on=on, complex_id=complex_id, reason=reason, details=details)
