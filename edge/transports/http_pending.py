"""Commands that wait for a device to ask: one each, for a few seconds, and never later."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import msgspec

from edge.devices.driver import Answer

_WAITS_S = 6.0  # cameras poll every few seconds; whoever stood there is gone after more
_MOST = 500


class PendingCommands:
    """What the next answer to each device carries."""

    def __init__(self, waits_s: float = _WAITS_S) -> None:
        self._waits_s = waits_s
        self._waiting: dict[str, tuple[Answer, float]] = {}

    def put(self, device: str, command: Answer) -> bool:
        """Whether it was taken: not while another one waits."""
        now_s = asyncio.get_running_loop().time()
        self._waiting = {name: entry for name, entry in self._waiting.items() if entry[1] > now_s}
        if device in self._waiting or len(self._waiting) >= _MOST:
            return False
        self._waiting[device] = (command, now_s + self._waits_s)
        return True

    def take(self, device: str) -> Answer | None:
        """What waits for a device, once."""
        command, until_s = self._waiting.pop(device, (None, 0.0))
        return command if until_s > asyncio.get_running_loop().time() else None


def laid_over(answer: Answer, command: Answer) -> Answer:
    """The answer with the command in it, where both are the same JSON object; else the command alone."""
    try:
        base, over = msgspec.json.decode(answer.payload or b"{}"), msgspec.json.decode(command.payload)
    except msgspec.DecodeError:
        return command
    if not (isinstance(base, dict) and isinstance(over, dict) and base.keys() & over.keys()):
        return command
    return msgspec.structs.replace(command, payload=msgspec.json.encode(_merged(base, over)))


def _merged(base: Any, over: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    below, above = cast("dict[str, Any]", base), cast("dict[str, Any]", over)
    return {**below, **{key: _merged(below.get(key), value) for key, value in above.items()}}
