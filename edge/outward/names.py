"""Our own topics outwards, and the names by which Home Assistant knows devices: one writer, no sign that means more."""

from __future__ import annotations

import hashlib
import re

import msgspec

_UNSAFE = re.compile(r"[%/+#$\x00-\x1f\x7f-\x9f]")  # have a meaning in topics, or none that can be printed
_NO_OBJECT_SIGN = re.compile(r"[^a-zA-Z0-9_-]")
_DIGEST_SIGNS = 8


def level(text: str) -> str:
    """One level of a topic; different texts stay different."""
    return _UNSAFE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), text) or "%"


class Names(msgspec.Struct, frozen=True):
    """Of one complex: ``root`` is our first level, ``prefix`` Home Assistant's."""

    complex: str
    root: str = "gatehouse"
    prefix: str = "homeassistant"

    @property
    def ours(self) -> str:
        return f"{self.root}/{level(self.complex)}"

    @property
    def availability(self) -> str:
        """The gateway's own."""
        return f"{self.ours}/availability"

    def availability_of(self, device: str) -> str:
        return f"{self.ours}/{level(device)}/availability"

    def state(self, device: str, entity: str) -> str:
        return f"{self.ours}/{level(device)}/state/{level(entity)}"

    def order(self, device: str, entity: str) -> str:
        return f"{self.ours}/{level(device)}/order/{level(entity)}"

    @property
    def orders(self) -> str:
        """A filter for all of them."""
        return f"{self.ours}/+/order/+"

    @property
    def birth(self) -> str:
        """Where Home Assistant says that it came."""
        return f"{self.prefix}/status"

    def discovery(self, device: str) -> str:
        return f"{self.prefix}/device/{self.object_id(device)}/config"

    def object_id(self, device: str) -> str:
        """Letters, digits, ``_`` and ``-``; "" is the gateway's own. What had to be changed has a digest behind it."""
        text = f"{self.root}_{self.complex}_{device}" if device else f"{self.root}_{self.complex}"
        plain = _NO_OBJECT_SIGN.sub("_", text)
        return plain if plain == text else f"{plain}_{hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_SIGNS]}"
