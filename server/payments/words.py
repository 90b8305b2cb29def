"""Amounts and times as providers write them: yuan with two decimals, China's clocks without a zone."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

CHINA = ZoneInfo("Asia/Shanghai")
_WHOLE = re.compile(r"\d{1,12}(?:\.\d{1,2})?")


def to_yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02}"


def to_fen(text: str) -> int:
    """Exactly; one decimal or none count too. Raises ValueError."""
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{text!r} is no amount")
    whole, _, part = text.partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0") or "0")


def china_time(text: str) -> datetime:
    """``2026-11-20 08:00:00``. Raises ValueError."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)


def in_china(time: datetime) -> str:
    return f"{time.astimezone(CHINA):%Y-%m-%d %H:%M:%S}"
