"""PINs, visitors' codes and phones' tokens, as they are kept: a keyed digest, and for what is short a dear one."""

from __future__ import annotations

import hashlib
import hmac
from typing import Literal

SecretKind = Literal["pin", "qr", "token"]
LEAST_PIN, MOST_SIGNS, LEAST_CODE = 4, 256, 16
# A PIN has few values: each guess at a stolen list costs this. A door reckons it once a try, in a millisecond or two.
_ROUNDS = {"pin": 2_000, "qr": 1, "token": 1}
_BYTES = 16


def digest_of(kind: SecretKind, text: str, salt: bytes, key: bytes = b"") -> str:
    """What stands in the list for a secret. ``key`` is the site's own, which no list holds; b"" where it has none."""
    return _keyed(_stirred(kind, text, salt), key)


def digests_of(kind: SecretKind, text: str, salt: bytes, key: bytes = b"") -> tuple[str, ...]:
    """Every digest that a list may have of a secret where the site has a key: by it, and, of what was made at the
    centre, which does not know it, without."""
    stirred = _stirred(kind, text, salt)
    return (_keyed(stirred, key), _keyed(stirred, b"")) if key else (_keyed(stirred, b""),)


def _stirred(kind: SecretKind, text: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", f"{kind}:{text}".encode(), salt, _ROUNDS[kind])


def _keyed(stirred: bytes, key: bytes) -> str:
    return hmac.new(key, stirred, hashlib.sha256).digest()[:_BYTES].hex()


def fits(kind: SecretKind, text: str) -> str | None:
    """Why a text cannot be such a secret; None where it can."""
    if kind == "pin":
        return None if text.isascii() and text.isdigit() and LEAST_PIN <= len(text) <= 16 else "4 to 16 digits"
    return None if LEAST_CODE <= len(text) <= MOST_SIGNS else f"{LEAST_CODE} to {MOST_SIGNS} signs"
