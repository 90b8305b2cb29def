"""One thing that happens at a simulated site: when, through which device's connection, what it sends, what is true."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from simulators.devices.message import DeviceMessage
from simulators.truth import Fact


class Told(NamedTuple):
    """What a step sends, and the facts behind it."""

    messages: Sequence[DeviceMessage]
    facts: Sequence[Fact] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """``build`` is called once, in order of ``at_s``, with the moment of happening: devices number their events."""

    at_s: float  # from the start of the run
    speaker: str  # whose MQTT connection it goes through
    build: Callable[[datetime], Told]


def in_order(scenes: Iterable[Sequence[Step]]) -> Iterator[Step]:
    """The steps of overlapping scenes by time. Scenes come in order of their first step, which is their earliest."""
    waiting: list[tuple[float, int, Step]] = []
    number = 0
    for scene in scenes:
        while waiting and scene and waiting[0][0] <= scene[0].at_s:
            yield heapq.heappop(waiting)[2]
        for step in scene:
            number += 1
            heapq.heappush(waiting, (step.at_s, number, step))
    while waiting:
        yield heapq.heappop(waiting)[2]


def merged(*sources: Iterable[Step]) -> Iterator[Step]:
    """Several ordered sources as one."""
    return heapq.merge(*sources, key=lambda step: step.at_s)
