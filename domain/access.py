"""Whether a card opens a door: a pure function of the card list, the door and the moment. Revoked beats everything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from domain.desired_bodies import Card, Credentials, canonical_card
from domain.events import Event, is_replay

Reason = Literal["card_list", "revoked", "not_yet_valid", "expired", "wrong_door", "unknown_card", "too_late"]
# How near an entry came to opening, the nearest first: what a person at the desk wants to hear of several entries.
_NEAREST: tuple[Reason, ...] = ("card_list", "not_yet_valid", "expired", "wrong_door")
# The device refused for a reason of its own, which no card list outweighs.
_DEVICE_KNOWS_BETTER = frozenset(
    {"anti_passback", "interlock", "more_cards_needed", "first_card_needed", "door_normally_closed"}
)


class Decision(msgspec.Struct, frozen=True):
    """What was decided, why, and by which entry of which version of the list (0: there is no list)."""

    granted: bool
    reason: Reason
    version: int
    card: str | None = None


class CardList:
    """A version of the credentials, ready to be asked."""

    def __init__(self, version: int, credentials: Credentials) -> None:
        self.version = version
        self._cards: defaultdict[str, list[Card]] = defaultdict(list)
        for card in credentials.cards:
            self._cards[canonical_card(card.card)].append(card)

    @property
    def by_number(self) -> Mapping[str, Sequence[Card]]:
        """The entries of each card, by its number in the one spelling."""
        return self._cards

    def decide(self, number: str, device: str, point: str, at: datetime, zone: ZoneInfo) -> Decision:
        """Whether the card opens the door at ``at`` (aware), by the calendar of ``zone``."""
        entries = self._cards.get(canonical_card(number), [])
        revoked = next((card for card in entries if card.revoked), None)
        if revoked is not None:
            return Decision(False, "revoked", self.version, revoked.id)
        today = at.astimezone(zone).date()
        judged: list[tuple[Reason, str]] = [(_judge(card, device, point, today), card.id) for card in entries]
        if not judged:
            return Decision(False, "unknown_card", self.version)
        reason, card_id = min(judged, key=lambda one: _NEAREST.index(one[0]))
        return Decision(reason == "card_list", reason, self.version, card_id)


NO_CARDS = CardList(0, Credentials(()))


def asks_for_a_decision(event: Event) -> bool:
    """Whether a door asks: a live swipe that the device did not let through, for want of a right of the card."""
    return (
        event.kind == "access"
        and event.method == "card"
        and event.result in ("denied", "pending")
        and event.reason not in _DEVICE_KNOWS_BETTER
        and not is_replay(event)
    )


def _judge(card: Card, device: str, point: str, today: date) -> Reason:
    if not any(doors.holds(device, point) for doors in card.doors):
        return "wrong_door"
    if card.from_ is not None and today < card.from_:
        return "not_yet_valid"
    return "expired" if today > card.until else "card_list"
