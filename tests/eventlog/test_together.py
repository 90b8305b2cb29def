"""Many callers, one look: groups, patience for company, and a failure that is everybody's of its group."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from eventlog.together import Together, patience_s


class _Looks:
    """Doubles numbers, and remembers which it was asked at once."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []

    async def answer(self, numbers: list[int]) -> Sequence[int]:
        self.groups.append(numbers)
        await asyncio.sleep(0)
        if -1 in numbers:
            raise OSError("the look failed")
        return [2 * number for number in numbers]


async def test_who_asks_during_a_look_is_answered_by_the_next_all_at_once() -> None:
    looks = _Looks()
    together = Together(looks.answer)
    first = asyncio.create_task(together.ask(1))
    while not looks.groups:
        await asyncio.sleep(0)
    rest = [asyncio.create_task(together.ask(number)) for number in (2, 3, 4)]
    assert await asyncio.gather(first, *rest) == [2, 4, 6, 8]
    assert looks.groups == [[1], [2, 3, 4]]


@pytest.mark.parametrize(("wait_s", "groups"), [(0.02, [[1, 2]]), (0.0, [[1], [2]])])
async def test_with_patience_the_first_waits_for_company(wait_s: float, groups: list[list[int]]) -> None:
    looks = _Looks()
    together = Together(looks.answer, patience_s=lambda: wait_s)
    first = asyncio.create_task(together.ask(1))
    for _ in range(10):
        await asyncio.sleep(0)
    assert [await together.ask(2), await first] == [4, 2]
    assert looks.groups == groups


async def test_a_failure_is_the_groups_and_the_next_is_answered() -> None:
    together = Together(_Looks().answer)
    with pytest.raises(OSError, match="failed"):
        await together.ask(-1)
    assert await together.ask(5) == 10


def test_few_callers_hardly_wait_and_none_waits_long() -> None:
    assert patience_s(0) == 0.0
    assert patience_s(10) < 0.001
    assert patience_s(2_000) == patience_s(100_000) == 0.1
