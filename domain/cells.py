"""Where a complex is served: what the directory, a cell that it left, and a gateway say of it to each other."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

import msgspec

MOVED = "moved"  # the refusal's word, beside which the whereabouts stand
ELSEWHERE = 421  # and its status: misdirected request

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
Fingerprint = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?$")]


class Whereabouts(msgspec.Struct, frozen=True):
    """``version`` rises with each move; ``fingerprint`` is of the cell's certificate (SHA-256, hex), empty where an
    authority vouches for it."""

    url: str
    fingerprint: Fingerprint = ""
    version: Annotated[int, msgspec.Meta(ge=1)] = 1


def is_no_worse(url: str, than: str) -> bool:
    """Whether an address may stand in for another: never one without TLS for one with it, but for this machine's."""
    new, old = urlsplit(url), urlsplit(than)
    if not new.hostname or new.scheme not in ("http", "https"):
        return False
    return new.scheme == "https" or old.scheme == "http" or new.hostname in _LOOPBACK
