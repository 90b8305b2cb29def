"""A complex of money for tests: cars that come and go, as the log tells of them, and what is paid for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.events import Event, Subject, encode_event
from domain.tariff import LotTariff, read_tariff
from domain.wire import pack
from eventlog.log import Record
from server.batches import Batch
from server.books.charges import Charges
from server.books.lots import Lots
from server.store.engine import stamp
from server.store.schema import complex_

NOW = datetime(2026, 11, 20, 4, tzinfo=UTC)  # noon in Shanghai
TARIFF = read_tariff(
    {
        "timezone": "Asia/Shanghai",
        "plans": {"small": {"charge": {"kind": "unit", "unit_min": 60, "fen": 300, "rounding": "ceil"}}},
    }
)


def passage(plate: str, way: str, at: datetime, number: int) -> Event:
    """A car that is let through."""
    return Event(
        kind="plate",
        device=f"cam:{way}",
        lane=f"east-{way}",
        direction=way,
        source_event_id=str(number),
        subject=Subject(type="plate", id=plate, plate_color="blue"),
        time=at,
        recorded_at=at,
    )


def stay(plate: str, hours: float, until: datetime = NOW, number: int = 0) -> list[Event]:
    """A car that came, and left some hours later."""
    first = passage(plate, "in", until - timedelta(hours=hours), 2 * number)
    return [first, passage(plate, "out", until, 2 * number + 1)]


def batch(events: Sequence[Event], position: int = 1, complex_id: str = "garden") -> Batch:
    packed = pack("gw-1", "routine", f"e{position}", 1, [encode_event(event) for event in events])
    return Batch(Record(position, packed, complex_id, stamp(NOW)))


def book_of_charges() -> Charges:
    return Charges(Lots(lambda: {"garden": LotTariff(TARIFF, "small")}), lambda: NOW)


async def add_garden(connection: AsyncConnection) -> None:
    await connection.execute(complex_.insert().values(id="garden", name="花园", timezone="Asia/Shanghai"))


def payment_row(number: str, session: str | None, fen: int, **changes: Any) -> dict[str, Any]:
    row = {"complex": "garden", "out_trade_no": number, "channel": "wechat", "kind": "session", "session": session}
    row |= {"lane": None, "shift": None, "amount_fen": fen, "status": "paid", "asked_at": stamp(NOW)}
    row |= {"quoted_at": None, "paid_at": stamp(NOW), "provider_no": None, "receipt": None, "by": None}
    return row | changes


def refund_row(number: str, payment: dict[str, Any], fen: int, **changes: Any) -> dict[str, Any]:
    row = {"complex": "garden", "out_refund_no": number, "out_trade_no": payment["out_trade_no"]}
    row |= {"channel": payment["channel"], "amount_fen": fen, "status": "success", "reason": "重复支付"}
    row |= {"proposed_at": stamp(NOW), "proposed_by": "wang", "approved_at": stamp(NOW), "approved_by": "li"}
    return row | {"done_at": stamp(NOW), "provider_no": None} | changes
