"""Work that looks again: neither a busy database nor a defect ends it, and both are shown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from server.corrections import Corrections
from server.rounds import look_every
from server.store.failures import DatabaseBusy


def _failing_first(error: Exception, enough: asyncio.Event) -> Callable[[], Awaitable[object]]:
    looks = 0

    async def look() -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise error
        enough.set()

    return look


@pytest.mark.parametrize(
    ("error", "told"), [(DatabaseBusy("locked"), "round_waits"), (KeyError("a defect"), "round_failed")]
)
async def test_a_look_that_fails_is_shown_and_made_again(error: Exception, told: str) -> None:
    enough = asyncio.Event()
    with capture_logs() as logs:
        work = asyncio.create_task(look_every(0.0, "looking", _failing_first(error, enough)))
        await asyncio.wait_for(enough.wait(), 5)
        work.cancel()
    assert [(line["event"], line["work"]) for line in logs] == [(told, "looking")]


async def test_a_defect_in_joining_does_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    enough = asyncio.Event()
    look = _failing_first(KeyError("a defect"), enough)

    async def join_sure(_: Corrections) -> None:
        await look()

    monkeypatch.setattr(Corrections, "join_sure", join_sure)
    monkeypatch.setattr("server.corrections.LOOK_EVERY_S", 0.0)
    work = asyncio.create_task(Corrections.run(object.__new__(Corrections)))
    await asyncio.wait_for(enough.wait(), 5)
    assert not work.done()
    work.cancel()
