"""Who may charge: anyone, or, where the policy says so, whoever the list of cards lets at the charge point."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from domain.access import Decision
from edge.control.desired import InForce

WHOLE = "connector/0"  # the charge point: who asks has not chosen a connector yet


class ChargeRights:
    """Decides by the documents in force, whatever the uplink does."""

    def __init__(self, zone: ZoneInfo, now: Callable[[], datetime]) -> None:
        self._zone, self._now = zone, now
        self._state = InForce()

    def go_by(self, state: InForce) -> None:
        self._state = state

    def decide(self, device: str, card: str) -> Decision | None:
        """None where nobody is asked: anyone may."""
        if self._state.policy.charge_by == "anyone":
            return None
        return self._state.cards.decide(card, device, WHOLE, self._now(), self._zone, self._state.rules)
