"""Where a stream is, and why it may not be read: words that hold no password."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit

import msgspec

SCHEMES = ("rtsp", "rtsps")
FILE = "file"
Reason = Literal[
    "bad_address",
    "unreachable",
    "unauthorised",
    "not_found",
    "silent",
    "no_video",
    "too_large",
    "unreadable",
    "ended",
    "late",
    "failed",
]


class StreamFault(Exception):
    """A stream that cannot be read, or not any more. Says why in one word, never where: that may hold a password."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason: Reason = reason


class Where(msgspec.Struct, frozen=True):
    """One stream: an ``rtsp:`` address or a file, and the password that the camera asks for."""

    address: str
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Where({self.shown!r})"

    @property
    def shown(self) -> str:
        """The address without whatever somebody wrote before the @."""
        scheme, colon, rest = self.address.partition("://")
        return f"{scheme}{colon}{rest.rpartition('@')[2]}" if colon else self.address

    @property
    def is_file(self) -> bool:
        return urlsplit(self.address).scheme not in SCHEMES

    @property
    def opened(self) -> str:
        """What the library opens. Raises StreamFault: nothing but a camera or a file is reached by an address."""
        parts = urlsplit(self.address)
        if parts.scheme in SCHEMES and parts.hostname:
            return self._with_password()
        path = Path(self.address.removeprefix("file://").removeprefix("file:"))
        if parts.scheme in ("", FILE) and path.is_file():
            return str(path.resolve())
        raise StreamFault("bad_address", "an rtsp:// address, or file: and the path of a file that is there")

    def _with_password(self) -> str:
        if not self.user:
            return self.address
        scheme, _, rest = self.address.partition("://")
        return f"{scheme}://{quote(self.user, safe='')}:{quote(self.password, safe='')}@{rest.rpartition('@')[2]}"
