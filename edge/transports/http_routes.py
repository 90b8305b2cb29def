"""Whose push a request is: its family by the path, its device by ``/d/<device>`` or by the address it came from."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

import msgspec

from edge.devices.driver import Registry
from edge.intake.device_list import DeviceList

_NAMED = "d"  # /d/<device identity>/<the vendor's path>
_ONE, _REST = "*", "**"


class Caller(msgspec.Struct, frozen=True):
    """``device`` is who it can only be, "" where the message itself must say; ``path`` is the vendor's own."""

    family: str
    path: str
    device: str = ""

    @property
    def sender(self) -> str:
        """The vendor identity."""
        return self.device.partition(":")[2]


class HttpRoutes:
    """The paths of all drivers, the more special first; upper case and slashes too many do not count."""

    def __init__(self, registry: Registry, devices: DeviceList) -> None:
        self._registry, self._devices = registry, devices
        patterns = [(_segments(path.casefold()), family) for path, family in registry.paths.items()]
        self._patterns = sorted(patterns, key=lambda one: [(part == _REST, part == _ONE) for part in one[0]])

    def find(self, path: str, address: str) -> Caller | None:
        """The caller with a request target's path, percent-encoded, from an IP address; None for what is not ours."""
        segments = _segments(path)
        if segments[:1] == [_NAMED] and len(segments) > 1:
            return self._named(unquote(segments[1]), segments[2:])
        family = self._family(segments)
        if family is None:
            return None
        return Caller(family, _path(segments), self._by_address(self._registry.by_family[family].kind, address))

    def _named(self, device: str, rest: list[str]) -> Caller | None:
        """Where the rest of the path says nothing, the family in which devices of the kind push."""
        kind, colon, identity = device.partition(":")
        families = {family for family in self._registry.paths.values() if self._kind_of(family) == kind}
        if not colon or not identity or not families:
            return None
        family = self._family(rest)
        if family not in families:
            family = min(families)
        return Caller(family, _path(rest), device)

    def _kind_of(self, family: str) -> str:
        return self._registry.by_family[family].kind

    def _family(self, segments: list[str]) -> str | None:
        folded = [segment.casefold() for segment in segments]
        return next((family for pattern, family in self._patterns if _matches(pattern, folded)), None)

    def _by_address(self, kind: str, address: str) -> str:
        """The one listed device of the kind at an address; "" for none, and for several behind one address."""
        listed = self._devices.with_address(kind).items()
        found = [device for device, written in listed if same_host(host_of(written), address)]
        return found[0] if len(found) == 1 else ""


def host_of(written: str) -> str:
    """The host in an address of the device list: ``192.0.2.41``, ``192.0.2.41:80`` or a URL."""
    try:
        return urlsplit(written if "//" in written else f"//{written}").hostname or ""
    except ValueError:
        return ""


def same_host(one: str, other: str) -> bool:
    """Whether two IP addresses are the same, however they are written."""
    try:
        return _plain(one) == _plain(other)
    except ValueError:
        return False


def _plain(text: str) -> object:
    address = ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]


def _path(segments: Iterable[str]) -> str:
    return "/" + "/".join(map(unquote, segments))


def _matches(pattern: list[str], segments: list[str]) -> bool:
    if pattern[-1:] == [_REST]:
        head = pattern[:-1]
        return len(segments) >= len(head) and _matches(head, segments[: len(head)])
    pairs = zip(pattern, segments, strict=False)
    return len(pattern) == len(segments) and all(part in (_ONE, segment) for part, segment in pairs)
