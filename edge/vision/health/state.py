"""What state a camera is in: a verdict counts once it has stood for a while, and the state before it is then over."""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal

State = Literal["unknown", "ok", "dark", "covered", "defocused", "moved", "frozen", "no_picture", "offline"]
# All within the ten seconds in which it must be told; what is watched for long by itself counts at once.
STANDS_S = MappingProxyType(
    {"ok": 3.0, "dark": 4.0, "covered": 4.0, "defocused": 5.0, "moved": 5.0, "frozen": 0.0, "no_picture": 0.0}
)


class Settled:
    """The state that was told last, and what may become the next."""

    def __init__(self) -> None:
        self.state: State = "unknown"
        self._next: State = "unknown"
        self._since_s = 0.0

    def hear(self, verdict: State, seconds: float) -> bool:
        """Whether the state is another from now on."""
        if verdict == self.state:
            self._next = verdict
            return False
        if verdict != self._next:
            self._next, self._since_s = verdict, seconds
        if seconds - self._since_s < STANDS_S.get(verdict, 0.0):
            return False
        self.state = verdict
        return True
