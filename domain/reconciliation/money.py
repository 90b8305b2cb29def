"""Yuan as bills write them, to whole numbers and back; no float ever."""

from __future__ import annotations

import re

FEE_UNITS = 1_000  # in a fen: WeChat Pay writes fees with five decimals of a yuan
_YUAN = re.compile(r"-?[0-9]{1,13}\.[0-9]{2}")
_FINE = re.compile(r"(-?)([0-9]{1,13})(?:\.([0-9]{1,5}))?")
_LOOSE = re.compile(r"([+-]?)[¥￥]?((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,13}))(?:\.([0-9]{1,2}))?")


def fen(text: str) -> int:
    """``12.30`` → 1230: with its two decimals, as the providers write it. Raises ValueError."""
    if _YUAN.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no amount with two decimals")
    return int(text[:-3] + text[-2:])


def fee_units(text: str) -> int:
    """``0.03000`` → 3000, in hundred-thousandths of a yuan. Raises ValueError."""
    found = _FINE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no fee")
    units = int(found[2] + (found[3] or "").ljust(5, "0"))
    return -units if found[1] else units


def decimals(text: str) -> int:
    """How many decimals a number was written with."""
    return len(text.partition(".")[2])


def loose_fen(text: str) -> int:
    """An amount as banks write it: ``1,234.5``, ``¥12.30``, ``-3``, or nothing at all. Raises ValueError."""
    if not text or text in ("-", "--"):
        return 0
    found = _LOOSE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no amount")
    value = int(found[2].replace(",", "") + (found[3] or "").ljust(2, "0"))
    return -value if found[1] == "-" else value


def yuan(value_fen: int) -> str:
    """1230 → ``12.30``."""
    sign, value = ("-", -value_fen) if value_fen < 0 else ("", value_fen)
    return f"{sign}{value // 100}.{value % 100:02}"


def fine_yuan(units: int) -> str:
    """32400 → ``0.32400``."""
    sign, value = ("-", -units) if units < 0 else ("", units)
    return f"{sign}{value // 100_000}.{value % 100_000:05}"
