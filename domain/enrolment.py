"""The link by which a gateway enrols: where the centre is, how its certificate is known, and the one-time code."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlencode

import msgspec

_SCHEME = "gatehouse-enrol:"
_MAX_SIGNS = 2_000
_DIGEST = re.compile(r"[0-9a-f]{64}")


class BadLink(Exception):
    """Not a link for enrolling; says what is wrong with it."""


class EnrolLink(msgspec.Struct, frozen=True):
    """``sha256`` is of the server's certificate (DER), 64 hex digits; empty where the centre did not say."""

    url: str
    code: str
    sha256: str = ""

    def text(self) -> str:
        """The link as a QR code holds it: what is secret stands in the fragment, which no browser sends."""
        parts = {"code": self.code} | ({"sha256": self.sha256} if self.sha256 else {})
        return f"{_SCHEME}{self.url.partition('#')[0]}#{urlencode(parts)}"


def is_link(text: str) -> bool:
    """Whether a text wants to be a link for enrolling, rather than a URL or a code."""
    return text.strip().lower().startswith(_SCHEME)


def read_link(text: str) -> EnrolLink:
    """Raises BadLink."""
    text = text.strip()
    if not is_link(text) or len(text) > _MAX_SIGNS:
        raise BadLink(f"not a link that begins with {_SCHEME}")
    url, _, fragment = text[len(_SCHEME) :].partition("#")
    parts = parse_qs(fragment)
    code, sha256 = parts.get("code", [""])[0], parts.get("sha256", [""])[0]
    if not url or not code:
        raise BadLink("the link is not whole: address or code is missing")
    return EnrolLink(url, code, read_fingerprint(sha256) if sha256 else "")


def read_fingerprint(text: str) -> str:
    """A SHA-256 fingerprint as 64 hex digits, from digits in groups of any kind. Raises BadLink."""
    digits = re.sub(r"[\s:.-]", "", text).lower().removeprefix("sha256")
    if not _DIGEST.fullmatch(digits):
        raise BadLink(f"{text[:80]!r} is no SHA-256 fingerprint: 64 hex digits")
    return digits


def in_groups(sha256: str) -> str:
    """A fingerprint as people compare it: eight groups of eight."""
    return " ".join(sha256[start : start + 8] for start in range(0, len(sha256), 8))
