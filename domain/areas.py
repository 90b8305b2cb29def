"""What a city is divided into, and how complexes are kept: the words, and what may lie in what."""

from __future__ import annotations

import re

DISTRICT, STREET, COMMUNITY = AREA_KINDS = ("district", "street", "community")
ABOVE = {DISTRICT: None, STREET: DISTRICT, COMMUNITY: STREET}  # what each kind lies in
MANAGEMENT = ("professional", "self_run", "entrusted")
MOST_NAME_SIGNS = 100
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def is_id(text: str) -> bool:
    """Whether a text may name a place for ever: it stands in addresses, files and commands."""
    return _ID.fullmatch(text) is not None
