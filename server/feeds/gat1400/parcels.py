"""Which records travel in one message: of one kind, within the platform's sizes, and one of each device at most.

A platform may take some objects of a message and not others: with two of one device in it their order could be lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

import msgspec

from domain.viid.mapping import Made
from domain.viid.profile import Peer
from server.feeds.gat1400.prepared import Ready

_AROUND_BYTES = 2_500  # of an object beside its pictures


class Queues:
    """Records that wait, by device and in order: what is taken is the head of each."""

    def __init__(self, waiting: Iterable[Ready]) -> None:
        self._by_source: dict[tuple[str, str], deque[Ready]] = {}
        for one in waiting:
            self._by_source.setdefault(one.source, deque()).append(one)

    def heads(self) -> list[Ready]:
        """The first of each device, taken out."""
        taken = [queue.popleft() for queue in self._by_source.values()]
        self._by_source = {source: queue for source, queue in self._by_source.items() if queue}
        return taken

    def drop(self, source: tuple[str, str]) -> list[Ready]:
        """All that wait behind one that must come again."""
        return list(self._by_source.pop(source, ()))


def grouped(heads: Sequence[Ready], peer: Peer, size: Callable[[Ready], int]) -> list[list[Ready]]:
    """Heads that can travel together. ``size`` estimates what a record's pictures take."""
    found: list[list[Ready]] = []
    for same in _by_rule(heads).values():
        room, group = 0, list[Ready]()
        for one in same:
            bytes_ = size(one) + _AROUND_BYTES
            if not group or len(group) == peer.max_batch or room + bytes_ > peer.max_body_bytes:
                group = list[Ready]()
                found.append(group)
                room = 0
            group.append(one)
            room += bytes_
    return found


def body_of(made: Sequence[Made]) -> bytes:
    """The message of objects that share envelope and element."""
    first = made[0]
    return msgspec.json.encode({first.envelope: {first.element: [one.said for one in made]}})


def _by_rule(heads: Sequence[Ready]) -> dict[str, list[Ready]]:
    found: dict[str, list[Ready]] = {}
    for one in heads:
        found.setdefault(one.rule.name, []).append(one)
    return found
