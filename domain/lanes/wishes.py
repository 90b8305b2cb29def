"""What the centre wishes that concerns lanes, together: replaced document by document, ready to be asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from domain.desired_bodies import Passes, WatchLists
from domain.lanes.register import PlateLists, Register
from domain.lanes.settings import Lane, Lanes
from domain.tariff import LotTariff, Tariff

KINDS = ("lanes", "passes", "plate_lists", "watch_lists", "tariffs")


class LaneWishes(msgspec.Struct, frozen=True):
    """The newest of each document; None for one that was never sent."""

    lanes: Lanes | None = None
    passes: Passes | None = None
    lists: PlateLists | None = None
    watched: WatchLists | None = None
    tariff: Tariff | None = None
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
            case WatchLists():
                changed["watched"] = body
            case Tariff():
                changed["tariff"] = body
            case _:
                return self
        return msgspec.structs.replace(self, versions={**self.versions, kind: version}, **changed)

    @property
    def all_lanes(self) -> tuple[Lane, ...]:
        return self.lanes.lanes if self.lanes else ()

    @property
    def lot(self) -> LotTariff | None:
        """The tariff with the class that most cars are in, or its only class."""
        if self.tariff is None:
            return None
        wanted = self.lanes.tariff_class if self.lanes else ""
        return LotTariff(self.tariff, wanted if wanted in self.tariff.plans else next(iter(self.tariff.plans)))

    def register(self) -> Register:
        """Passes and lists, to be asked."""
        said = " ".join(f"{kind}/{self.versions[kind]}" for kind in KINDS if kind in self.versions)
        return Register(self.passes, self.lists, self.watched, said)
