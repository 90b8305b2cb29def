"""Where an OSDP device hangs: ``serial:/dev/ttyUSB0?baud=9600&pd=101``, and the key that was entered for it."""

from __future__ import annotations

from urllib.parse import parse_qsl

import msgspec

from edge.device_secrets import DeviceSecrets

KIND = "osdp"
_SCHEME, _KEY_BYTES, _MAX_PD = "serial:", 16, 126
_BAUDS = (9_600, 19_200, 38_400, 57_600, 115_200, 230_400)


class BadAddress(Exception):
    """A device that cannot be reached as it is listed; says what to do."""


class Place(msgspec.Struct, frozen=True):
    """One device on a line. Its key is in no text."""

    device: str
    path: str
    baud: int
    pd: int
    key: bytes

    def __repr__(self) -> str:
        return f"Place({self.device}, {self.path}, {self.baud}, {self.pd})"


def place_of(device: str, address: str, secrets: DeviceSecrets) -> Place:
    """Raises BadAddress. Without a key of its own nobody is talked to: the one everybody knows protects nothing."""
    path, _, query = address.removeprefix(_SCHEME).partition("?")
    if not address.startswith(f"{_SCHEME}/"):
        raise BadAddress(f"{device}: the address is serial:/dev/ttyUSB0?baud=9600&pd=101, not {address!r:.100}")
    told = dict(parse_qsl(query, keep_blank_values=True))
    if unknown := set(told) - {"baud", "pd"}:
        raise BadAddress(f"{device}: {', '.join(sorted(unknown))} in its address; there are baud and pd")
    baud = _number(device, "baud", told.get("baud", "9600"))
    pd = _number(device, "pd", told.get("pd", device.partition(":")[2]))
    if baud not in _BAUDS or pd > _MAX_PD:
        raise BadAddress(f"{device}: baud is one of {_BAUDS}, pd 0 to {_MAX_PD}")
    return Place(device, path, baud, pd, _key(device, secrets))


def _number(device: str, name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise BadAddress(f"{device}: {name} in its address is {text!r:.40}, not a number")
    return int(text)


def _key(device: str, secrets: DeviceSecrets) -> bytes:
    try:
        found = secrets.of(device)
        key = bytes.fromhex(found.secret) if found else b""
    except (OSError, ValueError) as error:
        raise BadAddress(f"{device}: its key cannot be read: {error!r:.200}") from None
    if len(key) != _KEY_BYTES:
        raise BadAddress(f"{device}: enter its secure channel key (SCBK), {_KEY_BYTES} bytes in hexadecimal")
    return key


def lines_of(addresses: dict[str, str], secrets: DeviceSecrets) -> tuple[dict[str, tuple[Place, ...]], list[str]]:
    """The devices of each line by its path, in order; and what is wrong with those that are on none."""
    lines: dict[str, list[Place]] = {}
    wrong: list[str] = []
    for device, address in sorted(addresses.items()):
        try:
            place = place_of(device, address, secrets)
            beside = lines.setdefault(place.path, [])
            _check_beside(place, beside)
            beside.append(place)
        except BadAddress as error:
            wrong.append(str(error))
    return {path: tuple(places) for path, places in lines.items() if places}, wrong


def _check_beside(place: Place, beside: list[Place]) -> None:
    for other in beside:
        if other.pd == place.pd:
            raise BadAddress(f"{place.device}: {other.device} has the address {place.pd} on {place.path} already")
        if other.baud != place.baud:
            raise BadAddress(f"{place.device}: the line {place.path} runs at {other.baud}, as {other.device} says")
