"""Words and numbers of a camera's, fit to be shown and counted with."""

from __future__ import annotations

_TEXT = 80


def pixels(said: object) -> int:
    return said if isinstance(said, int) and 0 < said <= 65_536 else 0


def text(said: object) -> str:
    """Short, and without what a terminal would obey."""
    found = str(said) if isinstance(said, str | int) else ""
    return "".join(sign if sign.isprintable() else " " for sign in found[:_TEXT]).strip()
