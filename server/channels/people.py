"""Whom a step is for, and how they want to be told: a person by their own settings, a desk by those of server.toml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.delivery import MEANS, MOST_WAYS, SCREEN, Means, Way, Wishes
from domain.duty.state import Step
from domain.places import BadHours, Hours, hours
from server.channels.registry import Channels
from server.channels.settings import ChannelSettings, means_of
from server.store import person_channel_rows
from server.store.delivery_rows import Whom
from server.store.person_channel_rows import Chosen, Habits
from server.store.place_tables import complex_
from server.store.scope import complexes_in
from server.web.formats import zone_of


class Told(msgspec.Struct, frozen=True):
    """How somebody is told; ``addresses`` by channel, more than one of a person with several browsers."""

    wishes: Wishes
    addresses: Mapping[str, tuple[str, ...]] = {}
    lang: str = "zh"
    has_screen: bool = False


NOT_AT_ALL = Told(Wishes(()))


def whom_of(step: Step) -> Whom:
    """A unit that is called or sent an item, the owner, or the desk of their level where nobody is on duty."""
    if step.why in ("called", "item_unit"):
        return Whom("", step.unit)
    return Whom(step.to.person) if step.to.person else Whom("", step.to.level)


async def told(connection: AsyncConnection, channels: Channels, whom: Whom, complex_id: str, now: datetime) -> Told:
    """Empty for who is not let in, and for who may not see the complex: they must not hear of it either."""
    if not whom.person:
        return _desk(channels, whom.desk, complex_id)
    known = await person_channel_rows.find(connection, whom.person)
    if known is None:
        return NOT_AT_ALL
    reached = await complexes_in(connection, known.scope)
    if reached is not None and complex_id not in reached:
        return NOT_AT_ALL
    habits = await person_channel_rows.habits(connection, known.id)
    wanted = await person_channel_rows.chosen(connection, known.id)
    serving = dict(channels.serving(complex_id))
    found = await _addresses(connection, channels, known.id, wanted, serving)
    ways = tuple(_ways(wanted, serving, found))[:MOST_WAYS]
    zone = (await connection.execute(select(complex_.c.timezone).where(complex_.c.id == complex_id))).scalar()
    has_screen = await person_channel_rows.screen_open(connection, known.id, now)
    return Told(Wishes(ways, quiet_of(habits), zone_of(zone)), found, habits.lang, has_screen)


def quiet_of(habits: Habits) -> Hours | None:
    """What cannot be read mutes nothing."""
    try:
        return hours(habits.quiet_from, habits.quiet_to) if habits.quiet_from and habits.quiet_to else None
    except BadHours:
        return None


def _desk(channels: Channels, desk: str, complex_id: str) -> Told:
    serving = [(name, one) for name, one in channels.serving(complex_id) if desk in one.desks or desk in one.units]
    ways = tuple(Way(name, means_of(one)) for name, one in serving)
    return Told(Wishes(ways[:MOST_WAYS]), {name: (one.to,) for name, one in serving})


async def _addresses(
    connection: AsyncConnection,
    channels: Channels,
    number: int,
    wanted: Sequence[Chosen],
    serving: Mapping[str, ChannelSettings],
) -> dict[str, tuple[str, ...]]:
    """By which channels they can be told at all."""
    given = {one.channel: one.address for one in wanted}
    found: dict[str, tuple[str, ...]] = {SCREEN: ("",)}
    for name, one in serving.items():
        means = means_of(one)
        if means == "web_push":
            found[name] = await browsers_of(connection, number)
        elif means == "robot" or given.get(name):
            found[name] = (given.get(name, ""),)
    return {name: to for name, to in found.items() if to}


async def browsers_of(connection: AsyncConnection, number: int) -> tuple[str, ...]:
    """As the channel wants them (server/channels/web_push.py)."""
    rows = await person_channel_rows.browsers(connection, number)
    return tuple(
        msgspec.json.encode({"endpoint": row.endpoint, "p256dh": row.p256dh, "auth": row.auth}).decode() for row in rows
    )


def _ways(
    wanted: Sequence[Chosen], serving: Mapping[str, ChannelSettings], found: Mapping[str, tuple[str, ...]]
) -> Iterator[Way]:
    """Who chose nothing has every channel that reaches them, in the usual order."""
    kinds: dict[str, Means] = {SCREEN: SCREEN, **{name: means_of(one) for name, one in serving.items()}}
    if not wanted:
        usual = sorted((name for name in kinds if name in found), key=lambda name: MEANS.index(kinds[name]))
        yield from (Way(name, kinds[name]) for name in usual)
    for one in wanted:
        if one.is_on and one.channel in found and one.channel in kinds:
            yield Way(one.channel, kinds[one.channel], one.least)
