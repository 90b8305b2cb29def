"""HTTP Digest (RFC 2617, 7616) for both sides: challenges as peers really write them, and answers to be checked."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

_PAIR = re.compile(r"""([A-Za-z][\w-]*)\s*=\s*("(?:[^"\\]|\\.)*"|'[^']*'|[^\s,]*)""")
_SCHEME = re.compile(r"(?:^|[\s,])digest\s+", re.IGNORECASE)
_ESCAPED = re.compile(r"\\(.)")
_HASHES = {"md5": "md5", "sha-256": "sha256"}
_ONE_TIME = "00000001"  # each nonce is answered once


class BadChallenge(ValueError):
    """A challenge that cannot be answered: what it asks for."""


class Challenge(msgspec.Struct, frozen=True):
    """What a server asks to be proved. ``qop`` empty: by the older rule, without a counter."""

    realm: str
    nonce: str
    qop: str = ""
    opaque: str | None = None
    algorithm: str = "MD5"
    is_stale: bool = False  # the password was right, the nonce too old


def parse_challenge(header: str) -> Challenge:
    """A WWW-Authenticate header: any quotes, any spaces, other schemes beside it. Raises BadChallenge."""
    said = _pairs(header)
    if "nonce" not in said:
        raise BadChallenge(f"no Digest challenge with a nonce: {header[:200]!r}")
    offered = [word.strip().lower() for word in said.get("qop", "").split(",") if word.strip()]
    if offered and "auth" not in offered:
        raise BadChallenge(f"qop {said['qop']!r}: only auth is spoken here")
    algorithm = said.get("algorithm") or "MD5"
    _hash_of(algorithm)
    return Challenge(
        realm=said.get("realm", ""),
        nonce=said["nonce"],
        qop="auth" if offered else "",
        opaque=said.get("opaque"),
        algorithm=algorithm,
        is_stale=said.get("stale", "").lower() == "true",
    )


def challenge_header(challenge: Challenge) -> str:
    """The header that asks for it."""
    parts = [f'realm="{challenge.realm}"', f'nonce="{challenge.nonce}"', f"algorithm={challenge.algorithm}"]
    parts += [f'qop="{challenge.qop}"'] if challenge.qop else []
    parts += [f'opaque="{challenge.opaque}"'] if challenge.opaque is not None else []
    return "Digest " + ", ".join([*parts, "stale=true"] if challenge.is_stale else parts)


def authorization(challenge: Challenge, username: str, password: str, method: str, uri: str, cnonce: str) -> str:
    """The Authorization header that answers it. ``algorithm`` always stands in it: some servers want it back."""
    said = {"realm": challenge.realm, "nonce": challenge.nonce, "uri": uri, "cnonce": cnonce, "nc": _ONE_TIME}
    proof = _proof({**said, "username": username, "qop": challenge.qop}, password, method, challenge.algorithm)
    parts = [f'{name}="{_quoted(value)}"' for name, value in (("username", username), ("realm", challenge.realm))]
    parts += [f'nonce="{challenge.nonce}"', f'uri="{uri}"', f'response="{proof}"', f"algorithm={challenge.algorithm}"]
    if challenge.qop:
        parts += [f"qop={challenge.qop}", f"nc={_ONE_TIME}"]
    if challenge.qop or _hash_of(challenge.algorithm)[1]:
        parts += [f'cnonce="{cnonce}"']
    parts += [f'opaque="{challenge.opaque}"'] if challenge.opaque is not None else []
    return "Digest " + ", ".join(parts)


def parse_authorization(header: str) -> dict[str, str]:
    """What an Authorization header says, by its names in lower case; empty where it is no Digest."""
    return _pairs(header)


def proves(said: Mapping[str, str], password: str, method: str, algorithm: str = "MD5") -> bool:
    """Whether an answer was made with the password, for the uri as it was sent. Compared in constant time."""
    named = said.get("algorithm") or algorithm
    if named.lower() != algorithm.lower() or not {"username", "realm", "nonce", "uri", "response"} <= said.keys():
        return False
    expected = _proof(said, password, method, algorithm)
    return hmac.compare_digest(_bytes(expected), _bytes(said["response"].lower()))


def uri_path(said: Mapping[str, str]) -> str:
    """The path of the uri that was proved; one client writes the whole URL there."""
    return urlsplit(said.get("uri", "")).path


def _proof(said: Mapping[str, str], password: str, method: str, algorithm: str) -> str:
    name, in_session = _hash_of(algorithm)
    secret = _hashed(name, said["username"], said["realm"], password)
    if in_session:
        secret = _hashed(name, secret, said["nonce"], said.get("cnonce", ""))
    asked = _hashed(name, method, said["uri"])
    if not said.get("qop"):
        return _hashed(name, secret, said["nonce"], asked)
    return _hashed(name, secret, said["nonce"], said.get("nc", ""), said.get("cnonce", ""), said["qop"], asked)


def _hash_of(algorithm: str) -> tuple[str, bool]:
    word = algorithm.lower()
    plain = word.removesuffix("-sess")
    if plain not in _HASHES:
        raise BadChallenge(f"algorithm {algorithm!r}: MD5 and SHA-256 are spoken here")
    return _HASHES[plain], word != plain


def _hashed(name: str, *parts: str) -> str:
    return hashlib.new(name, _bytes(":".join(parts)), usedforsecurity=False).hexdigest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")  # as headers are read


def _pairs(header: str) -> dict[str, str]:
    found = _SCHEME.search(header)
    if found is None:
        return {}
    return {name.lower(): _unquoted(value) for name, value in _PAIR.findall(header[found.end() :])}


def _unquoted(value: str) -> str:
    if value[:1] == '"':
        return _ESCAPED.sub(r"\1", value[1:-1])
    return value[1:-1] if value[:1] == "'" else value


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
