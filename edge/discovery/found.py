"""What was found: each device once, whatever it was found by; bounded, and without those that are listed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from domain.desired_bodies import Device
from edge.devices.announced import Known, shown
from edge.transports.http_routes import host_of, same_host

MOST, TOLD = 1_000, 200  # kept; told to the centre
_MOST_ID = 200


class Found(msgspec.Struct, frozen=True):
    """A device and how it was found. ``address`` is as the device list wants it, ``host`` where it was seen."""

    id: str
    by: tuple[str, ...]
    seen_at: datetime
    address: str = ""
    host: str = ""
    name: str = ""
    model: str = ""
    exact: bool = True
    page: str = ""
    same: tuple[str, ...] = ()
    listed: bool = False

    def and_then(self, later: Found) -> Found:
        """The same device, found once more: what the later look does not say stays."""
        blanks = {
            field: getattr(later, field) or getattr(self, field) for field in ("address", "host", "name", "model")
        }
        by = (*self.by, *(way for way in later.by if way not in self.by))
        seen_at, exact = max(self.seen_at, later.seen_at), self.exact or later.exact
        return msgspec.structs.replace(later, by=by, seen_at=seen_at, exact=exact, **blanks)


def found(known: Known, by: str, at: datetime, page: str = "") -> Found | None:
    """None for what is no device of a list: an identity that is missing, too long, or not printable."""
    kind, colon, identity = known.id.partition(":")
    fits = kind and colon and identity.strip("?") and len(known.id) <= _MOST_ID and known.id.isprintable()
    if not fits:
        return None
    return Found(
        known.id,
        (by,),
        at,
        shown(known.address),
        shown(known.host),
        shown(known.name),
        shown(known.model),
        known.exact,
        page,
        known.same,
    )


class Findings:
    """What is known of devices that were found; the one not seen for longest is forgotten first."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._found: dict[str, Found] = {}
        self.revision = 0  # higher with each thing that is new

    def add(self, one: Found) -> None:
        """A device that was found, perhaps again."""
        before = self._found.pop(one.id, None)  # to the end: the order is that of the last look
        self._found[one.id] = now = before.and_then(one) if before else one
        self.revision += now != before
        while len(self._found) > self._most:
            del self._found[next(iter(self._found))]

    def forget(self, before: datetime) -> None:
        """Let go of what was not seen since: it is not there any more."""
        gone = [one.id for one in self._found.values() if one.seen_at < before]
        for identity in gone:
            del self._found[identity]
        self.revision += bool(gone)

    def __len__(self) -> int:
        return len(self._found)

    def all(self, listed: Iterable[Device]) -> list[Found]:
        """Every device, each with whether it is listed; by id."""
        there = Listed(listed)
        marked = (msgspec.structs.replace(one, listed=there.has(one)) for one in self._found.values())
        return sorted(marked, key=lambda one: one.id)

    def unlisted(self, listed: Iterable[Device], most: int = TOLD) -> list[Found]:
        """Those that nobody listed; of too many the ones seen last."""
        offered = [one for one in self.all(listed) if not one.listed]
        newest = sorted(offered, key=lambda one: one.seen_at, reverse=True)[:most]
        return sorted(newest, key=lambda one: one.id)


class Listed:
    """By id, by another id of the same device, or by the address where one of its kind is reached."""

    def __init__(self, devices: Iterable[Device]) -> None:
        listed = list(devices)
        self._ids = {device.id for device in listed}
        self._hosts = [(_kind(device.id), host_of(device.address)) for device in listed if device.address]

    def has(self, one: Found) -> bool:
        if one.id in self._ids or not self._ids.isdisjoint(one.same):
            return True
        if not one.host:
            return False
        # A camera that only says it is one (onvif) may be listed by its maker's kind.
        mine = [host for kind, host in self._hosts if kind == _kind(one.id) or not one.exact]
        return any(same_host(host, one.host) for host in mine)


def _kind(device: str) -> str:
    return device.partition(":")[0]


def plain(one: Found) -> dict[str, Any]:
    """As it is told to the centre, and to scripts."""
    return msgspec.to_builtins(one)
