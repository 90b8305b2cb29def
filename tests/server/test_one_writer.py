"""Who cannot wait goes first, in order; who can is not forgotten; a turn that nobody takes any more goes on."""

from __future__ import annotations

import asyncio

import pytest

from server.store.one_writer import OneWriter, Rank


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def _rank_of(name: str) -> Rank:
    return "last" if name.isupper() else "first" if name.isdigit() else "usual"


async def served(lock: OneWriter, asked: str) -> str:
    """In which order who asked is served: capital letters can wait, numbers cannot."""
    order = list[str]()

    async def write(name: str) -> None:
        async with lock.at(_rank_of(name)):
            order.append(name)
            await asyncio.sleep(0)

    async with lock:
        writers = [asyncio.create_task(write(name)) for name in asked]
        await settle()
        assert not order, "one at a time"
    await asyncio.gather(*writers)
    return "".join(order)


@pytest.mark.parametrize(
    ("most_ahead", "asked", "order"),
    [
        (8, "ABabC", "abABC"),
        (8, "Aa1b2", "12abA"),
        (2, "ABabcde", "abAcdBe"),
        (2, "Aa12345", "12Aa345"),
        (0, "ABab", "ABab"),
    ],
    ids=["ahead of what can wait", "by rank", "which gets its turn", "each rank does", "the control: as they came"],
)
async def test_the_order(most_ahead: int, asked: str, order: str) -> None:
    assert await served(OneWriter(most_ahead), asked) == order


async def test_a_turn_whose_taker_was_cancelled_goes_on_to_the_next() -> None:
    lock, order = OneWriter(), list[str]()

    async def write(name: str) -> None:
        async with lock:
            order.append(name)

    async with lock:
        first, waits, last = (asyncio.create_task(write(name)) for name in "abc")
        await settle()
        waits.cancel()
    first.cancel()  # just given, not yet taken
    await asyncio.gather(first, waits, last, return_exceptions=True)
    assert order == ["c"]
    async with asyncio.timeout(1), lock:
        pass
