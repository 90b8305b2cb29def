"""What was told to have begun and is not over yet: whoever tells it may be made anew, and would never end it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MOST = 256
Fields = Mapping[str, Any]


class Lasting:
    """Of one looker, or of one camera."""

    def __init__(self, begun: Mapping[str, Fields] | None = None) -> None:
        self._begun: dict[str, Fields] = dict(begun or {})

    def hear(self, number: str, fields: Fields) -> bool:
        """What is told; whether it changes what lasts."""
        if fields.get("kind") != "detection" or not number:
            return False
        if fields.get("phase") == "end":
            return self._begun.pop(number, None) is not None
        if fields.get("phase") != "start":
            return False
        while len(self._begun) >= _MOST:
            del self._begun[next(iter(self._begun))]
        self._begun[number] = fields
        return True

    @property
    def begun(self) -> Mapping[str, Fields]:
        return self._begun

    def cut_short(self) -> list[tuple[str, dict[str, Any]]]:
        """The end of all that lasts, as it is told where nobody saw it end; nothing lasts any more."""
        begun, self._begun = self._begun, {}
        return [(number, _ended(fields)) for number, fields in begun.items()]


def _ended(fields: Fields) -> dict[str, Any]:
    ext = {name: value for name, value in dict(fields.get("ext") or {}).items() if name != "box"}
    return {**fields, "phase": "end", "ext": {**ext, "cut_short": True}}
