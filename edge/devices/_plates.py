"""The subject of a plate event, from whatever text and flags a camera gives."""

from __future__ import annotations

from functools import lru_cache

from domain import plates
from domain.events import Subject

_CARS_REMEMBERED = 4_096  # the same cars pass every day, and the grammar costs more than the rest of a decode

_NO_PLATE = frozenset({"无牌车", "无牌", "无车牌", "NOPLATE", "NO_PLATE"})
_UNREADABLE = frozenset({"", "_无_", "无", "未识别", "UNKNOWN"})
_PREFIXES = (
    ("黄绿", "yellow_green"),
    ("蓝", "blue"),
    ("黄", "yellow"),
    ("白", "white"),
    ("黑", "black"),
    ("绿", "green"),
)


def plate_subject(text: str | None, color: str = "unknown", *, none_seen: bool = False, fake: bool = False) -> Subject:
    """What a camera read. ``none_seen``: it says there is no plate; ``fake``: it doubts that what it read is one.

    The words for no plate are those of the families we know: devices.md section 1.
    """
    said = (text or "").strip()
    plate, valid = ("", False) if _is_word(said) else _judged(said)
    if not any(map(str.isalnum, plate)) or (none_seen and not valid):
        return Subject(type="plate", plate_color=color, plate_status=_unread_status(said, none_seen))
    status = "suspect_fake" if fake else "read"
    shown = _prefix_color(said, plate) if color == "unknown" else color
    return Subject(type="plate", id=plate, plate_color=shown, plate_status=status, valid=valid)


def encrypted_subject(color: str) -> Subject:
    """A plate that only whoever has the camera's key can read."""
    return Subject(type="plate", plate_color=color, plate_status="encrypted")


def looks_like_plate(text: str) -> bool:
    """Whether the grammar of domain/plates knows it."""
    return plates.classify(text) is not None


@lru_cache(maxsize=_CARS_REMEMBERED)
def _judged(said: str) -> tuple[str, bool]:
    plate = plates.normalise(said)
    return plate, plates.classify(plate) is not None


def _is_word(said: str) -> bool:
    return said.upper() in _NO_PLATE or said.upper() in _UNREADABLE


def _unread_status(said: str, none_seen: bool) -> str:
    return "no_plate" if none_seen or said.upper() in _NO_PLATE else "unreadable"


def _prefix_color(said: str, plate: str) -> str:
    """The colour that stood before the plate, where normalising took one away: 黑A is a province, 黑粤 a colour."""
    if said[0].upper() == plate[0]:
        return "unknown"
    return next((color for prefix, color in _PREFIXES if said.startswith(prefix)), "unknown")
