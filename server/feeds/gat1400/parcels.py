"""Which records travel in one message: of one kind and line, within the platform's sizes, one of each device at most.

A platform may take some objects of a message and not others: with two of one device in it their order could be lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec

from domain.viid.mapping import Made
from domain.viid.profile import Peer
from server.feeds.gat1400.body import Body, body_of
from server.feeds.gat1400.prepared import Ready, Source

_AROUND_BYTES = 2_500  # of an object beside its pictures


class Queues:
    """Records that wait, by device and in order: what is taken is the head of each."""

    def __init__(self, waiting: Iterable[Ready]) -> None:
        self._by_source: dict[Source, deque[Ready]] = {}
        for one in waiting:
            self._by_source.setdefault(one.source, deque()).append(one)

    def heads(self) -> list[Ready]:
        """The first of each device, taken out."""
        taken = [queue.popleft() for queue in self._by_source.values()]
        self._by_source = {source: queue for source, queue in self._by_source.items() if queue}
        return taken

    def drop(self, source: Source) -> list[Ready]:
        """All that wait behind one that must come again."""
        return list(self._by_source.pop(source, ()))


def grouped(
    heads: Sequence[Ready], peer: Peer, size: Callable[[Ready], int], most: int | None = None
) -> list[list[Ready]]:
    """Heads that can travel together. ``size`` estimates what a record's pictures take."""
    found: list[list[Ready]] = []
    most = min(peer.max_batch, most or peer.max_batch)
    for same in _by_rule(heads).values():
        room, group = 0, list[Ready]()
        for one in same:
            bytes_ = size(one) + _AROUND_BYTES
            if not group or len(group) == most or room + bytes_ > peer.max_body_bytes:
                group = list[Ready]()
                found.append(group)
                room = 0
            group.append(one)
            room += bytes_
    return found


class Parcel(msgspec.Struct, frozen=True):
    """A message, and the number under which each of its records is judged. ``path``: of the session, or a whole URL.

    ``is_judged_whole``: one status stands for all of its records.
    """

    method: str
    path: str
    body: Body
    numbers: tuple[str, ...]
    is_judged_whole: bool = False


class Packing(Protocol):
    """How objects are made into a message."""

    @property
    def most(self) -> int | None:
        """How many may travel in one, where the way of packing bounds it."""
        ...

    async def parcel(self, objects: Sequence[tuple[Ready, Made]]) -> Parcel: ...


class Direct:
    """To the address of their kind, in its envelope, each judged by its own number."""

    most = None

    async def parcel(self, objects: Sequence[tuple[Ready, Made]]) -> Parcel:
        made = [one for _, one in objects]
        first = made[0]
        body = body_of({first.envelope: {first.element: [one.said for one in made]}})
        return Parcel(first.rule.method, first.path, body, tuple(one.number for one in made))


def _by_rule(heads: Sequence[Ready]) -> dict[tuple[str, str], list[Ready]]:
    found: dict[tuple[str, str], list[Ready]] = {}
    for one in heads:
        found.setdefault((one.rule.name, one.offer.line), []).append(one)
    return found
