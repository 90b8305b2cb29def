"""Debts that are let off: one person proposes it with a reason, another decides; and who was asked for one."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Table, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.masking import masked_text
from server.books import settling
from server.books.desk import NotDone
from server.books.settling import act_row
from server.store import settlement
from server.store.engine import stamp
from server.store.schema import reminder, session_proposal

Kind = Literal["waive", "write_off"]
KINDS: tuple[Kind, ...] = ("waive", "write_off")
WAYS = ("paper", "phone", "visit")


async def propose(
    connection: AsyncConnection,
    complex_id: str,
    session: str,
    kind: str,
    fen: int,
    reason: str,
    by: str,
    request: str,
    now: datetime,
) -> str:
    """Ask for some of what is owed to be let off; the proposal's id. Raises NotDone."""
    if kind not in KINDS or not reason:
        raise NotDone("no_reason")
    stands = await settlement.of_session(connection, complex_id, session)
    if not 0 < fen <= stands.owed_fen:
        raise NotDone("bad_sum")
    if await _open(connection, complex_id, session) is not None or await _is_known(
        connection, session_proposal, complex_id, request
    ):
        raise NotDone("proposed")
    row = {"complex": complex_id, "id": request, "session": session, "kind": kind, "amount_fen": fen}
    row |= {"reason": masked_text(reason), "proposed_at": stamp(now), "proposed_by": by}
    await connection.execute(session_proposal.insert().values(**row))
    return request


async def _is_known(connection: AsyncConnection, table: Table, complex_id: str, identity: str) -> bool:
    """Whether a form was sent before: a second tap, or a page that was gone back to."""
    same = (table.c.complex == complex_id, table.c.id == identity)
    return (await connection.execute(select(table.c.id).where(*same))).first() is not None


async def _open(connection: AsyncConnection, complex_id: str, session: str) -> Any:
    same = (session_proposal.c.complex == complex_id, session_proposal.c.session == session)
    query = select(session_proposal).where(*same, session_proposal.c.decided_at.is_(None))
    return (await connection.execute(query)).mappings().first()


async def decide(
    connection: AsyncConnection, complex_id: str, session: str, by: str, now: datetime, *, approved: bool
) -> Any:
    """Decide of what is proposed for a session; the proposal. Who proposed it does not. Raises NotDone."""
    found = await _open(connection, complex_id, session)
    if found is None:
        raise NotDone("not_proposed")
    if found["proposed_by"] == by:
        raise NotDone("same_person")
    said = {"decided_at": stamp(now), "decided_by": by, "decision": "approved" if approved else "refused"}
    same = (session_proposal.c.complex == complex_id, session_proposal.c.id == found["id"])
    await connection.execute(update(session_proposal).where(*same).values(**said))
    if approved:
        await _let_off(connection, complex_id, found, by, now)
    return found


async def _let_off(connection: AsyncConnection, complex_id: str, found: Any, by: str, now: datetime) -> None:
    """Out of the debt first; what is owed and no debt yet is receivable. Raises NotDone where less is owed by now."""
    stands = await settlement.of_session(connection, complex_id, found["session"])
    fen: int = found["amount_fen"]
    if fen > stands.owed_fen:
        raise NotDone("bad_sum")
    act = settling.waived if found["kind"] == "waive" else settling.written_off
    of_debt = min(fen, max(0, stands.debt_fen))
    parts: dict[settling.Owing, int] = {settling.DEBT: of_debt, settling.RECEIVABLE: fen - of_debt}
    for account, part in parts.items():
        named = f"{found['id']}/{account.partition(':')[0]}"
        row = act_row(complex_id, named, found["session"], part, found["proposed_by"], now)
        if part:
            await act(connection, {**row, "approved_by": by, "reason": found["reason"]}, now, account)


async def remind(
    connection: AsyncConnection, complex_id: str, session: str, way: str, by: str, request: str, now: datetime
) -> bool:
    """Note that somebody was asked for a debt; False where it is noted. Raises NotDone where nothing is owed."""
    if await _is_known(connection, reminder, complex_id, request):
        return False
    stands = await settlement.of_session(connection, complex_id, session)
    if way not in WAYS or stands.owed_fen <= 0:
        raise NotDone("nothing_due")
    row = {"complex": complex_id, "id": request, "session": session, "way": way, "at": stamp(now), "by": by}
    await connection.execute(reminder.insert().values(**row, owed_fen=stands.owed_fen))
    return True
