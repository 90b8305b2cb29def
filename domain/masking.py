"""What is shown of a plate, a card, a name or a free text before someone gives a reason to see it whole."""

from __future__ import annotations

import re

from domain.plates import PROVINCES, mask

HIDDEN = "***"
_SHOWN_TAIL, _LEAST_CARD_SIGNS = 3, 7
# What devices write into free text: plates, and numbers as long as a card's, a telephone's or an identity's.
_PLATE = re.compile(f"[{PROVINCES}][A-Z][·•・. -]?[0-9A-Z]{{4,6}}[挂学试警港澳领]?|WJ[{PROVINCES}]?[0-9]{{4}}[0-9A-Z]")
_NUMBER = re.compile(r"[0-9]{5,}[0-9Xx]?")


def masked_subject(kind: str, identity: str) -> str:
    """A plate keeps both ends, a long card number its last three digits; a PIN, a person, a short number nothing."""
    if kind == "plate":
        return mask(identity)
    if kind in ("pin", "person") or len(identity) < _LEAST_CARD_SIGNS:
        return HIDDEN
    return HIDDEN + identity[-_SHOWN_TAIL:]


def masked_text(text: str) -> str:
    """A device's or a program's words, without plates and long numbers."""
    return _NUMBER.sub(_masked_number, _PLATE.sub(lambda found: mask(found[0]), text))


def _masked_number(found: re.Match[str]) -> str:
    return masked_subject("card", found[0])


def masked_name(name: str) -> str:
    """A resident's name: its first sign, so that people of a household can be told apart."""
    return f"{name[:1]}**" if name else ""


_TELEPHONE_OR_IDENTITY = re.compile(r"(?<![0-9])(?:1[3-9][0-9]{9}|[0-9]{17}[0-9Xx])(?![0-9])")


def tells_of_someone(text: str) -> bool:
    """Whether words that everybody may read hold a plate, a mobile telephone or an identity number. Names pass."""
    plain = text.upper()
    return bool(_PLATE.search(plain) or _TELEPHONE_OR_IDENTITY.search(plain))
