"""One screen that listens: whose it is, its language, and what waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store import people
from server.store.scope import Scope, complexes_in

_LOGINS_AT_ONCE = 500


class Hearer(msgspec.Struct, frozen=True):
    """What a screen may hear, and the login and role it follows from; without a login that is never asked again."""

    scope: Scope
    login: str = ""
    role: str = ""


class Screen:
    """One subscriber: what waits for it, never more than a bound. One that does not keep up is let go."""

    def __init__(self, hearer: Hearer, language: str, most: int) -> None:
        self.hearer, self.language, self.left = hearer, language, False
        self.complexes: frozenset[str] | None = frozenset()  # that it hears of; None: all. The hub keeps them
        self.beat_at_s = self.ends_at_s = 0.0  # of the loop's clock; the hub keeps them
        self._most, self._waiting = most, list[bytes]()
        self._wake: asyncio.Future[None] | None = None

    def sees(self, complex_id: str) -> bool:
        return self.complexes is None or complex_id in self.complexes

    def offer(self, body: bytes) -> None:
        if len(self._waiting) >= self._most:
            self.leave()
        elif not self.left:
            self._waiting.append(body)
            self._ring()

    def leave(self, last_words: bytes = b"") -> None:
        """End it; what waits is not sent: it will be asked for again, by whoever may then."""
        self.left = True
        self._waiting = [last_words] if last_words else []
        self._ring()

    def _ring(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def next(self) -> bytes | None:
        """All that waits, in one piece; None at the end. A single message is the very bytes that were offered."""
        while not (self._waiting or self.left):
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake
        bodies, self._waiting = self._waiting, []
        if not bodies:
            return None
        return bodies[0] if len(bodies) == 1 else b"".join(bodies)


async def outdated(connection: AsyncConnection, screens: Sequence[Screen], now: str) -> list[Screen]:
    """Those whose login has ended, or who would hear something else if they came now."""
    found = await _logins(connection, sorted({screen.hearer.login for screen in screens} - {""}), now)
    reached = {scope: await complexes_in(connection, scope) for scope in {screen.hearer.scope for screen in screens}}

    def is_same(screen: Screen) -> bool:
        hearer, login = screen.hearer, found.get(screen.hearer.login)
        is_theirs = not hearer.login or (login is not None and (login.scope, login.role) == (hearer.scope, hearer.role))
        return is_theirs and screen.complexes == reached[hearer.scope]

    return [screen for screen in screens if not is_same(screen)]


async def _logins(connection: AsyncConnection, digests: Sequence[str], now: str) -> dict[str, people.LoggedIn]:
    found: dict[str, people.LoggedIn] = {}
    for start in range(0, len(digests), _LOGINS_AT_ONCE):
        found |= await people.logins_of(connection, digests[start : start + _LOGINS_AT_ONCE], now)
    return found
