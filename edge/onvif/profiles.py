"""Which of a camera's profiles is the main stream and which the one for watching; addresses that it gives of itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit

import msgspec

from edge.onvif.faults import HalfAnswer, NotOffered

MAIN, SUB = "main", "sub"
_WATCHED_PIXELS = 640 * 360
_STREAMS = ("rtsp", "rtsps")


class Profile(msgspec.Struct, frozen=True):
    """A media profile. ``source``: the sensor it shows; ``turns``: whether it may be moved by it."""

    token: str
    name: str = ""
    source: str = ""
    encoding: str = ""
    width: int = 0
    height: int = 0
    turns: bool = False

    @property
    def shown(self) -> str:
        size = f" {self.width}×{self.height}" if self.width else ""
        return f"{self.token}{size}{f' {self.encoding}' if self.encoding else ''}"


def chosen(profiles: Sequence[Profile], wanted: str) -> Profile:
    """The main stream, the one for watching, or the one of a token. Raises NotOffered."""
    if wanted not in (MAIN, SUB):
        return _named(profiles, wanted)
    seen = [one for one in profiles if one.width > 0] or list(profiles)
    if not seen:
        raise NotOffered("it has no media profile: make one on its own page")
    first = [one for one in seen if one.source == seen[0].source]  # of several sensors the first
    if wanted == MAIN:
        return max(first, key=_pixels)
    return min(first, key=lambda one: abs(math.log(max(_pixels(one), 1) / _WATCHED_PIXELS)))


def _named(profiles: Sequence[Profile], token: str) -> Profile:
    found = next((one for one in profiles if one.token == token), None)
    if found is None:
        there = ", ".join(one.token for one in profiles[:16])
        raise NotOffered(f"no profile {token!r:.80}; it has {there[:400] or 'none'}")
    return found


def _pixels(profile: Profile) -> int:
    return profile.width * profile.height


def at_host(url: str, host: str) -> str:
    """The same at the host that we reach it by: what it says of itself is often another network's, or an old one.

    Nothing is ever asked of a third host, whatever a camera says; its port stays, and what stands before an @ goes.
    Raises HalfAnswer.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except (ValueError, AttributeError) as error:
        raise HalfAnswer(f"it gives an address that is none: {type(error).__name__}") from None
    if not parts.scheme or not parts.netloc:
        raise HalfAnswer("it gives an address that is none")
    written = f"[{host}]" if ":" in host else host
    return urlunsplit(parts._replace(netloc=f"{written}:{port}" if port else written))


def stream_at(url: str, host: str) -> str:
    """The address of a stream. Raises HalfAnswer."""
    made = at_host(url, host)
    if urlsplit(made).scheme not in _STREAMS:
        raise HalfAnswer(f"its stream is no RTSP: {urlsplit(made).scheme!r:.20}")
    return made
