"""Who is at the gate's screen: a PIN a guard, few tries, a session that ends with the shift."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

import msgspec

from domain.guards import Guard, Guards

TRIES, LOCKED_S = 5, 300.0
LASTS_S, _MOST = 12 * 3600.0, 200


class _Tries(msgspec.Struct):
    count: int = 0
    until: float = 0.0


class Session(msgspec.Struct, frozen=True):
    """A guard who is logged in; ``csrf`` goes with every form of theirs."""

    guard: Guard
    csrf: str
    ends_at: float


class Guarded:
    """Goes by the guards that are in force; whose PIN was changed is logged out."""

    def __init__(self, guards: Callable[[], Guards], monotonic_s: Callable[[], float]) -> None:
        self._guards, self._now = guards, monotonic_s
        self._tries: dict[str, _Tries] = {}
        self._sessions: dict[str, Session] = {}
        self._reckoning = asyncio.Semaphore(1)  # a digest is dear: one guess at a time

    async def by_pin(self, identity: str, pin: str) -> Guard | None:
        """The guard whose PIN that is. None too while too many wrong ones were tried."""
        guard = self._guards().one(identity)
        if guard is None or self.is_locked(identity) or len(pin) > 64:
            return None
        tries = self._tries.setdefault(identity, _Tries())
        async with self._reckoning:
            if self.is_locked(identity):
                return None
            right = await asyncio.to_thread(guard.knows, pin)
            tries.count = 0 if right else tries.count + 1
            if tries.count >= TRIES:
                tries.count, tries.until = 0, self._now() + LOCKED_S
        return guard if right else None

    def is_locked(self, identity: str) -> bool:
        return identity in self._tries and self._now() < self._tries[identity].until

    def begin(self, guard: Guard) -> str:
        """The token of a new session; the oldest of too many end."""
        token = secrets.token_urlsafe(24)
        while len(self._sessions) >= _MOST:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[token] = Session(guard, secrets.token_urlsafe(16), self._now() + LASTS_S)
        return token

    def session(self, token: str) -> Session | None:
        found = self._sessions.get(token)
        if found is None or self._now() >= found.ends_at or self._guards().one(found.guard.id) != found.guard:
            return None
        return found

    def end(self, token: str) -> None:
        self._sessions.pop(token, None)
