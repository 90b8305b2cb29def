"""The book of reconciliation: a day kept once, items closed by a person with a document, and signed by another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.masking import masked_text
from domain.reconciliation import Item, Result, report
from server.audit import Subject, command_line, record
from server.store import bill_rows
from server.store.engine import Database, stamp
from server.store.schema import account, complex_

Reconcile = Callable[[list[Item]], Result]


class NotDone(Exception):
    """What was asked cannot be; the message says why."""


class Kept(msgspec.Struct, frozen=True):
    """The version that holds a day now; ``new`` False: nothing was different."""

    day: str
    version: int
    hash: str
    new: bool
    open: int


async def keep(db: Database, complex_id: str, day: date, reconciled: Reconcile, by: str, now: datetime) -> Kept:
    """Reconcile a day with what earlier days left open, and keep it: all of it, or nothing. Twice is once.

    Raises NotDone, and what ``reconciled`` raises.
    """
    async with db.write(complex_id) as connection:
        await _check_complex(connection, complex_id)
        who = await _account(connection, by)
        result = reconciled(await bill_rows.open_before(connection, complex_id, day.isoformat()))
        shown = msgspec.structs.replace(result, items=[_masked(item) for item in result.items])
        made = report(shown)
        last = await bill_rows.newest(connection, complex_id, made["bill_date"])
        if last is not None and last["hash"] == made["hash"]:
            return Kept(made["bill_date"], last["version"], made["hash"], new=False, open=len(result.open))
        version = 1 if last is None else last["version"] + 1
        row = {"complex": complex_id, "day": made["bill_date"], "version": version, "hash": made["hash"]}
        row |= {"body": msgspec.json.encode(made, order="sorted"), "made_at": stamp(now), "made_by": who}
        await bill_rows.add_report(connection, row, made["sources"])
        await _put(connection, complex_id, shown, now)
        told = {"version": version, "hash": made["hash"], "open": len(result.open)}
        _note(connection, "bills.kept", who, made["bill_date"], complex_id, now, told)
    return Kept(made["bill_date"], version, made["hash"], new=True, open=len(result.open))


def _masked(item: Item) -> Item:
    """No plate is kept here: a key leads to the passage, and that to its plate, for who may see it."""
    return msgspec.structs.replace(item, action=masked_text(item.action), note=masked_text(item.note))


async def _put(connection: AsyncConnection, complex_id: str, result: Result, now: datetime) -> None:
    """Items that are open now are put down; those that this report has closed, or no longer tells of, are closed."""
    day = result.context.day.isoformat()
    gone = await bill_rows.found_on(connection, complex_id, day) - {item.identity for item in result.items}
    await bill_rows.put_open(connection, complex_id, day, result.open)
    said = {"closed_at": stamp(now), "closed_by": bill_rows.BILL, "day": day}
    for item in result.items:
        if not item.is_open:
            await bill_rows.close(connection, complex_id, item.identity, {**said, "closing": item.kind})
    for identity in gone:
        await bill_rows.close(connection, complex_id, identity, {**said, "closing": "not in the newest version"})


async def resolve(
    connection: AsyncConnection, complex_id: str, item: tuple[str, str], how: str, document: str, by: str, now: datetime
) -> None:
    """Close an open item on a document: a journal, a refund, a letter. Raises NotDone."""
    if not how.strip() or not document.strip():
        raise NotDone("say how it was closed, and on which document it rests")
    who = await _account(connection, by)
    said = {"closed_at": stamp(now), "closed_by": who, "closing": masked_text(how), "document": document}
    if not await bill_rows.close(connection, complex_id, item, said):
        raise NotDone(f"{complex_id} has no open item {item[0]} {item[1]}: `bills open` lists them")
    told = {"channel": item[0], "document": document}
    _note(connection, "bills.resolved", who, item[1], complex_id, now, told, masked_text(how))


async def sign(connection: AsyncConnection, complex_id: str, day: date, by: str, now: datetime) -> str:
    """Sign the newest version of a day's report; its hash. Raises NotDone: who resolved something does not sign."""
    who = await _account(connection, by)
    found = await bill_rows.newest(connection, complex_id, day.isoformat())
    if found is None:
        raise NotDone(f"{complex_id} has kept no report of {day}: `bills keep` does")
    if count := await bill_rows.closed_some(connection, complex_id, day.isoformat(), who):
        raise NotDone(f"{who} closed {count} items that this report tells of: somebody else signs it")
    if not await bill_rows.sign(connection, found, who, stamp(now)):
        raise NotDone(f"version {found['version']} of {day} was signed by {found['signed_by']} on {found['signed_at']}")
    told = {"version": found["version"], "hash": found["hash"]}
    _note(connection, "bills.signed", who, day.isoformat(), complex_id, now, told)
    return found["hash"]


async def _check_complex(connection: AsyncConnection, complex_id: str) -> None:
    if (await connection.execute(select(complex_.c.id).where(complex_.c.id == complex_id))).first() is None:
        raise NotDone(f"no complex {complex_id}")


async def _account(connection: AsyncConnection, name: str) -> str:
    """Two people are two accounts: a name that is none, or may not sign in, stands for nobody."""
    query = select(account.c.username).where(account.c.username == name, account.c.disabled_at.is_(None))
    if (await connection.execute(query)).first() is None:
        raise NotDone(f"{name} is no account that may sign in: whose word is it?")
    return name


def _note(
    connection: AsyncConnection,
    act: str,
    who: str,
    ref: str,
    complex_id: str,
    now: datetime,
    told: dict[str, Any],
    reason: str | None = None,
) -> None:
    on = Subject("bills", ref)
    record(connection, command_line(who), act, now, on=on, complex_id=complex_id, reason=reason, details=told)
