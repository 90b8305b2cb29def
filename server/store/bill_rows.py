"""Rows of reconciliation: reports by day and version, and items until they are closed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import RowMapping, and_, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.reconciliation import Item
from server.store.bill_tables import bill_file, bill_item, bill_report
from server.store.upsert import insert

BILL = "a later bill"  # who closed an item that no person had to
_CLOSED = ("closed_at", "closed_by", "closing", "document", "act", "journal")


async def newest(connection: AsyncConnection, complex_id: str, day: str) -> RowMapping | None:
    """The last version of a day's report."""
    table = bill_report
    query = select(table).where(table.c.complex == complex_id, table.c.day == day)
    return (await connection.execute(query.order_by(table.c.version.desc()).limit(1))).mappings().first()


async def add_report(connection: AsyncConnection, row: Mapping[str, Any], files: Mapping[str, str]) -> None:
    """A version, and the files it was made of by name and hash; a file that was read before stays as it was noted."""
    await connection.execute(bill_report.insert().values(**row))
    read = {"complex": row["complex"], "day": row["day"], "read_at": row["made_at"], "read_by": row["made_by"]}
    for name, sha256 in files.items():
        await connection.execute(insert(bill_file).values(**read, name=name, sha256=sha256).on_conflict_do_nothing())


async def open_before(connection: AsyncConnection, complex_id: str, day: str) -> list[Item]:
    """What earlier days left open, with what this day's own report has closed: the same before it is kept and after."""
    table = bill_item
    by_this_day = and_(table.c.closed_by == BILL, table.c.day == day)
    query = select(table).where(
        table.c.complex == complex_id, table.c.since < day, or_(table.c.closed_at.is_(None), by_this_day)
    )
    rows = (await connection.execute(query.order_by(table.c.channel, table.c.key))).mappings()
    return [item_of(row) for row in rows]


async def open_now(connection: AsyncConnection, complex_id: str) -> list[Item]:
    """Every open item, the oldest first."""
    table = bill_item
    query = select(table).where(table.c.complex == complex_id, table.c.closed_at.is_(None))
    rows = (await connection.execute(query.order_by(table.c.since, table.c.channel, table.c.key))).mappings()
    return [item_of(row) for row in rows]


def item_of(row: RowMapping) -> Item:
    """An item as a report has it."""
    sums = (row["bill_fen"], row["local_fen"])
    return Item(row["channel"], row["key"], row["class"], *sums, row["action"], row["note"], row["since"])


async def put_open(connection: AsyncConnection, complex_id: str, day: str, items: Iterable[Item]) -> None:
    """Items as this day tells them.

    One that a person closed stays closed while it is told with the sums it was closed with. What this day or a later
    one tells otherwise nobody has looked at yet: it is open again, since that day. So is what only a bill had closed.
    """
    table = bill_item
    for item in items:
        told = {"day": day, "class": item.kind, "bill_fen": item.bill_fen, "local_fen": item.local_fen}
        told |= {"action": item.action, "note": item.note}
        key = {"complex": complex_id, "channel": item.channel, "key": item.key, "since": item.since or day}
        statement = insert(table).values(**key, **told)
        new = statement.excluded
        others = [table.c[name].is_distinct_from(new[name]) for name in ("bill_fen", "local_fen")]
        told_anew = and_(table.c.day <= new.day, or_(table.c.closed_by == BILL, *others))
        again = {name: new[name] for name in told} | dict.fromkeys(_CLOSED)
        again |= {"since": case((table.c.closed_at.is_(None), table.c.since), else_=new.since)}
        await connection.execute(
            statement.on_conflict_do_update(
                index_elements=[table.c.complex, table.c.channel, table.c.key],
                set_=again,
                where=or_(table.c.closed_at.is_(None), told_anew),
            )
        )


async def close(
    connection: AsyncConnection, complex_id: str, identity: tuple[str, str], said: Mapping[str, Any]
) -> bool:
    """Close an open item; whether it was open."""
    table = bill_item
    where = (table.c.complex == complex_id, table.c.channel == identity[0], table.c.key == identity[1])
    done = await connection.execute(update(table).where(*where, table.c.closed_at.is_(None)).values(**said))
    return bool(done.rowcount)


async def one(connection: AsyncConnection, complex_id: str, identity: tuple[str, str]) -> RowMapping | None:
    """An item that was once open."""
    table = bill_item
    where = (table.c.complex == complex_id, table.c.channel == identity[0], table.c.key == identity[1])
    return (await connection.execute(select(table).where(*where))).mappings().first()


async def reopen(connection: AsyncConnection, complex_id: str, identity: tuple[str, str]) -> None:
    """What closed an item was taken back."""
    table = bill_item
    where = (table.c.complex == complex_id, table.c.channel == identity[0], table.c.key == identity[1])
    await connection.execute(update(table).where(*where).values(**dict.fromkeys(_CLOSED)))


async def signed_since(connection: AsyncConnection, complex_id: str, days: Iterable[str], at: str) -> bool:
    """Whether somebody signed a report of one of the days since then."""
    table = bill_report
    where = (table.c.complex == complex_id, table.c.day.in_(sorted(set(days))), table.c.signed_at >= at)
    return (await connection.execute(select(table.c.day).where(*where).limit(1))).first() is not None


async def found_on(connection: AsyncConnection, complex_id: str, day: str) -> set[tuple[str, str]]:
    """The items first found on a day that are open."""
    table = bill_item
    query = select(table.c.channel, table.c.key).where(table.c.complex == complex_id, table.c.since == day)
    rows = await connection.execute(query.where(table.c.closed_at.is_(None)))
    return {(row.channel, row.key) for row in rows}


async def closed_some(connection: AsyncConnection, complex_id: str, day: str, who: str) -> int:
    """How many items that a day's report tells of somebody closed."""
    table = bill_item
    of_day = or_(table.c.since == day, table.c.day == day)
    query = select(func.count()).where(table.c.complex == complex_id, of_day, table.c.closed_by == who)
    return (await connection.execute(query)).scalar_one()


async def sign(connection: AsyncConnection, report: RowMapping, who: str, at: str, though: Any = None) -> bool:
    """Sign a version that nobody has; whether it was so. ``though``: in spite of what."""
    table = bill_report
    where = (table.c.complex == report["complex"], table.c.day == report["day"], table.c.version == report["version"])
    values = {"signed_at": at, "signed_by": who, "though": though}
    done = await connection.execute(update(table).where(*where, table.c.signed_at.is_(None)).values(**values))
    return bool(done.rowcount)
