"""Urgent before money before routine; and batches that a slow line can carry."""

from __future__ import annotations

import asyncio

import pytest

from edge.sync.lanes import Fit, Lanes
from tests.rig import until


async def test_a_stream_with_more_goes_before_those_behind_it() -> None:
    lanes, order = Lanes(("urgent", "money", "routine")), []
    go_on = asyncio.Event()

    async def send(stream: str, rounds: int) -> None:
        for left in range(rounds, 0, -1):
            async with lanes.turn(stream) as more:
                order.append(stream)
                if stream == "urgent" and left == rounds:
                    await go_on.wait()
                if left > 1:
                    more()
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(send("urgent", 3))]
    await until(lambda: order == ["urgent"])
    tasks += [asyncio.create_task(send("routine", 2)), asyncio.create_task(send("money", 2))]
    await asyncio.sleep(0)
    assert order == ["urgent"]
    go_on.set()
    await asyncio.gather(*tasks)
    assert order == ["urgent"] * 3 + ["money"] * 2 + ["routine"] * 2


async def test_a_stream_that_fails_stands_in_nobodys_way() -> None:
    lanes = Lanes(("urgent", "routine"))
    with pytest.raises(OSError):
        async with lanes.turn("urgent") as more:
            more()
            raise OSError("the line is down")
    async with asyncio.timeout(5), lanes.turn("routine"):
        pass


def test_batches_shrink_on_a_slow_line_and_grow_back() -> None:
    fit = Fit(1_000)
    sizes = []
    for seconds in [3.0, 3.0, 1.0, 3.0] + [9.0] * 10 + [0.1] * 10:
        fit.took(seconds)
        sizes.append(fit.events)
    assert sizes[:4] == [500, 250, 250, 125]
    assert min(sizes) == 20
    assert sizes[-1] == 1_000
    assert Fit(5).events == 5
