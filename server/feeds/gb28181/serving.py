"""Answers what the platform asked for, one after the other: each message waits for its 200."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from domain.gb28181.asked import Asked, Control, Query
from server.feeds.gb28181.answers import Answers
from server.feeds.gb28181.speaking import Speaker
from server.feeds.gb28181.transactions import NoAnswer

log = structlog.get_logger()

_MOST_ASKED = 16
# Whoever keeps the book of what a platform had done here; the reason where it was refused.
Note = Callable[[Control, str | None], Awaitable[None]]


async def unnoted(control: Control, why: str | None) -> None:
    """Where there is no book."""
    log.info("gb28181_control", target=control.target[:20], wish=control.wish, words=control.words, refused=why)


class Serving:
    """A bounded queue, and the one who empties it."""

    def __init__(self, answers: Answers, note: Note) -> None:
        self._answers, self._note = answers, note
        self._asked: asyncio.Queue[Asked] = asyncio.Queue(_MOST_ASKED)

    def put(self, asked: Asked) -> bool:
        """False: there is too much of it already."""
        try:
            self._asked.put_nowait(asked)
        except asyncio.QueueFull:
            return False
        return True

    async def run(self, speaker: Speaker) -> None:
        """Until cancelled."""
        while True:
            asked = await self._asked.get()
            try:
                await self._serve(asked, speaker)
            except (NoAnswer, OSError) as error:
                log.warning("gb28181_answer_lost", asked=_named(asked), error=str(error))  # the platform asks again
            except Exception:  # the edge of a loop: shown, and the next is served
                log.exception("gb28181_answer_failed", asked=_named(asked))

    async def _serve(self, asked: Asked, speaker: Speaker) -> None:
        if isinstance(asked, Control):
            await self._note(asked, self._answers.why_not(asked))
        for body in await self._answers.to(asked):
            response = await speaker.say(body)
            if not response.is_ok:
                log.warning("gb28181_answer_refused", asked=_named(asked), answered=str(response))
                return  # the rest of a list whose part was refused is of no use


def _named(asked: Asked) -> str:
    return asked.command[:40] if isinstance(asked, Query) else type(asked).__name__
