"""Takes out of a text what must not leave the box: keys, passwords, codes, plates, card numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, cast

from domain.plates import PROVINCES, SERIAL

OUT = "[redacted]"
Redact = Callable[[str], str]

_NAMES = "password|passwd|pwd|passphrase|secret|token|api[_-]?key|private[_-]?key|credential|authorization|\\bpin"
# Each as a named part that stays and a rest that goes.
_SECRETS = (
    re.compile(r"(?P<kept>)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r'(?P<kept>\\*"(?:d|p|q|dp|dq|qi|k)\\*"\s*:\s*\\*")[A-Za-z0-9_-]{16,}'),  # the private parts of a JWK
    re.compile(r"(?P<kept>)\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"),  # a signed token
    re.compile(r"(?P<kept>\b(?:Bearer|Basic|Digest)\s+)[A-Za-z0-9+/=._~-]{6,}", re.IGNORECASE),
    re.compile(r"(?P<kept>\b[a-z][a-z0-9+.-]*://)[^/\s@\"']*@", re.IGNORECASE),  # a name and a password in an address
    re.compile(
        rf"(?P<kept>[\w-]*(?:{_NAMES})\\*[\"']?\s*[:=]\s*)(?:\\*\"[^\"\n]*\"?|'[^'\n]*'?|[^\s\"',;&}}]+)",
        re.IGNORECASE,
    ),
    re.compile(r"(?P<kept>)\b[2-9A-HJ-NP-Z]{5}(?:-[2-9A-HJ-NP-Z]{5}){3}\b", re.IGNORECASE),  # an enrolment code
)
_FILES_ARE_NAMED = re.compile(r"[\w-]*_file\Z", re.IGNORECASE)  # where a secret stands is no secret
_PLATE = re.compile(
    rf"(?:[{PROVINCES}][A-HJ-Z][·•\s-]?[{SERIAL}]{{4,6}}[挂学试警领港澳]?|使[0-9]{{6}}|WJ[{PROVINCES}]?[0-9]{{4,5}}[A-Z]?)",
    re.IGNORECASE,
)
# A card, a telephone, an identity card. Of a time (2026-03-01T08:15:30.123456Z) only the fraction is so long.
_NUMBER = re.compile(r"(?<![0-9A-Za-z.])[0-9]{6,20}[Xx]?(?![0-9A-Za-z])")


def secrets(text: str) -> str:
    """Without keys, passwords, tokens and codes."""
    for pattern in _SECRETS:
        text = pattern.sub(_kept, text)
    return text


def _kept(found: re.Match[str]) -> str:
    name = found["kept"].rstrip(" \t:='\"\\")
    return found[0] if _FILES_ARE_NAMED.search(name) else f"{found['kept']}{OUT}"


def redactor(known: Iterable[str] = (), allowed_numbers: Iterable[str] = ()) -> Redact:
    """A function that takes out all of it. ``known`` are secrets of this very box, taken out wherever they stand;
    ``allowed_numbers`` may stay: the serial numbers of listed devices."""
    exact = sorted({secret for secret in known if len(secret) >= 4}, key=len, reverse=True)
    stay = frozenset(allowed_numbers)

    def redact(text: str) -> str:
        for secret in exact:
            text = text.replace(secret, OUT)
        text = _PLATE.sub(OUT, secrets(text))
        return _NUMBER.sub(lambda found: found[0] if found[0] in stay else OUT, text)

    return redact


def everywhere(value: Any, redact: Redact) -> Any:
    """A JSON value with every text in it redacted, names of entries too; its numbers are our own counts."""
    match value:
        case str():
            return redact(value)
        case dict():
            table = cast("dict[str, Any]", value)
            return {redact(key): everywhere(entry, redact) for key, entry in table.items()}
        case list():
            entries = cast("list[Any]", value)
            return [everywhere(entry, redact) for entry in entries]
        case _:
            return value
