"""Who pushes, where a password was entered for it: HTTP digest (RFC 7616) and basic (RFC 7617), the listener's side."""

from __future__ import annotations

import binascii
import hmac
import secrets
from collections import OrderedDict
from typing import Literal

from domain.viid.digest import Challenge, challenge_header, parse_authorization, proves
from domain.viid.nonces import Nonces
from edge.device_secrets import DeviceSecret

REALM = "gatehouse"
_NONCE_S = 300
_NONCES = 2_000

# ``stale``: the password is right, the nonce is not; who asked tries again by itself.
Verdict = Literal["right", "wrong", "stale", "absent"]


class Doorman:
    """Judges Authorization headers. A nonce lives five minutes, and each use of it counts once."""

    def __init__(self, key: bytes = b"") -> None:
        self._nonces = Nonces(key or secrets.token_bytes(32))
        self._used: OrderedDict[str, int] = OrderedDict()

    def challenges(self, now_s: float, *, stale: bool = False) -> list[str]:
        """What a 401 offers, the better first."""
        nonce = self._nonces.made(int(now_s), secrets.token_hex(8))
        digest = challenge_header(Challenge(REALM, nonce, "auth", is_stale=stale))
        return [digest, f'Basic realm="{REALM}"']

    def judge(self, header: str, method: str, target: str, secret: DeviceSecret, now_s: float) -> Verdict:
        """Whether an Authorization header, "" for none, shows the secret; ``target`` is that of the request line."""
        scheme, _, rest = header.strip().partition(" ")
        match scheme.lower():
            case "":
                return "absent"
            case "basic":
                return "right" if _basic(rest, secret) else "wrong"
            case "digest":
                return self._digest(parse_authorization(header), method, target, secret, now_s)
            case _:
                return "wrong"

    def _digest(self, said: dict[str, str], method: str, target: str, secret: DeviceSecret, now_s: float) -> Verdict:
        uri, user = said.get("uri", ""), said.get("username", "")
        if not _same_target(uri, target) or (secret.user and user != secret.user):
            return "wrong"
        if said.get("realm") != REALM or not proves(said, secret.secret, method):
            return "wrong"
        return "right" if self._is_fresh(said, now_s) else "stale"

    def _is_fresh(self, said: dict[str, str], now_s: float) -> bool:
        """Whether the nonce is ours, young, and its count a new one: what somebody overheard opens nothing."""
        nonce, count = said.get("nonce", ""), _count(said)
        born_s = self._nonces.born_s(nonce)
        if born_s is None or not 0 <= now_s - born_s <= _NONCE_S or count <= self._used.get(nonce, 0):
            return False
        self._used[nonce] = count
        while len(self._used) > _NONCES:
            self._used.popitem(last=False)
        return True


def _basic(written: str, secret: DeviceSecret) -> bool:
    try:
        user, _, password = binascii.a2b_base64(written).decode().partition(":")
    except ValueError:
        return False
    return _same(password, secret.secret) and secret.user in ("", user)


def _same(one: str, other: str) -> bool:
    """Compared in a time that tells nothing, whatever signs there are."""
    return hmac.compare_digest(_bytes(one), _bytes(other))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")  # as headers are read


def _count(said: dict[str, str]) -> int:
    """Which use of its nonce it is; without a count, the first and last."""
    try:
        return int(said.get("nc", "1"), 16)
    except ValueError:
        return 0


def _same_target(uri: str, target: str) -> bool:
    """Some clients name the whole URL."""
    return uri == target or (uri.startswith("http") and uri.partition("//")[2].partition("/")[2] == target[1:])
