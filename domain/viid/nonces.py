"""Nonces of a digest's challenge: signed with their birth, so that who made one knows it again without keeping it."""

from __future__ import annotations

import hashlib
import hmac
import re

_FORM = re.compile(r"([0-9]{1,12})\.([0-9a-f]{1,32})\.([0-9a-f]{32})")


class Nonces:
    """Of one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def made(self, born_s: int, salt: str) -> str:
        """``salt``: hex digits, another each time."""
        proof = hmac.new(self._key, f"{born_s}.{salt}".encode(), hashlib.sha256).hexdigest()[:32]
        return f"{born_s}.{salt}.{proof}"

    def born_s(self, nonce: str) -> int | None:
        """When it was made; None where it was not made with this key. Compared in constant time."""
        found = _FORM.fullmatch(nonce)
        if found is None or not hmac.compare_digest(self.made(int(found[1]), found[2]), nonce):
            return None
        return int(found[1])
