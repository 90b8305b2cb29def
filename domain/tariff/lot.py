"""What a stay in one lot costs: its tariff, the class a car is in, and the same fee at the barrier and in the book."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from domain.plates import PlateColor
from domain.tariff.document import Tariff
from domain.tariff.fee import BadStay, Quote, fee

# Plans a tariff may have beside its default, by the colour of the plate they are for.
_CLASS_OF_COLOR: Mapping[PlateColor, str] = {"yellow": "large", "green": "nev", "yellow_green": "nev_large"}
_LONGEST_STAY = timedelta(days=1_100)


class LotTariff(msgspec.Struct, frozen=True):
    """A complex's tariff, and the class of cars that no other plan is for."""

    tariff: Tariff
    default: str

    def class_of(self, color: PlateColor) -> str:
        """The class a plate's colour puts a car in."""
        found = _CLASS_OF_COLOR.get(color, self.default)
        return found if found in self.tariff.plans else self.default

    def quote(
        self,
        color: PlateColor,
        entered_at: datetime,
        exited_at: datetime,
        earlier: Iterable[tuple[datetime, datetime]] = (),
    ) -> Quote:
        """The fee of one stay. Raises BadStay, NoPrice: a person decides, nothing is guessed."""
        if exited_at - entered_at > _LONGEST_STAY:
            raise BadStay(f"longer than {_LONGEST_STAY.days} days: one of its times is wrong")
        return fee(self.tariff.plan(self.class_of(color)), entered_at, exited_at, stays=earlier)
