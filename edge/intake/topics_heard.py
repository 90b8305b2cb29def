"""On which topic each device was last heard: the hint by which its driver words a command."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from domain.events import Event
from edge.devices.driver import LINE, Message

_MAX_DEVICES = 10_000


class LastHeard(msgspec.Struct, frozen=True):
    """Where a device last spoke; both "" for one not heard."""

    topic: str = ""
    family: str = ""


NOT_HEARD = LastHeard()


class TopicsHeard:
    """Bounded, the longest known forgotten first. After a restart a device is known once it has spoken."""

    def __init__(self, max_devices: int = _MAX_DEVICES) -> None:
        self._topics: dict[str, LastHeard] = {}
        self._max_devices = max_devices

    def heard(self, message: Message, events: Sequence[Event]) -> None:
        """An answer to a command tells nothing: it comes on the topic that the command named. Nor does a line."""
        if message.family == LINE:
            return
        for event in events:
            if event.kind != "command_result":
                self._topics[event.device] = LastHeard(message.topic, message.family)
        while len(self._topics) > self._max_devices:
            del self._topics[next(iter(self._topics))]

    def of(self, device: str) -> LastHeard:
        """The last topic and family."""
        return self._topics.get(device, NOT_HEARD)
