"""Who was told of an alert by what: for its page, which is where whoever was told comes to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth import Person
from server.store import delivery_rows, duty_rows, item_step_rows
from server.store.delivery_rows import Delivery
from server.web.answers import house_of
from server.web.channel_titles import channel_title

_MOST_SHOWN = 200


async def of_alert(connection: AsyncConnection, identity: str) -> list[Delivery]:
    """Of the matter that the alert is in, the newest."""
    matter = await duty_rows.of_alert(connection, identity)
    return await delivery_rows.of_incident(connection, matter.state.incident if matter else identity, _MOST_SHOWN)


async def of_item(connection: AsyncConnection, identity: str) -> list[Delivery]:
    return await delivery_rows.of_incident(connection, item_step_rows.named(identity), _MOST_SHOWN)


def titles(request: Request) -> Callable[[str], str]:
    """What channels are called, by their names."""
    return partial(channel_title, house_of(request).channels)


async def seen(request: Request, person: Person, told: Sequence[Delivery]) -> None:
    """They have opened what they were told of. That is no acknowledgement: the next channel still comes."""
    theirs = [one for one in told if one.person == person.username and one.state == "sent"]
    if theirs:
        house = house_of(request)
        async with house.db.write(theirs[0].complex) as connection:
            await delivery_rows.seen(connection, {one.incident for one in theirs}, person.username, house.now())
