"""What a library above us subscribed to of what its basis covers: a subscription narrows, and never widens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.events import Event
from domain.viid.mapping import NotSent, rule_for
from domain.viid.profile import Profile
from domain.viid.sources import Coded
from domain.viid.subscriptions import Subscription
from server.facts import Fact
from server.feeds.gat1400.codes import Key, codes_of
from server.feeds.gat1400.settings import BadSettings, Settings, profile_for, read_settings
from server.feeds.offering import Lines
from server.store import viid_rows
from server.store.platform_rows import Platform
from server.viid import settings as viid
from server.viid.settings import Peer

log = structlog.get_logger()

KIND = "cascade"


def settings_of(one: Platform, library: str) -> Settings:
    """How the library above is spoken to: as the direct feed, under our own library's code. Raises BadSettings."""
    return read_settings({"device_id": library, **one.settings, "address": one.address})


class Narrowing:
    """By subscriptions that are in force: lines of a platform are their numbers."""

    def __init__(self, settings: viid.Settings, folder: Path, now: Callable[[], datetime]) -> None:
        self._settings, self._folder, self._now = settings, folder, now

    async def lines(self, connection: AsyncConnection, one: Platform, facts: Sequence[Fact]) -> Lines:
        peer = viid.above(self._settings, one.id)
        if peer is None:
            return lambda _: ()
        held = await viid_rows.subscriptions(connection, [peer.code])
        wanted = [each.of for each in held if each.state(self._now()) == "active"]
        if not wanted:
            return lambda _: ()
        coded = await codes_of(connection, one.id, {(fact.complex, fact.event.device) for fact in facts})
        library = self._settings.code
        return self._chosen(peer, wanted, coded, profile_by(one, library, self._folder))

    def _chosen(
        self, peer: Peer, wanted: Sequence[Subscription], coded: Mapping[Key, Coded], profile: Profile
    ) -> Lines:
        library = self._settings.code

        def lines(fact: Fact) -> list[str]:
            if not peer.sees(fact.complex):
                return []
            there = coded.get((fact.complex, fact.event.device))
            names, codes, at = names_of(fact.event, there, profile), codes_in(there), fact.event.occurred_at
            return [one.id for one in wanted if any(one.covers(name, codes, library, at) for name in names)]

        return lines


def profile_by(one: Platform, library: str, folder: Path) -> Profile:
    """A platform's profile. One that cannot be used is shown by its sender; meanwhile the standard's objects count."""
    try:
        return profile_for(settings_of(one, library), folder)
    except BadSettings as error:
        log.warning("cascade_by_standard_profile", platform=one.id, error=str(error))
        return profile_for(Settings(one.address, library), folder)


def names_of(event: Event, coded: Coded | None, profile: Profile) -> tuple[str, ...]:
    """As which objects somebody may have subscribed to it."""
    try:
        name = rule_for(event, coded or Coded(""), profile).object
    except NotSent:
        return ()
    return ("APEStatus", "APE") if name == "APE" else (name,)


def codes_in(coded: Coded | None) -> tuple[str, ...]:
    """By which codes a subscription may name it; a device that has none is known to who wants all of our library."""
    return () if coded is None else tuple(code for code in (coded.code, coded.tollgate, coded.place_code) if code)
