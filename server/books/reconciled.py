"""The book of reconciliation: a day kept once, items closed by a person with a document, and signed by another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.masking import masked_text
from domain.reconciliation import Item, Result, report
from server.audit import Actor, Subject, command_line, record
from server.store import bill_rows, lane_watermarks, ledger_rows
from server.store.day_views import Though
from server.store.engine import Database, stamp
from server.store.schema import account, complex_

Reconcile = Callable[[list[Item]], Result]
Also = Callable[[AsyncConnection, Result], Awaitable[None]]
_TRIES = 5


class NotDone(Exception):
    """What was asked cannot be; the message says why."""


class Kept(msgspec.Struct, frozen=True):
    """The version that holds a day now; ``new`` False: nothing was different."""

    day: str
    version: int
    hash: str
    new: bool
    open: int


async def keep(
    db: Database,
    complex_id: str,
    day: date,
    reconciled: Reconcile,
    by: str | Actor,
    now: datetime,
    also: Also | None = None,
) -> Kept:
    """Reconcile a day with what earlier days left open, and keep it: all of it, or nothing. Twice is once.

    ``also`` is done in the same transaction. Raises NotDone, and what ``reconciled`` raises.
    """
    for _ in range(_TRIES):
        before = await _before(db, complex_id, day)
        result = await asyncio.to_thread(reconciled, before)  # a city's day takes seconds, and others wait for nothing
        async with db.write(complex_id) as connection:
            if await bill_rows.open_before(connection, complex_id, day.isoformat()) == before:
                return await _keep(connection, complex_id, result, _actor(by), now, also)
    raise NotDone("items of earlier days are changed while this one is reconciled: do it again")


async def _before(db: Database, complex_id: str, day: date) -> list[Item]:
    async with db.read() as connection:
        await _check_complex(connection, complex_id)
        return await bill_rows.open_before(connection, complex_id, day.isoformat())


def report_of(result: Result) -> dict[str, Any]:
    """The report that is kept of a result."""
    return report(_shown(result))


def _shown(result: Result) -> Result:
    return msgspec.structs.replace(result, items=[_masked(item) for item in result.items])


async def _keep(
    connection: AsyncConnection, complex_id: str, result: Result, actor: Actor, now: datetime, also: Also | None
) -> Kept:
    who = await _account(connection, actor.who)
    shown = _shown(result)
    made = report(shown)
    if also is not None:
        await also(connection, result)
    last = await bill_rows.newest(connection, complex_id, made["bill_date"])
    if last is not None and last["hash"] == made["hash"]:
        return Kept(made["bill_date"], last["version"], made["hash"], new=False, open=len(result.open))
    version = 1 if last is None else last["version"] + 1
    row = {"complex": complex_id, "day": made["bill_date"], "version": version, "hash": made["hash"]}
    row |= {"body": msgspec.json.encode(made, order="sorted"), "made_at": stamp(now), "made_by": who}
    await bill_rows.add_report(connection, row, made["sources"])
    await _put(connection, complex_id, shown, now)
    told = {"version": version, "hash": made["hash"], "open": len(result.open)}
    _note(connection, "bills.kept", actor, made["bill_date"], complex_id, now, told)
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
    waiting = {item.identity for item in await bill_rows.open_now(connection, complex_id)}
    for item in result.items:  # a day has thousands that agree, and a handful that anybody waited for
        if not item.is_open and item.identity in waiting:
            await bill_rows.close(connection, complex_id, item.identity, {**said, "closing": item.kind})
    for identity in gone:
        await bill_rows.close(connection, complex_id, identity, {**said, "closing": "not in the newest version"})


async def resolve(
    connection: AsyncConnection,
    complex_id: str,
    item: tuple[str, str],
    how: str,
    document: str,
    by: str | Actor,
    now: datetime,
    **booked: Any,
) -> None:
    """Close an open item on a document: a journal, a refund, a letter. Raises NotDone."""
    if not how.strip() or not document.strip():
        raise NotDone("say how it was closed, and on which document it rests")
    actor = _actor(by)
    who = await _account(connection, actor.who)
    said = {"closed_at": stamp(now), "closed_by": who, "closing": masked_text(how), "document": document, **booked}
    if not await bill_rows.close(connection, complex_id, item, said):
        raise NotDone(f"{complex_id} has no open item {item[0]} {item[1]}: `bills open` lists them")
    told = {"channel": item[0], "document": document, **booked}
    _note(connection, "bills.resolved", actor, item[1], complex_id, now, told, masked_text(how))


async def sign(
    connection: AsyncConnection,
    complex_id: str,
    day: date,
    by: str | Actor,
    now: datetime,
    why: str = "",
) -> str:
    """Sign the newest version of a day's report; its hash. The day is locked in the ledger.

    Of a day of which gateways may still tell only for a reason (``why``): it stands in the report, with which and how
    far they were.

    Raises NotDone: who reconciled it, or resolved something, does not sign.
    """
    actor = _actor(by)
    who = await _account(connection, actor.who)
    found = await bill_rows.newest(connection, complex_id, day.isoformat())
    if found is None:
        raise NotDone(f"{complex_id} has kept no report of {day}: `bills keep` does")
    if found["made_by"] == who:
        raise NotDone(f"{who} made this report: somebody else signs it")
    if count := await bill_rows.closed_some(connection, complex_id, day.isoformat(), who):
        raise NotDone(f"{who} closed {count} items that this report tells of: somebody else signs it")
    though = await _though(connection, complex_id, day, why.strip())
    said = None if though is None else msgspec.to_builtins(though)
    if not await bill_rows.sign(connection, found, who, stamp(now), said):
        raise NotDone(f"version {found['version']} of {day} was signed by {found['signed_by']} on {found['signed_at']}")
    number, chained = await ledger_rows.lock_day(connection, complex_id, day, who, now)
    told = {"version": found["version"], "hash": found["hash"], "journal": number, "ledger": chained}
    told |= {"told": though.told} if though else {}
    _note(connection, "bills.signed", actor, day.isoformat(), complex_id, now, told, though.why if though else None)
    return found["hash"]


async def _though(connection: AsyncConnection, complex_id: str, day: date, why: str) -> Though | None:
    """Raises NotDone."""
    late = await lane_watermarks.provisional(connection, complex_id, day)
    if late and not why:
        raise NotDone(
            f"provisional: {', '.join(one.gateway for one in late)} may still tell of {day}; say why not to wait"
        )
    return Though(why, {one.gateway: one.told_until and stamp(one.told_until) for one in late}) if late else None


def _actor(by: str | Actor) -> Actor:
    """Whoever has a shell on the centre is believed about whose word it is."""
    return command_line(by) if isinstance(by, str) else by


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
    actor: Actor,
    ref: str,
    complex_id: str,
    now: datetime,
    told: dict[str, Any],
    reason: str | None = None,
) -> None:
    on = Subject("bills", ref)
    record(connection, actor, act, now, on=on, complex_id=complex_id, reason=reason, details=told)
