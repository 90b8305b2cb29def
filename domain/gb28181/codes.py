"""The codes of twenty digits that the police assign (GB/T 28181, annex D): what each says of what it names."""

from __future__ import annotations

import re

import msgspec

_TWENTY = re.compile(r"[0-9]{20}")

BUSINESS_GROUP = "215"
VIRTUAL_GROUP = "216"
# What a catalog item may be; folders hold others, all else is a device.
FOLDERS = frozenset({BUSINESS_GROUP, VIRTUAL_GROUP})
ALARM_INPUTS = frozenset({"117", "134"})  # what an upper platform arms and disarms


class BadCode(ValueError):
    """It is no code of twenty digits."""


class Code(msgspec.Struct, frozen=True):
    """A code in its parts."""

    centre: str  # 8: district and unit
    industry: str  # 2
    kind: str  # 3: what it is
    network: str  # 1
    serial: str  # 6

    @property
    def district(self) -> str:
        """The six digits that a catalog calls CivilCode."""
        return self.centre[:6]

    @property
    def is_folder(self) -> bool:
        return self.kind in FOLDERS

    def __str__(self) -> str:
        return self.centre + self.industry + self.kind + self.network + self.serial


def read_code(text: str) -> Code:
    """Raises BadCode, with what to do."""
    if not _TWENTY.fullmatch(text):
        raise BadCode(f"{text[:40]!r} is no code of GB/T 28181: write the twenty digits that the police assigned")
    return Code(text[:8], text[8:10], text[10:13], text[13], text[14:])


def need_code(key: str, text: str) -> None:
    """Raises BadCode that names the key of a settings file."""
    if not is_code(text):
        raise BadCode(f"`{key}`: {text[:40]!r} is no code of GB/T 28181: write the twenty digits the police assigned")


def is_code(text: str) -> bool:
    return _TWENTY.fullmatch(text) is not None


def sip_domain(server: str) -> str:
    """By which a platform is addressed, where nothing else is agreed: the first ten digits of its code."""
    return str(read_code(server))[:10]
