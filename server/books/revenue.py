"""The book of public revenue: an entry goes its path step by step; at its end its money is in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ledger import Booked, Journal
from domain.masking import tells_of_someone
from domain.revenue import NotNow, Step, Who, check, lines_of
from server.books.ledger import post
from server.store import ledger_rows, public_rows, revenue_rows
from server.store.revenue_rows import DocumentView, EntryView

MOST_FEN = 10**12
_SOURCE = "public"


class By(msgspec.Struct, frozen=True):
    """Who takes a step, in which role, and when."""

    who: str
    role: str
    at: datetime


class Said(msgspec.Struct, frozen=True):
    """What a person says with a step."""

    note: str = ""
    votes_for: int | None = None
    votes_against: int | None = None
    fen: int | None = None
    day: date | None = None
    is_without_names: bool = False


async def take(connection: AsyncConnection, complex_id: str, number: int, step: Step, by: By, said: Said) -> EntryView:
    """One step of an entry, and what it does to the ledger. Raises NotNow."""
    found = await revenue_rows.entry(connection, complex_id, number)
    if found is None:
        raise NotNow("no_entry", f"{complex_id} has no entry {number}")
    standing = revenue_rows.standing_of(found, await revenue_rows.steps(connection, complex_id, number))
    roles = (await public_rows.account(connection, complex_id)).reviews
    check(step, standing, Who(by.who, by.role), roles)
    papers = await revenue_rows.documents(connection, complex_id, [number])
    _check_said(step, by, said, papers)
    if found.side == "spending" and step.action in ("propose", "finish"):
        await _check_earmark(connection, found, said.fen if step.action == "finish" else None)
    await _move(connection, found, step, by, said)
    votes = {"votes_for": said.votes_for, "votes_against": said.votes_against}
    taken = {"action": step.action, "round": found.round, "by": by.who, "role": by.role, "note": said.note, **votes}
    await revenue_rows.add_step(connection, complex_id, number, by.at, **taken)
    return found


def _check_said(step: Step, by: By, said: Said, papers: Sequence[DocumentView]) -> None:
    """Whether all is there that a step needs. Raises NotNow."""
    has = {
        "note": bool(said.note),
        "votes": said.votes_for is not None and said.votes_against is not None,
        "money": said.fen is not None and said.day is not None,
        "nothing_personal": said.is_without_names,
        "any_document": bool(papers),
        "voucher": any(paper.purpose == "voucher" for paper in papers),
        "result": any(paper.purpose == "result" and paper.is_public for paper in papers),
    }
    missing = next((need for need in step.needs if not has[need]), None)
    if missing is not None:
        raise NotNow(f"needs_{missing}", f"{step.action} needs {missing}")
    if "money" in step.needs and said.day is not None and said.day > by.at.date() + timedelta(days=1):
        raise NotNow("needs_money", f"{said.day} has not come yet")
    if step.action == "propose" and (said.votes_for or 0) <= (said.votes_against or 0):
        raise NotNow("not_carried", f"{said.votes_for} for, {said.votes_against} against: that is no majority")
    if tells_of_someone(said.note):
        raise NotNow("personal", "the words hold a plate, a telephone or an identity number")


async def _check_earmark(connection: AsyncConnection, found: EntryView, fen: int | None) -> None:
    """Spending stays within what was approved, and within its earmarked income. Raises NotNow."""
    if fen is not None and fen > found.planned_fen:
        raise NotNow("over_plan", f"{fen} fen, but {found.planned_fen} were approved: propose the rest by itself")
    if found.earmark is None:
        return
    of = next(
        (one for one in await revenue_rows.balances(connection, found.complex) if one.number == found.earmark), None
    )
    left = 0 if of is None else of.left_fen
    if (found.planned_fen if fen is None else fen) > left:
        raise NotNow("over_earmark", f"{left} fen are left of income {found.earmark}")


async def _move(connection: AsyncConnection, found: EntryView, step: Step, by: By, said: Said) -> None:
    values: dict[str, object] = {"state": step.end}
    if step.action == "refuse":
        values["round"] = found.round + 1
    if step.action == "finish" and said.fen is not None and said.day is not None:
        booked = await _book(connection, found, said.fen, said.day, by.at)
        values |= {"actual_fen": said.fen, "day": booked.journal.business_day.isoformat(), "journal": booked.number}
    if step.action == "reverse":
        await _take_back(connection, found, by.at)
    await revenue_rows.change(connection, found.complex, found.number, **values)


async def _book(connection: AsyncConnection, found: EntryView, fen: int, day: date, now: datetime) -> Booked:
    """Its words name the entry and nobody: they are hashed, and published with the chain."""
    journal = Journal(
        source=_SOURCE,
        kind="done",
        source_id=str(found.number),
        occurred_at=now,
        business_day=day,
        memo=f"公共收益 {found.number}",
        lines=lines_of(found.side, found.kind, fen),
    )
    (booked,) = await post(connection, found.complex, [journal], now)
    return booked


async def _take_back(connection: AsyncConnection, found: EntryView, now: datetime) -> None:
    if found.journal is None or found.actual_fen is None or found.day is None:
        raise NotNow("not_now", f"entry {found.number} has no journal")
    (of,) = await ledger_rows.some(connection, found.complex, found.journal - 1, 1)
    lines = lines_of(found.side, found.kind, -found.actual_fen)
    back = Journal(
        source=_SOURCE,
        kind="reversed",
        source_id=str(found.number),
        occurred_at=now,
        business_day=date.fromisoformat(found.day),
        memo=f"冲销公共收益 {found.number}",
        lines=lines,
        corrects=of.number,
    )
    await post(connection, found.complex, [back], now)
