"""Which cameras share a child: few processes while all is well, fewer and fewer cameras beside one that kills."""

from __future__ import annotations

from collections.abc import Sequence

Group = tuple[str, ...]
_DEATHS = 2  # one may be anybody's; after the second in a row the group is halved


def shared_out(cameras: Sequence[str], most: int) -> list[Group]:
    """As few groups as there can be, as even as they can be."""
    if not cameras:
        return []
    count = -(-len(cameras) // most)
    ordered = sorted(cameras)
    return [tuple(ordered[number::count]) for number in range(count)]


def after_death(group: Group, deaths: int) -> list[Group]:
    """The groups to go on with: who kills its child stands alone after a few deaths, and waits alone."""
    if deaths < _DEATHS or len(group) == 1:
        return [group]
    half = (len(group) + 1) // 2
    return [group[:half], group[half:]]
