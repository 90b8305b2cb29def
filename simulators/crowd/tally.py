"""What became of the facts that a crowd said: each against the events that came of its device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from simulators.crowd.crowd import Crowd


class Tally(msgspec.Struct):
    """What became of one family's facts."""

    devices: int = 0
    said: int = 0
    arrived: int = 0
    lost: int = 0
    more: int = 0  # more often than it was said, or never said at all


def reconcile(crowd: Crowd, events: Iterable[Mapping[str, Any]]) -> dict[str, Tally]:
    """Each fact that was said, against the events that came of the devices, by family."""
    members = {member.device: member for member in crowd.members}
    came: dict[str, Counter[str]] = {device: Counter() for device in members}
    for event in events:
        member = members.get(event["device"])
        if member is not None and (mark := member.mark(event)) is not None:
            came[member.device][mark] += 1
    found: dict[str, Tally] = {}
    for device, member in members.items():
        tally = found.setdefault(member.family, Tally())
        said = crowd.said.marks.get(device, Counter[str]())
        tally.devices += 1
        tally.said += said.total()
        tally.arrived += came[device].total()
        tally.lost += (said - came[device]).total()
        tally.more += (came[device] - said).total()
    return found
