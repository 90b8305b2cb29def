"""The desk: what a stay owes, an order for it at a provider, and what becomes of what providers tell."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.tariff import BadStay, NoPrice
from server.audit import Actor, Subject, record
from server.books import grace, quotes, settling
from server.books.charges import Charges
from server.books.quotes import Quote
from server.payments import telling
from server.payments.calls import Calls
from server.payments.giving_back import refund_number, settle
from server.payments.provider import (
    Asked,
    BadNotice,
    Channel,
    Notice,
    PaymentProvider,
    Placed,
    ProviderRefused,
    Trade,
    Way,
)
from server.store import payment_rows, receipt_rows
from server.store.engine import Database, stamp, unstamp
from server.store.lane_settings import USUAL_S
from server.store.schema import refund

log = structlog.get_logger()

Row = Mapping[str, Any]
Wanted = tuple[Channel, Way, str]  # and by whom
GOOD_FOR = timedelta(minutes=5)  # an order: longer, and the fee may have risen
_LEFT_AT_LEAST = timedelta(seconds=60)
_WAITS = timedelta(seconds=USUAL_S)  # so long a car that was read stands at its lane
FIRST_CHECK = timedelta(seconds=5)
_OVER: dict[str, Any] = {"check_at": None, "address": ""}  # who asked is nobody's business any more
_ITSELF = Actor("gatehouse", "centre")
DUPLICATE = "重复支付"


class NothingDue(Exception):
    """There is nothing to pay; ``state`` says why."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


class NoChannel(Exception):
    """Nobody takes this complex's money that way."""


class Desk:
    """One for a process. What it writes of a complex it writes in that complex's turn: two notices never meet."""

    def __init__(self, db: Database, calls: Calls, book: Charges, now: Callable[[], datetime]) -> None:
        self._db, self.calls, self._book, self._now = db, calls, book, now
        self.ring: Callable[[str], None] = lambda _complex: None  # that a gateway has an order

    async def look(self, complex_id: str, session_id: str) -> tuple[Row, Quote] | None:
        """A stay and what it owes now; where the car stands at an exit, up to when it was read there."""
        async with self._db.read() as connection:
            stay = await payment_rows.stay(connection, complex_id, session_id)
            return None if stay is None else (stay, await self._quote(connection, stay))

    async def _quote(self, connection: AsyncConnection, stay: Row) -> Quote:
        now = self._now()
        car = await payment_rows.lane_of(connection, stay["complex"], stay["plate"])
        read_at = unstamp(car["at"]) if car is not None else now
        at = read_at if now - _WAITS <= read_at <= now else now
        lot = await self._book.lots.one(connection, stay["complex"])
        return await quotes.of_stay(connection, stay, lot, at)

    async def others(self, stay: Row) -> list[Quote]:
        """What else its plate may pay here: older debts, the oldest first, and the stay that goes on."""
        where = (stay["complex"], stay["plate"])
        async with self._db.read() as connection:
            found = [*await payment_rows.debts_of(connection, *where), await payment_rows.inside(connection, *where)]
            rows = [await payment_rows.stay(connection, where[0], one) for one in found if one and one != stay["id"]]
            owed = [await self._quote(connection, row) for row in rows if row is not None]
        return [one for one in owed if one.payable_fen]

    # --- orders ---

    async def ask(
        self,
        complex_id: str,
        session_id: str,
        channel: Channel,
        way: Way,
        *,
        lane: str = "",
        address: str = "127.0.0.1",
        payer: str = "",
        back_url: str = "",
    ) -> str:
        """The order by which a stay is paid: the one that is there while its amount holds, else a new one.

        Its number. Raises NothingDue, NoChannel, ProviderAway, ProviderRefused.
        """
        provider = self.calls.for_complex(channel, complex_id)
        if provider is None:
            raise NoChannel(channel)
        if way == "inside":  # such an order is one payer's: of whom, a digest says
            address = "payer:" + hashlib.sha256(payer.encode()).hexdigest()[:16]
        await self._close_others(complex_id, session_id, (channel, way, address))
        asked = {"lane": lane or None, "address": address}
        async with self._db.write(complex_id) as connection:
            row, stay = await self._row(connection, (complex_id, session_id), provider, way, asked)
        if row["url"] or row["call"]:
            return row["out_trade_no"]
        placed = await self._place(provider, row, stay, payer, back_url)
        async with self._db.write(complex_id) as connection:
            values = {"url": placed.url or None, "call": dict(placed.call) or None}
            await payment_rows.change_order(connection, complex_id, row["out_trade_no"], **values)
        return row["out_trade_no"]

    async def _place(self, provider: PaymentProvider, row: Row, stay: Row, payer: str, back_url: str) -> Placed:
        asked = Asked(
            row["out_trade_no"],
            row["amount_fen"],
            f"{stay['complex_name']} 停车费",
            unstamp(row["expires_at"]),
            row["way"],
            row["address"],
            payer,
            back_url.replace("ORDER", row["out_trade_no"]),
        )
        return await self.calls.run(lambda: provider.order(asked))

    async def _row(
        self, connection: AsyncConnection, where: tuple[str, str], provider: PaymentProvider, way: Way, asked: Row
    ) -> tuple[Row, Row]:
        """The pending order that still fits, or a new one."""
        stay = await payment_rows.stay(connection, *where)
        if stay is None:
            raise NothingDue("left")
        quote, now = await self._quote(connection, stay), self._now()
        if not quote.payable_fen:
            raise NothingDue(quote.state)
        for row in await payment_rows.orders_of(connection, *where):
            wanted = (provider.channel, way, asked["address"])
            if self._fits(row, wanted, quote) and unstamp(row["expires_at"]) > now + _LEFT_AT_LEAST:
                return row, stay
        number = await self._number(connection, where)
        await self._add(connection, where, number, provider, way, quote, asked)
        made = await payment_rows.by_number(connection, number)
        if made is None:
            raise LookupError(number)
        return made, stay

    @staticmethod
    def _fits(row: Row, wanted: Wanted, quote: Quote) -> bool:
        same = (row["channel"], row["way"], row["amount_fen"]) == (*wanted[:2], quote.due_fen)
        return same and (wanted[1] != "inside" or row["address"] == wanted[2])

    async def _number(self, connection: AsyncConnection, where: tuple[str, str]) -> str:
        """Derived: the n-th order of a stay has the same number wherever it is made."""
        count = len(await payment_rows.of_session(connection, *where))
        return "PK" + hashlib.sha256("/".join((*where, str(count))).encode()).hexdigest()[:26].upper()

    async def _add(
        self,
        connection: AsyncConnection,
        where: tuple[str, str],
        number: str,
        provider: PaymentProvider,
        way: Way,
        quote: Quote,
        asked: Row,
    ) -> None:
        now = self._now()
        row = {"complex": where[0], "session": where[1], "out_trade_no": number, "channel": provider.channel}
        row |= {"kind": quote.kind, "lane": asked["lane"], "amount_fen": quote.due_fen, "status": "pending"}
        row |= {"asked_at": stamp(now), "quoted_at": stamp(quote.at)}
        order = {"merchant": provider.merchant, "way": way, "address": asked["address"], "checks": 0, "tells": 0}
        order |= {"expires_at": stamp(now + GOOD_FOR), "check_at": stamp(now + FIRST_CHECK)}
        await payment_rows.add(connection, row, order)

    async def _close_others(self, complex_id: str, session_id: str, wanted: Wanted) -> None:
        """Whatever else was asked for the stay, or for another amount: one stay is not paid twice."""
        async with self._db.read() as connection:
            stay = await payment_rows.stay(connection, complex_id, session_id)
            quote = None if stay is None else await self._quote(connection, stay)
            pending = await payment_rows.orders_of(connection, complex_id, session_id)
        for row in pending:
            soon = unstamp(row["expires_at"]) <= self._now() + _LEFT_AT_LEAST
            if quote is None or soon or not self._fits(row, wanted, quote):
                await self.close(row)

    async def close(self, row: Row) -> None:
        """Close an order at its provider, and here; one that was paid meanwhile is taken as paid."""
        provider = self.calls.of(row["channel"], row["merchant"])
        if provider is None:
            return
        try:
            await self.calls.run(lambda: provider.close(row["out_trade_no"]))
        except ProviderRefused:
            await self.check(row)
            return
        async with self._db.write(row["complex"]) as connection:
            await self._closed(connection, row)

    async def _closed(self, connection: AsyncConnection, row: Row) -> None:
        fresh = await payment_rows.by_number(connection, row["out_trade_no"])
        if fresh is not None and fresh["status"] == "pending":
            await payment_rows.change(connection, row["complex"], row["out_trade_no"], status="closed")
        await payment_rows.change_order(connection, row["complex"], row["out_trade_no"], **_OVER)

    async def check(self, row: Row) -> Trade | None:
        """Ask the provider how an order is: a lost notice is found so. None: nobody asks for that merchant here."""
        provider = self.calls.of(row["channel"], row["merchant"])
        if provider is None:
            return None
        found = await self.calls.run(lambda: provider.query(row["out_trade_no"]))
        if found.state == "paid" and found.paid_at is not None:
            numbers = (row["out_trade_no"], found.provider_no, found.amount_fen, found.paid_at)
            said = ("payment", row["channel"], row["merchant"], *numbers)
            await self.take(Notice(f"query/{found.provider_no}", *said))
        return found

    # --- what providers tell ---

    async def take(self, notice: Notice) -> bool:
        """Act on a notice that its provider vouches for. Whether it was new. Raises BadNotice: nothing is changed."""
        async with self._db.read() as connection:
            known = await payment_rows.by_number(connection, notice.out_trade_no)
        if known is None or known["channel"] != notice.channel:
            raise BadNotice("unknown_order", f"{notice.out_trade_no} is no order of ours")
        if known["merchant"] != notice.merchant:
            raise BadNotice("merchant", f"the order is {known['merchant']}'s, not {notice.merchant}'s")
        if known["amount_fen"] != notice.amount_fen:
            raise BadNotice("amount", f"it tells of {notice.amount_fen} fen, {known['amount_fen']} were asked for")
        async with self._db.write(known["complex"]) as connection:
            is_new = await self._taken(connection, notice, known["complex"])
        self.ring(known["complex"])
        return is_new

    async def _taken(self, connection: AsyncConnection, notice: Notice, complex_id: str) -> bool:
        now = self._now()
        said = {"complex": complex_id, "channel": notice.channel, "id": notice.id, "kind": notice.kind}
        said |= {"out_trade_no": notice.out_trade_no, "received_at": stamp(now)}
        if not await payment_rows.note(connection, said):
            return False
        row = await payment_rows.by_number(connection, notice.out_trade_no)
        if row is None:
            return False
        if notice.kind == "refund":
            return await self._refund_told(connection, notice, row)
        if notice.state == "closed":
            if row["status"] == "pending":
                await self._closed(connection, row)
            return True
        if row["status"] == "paid":
            return False
        await self._paid(connection, row, notice)
        return True

    async def _refund_told(self, connection: AsyncConnection, notice: Notice, row: Row) -> bool:
        found = await payment_rows.refund_by_number(connection, notice.out_refund_no) if notice.out_refund_no else None
        if found is None or found["out_trade_no"] != row["out_trade_no"] or notice.refund is None:
            return False  # given back by somebody at the provider: the bill tells, and reconciliation finds it
        # Alipay tells the sum of all refunds of the order, WeChat Pay of this one.
        if notice.channel == "wechat" and notice.refund.amount_fen != found["amount_fen"]:
            raise BadNotice("amount", f"a refund of {notice.refund.amount_fen} fen, not {found['amount_fen']}")
        return await settle(connection, found, notice.refund, self._now())

    async def _paid(self, connection: AsyncConnection, row: Row, notice: Notice) -> None:
        """The payment, its journal, the gateway's order, and where it is one too many, the proposal to give it back."""
        now, complex_id, number = self._now(), row["complex"], row["out_trade_no"]
        values: dict[str, Any] = {"status": "paid", "paid_at": stamp(notice.at), "provider_no": notice.provider_no}
        values |= await receipt_rows.numbered(connection, complex_id)
        await payment_rows.change(connection, complex_id, number, **values)
        await payment_rows.change_order(connection, complex_id, number, **_OVER)
        paid = {**row, **values}
        await settling.paid(connection, paid, now)
        details = {"channel": row["channel"], "amount_fen": row["amount_fen"], "notice": notice.id[:64]}
        on = Subject("payment", number)
        record(connection, _ITSELF, "payment.taken", now, on=on, complex_id=complex_id, details=details)
        stay = await payment_rows.stay(connection, complex_id, row["session"]) if row["session"] else None
        if stay is None:
            return
        if stay["state"] != "inside":
            await self._book.again(connection, complex_id, stay["id"])
        excess_fen = await self._excess(connection, stay)
        if excess_fen:
            await self._propose(connection, paid, min(excess_fen, row["amount_fen"]))
        if excess_fen < row["amount_fen"] and stay["state"] == "inside":
            await telling.tell(connection, paid, stay, now)

    async def _excess(self, connection: AsyncConnection, stay: Row) -> int:
        """How much more was paid than the stay costs: up to the latest quote, or its exit."""
        rows = await payment_rows.of_session(connection, stay["complex"], stay["id"])
        paid = [row for row in rows if row["status"] == "paid"]
        back = await payment_rows.refunds_of(connection, stay["complex"], [row["out_trade_no"] for row in paid])
        lot = await self._book.lots.one(connection, stay["complex"])
        times = [unstamp(row["quoted_at"]) for row in paid if row["quoted_at"]]
        upto = max(times, default=None)
        if stay["exited_at"]:  # as the book charges it: up to the quote, where it left within its grace
            where = (stay["complex"], stay["id"])
            upto = (await grace.of_stays(connection, [where])).upto(*where, unstamp(stay["exited_at"]))
        if lot is None or upto is None or stay["entered_at"] is None:
            return 0
        try:
            fee_fen, _ = await quotes.fee_of(connection, lot, stay, upto)
        except (NoPrice, BadStay):
            return 0
        return max(0, quotes.net(paid, back) - fee_fen)

    async def _propose(self, connection: AsyncConnection, row: Row, fen: int) -> None:
        now, number = self._now(), refund_number(row["out_trade_no"], 1)
        values = {"complex": row["complex"], "out_refund_no": number, "out_trade_no": row["out_trade_no"]}
        values |= {"channel": row["channel"], "amount_fen": fen, "status": "proposed", "reason": DUPLICATE}
        await connection.execute(refund.insert().values(**values, proposed_at=stamp(now), proposed_by=_ITSELF.who))
        on, told = Subject("refund", number), {"amount_fen": fen, "payment": row["out_trade_no"]}
        record(connection, _ITSELF, "refund.proposed", now, on=on, complex_id=row["complex"], details=told)
