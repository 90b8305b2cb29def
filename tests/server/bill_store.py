"""The day of tests/fixtures/bills in a centre's tables: its stays, charges, payments, shifts, and how lanes opened."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import derive
from domain.passages import Passage
from domain.reconciliation import read_file
from server.bill_files import told_of
from server.books.day_close import reconcile_day
from server.house import House
from server.store import schema, upload_rows
from server.store.engine import stamp

FIXTURES = Path(__file__).parents[1] / "fixtures" / "bills"
LOCAL: dict[str, Any] = json.loads((FIXTURES / "local_2026-11-20.json").read_text(encoding="utf-8"))
EXPECTED: dict[str, Any] = json.loads((FIXTURES / "expected_2026-11-20.json").read_text(encoding="utf-8"))
FILES = [
    path for path in sorted(FIXTURES.iterdir()) if path.suffix in (".csv", ".zip") and not path.name.startswith("local")
]
_CHINA = ZoneInfo("Asia/Shanghai")


def time_of(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=_CHINA).astimezone(UTC)


def at_of(text: str | None) -> str | None:
    return None if text is None else stamp(time_of(text))


def id_of(passage: str) -> bytes:
    return derive("passage", passage)


async def fill_day(connection: AsyncConnection, complex_id: str = "garden") -> None:
    """Everything of our side, as the readers of the log and the desks write it."""
    left = {row["session_id"]: row["at"] for row in LOCAL["exit_passages"]}
    for row in LOCAL["charges"]:
        if row["exit"] is not None:
            await _charge(connection, complex_id, {**row, "exit": left.get(row["session_id"], row["exit"])})
    charged = {row["charge_id"]: row["session_id"] for row in LOCAL["charges"]}
    for row in LOCAL["payments"]:
        await _put(connection, schema.payment, _payment(complex_id, row, charged))
    for row in LOCAL["refunds"]:
        await _put(connection, schema.refund, _refund(complex_id, row))
    for row in LOCAL["shifts"]:
        await _put(connection, schema.cash_shift, _shift(complex_id, row))
    for row in LOCAL["exit_passages"]:
        await _passage(connection, complex_id, row)


async def _put(connection: AsyncConnection, table: Table, row: dict[str, Any]) -> None:
    await connection.execute(table.insert().values(**row))


async def _charge(connection: AsyncConnection, complex_id: str, row: dict[str, Any]) -> None:
    said = {"complex": complex_id, "session": row["session_id"], "revision": 0, "plate": row["plate"]}
    said |= {"entered_at": at_of(row["entry"]), "exited_at": at_of(row["exit"]), "class": "small"}
    said |= {"amount_fen": row["payable_fen"], "change_fen": row["payable_fen"], "lines": [], "tariff": "t"}
    await _put(
        connection, schema.charge, {**said, "reason": "priced", "note": None, "booked_at": "2026-11-20T12:00:00.000Z"}
    )
    await _session(connection, complex_id, row["session_id"], row["plate"], at_of(row["entry"]), at_of(row["exit"]))


async def _session(
    connection: AsyncConnection, complex_id: str, session: str, plate: str, entry: str | None, left: str | None
) -> None:
    said = {"complex": complex_id, "id": session, "plate": plate, "plate_color": "blue", "anomalies": []}
    said |= {"state": "exited" if entry else "no_entry", "entered_at": entry, "exited_at": left}
    said |= {"entry_lane": "in-1", "exit_lane": "out-1", "entry_picture": None, "exit_picture": None}
    await _put(connection, schema.session, {**said, "begun_at": entry or left, "begun_by": id_of(session)})


def _payment(complex_id: str, row: dict[str, Any], charged: dict[str, str]) -> dict[str, Any]:
    said = {"complex": complex_id, "out_trade_no": row["out_trade_no"], "channel": row["channel"], "kind": "session"}
    said |= {"session": charged.get(row["charge_id"]), "shift": row.get("shift_id"), "amount_fen": row["amount_fen"]}
    asked = at_of(row.get("created_at") or row["paid_at"])
    return {**said, "status": row["status"].lower(), "asked_at": asked, "paid_at": at_of(row["paid_at"])}


def _refund(complex_id: str, row: dict[str, Any]) -> dict[str, Any]:
    names = ("out_refund_no", "out_trade_no", "channel", "amount_fen")
    said: dict[str, Any] = {"complex": complex_id, **{name: row[name] for name in names}}
    said |= {"status": row["status"].lower(), "reason": "", "proposed_at": at_of(row["at"]), "proposed_by": "wang"}
    done = at_of(row["at"]) if row["status"] == "SUCCESS" else None
    return {**said, "approved_at": at_of(row["at"]), "approved_by": "li", "done_at": done}


def _shift(complex_id: str, row: dict[str, Any]) -> dict[str, Any]:
    said = {"complex": complex_id, "id": row["shift_id"], "person": row["operator"], "payouts_fen": 0}
    said |= {"opened_at": at_of(row["start"]), "closed_at": at_of(row["end"])}
    return {**said, "opening_float_fen": row["opening_float_fen"], "counted_fen": row["counted_cash_fen"]}


async def _passage(connection: AsyncConnection, complex_id: str, row: dict[str, Any]) -> None:
    """A reading with what its lane said of it; a car that slipped through was not read."""
    at, identity = time_of(row["at"]), id_of(row["passage_id"])
    lane = {"complex": complex_id, "lane": row["lane"], "direction": "out", "reason": "", "by": ""}
    if row["opened_by"] == "none":
        await _put(
            connection, schema.lane_decision, {**lane, "id": identity, "kind": "tailgate", "occurred_at": stamp(at)}
        )
        return
    seen = Passage(
        id=identity, plate=row["plate"], lane=row["lane"], direction="out", occurred_at=at, device="vzenith:1"
    )
    kept = {"complex": complex_id, "id": identity, "plate": row["plate"], "occurred_at": stamp(at)}
    await _put(connection, schema.parking_passage, {**kept, "passage": msgspec.json.encode(seen)})
    if row["session_id"] is None:
        await _session(connection, complex_id, f"S-{row['passage_id']}", row["plate"], None, stamp(at))
    if row["opened_by"] == "manual":
        said = {"occurred_at": stamp(at), "reason": "person", "by": "li"}
        await _put(connection, schema.lane_decision, {**lane, **said, "id": identity, "kind": "plate"})
        hand = {"occurred_at": stamp(at + timedelta(seconds=1)), "reason": row["reason"] or "", "by": "li"}
        await _put(connection, schema.lane_decision, {**lane, **hand, "id": identity[::-1], "kind": "by_hand"})


async def reconciled_day(house: House, by: str = "sun") -> None:
    """The day with its bills given, and reconciled."""
    now = house.now()
    async with house.db.write("garden") as connection:
        await fill_day(connection)
        for path in FILES:
            found = read_file(path.name, io.BytesIO(path.read_bytes()))
            row = {"sha256": found.digests.sha256, "name": path.name, "told": told_of(found), "size_bytes": 1}
            row["body"] = upload_rows.packed(io.BytesIO(path.read_bytes()))
            await upload_rows.give(connection, "garden", "2026-11-20", row, by, now)
    await reconcile_day(house.db, "garden", date(2026, 11, 20), by, now)
