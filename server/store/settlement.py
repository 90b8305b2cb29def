"""How each session stands: what it was charged, what was paid, given back, let off, and what is owed. In whole fen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import Select, String, and_, case, func, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.engine import stamp
from server.store.schema import charge, journal, journal_line, payment, refund, session_act

State = Literal["priced", "paying", "paid", "debt", "settled", "written_off"]
OF_SESSIONS = ("session", "debt")  # kinds of payments
RECEIVABLE, DEBT = "receivable:sessions", "debt:unpaid_exit"


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """The money of a session. ``debt_fen`` of what is owed stands as a debt; ``asked``: payments that are under way."""

    session: str
    charged_fen: int = 0
    paid_fen: int = 0
    refunded_fen: int = 0
    waived_fen: int = 0
    discounted_fen: int = 0
    written_off_fen: int = 0
    debt_fen: int = 0
    became_debt_fen: int = 0
    asked: int = 0

    @property
    def owed_fen(self) -> int:
        """Less than 0: more was paid than is due, so far."""
        let_off = self.waived_fen + self.discounted_fen + self.written_off_fen
        return self.charged_fen - self.paid_fen + self.refunded_fen - let_off

    @property
    def receivable_fen(self) -> int:
        """What is owed and stands as no debt."""
        return self.owed_fen - self.debt_fen

    @property
    def state(self) -> State:
        if self.owed_fen > 0:
            return "debt" if self.debt_fen else "paying" if self.asked else "priced"
        if self.written_off_fen:
            return "written_off"
        return "settled" if self.became_debt_fen else "paid"


async def of_session(connection: AsyncConnection, complex_id: str, session: str) -> Settlement:
    """How one session stands; nothing but noughts where no money was ever moved for it."""
    return (await of_sessions(connection, complex_id, [session]))[session]


async def of_sessions(
    connection: AsyncConnection, complex_id: str, sessions: Iterable[str] | None = None
) -> dict[str, Settlement]:
    """How sessions stand: those named, or all of a complex that money was moved for."""
    named = None if sessions is None else list(sessions)
    moved = _moved(complex_id, named).subquery()
    query = select(moved.c.session, moved.c.what, func.sum(moved.c.fen).label("fen"))
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for row in await connection.execute(query.group_by(moved.c.session, moved.c.what)):
        found[row.session][row.what] = int(row.fen)
    return {one: settled(one, found[one]) for one in (found if named is None else named)}


def settled(session: str, sums: Mapping[str, int]) -> Settlement:
    return msgspec.convert({"session": session, **sums}, Settlement)


def _became_debt(complex_id: str) -> Select[tuple[str]]:
    return select(session_act.c.session).where(session_act.c.complex == complex_id, session_act.c.kind == "debt")


def _moved(complex_id: str, sessions: list[str] | Select[tuple[str]] | None) -> Any:
    """What moved, as rows of session, what, fen."""

    def of(table: Any, what: Any, fen: Any, *where: Any) -> Any:
        chosen: Any = select(table.c.session, what, fen.label("fen")).where(table.c.complex == complex_id, *where)
        return chosen if sessions is None else chosen.where(table.c.session.in_(sessions))

    of_ours = (payment.c.kind.in_(OF_SESSIONS), payment.c.session.is_not(None))
    act_of, owes = session_act.c.kind, case((session_act.c.debit == DEBT, 1), else_=-1)
    same = and_(payment.c.complex == refund.c.complex, payment.c.out_trade_no == refund.c.out_trade_no)
    back = of(payment, _named("refunded_fen"), refund.c.amount_fen, refund.c.status == "success", *of_ours)
    debt_back = of(payment, _named("debt_fen"), refund.c.amount_fen, refund.c.status == "success")
    acts = case((act_of == "waive", "waived_fen"), (act_of == "discount", "discounted_fen"), else_="written_off_fen")
    paid = payment.c.status == "paid"
    in_debt = (session_act.c.debit == DEBT) | (session_act.c.credit == DEBT)
    return union_all(
        of(charge, _named("charged_fen"), charge.c.change_fen),
        of(payment, _named("paid_fen"), payment.c.amount_fen, paid, *of_ours),
        of(payment, _named("debt_fen"), -payment.c.amount_fen, paid, payment.c.kind == "debt"),
        of(payment, _named("asked"), literal(1), payment.c.status == "pending", *of_ours),
        back.join(refund, same),
        debt_back.join(refund, same).where(payment.c.kind == "debt"),
        of(session_act, acts.label("what"), session_act.c.amount_fen, act_of != "debt"),
        of(session_act, _named("became_debt_fen"), session_act.c.amount_fen, act_of == "debt"),
        of(session_act, _named("debt_fen"), owes * session_act.c.amount_fen, in_debt),
    )


def _named(what: str) -> Any:
    return literal(what, String).label("what")


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """I6 of a complex: what was charged is what was paid (and not given back), let off, and owed by the ledger."""

    charged_fen: int
    paid_fen: int
    refunded_fen: int
    waived_fen: int
    discounted_fen: int
    written_off_fen: int
    owed_fen: int  # by the ledger: what is receivable, and what became a debt

    @property
    def difference_fen(self) -> int:
        let_off = self.waived_fen + self.discounted_fen + self.written_off_fen
        return self.charged_fen - (self.paid_fen - self.refunded_fen + let_off + self.owed_fen)


async def sums(connection: AsyncConnection, complex_id: str) -> Sums:
    """All sessions of a complex together, against what the ledger says was charged and is owed.

    What was charged is the ledger's too: the book of charges lets go of its oldest entries, the ledger of nothing.
    """
    moved = _moved(complex_id, None).subquery()
    query = select(moved.c.what, func.sum(moved.c.fen).label("fen")).group_by(moved.c.what)
    found = {row.what: int(row.fen) for row in await connection.execute(query)}
    names = ("paid_fen", "refunded_fen", "waived_fen", "discounted_fen", "written_off_fen")
    lines = select(func.coalesce(func.sum(journal_line.c.fen), 0)).where(journal_line.c.complex == complex_id)
    owed = lines.where(journal_line.c.account.in_((RECEIVABLE, DEBT)))
    same = and_(journal.c.complex == journal_line.c.complex, journal.c.number == journal_line.c.number)
    charged = lines.join(journal, same).where(journal.c.source == "charge", journal_line.c.account == RECEIVABLE)
    of_ledger = [int((await connection.execute(one)).scalar_one()) for one in (charged, owed)]
    return Sums(charged_fen=of_ledger[0], owed_fen=of_ledger[1], **{name: found.get(name, 0) for name in names})


async def debtors(connection: AsyncConnection, complex_id: str) -> list[str]:
    """Sessions with something that stands as a debt."""
    moved = _moved(complex_id, _became_debt(complex_id)).subquery()
    query = select(moved.c.session).where(moved.c.what == "debt_fen").group_by(moved.c.session)
    query = query.having(func.sum(moved.c.fen) > 0).order_by(moved.c.session)
    return list((await connection.execute(query)).scalars())


async def unsettled(connection: AsyncConnection, complex_id: str, since: datetime) -> list[str]:
    """Sessions whose money moved since a moment, behind the back of the book of charges: a debt that was paid, or a
    payment that was given back. Of all others that pay nothing becomes a debt."""
    paid = select(payment.c.session).where(
        payment.c.complex == complex_id,
        payment.c.paid_at >= stamp(since),
        payment.c.kind.in_(OF_SESSIONS),
        payment.c.session.in_(_became_debt(complex_id)),
    )
    same = and_(payment.c.complex == refund.c.complex, payment.c.out_trade_no == refund.c.out_trade_no)
    back = select(payment.c.session).join(refund, same)
    back = back.where(refund.c.complex == complex_id, refund.c.done_at >= stamp(since))
    rows = await connection.execute(union_all(paid, back))
    return sorted({row.session for row in rows if row.session is not None})
