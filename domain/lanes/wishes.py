"""What the centre wishes that concerns lanes, together: replaced document by document, ready to be asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from domain.desired_bodies import Coupons, Passes
from domain.lanes.register import PlateLists, Register
from domain.lanes.settings import Lane, Lanes
from domain.tariff import LotTariff, Tariff, lot_of

KINDS = ("lanes", "passes", "plate_lists", "tariffs", "coupons")


class LaneWishes(msgspec.Struct, frozen=True):
    """The newest of each document; None for one that was never sent."""

    lanes: Lanes | None = None
    passes: Passes | None = None
    lists: PlateLists | None = None
    tariff: Tariff | None = None
    coupons: Coupons | None = None
    versions: Mapping[str, int] = {}

    def with_body(self, kind: str, version: int, body: object) -> LaneWishes:
        """The same with another document; the same again for one that lanes do not go by."""
        changed: dict[str, Any] = {}
        match body:
            case Lanes():
                changed["lanes"] = body
            case Passes():
                changed["passes"] = body
            case PlateLists():
                changed["lists"] = body
            case Tariff():
                changed["tariff"] = body
            case Coupons():
                changed["coupons"] = body
            case _:
                return self
        return msgspec.structs.replace(self, versions={**self.versions, kind: version}, **changed)

    @property
    def all_lanes(self) -> tuple[Lane, ...]:
        return self.lanes.lanes if self.lanes else ()

    @property
    def lot(self) -> LotTariff | None:
        """The tariffs by date, with the class that most cars are in, or its only class."""
        return None if self.tariff is None else lot_of(self.tariff, self.lanes.tariff_class if self.lanes else "")

    def register(self) -> Register:
        """Passes, lists and coupons, to be asked."""
        said = " ".join(f"{kind}/{self.versions[kind]}" for kind in KINDS if kind in self.versions)
        return Register(self.passes, self.lists, said, self.coupons)
