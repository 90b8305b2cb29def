"""What an exit without an entry costs, once a person has said that there is none: by the complex's setting."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

import msgspec

from domain.parking import Session
from domain.tariff import BadStay, LotTariff, NoPrice
from domain.tariff.fee import Line

NoEntry = int | Literal["open", "first_hour"]  # fen; the price of an hour; or a person settles it
OPEN = "no entry: the complex has no price for it; a person settles it"
_HOUR = timedelta(hours=1)


def price(setting: NoEntry, lot: LotTariff, session: Session) -> dict[str, Any]:
    """As the book enters it: amount, explanation, tariff, reason."""
    if session.exited_at is None:
        raise ValueError(f"session {session.id.hex()} has no exit")
    version = lot.tariff.plan(lot.class_of(session.color)).version
    entry = {"amount_fen": 0, "lines": "[]", "tariff": version, "reason": "unpriced", "note": OPEN}
    if setting == "open":
        return entry
    if isinstance(setting, int):
        lines = (Line(session.exited_at, session.exited_at, f"no entry: {setting} fen", 1, setting),)
        return _priced(entry, setting, lines)
    try:
        quote = lot.quote(session.color, session.exited_at - _HOUR, session.exited_at)
    except (NoPrice, BadStay) as error:
        return {**entry, "note": str(error)}
    return _priced(entry, quote.fee_fen, quote.lines)


def _priced(entry: dict[str, Any], fen: int, lines: tuple[Line, ...]) -> dict[str, Any]:
    return {
        **entry,
        "amount_fen": fen,
        "lines": msgspec.json.encode(lines).decode(),
        "reason": "no_entry",
        "note": None,
    }
