"""What a channel is: something that takes a notice, and says that it did, or why not. Plug-ins are written to this."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Protocol

import msgspec

from domain.alerts.words import Severity
from domain.delivery import Refusal
from domain.masking import masked_text

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")
# Robots read `<@all>`, `<at user_id=…>` and HTML; a sign that only looks like theirs says the same to people.
_FULL_WIDTH = str.maketrans({"<": "＜", ">": "＞"})
_MOST_SIGNS = 200


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody is told. ``title`` and ``words`` are plain text, harmless to every channel; ``url`` leads to the
    alert, and is the only way to more. ``to``: a telephone, an address, or whom a robot names; "" where a channel needs
    none. ``key``: the same for every attempt, so that whoever can tells a repeat from news."""

    key: str
    title: str
    words: str
    url: str
    severity: Severity
    to: str = ""
    is_urgent: bool = False

    @property
    def text(self) -> str:
        """All of it, as a message of one piece."""
        return "\n".join(part for part in (self.title, self.words, self.url) if part)


class Receipt(msgspec.Struct, frozen=True):
    """The far end has taken it; ``ref`` is its own name for it, where it gives one."""

    ref: str = ""


class NotSent(Exception):
    """The far end did not take it. ``words`` say more, and hold no secret; ``asked`` is the wait it asks for."""

    def __init__(self, why: Refusal, words: str = "", asked: timedelta | None = None) -> None:
        super().__init__(f"{why}: {words}" if words else why)
        self.why: Refusal = why
        self.words, self.asked = words, asked


class Channel(Protocol):
    """One way of telling people."""

    async def send(self, notice: Notice) -> Receipt:
        """Raises NotSent, and nothing else that is foreseen. Bounded in time by its own settings."""
        ...

    async def close(self) -> None:
        """Give back connections and threads."""
        ...


def harmless(text: str, most: int = _MOST_SIGNS) -> str:
    """Words of a device or a person as they may leave the house: no plate and no long number, one line, no markup."""
    one_line = " ".join(_CONTROL.sub(" ", text).split())
    plain = masked_text(one_line).translate(_FULL_WIDTH)
    return plain if len(plain) <= most else plain[: most - 1] + "…"


def cut(text: str, most_bytes: int) -> str:
    """As much of a text as fits, in whole signs."""
    raw = text.encode()
    return text if len(raw) <= most_bytes else raw[: most_bytes - 3].decode(errors="ignore") + "…"
