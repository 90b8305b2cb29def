"""Offers made ready to be sent: their rule, their device's code, their serials; or why they cannot be."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from domain.viid.mapping import NotSent, Record, rule_for, serials_needed
from domain.viid.profile import Profile, Rule
from domain.viid.serials import Serials, Wanted
from domain.viid.sources import Coded
from server.feeds.gat1400.codes import DeviceCodes
from server.feeds.sender import Offer, Refused

Source = tuple[str, str, str]  # a complex, a device in it, and the line on which its records are owed


class Ready(msgspec.Struct, frozen=True):
    """A record that becomes an object once its pictures are there. ``index``: among what was offered."""

    index: int
    offer: Offer
    rule: Rule
    record: Record

    @property
    def source(self) -> Source:
        """Whose order is kept."""
        return self.offer.fact.complex, self.offer.event.device, self.offer.line


async def ready(
    offers: Sequence[Offer], profile: Profile, codes: DeviceCodes, serials: Serials, *, identity: bool
) -> list[Ready | Refused]:
    """One for each, in order. The serials of all are durable before any is sent."""
    coded = await codes.of({(one.fact.complex, one.event.device) for one in offers})
    ruled = [_ruled(one, coded.get((one.fact.complex, one.event.device)), profile) for one in offers]
    wanted = [
        Wanted(one.record, found[0].code, one.event.occurred_at, serials_needed(one.event))
        for one, found in zip(offers, ruled, strict=True)
        if not isinstance(found, Refused)
    ]
    issued = iter(await serials.take(wanted))
    made: list[Ready | Refused] = []
    for index, (offer, found) in enumerate(zip(offers, ruled, strict=True)):
        if isinstance(found, Refused):
            made.append(found)
            continue
        record = Record(offer.event, found[0], next(issued), identity=identity)
        made.append(Ready(index, offer, found[1], record))
    return made


def shown_by(one: Ready) -> set[tuple[str, str]]:
    """Name and complex of each picture that its object shows."""
    media = (entry for entry in one.offer.event.media if entry.role in one.rule.pictures)
    return {(entry.sha256, one.offer.fact.complex) for entry in media if entry.sha256 is not None}


def _ruled(offer: Offer, coded: Coded | None, profile: Profile) -> tuple[Coded, Rule] | Refused:
    event = offer.event
    try:
        rule = rule_for(event, coded or Coded(""), profile)
    except NotSent as error:
        return Refused(str(error))
    if coded is None:
        return Refused(f"{event.device} of {offer.fact.complex} has no code of twenty digits at this platform")
    return coded, rule
