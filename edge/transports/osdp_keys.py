"""Keys pressed one by one, or several at once, until # ends them: then they are what somebody keyed."""

from __future__ import annotations

import msgspec

_END, _CLEAR = frozenset(b"#\r"), frozenset(b"*\x7f")
_PAUSE_S = 10.0
_MAX_KEYS, _MAX_READERS = 16, 256


class _Keyed(msgspec.Struct):
    text: str = ""
    at_s: float = 0.0


class Keys:
    """Of each reader what was keyed so far; after a pause it begins anew."""

    def __init__(self) -> None:
        self._keyed: dict[tuple[str, int], _Keyed] = {}

    def press(self, device: str, reader: int, data: bytes, now_s: float) -> list[str]:
        """What these keys completed; too many, or none at all, are nothing."""
        if len(self._keyed) >= _MAX_READERS:
            self._keyed.clear()
        keyed = self._keyed.setdefault((device, reader), _Keyed())
        if now_s - keyed.at_s > _PAUSE_S:
            keyed.text = ""
        keyed.at_s = now_s
        return [whole for key in data if (whole := self._one(keyed, key))]

    def _one(self, keyed: _Keyed, key: int) -> str:
        if key not in _END:
            more = chr(key) if 0x30 <= key <= 0x39 else ""
            keyed.text = "" if key in _CLEAR else (keyed.text + more)[: _MAX_KEYS + 1]
            return ""
        whole, keyed.text = keyed.text, ""
        return whole if len(whole) <= _MAX_KEYS else ""
