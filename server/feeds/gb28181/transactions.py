"""Transactions of SIP (RFC 3261, 17) without INVITE: ours are sent again until answered, theirs are done once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

from server.feeds.gb28181.sip import BadSip, Request, Response, written

_Seconds = Annotated[float, Meta(gt=0, le=60)]


class Timers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """T1, T2 of the RFC, and when an answer is given up (timer F)."""

    first_s: _Seconds = 0.5
    longest_s: _Seconds = 4.0
    give_up_s: _Seconds = 32.0


class NoAnswer(Exception):
    """The far end did not answer in time."""


def pauses(timers: Timers, *, is_reliable: bool) -> Iterator[float]:
    """The waits between one sending and the next, which double; together exactly as long as an answer is waited for."""
    left, pause = timers.give_up_s, timers.give_up_s if is_reliable else timers.first_s
    while left > 0:
        yield min(pause, left)
        left -= pause
        pause = min(pause * 2, timers.longest_s)


class OurRequests:
    """Requests of ours that wait for their answer."""

    def __init__(self, timers: Timers, send: Callable[[bytes], None], *, is_reliable: bool) -> None:
        self._timers, self._send, self._is_reliable = timers, send, is_reliable
        self._waiting: dict[tuple[str, str], asyncio.Future[Response]] = {}

    async def ask(self, request: Request) -> Response:
        """The final answer. Raises NoAnswer; OSError where the line is gone."""
        key, packet = (request.branch, request.method), written(request)
        answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._waiting[key] = answered
        try:
            return await self._sent(packet, answered)
        finally:
            del self._waiting[key]
            if answered.done() and not answered.cancelled():
                answered.exception()  # told to whoever asked, or nobody asks any more

    async def _sent(self, packet: bytes, answered: asyncio.Future[Response]) -> Response:
        for pause in pauses(self._timers, is_reliable=self._is_reliable):
            self._send(packet)
            done, _ = await asyncio.wait((answered,), timeout=pause)
            if done:
                return answered.result()
        raise NoAnswer(f"no answer within {self._timers.give_up_s:g} s")

    def take(self, response: Response) -> bool:
        """A response that came; False where nobody waits for it: a repeat, or not ours."""
        try:
            key = (response.branch, response.cseq[1])
        except BadSip:
            return False
        answered = self._waiting.get(key)
        if answered is None or answered.done() or not response.is_final:
            return False
        answered.set_result(response)
        return True

    def fail(self, error: Exception) -> None:
        """The line is gone: nobody need wait any longer."""
        for answered in self._waiting.values():
            if not answered.done():
                answered.set_exception(error)


class TheirRequests:
    """What we answered lately: the same request again gets the same answer, and is not done again."""

    def __init__(self, now: Callable[[], float], keep_s: float = 32.0, most: int = 1_000) -> None:
        self._now, self._keep_s, self._most = now, keep_s, most
        self._answered: OrderedDict[tuple[str, ...], tuple[float, bytes]] = OrderedDict()

    def answered(self, request: Request) -> bytes | None:
        self._forget()
        known = self._answered.get(_key(request))
        return known[1] if known else None

    def note(self, request: Request, answer: bytes) -> None:
        self._answered[_key(request)] = (self._now(), answer)
        self._forget()

    def _forget(self) -> None:
        oldest = self._now() - self._keep_s
        while self._answered:
            key, (at, _) = next(iter(self._answered.items()))
            if at > oldest and len(self._answered) <= self._most:
                return
            del self._answered[key]


def _key(request: Request) -> tuple[str, ...]:
    """Not the branch alone: some platforms give every request the same."""
    return request.branch, request.method, request.call_id, request.get("cseq")
