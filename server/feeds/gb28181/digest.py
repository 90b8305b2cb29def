"""Digest (RFC 2617 and 8760 as SIP uses them): a challenge read tolerantly, and the answer to it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence

import msgspec

_PAIR = re.compile(r"""([A-Za-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s,]+))""")
_HASHES: dict[str, Callable[[bytes], str]] = {
    "MD5": lambda text: hashlib.md5(text, usedforsecurity=False).hexdigest(),
    "SHA-256": lambda text: hashlib.sha256(text).hexdigest(),
}


class CannotAnswer(ValueError):
    """No challenge among them that we know how to answer."""


class Challenge(msgspec.Struct, frozen=True):
    """What a platform wants to be answered."""

    realm: str
    nonce: str
    qop: str = ""  # auth, or nothing
    algorithm: str = "MD5"
    opaque: str | None = None
    is_stale: bool = False


class Credentials(msgspec.Struct, frozen=True):
    """Who we are to the platform."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials({self.username!r})"  # never the password


def read_challenge(headers: Sequence[str]) -> Challenge:
    """The first that we can answer. Raises CannotAnswer."""
    for header in headers:
        scheme, _, rest = header.strip().partition(" ")
        if scheme.lower() == "digest" and (one := _challenge(rest)) is not None:
            return one
    raise CannotAnswer(f"no challenge of Digest with MD5 or SHA-256: {'; '.join(headers)[:200]!r}")


def authorization(one: Challenge, who: Credentials, method: str, uri: str, cnonce: str, count: int = 1) -> str:
    """The header that answers a challenge."""
    digest = _HASHES[one.algorithm]
    first = digest(f"{who.username}:{one.realm}:{who.password}".encode())
    second = digest(f"{method}:{uri}".encode())
    said = {"username": _quoted(who.username), "realm": _quoted(one.realm), "nonce": _quoted(one.nonce)}
    said["uri"] = _quoted(uri)
    if one.qop:
        middle = f"{one.nonce}:{count:08x}:{cnonce}:auth"
        said |= {"qop": "auth", "nc": f"{count:08x}", "cnonce": _quoted(cnonce)}
    else:
        middle = one.nonce
    said |= {"response": _quoted(digest(f"{first}:{middle}:{second}".encode())), "algorithm": one.algorithm}
    if one.opaque is not None:
        said["opaque"] = _quoted(one.opaque)
    return "Digest " + ", ".join(f"{name}={value}" for name, value in said.items())


def _challenge(text: str) -> Challenge | None:
    said = {found[1].lower(): _value(found) for found in _PAIR.finditer(text)}
    algorithm = said.get("algorithm", "MD5").upper()
    offered = [one.strip().lower() for one in said.get("qop", "").split(",") if one.strip()]
    if "nonce" not in said or algorithm not in _HASHES or (offered and "auth" not in offered):
        return None
    is_stale = said.get("stale", "").lower() == "true"
    qop = "auth" if offered else ""
    return Challenge(said.get("realm", ""), said["nonce"], qop, algorithm, said.get("opaque"), is_stale)


def _value(found: re.Match[str]) -> str:
    if found[2] is not None:
        return re.sub(r"\\(.)", r"\1", found[2])
    return found[3] if found[3] is not None else found[4]


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
