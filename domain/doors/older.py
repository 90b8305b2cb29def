"""The document ``credentials`` for a gateway whose program is older than some of its words: it refuses what it does not
know, and a list that is refused revokes nothing."""

from __future__ import annotations

from typing import Any

FORM = 2  # of the document as it is written now; 1 knows no moments and nothing that is used up
_HOURS = ("from_at", "until_at")


def in_form_1(body: dict[str, Any]) -> dict[str, Any]:
    """The same and never more: what has moments is left out, for without them it would open all day; what was used up
    is revoked."""
    parts = {name: body[name] for name in ("cards", "known") if name in body}
    return {**body, **{name: [_entry(one) for one in part if not _has_hours(one)] for name, part in parts.items()}}


def _has_hours(entry: dict[str, Any]) -> bool:
    return any(entry.get(name) is not None for name in _HOURS)


def _entry(entry: dict[str, Any]) -> dict[str, Any]:
    older = {name: value for name, value in entry.items() if name not in (*_HOURS, "used")}
    return {**older, "revoked": True} if entry.get("used") else older
