"""While much comes in a reader that may not wait breathes; what is urgent in its shard ends that, whenever it came."""

from __future__ import annotations

import asyncio

import pytest

from server.hurry import Hurry
from server.shard_reader import Breath

LONG_S = 3_600.0


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("shard", "is_over"), [("3", True), ("4", False)], ids=["in its shard", "the control: elsewhere"]
)
async def test_what_is_urgent_ends_a_breath(shard: str, is_over: bool) -> None:
    hurry = Hurry()
    breath = asyncio.create_task(Breath(lambda: True, hurry, LONG_S).after(0.0, "3"))
    await settle()
    assert not breath.done()
    hurry.ring(shard)
    await settle()
    assert breath.done() is is_over
    breath.cancel()


async def test_what_came_while_it_worked_leaves_it_no_breath_and_is_not_counted_twice() -> None:
    hurry = Hurry()
    breath = Breath(lambda: True, hurry, LONG_S)
    hurry.ring("3")
    async with asyncio.timeout(5):
        await breath.after(0.0, "3")
    again = asyncio.create_task(breath.after(0.0, "3"))
    await settle()
    assert not again.done()
    again.cancel()


async def test_while_little_comes_in_nobody_breathes() -> None:
    async with asyncio.timeout(5):
        await Breath(lambda: False, Hurry(), LONG_S).after(0.0, "3")


async def test_what_was_taken_here_is_told_elsewhere_and_what_was_told_here_is_not() -> None:
    hurry, told = Hurry(), list[str]()
    hurry.elsewhere = told.append
    hurry.ring("3")
    hurry.call("4")
    assert (told, hurry.count("3"), hurry.count("4")) == (["4"], 1, 1)
