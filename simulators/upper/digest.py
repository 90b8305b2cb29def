"""HTTP digest (RFC 2617, MD5) as an upper platform asks for it: a nonce is good once."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import OrderedDict
from random import Random
from typing import Literal

from simulators.upper.profiles import Profile

Verdict = Literal["right", "wrong", "absent"]
_MOST_NONCES = 1_000
_PAIR = re.compile(r"""(\w+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s,]+))""")


class Gate:
    """The challenges of one platform, each with a nonce that the next answer uses up."""

    def __init__(self, profile: Profile, dice: Random) -> None:
        self._profile, self._dice = profile, dice
        self._realms: OrderedDict[str, str] = OrderedDict()  # nonce -> the realm that it was given with

    def challenge(self) -> str:
        nonce = f"{self._dice.getrandbits(96):024x}{self._profile.nonce_ends}"
        realm = self._profile.realm or f"r{self._dice.getrandbits(32):08x}"
        self._realms[nonce] = realm
        while len(self._realms) > _MOST_NONCES:
            self._realms.popitem(last=False)
        return self._profile.challenge.format(realm=realm, nonce=nonce, opaque=f"{self._dice.getrandbits(32):08x}")

    def judge(self, header: str, method: str, path: str, password: str) -> Verdict:
        """Whether an Authorization header shows the password; its uri counts as it was sent, if its path is ours."""
        if not header:
            return "absent"
        said = {key.lower(): double or single or bare for key, double, single, bare in _PAIR.findall(header)}
        realm = self._realms.pop(said.get("nonce", ""), None)
        if realm is None or said.get("realm") != realm or not said.get("uri", "").endswith(path):
            return "wrong"
        if self._profile.needs_algorithm and said.get("algorithm", "").upper() != "MD5":
            return "wrong"
        return "right" if hmac.compare_digest(_response(said, method, password), said.get("response", "")) else "wrong"


def user_in(header: str) -> str:
    """Who an Authorization header says to be."""
    return next((a or b or c for key, a, b, c in _PAIR.findall(header) if key.lower() == "username"), "")


def answer_to(challenge: str, user: str, password: str, method: str, path: str, cnonce: str) -> str:
    """The Authorization header that shows a password to who asked for it."""
    asked = {key.lower(): double or single or bare for key, double, single, bare in _PAIR.findall(challenge)}
    said = {"username": user, "realm": asked.get("realm", ""), "nonce": asked.get("nonce", ""), "uri": path}
    said |= {"qop": "auth", "nc": "00000001", "cnonce": cnonce} if asked.get("qop") else {}
    shown = said | {"response": _response(said, method, password), "algorithm": "MD5"}
    return "Digest " + ", ".join(f'{key}="{value}"' for key, value in shown.items())


def _response(said: dict[str, str], method: str, password: str) -> str:
    own = _md5(f"{said.get('username', '')}:{said['realm']}:{password}")
    asked = _md5(f"{method}:{said['uri']}")
    middle = [said["nonce"]]
    if said.get("qop"):
        middle += [said.get("nc", ""), said.get("cnonce", ""), said["qop"]]
    return _md5(":".join([own, *middle, asked]))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
