"""What a device says of itself before anybody listed it, and what its driver makes of that."""

from __future__ import annotations

from urllib.parse import unquote

import msgspec


class Announced(msgspec.Struct, frozen=True, gc=False):
    """A device that made itself known on the network or at the broker. Any of it may be missing, or wrong.

    ``by``: the way (``onvif``, ``home-assistant``); ``host``: its IP address; ``mac``: twelve digits, lower case;
    ``node``: the last twelve of its UUID, which many makers fill with the MAC address; ``topic``: where it publishes;
    ``port``: where it serves, 0 where it does not say.
    """

    by: str
    host: str = ""
    vendor: str = ""
    name: str = ""
    model: str = ""
    mac: str = ""
    node: str = ""
    topic: str = ""
    port: int = 0

    def is_by(self, maker: str) -> bool:
        """Whether the maker stands in what it calls itself, as a word."""
        words = f"{self.vendor} {self.name} {self.model}".casefold().replace("_", " ").replace("-", " ").split()
        return maker.casefold() in words


class Known(msgspec.Struct, frozen=True, gc=False):
    """A device as the device list would name it.

    ``address``: as the list wants it, "" where devices of the kind are not reached by one; ``host``: where it was
    seen. ``exact``: the id is what the device itself says in its messages; else a proposal to be looked at. ``same``:
    other ids under which the same device may stand in the list already.
    """

    id: str
    address: str = ""
    host: str = ""
    name: str = ""
    model: str = ""
    exact: bool = True
    same: tuple[str, ...] = ()


def shown(text: object, most: int = 120) -> str:
    """A name that somebody else wrote, fit to be printed: one line, bounded."""
    if not isinstance(text, str):
        return ""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text[: 4 * most]).split())[:most]


def by_mac(kind: str, announced: Announced, *, upper: bool = False, address: str = "") -> Known | None:
    """A device whose identity is its MAC address: exact where it says it, a proposal where its UUID may hold it."""
    mac = announced.mac or announced.node
    identity = mac.upper() if upper else mac
    if not identity:
        return None
    known = Known(f"{kind}:{identity}", address, announced.host, announced.name, announced.model)
    return msgspec.structs.replace(known, exact=bool(announced.mac))


def text_of(percent_encoded: str) -> str:
    """What stands in a URI, as a name."""
    return shown(unquote(percent_encoded, errors="replace"))
