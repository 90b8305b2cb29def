"""I8: a door that the gateway decides, swiped at while the rest is in trouble."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.faults.story import Story
from tests.rig import Rig, until
from tests.scenarios.door_site import GOOD_CARD, LOST_CARD, DoorSite, cards

_BOUND_S = 5.0


@asynccontextmanager
async def with_a_door(rig: Rig) -> AsyncIterator[DoorSite]:
    """A running rig with such a door, and a card list in force that has a good card and a revoked one."""
    site = DoorSite(rig.folder, rig.broker, rig=rig)
    try:
        await site.furnish()
        await site.wish("credentials", cards(revoked=True))
        yield site
    finally:
        site.take_away()


async def still_decides(site: DoorSite, story: Story) -> None:
    """The good card opens it now; the revoked one never did."""
    opened = site.door.opened_for(GOOD_CARD)
    await site.swipe(LOST_CARD)
    await site.swipe(GOOD_CARD)
    await until(lambda: site.door.opened_for(GOOD_CARD) > opened, _BOUND_S)
    assert site.door.opened_for(LOST_CARD) == 0
    story.add(doors_opened=1)
