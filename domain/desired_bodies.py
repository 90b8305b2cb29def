"""What each kind of desired state says: typed, bounded, and refused as a whole where a single entry is wrong."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from domain.desired_words import Identity, Name, once
from domain.doors.credentials import Card as Card
from domain.doors.credentials import Credentials as Credentials
from domain.doors.credentials import DoorSet as DoorSet
from domain.doors.credentials import canonical_card as canonical_card
from domain.plates import canonical
from domain.tariff.coupons import Coupon
from domain.tariff.discounts import Discount, Kind

Argument = str | int | bool
_MAX_DEVICES, _MAX_ENTRIES, _MAX_DOORS = 5_000, 50_000, 200
_MAX_RELEASE_BYTES = 512 * 1024 * 1024


class Door(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One door of a device. ``point`` is as its events name it; "" where they name none."""

    point: Name = ""
    decides: Literal["device", "gateway"] = "device"
    open_with: dict[str, Argument] = {}  # further arguments of door.open at this door, as its driver names them


class Device(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A device the installer added: where it hangs, and what it means for the site."""

    id: Identity  # <driver kind>:<vendor identity>, as gatehouse-edge parked shows it
    name: Name = ""
    place: Name = ""  # building or gate; a camera and a door of one place share it
    lane: Name = ""
    direction: Literal["in", "out", "unknown"] = "unknown"
    zone: Literal["", "public", "private", "restricted"] = ""
    address: Name = ""  # where a device that is not at the broker is reached, as its family's page says
    doors: Annotated[tuple[Door, ...], Meta(max_length=_MAX_DOORS)] = ()
    keeps_cards: bool = False  # it decides by cards that the gateway puts into it

    def __post_init__(self) -> None:
        once((door.point for door in self.doors), f"device {self.id}: door")


class Devices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The devices that may speak here, instead of those in the agent's settings."""

    devices: Annotated[tuple[Device, ...], Meta(max_length=_MAX_DEVICES)]

    def __post_init__(self) -> None:
        once((device.id for device in self.devices), "device")


class Pass(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """A plate that may pass, up to and including ``until``."""

    plate: Identity
    until: date
    name: Name = ""
    from_: date | None = None
    place: Name = ""  # of those that it shares with others
    night: Annotated[str, Meta(pattern=r"^$|^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")] = ""  # only then
    ended: Annotated[datetime, Meta(tz=True)] | None = None  # before its last day

    def __post_init__(self) -> None:
        if not canonical(self.plate):
            raise ValueError(f"{self.plate!r} is no plate")
        if self.from_ is not None and self.until < self.from_:
            raise ValueError(f"{self.plate}: until {self.until} is before from {self.from_}")

    @property
    def hours(self) -> tuple[time, time] | None:
        """From which hour to which it holds at night; None: always."""
        begin, _, end = self.night.partition("-")
        return (time.fromisoformat(begin), time.fromisoformat(end)) if end else None

    def holds_on(self, day: date) -> bool:
        return self.ended is None and (self.from_ is None or self.from_ <= day) and day <= self.until


class SharedPlaces(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Places for the cars of several passes: one beyond them is billed until one is free, or until it leaves."""

    id: Identity
    places: Annotated[int, Meta(ge=1, le=1_000)]
    beyond: Literal["stop", "keep"] = "stop"


class Passes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Plates that barriers open for, and the places that some of them share."""

    passes: Annotated[tuple[Pass, ...], Meta(max_length=_MAX_ENTRIES)]
    places: Annotated[tuple[SharedPlaces, ...], Meta(max_length=_MAX_ENTRIES)] = ()

    def __post_init__(self) -> None:
        once((canonical(entry.plate) for entry in self.passes), "plate")
        once((one.id for one in self.places), "place")
        if missing := {one.place for one in self.passes if one.place} - {one.id for one in self.places}:
            raise ValueError(f"place {min(missing)} is not among `places`")


def passes_in_form_1(body: dict[str, Any]) -> dict[str, Any]:
    """The same for a program that knows no more than a plate and a day, and never more: what is bound is left out."""
    kept = [entry for entry in body.get("passes", []) if not entry.keys() & {"from", "place", "night", "ended"}]
    return {"passes": kept}


class CouponOfStay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A coupon that was given to a stay: of a plate, since its entry."""

    id: Identity
    plate: Identity
    entered_at: Annotated[datetime, Meta(tz=True)]
    given_at: Annotated[datetime, Meta(tz=True)]
    name: Annotated[str, Meta(min_length=1, max_length=60)]
    kind: Kind
    amount: Annotated[int, Meta(ge=0, le=10_000_000)] = 0
    account: Name = ""

    def __post_init__(self) -> None:
        if not canonical(self.plate):
            raise ValueError(f"{self.plate!r} is no plate")
        self.coupon  # noqa: B018 - raises ValueError for what is no discount

    @property
    def coupon(self) -> Coupon:
        return Coupon(self.id, Discount(self.name, self.kind, self.amount, self.account), self.given_at)


class Coupons(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Coupons of cars inside: an exit asks for less by them, as the book will charge less."""

    coupons: Annotated[tuple[CouponOfStay, ...], Meta(max_length=_MAX_ENTRIES)]

    def __post_init__(self) -> None:
        once((one.id for one in self.coupons), "coupon")


class Erasure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything recorded up to ``until`` that names whoever has this key is to be erased. It names nobody itself."""

    id: Annotated[str, Meta(min_length=8, max_length=64)]
    key: Annotated[str, Meta(min_length=32, max_length=64)]
    until: Annotated[datetime, Meta(tz=True)]


class Erasures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the gateway must keep no more."""

    salt: Annotated[str, Meta(min_length=16, max_length=128)]
    entries: Annotated[tuple[Erasure, ...], Meta(max_length=_MAX_ENTRIES)]

    def __post_init__(self) -> None:
        once((entry.id for entry in self.entries), "erasure")
        bytes.fromhex(self.salt)


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the gateway decides and waits."""

    confirm_s: Annotated[float, Meta(gt=0, le=120)] = 10.0  # so long an order may take to be confirmed
    swipe_age_s: Annotated[float, Meta(gt=0, le=60)] = 15.0  # what a broker kept for longer opens nothing
    charge_by: Literal["anyone", "cards"] = "anyone"  # who may charge: whoever has a card, or whose card is listed


class Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version of the agent that the gateway shall run. ``signature`` is by a key that no server has."""

    version: Annotated[str, Meta(pattern=r"^[0-9]+(\.[0-9]+){1,3}$", max_length=40)]
    url: Annotated[str, Meta(pattern=r"^https?://\S+$", max_length=1_000)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]  # of the package
    size_bytes: Annotated[int, Meta(ge=1, le=_MAX_RELEASE_BYTES)]
    signature: Annotated[str, Meta(pattern=r"^[A-Za-z0-9+/]{86}==$")]  # Ed25519, base64, of ``signed``
    goes_back: bool = False  # may take the place of a newer one

    @property
    def signed(self) -> bytes:
        """What the signature is of. Where the package lies is not part of it: it may move."""
        goes_back = "goes_back" if self.goes_back else ""
        return "\n".join(["gatehouse-release/1", self.version, self.sha256, str(self.size_bytes), goes_back]).encode()

    @property
    def number(self) -> tuple[int, ...]:
        return version_number(self.version)


def version_number(text: str) -> tuple[int, ...]:
    """A version to be compared by; () for what is no version of ours."""
    return tuple(int(part) for part in text.split(".")) if re.fullmatch(r"[0-9]+(\.[0-9]+)*", text) else ()
