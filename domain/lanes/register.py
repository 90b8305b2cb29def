"""Who is known at the lanes: passes, black, white and temporary plates; exact plates only."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from domain.desired_bodies import CouponOfStay, Coupons, Pass, Passes, SharedPlaces
from domain.desired_words import Identity, Name
from domain.plates import canonical
from domain.tariff.coupons import Coupon

_MAX_ENTRIES = 50_000
_SAME_ENTRY = timedelta(seconds=1)  # the centre keeps times to the millisecond
Which = Literal["black", "white", "temporary"]
Time = Annotated[datetime, Meta(tz=True)]


class Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """A plate on a list: ``white`` and ``temporary`` open, ``black`` does not. A temporary one always ends."""

    plate: Identity
    list: Which
    from_: Time | None = None
    until: Time | None = None
    why: Name = ""

    def __post_init__(self) -> None:
        if not canonical(self.plate):
            raise ValueError(f"{self.plate!r} is no plate")
        if self.list == "temporary" and self.until is None:
            raise ValueError(f"{self.plate}: a temporary plate needs `until`")
        if self.from_ and self.until and self.until < self.from_:
            raise ValueError(f"{self.plate}: until {self.until} is before from {self.from_}")

    def holds(self, at: datetime) -> bool:
        return (self.from_ is None or self.from_ <= at) and (self.until is None or at <= self.until)


class PlateLists(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The desired state of kind ``plate_lists``. A plate may stand on several: black beats the others."""

    entries: Annotated[tuple[Listed, ...], Meta(max_length=_MAX_ENTRIES)]


class Register:
    """What is known of plates, ready to be asked. Only the exact canonical plate counts, never a similar one."""

    def __init__(
        self,
        passes: Passes | None = None,
        lists: PlateLists | None = None,
        version: str = "",
        coupons: Coupons | None = None,
    ) -> None:
        """``version`` names the documents, for the record of a decision."""
        self.version = version
        self._passes = {canonical(entry.plate): entry for entry in (passes.passes if passes else ())}
        self._places = {one.id: one for one in (passes.places if passes else ())}
        self._sharing: dict[str, list[str]] = {}
        for plate, entry in self._passes.items():
            if entry.place:
                self._sharing.setdefault(entry.place, []).append(plate)
        self._lists = _by_plate(lists.entries if lists else ())
        self._coupons: dict[str, list[CouponOfStay]] = {}
        for one in coupons.coupons if coupons else ():
            self._coupons.setdefault(canonical(one.plate), []).append(one)

    def pass_of(self, plate: str) -> Pass | None:
        """The pass of a plate, also one that has ended."""
        return self._passes.get(plate) if plate else None

    def place_of(self, entry: Pass) -> SharedPlaces | None:
        """The places that a pass shares."""
        return self._places.get(entry.place) if entry.place else None

    def sharing(self, entry: Pass) -> list[str]:
        """The plates that share a pass' places, its own among them."""
        return self._sharing.get(entry.place, [])

    @property
    def all_sharing(self) -> frozenset[str]:
        """Every plate that shares a place: of these it counts when others left."""
        return frozenset(plate for plates in self._sharing.values() for plate in plates)

    def coupons_of(self, plate: str, entered_at: datetime) -> list[Coupon]:
        """What was given to the stay of a plate that began then, and to no other of its stays."""
        return [one.coupon for one in self._coupons.get(plate, ()) if abs(one.entered_at - entered_at) < _SAME_ENTRY]

    def listed(self, plate: str, at: datetime) -> Which | None:
        """On which list a plate stands at a moment."""
        lists = {entry.list for entry in self._lists.get(plate, ()) if entry.holds(at)}
        return next((which for which in ("black", "white", "temporary") if which in lists), None)


def today_at(at: datetime, zone: ZoneInfo) -> date:
    """The site's day."""
    return at.astimezone(zone).date()


def _by_plate(entries: Iterable[Listed]) -> dict[str, list[Listed]]:
    found: dict[str, list[Listed]] = {}
    for entry in entries:
        found.setdefault(canonical(entry.plate), []).append(entry)
    return found
