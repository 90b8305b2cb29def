"""What systemd is told: ready, alive while the log takes what is offered, and how things stand."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec
from sdnotify import SystemdNotifier  # pyright: ignore[reportMissingTypeStubs]

_PINGS = 4  # within the time systemd grants: one may be late, and one lost
_IDLE_S = 240.0


class Turns(msgspec.Struct, frozen=True):
    """How often the committer came round, and whether something waits for it to come round again."""

    done: int
    waiting: bool


class Said(Protocol):
    """Takes one message for the service manager."""

    def __call__(self, message: str, /) -> None: ...


def to_systemd() -> Said:
    """The way to systemd's socket; without one, what is said goes nowhere."""
    return SystemdNotifier().notify  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def granted_s(environment: Mapping[str, str]) -> float | None:
    """The time between pings that systemd asks of this process; None where it asks for none."""
    usec = environment.get("WATCHDOG_USEC", "")
    if not usec.isdigit() or int(usec) == 0:
        return None
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(usec) / 1_000_000


class Watchdog:
    """Pings while the event loop turns and the committer, where it has work, comes round."""

    def __init__(
        self, turns: Callable[[], Turns], say: Said, every_s: float | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``every_s`` is what systemd grants (``granted_s``); ``clock`` counts seconds and is never set."""
        self._turns, self._say, self._clock = turns, say, clock
        self._granted_s = every_s
        self._seen, self._moved_at = -1, clock()

    async def run(self) -> None:
        """Ping until cancelled, which is when the agent begins to stop.

        It is a task of the loop it vouches for: a loop that hangs pings no more.
        """
        try:
            while True:
                self.beat()
                await asyncio.sleep((self._granted_s or _IDLE_S) / _PINGS)
        finally:
            self._say("STOPPING=1")

    def beat(self) -> None:
        """One ping, unless the committer has had work for half the granted time and did not come round."""
        turns, now = self._turns(), self._clock()
        if turns.done != self._seen or not turns.waiting:
            self._seen, self._moved_at = turns.done, now
        if self._granted_s is not None and now - self._moved_at < self._granted_s / 2:
            self._say("WATCHDOG=1")

    def ready(self) -> None:
        self._say("READY=1")

    def tell(self, described: Mapping[str, Any]) -> None:
        """The line that ``systemctl status`` shows, from what the agent says of itself."""
        waiting = sum(stream["backlog"] for stream in described["streams"].values())
        line = f"uplink {described['uplink']}, broker {described['broker']}, waiting {waiting}"
        self._say(f"STATUS={' '.join(line.split())}, parked {described['parked']}")


def make(turns: Callable[[], Turns]) -> Watchdog:
    """The watchdog of this process, as systemd's environment asks for it."""
    return Watchdog(turns, to_systemd(), granted_s(os.environ))
