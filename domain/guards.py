"""Guards at a gate: who may take money there and open by hand, each by a PIN. The desired state of kind ``guards``."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Annotated

import msgspec
from msgspec import Meta

from domain.desired_words import Name, once

LEAST_PIN, MOST_PIN = 6, 16
# A PIN has few values: each guess at a stolen document costs this, some ten milliseconds and 16 MB.
_N, _R, _P, _BYTES, _SALT = 2**14, 8, 1, 32, 16
GuardId = Annotated[str, Meta(pattern=r"^[^\s/$:]{1,64}$")]  # the account's name at the centre: whose shift it is
Kept = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\$[0-9a-f]{64}$")]


class Guard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One guard. ``pin`` is a salt and a digest, as ``kept_pin`` makes them."""

    id: GuardId
    pin: Kept
    name: Name = ""

    def knows(self, pin: str) -> bool:
        """Whether that is the PIN. Dear on purpose."""
        salt, _, digest = self.pin.partition("$")
        return hmac.compare_digest(_digest(pin, bytes.fromhex(salt)), digest)


class Guards(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everybody who may use the gate's screen."""

    guards: Annotated[tuple[Guard, ...], Meta(max_length=200)] = ()

    def __post_init__(self) -> None:
        once((one.id for one in self.guards), "guard")

    def one(self, identity: str) -> Guard | None:
        return next((guard for guard in self.guards if guard.id == identity), None)


def kept_pin(pin: str) -> str:
    """What stands in the document for a PIN. Raises ValueError for one that is none."""
    if not (pin.isascii() and pin.isdecimal() and LEAST_PIN <= len(pin) <= MOST_PIN):
        raise ValueError(f"a PIN at the gate is {LEAST_PIN} to {MOST_PIN} digits")
    salt = secrets.token_bytes(_SALT)
    return f"{salt.hex()}${_digest(pin, salt)}"


def _digest(pin: str, salt: bytes) -> str:
    return hashlib.scrypt(pin.encode(), salt=salt, n=_N, r=_R, p=_P, dklen=_BYTES).hex()
