"""Whom a record names: one form for a plate, a card or a person, found wherever in an event it stands, and its key."""

from __future__ import annotations

import functools
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any, Literal, get_args

import msgspec

from domain.desired_bodies import Erasure, canonical_card
from domain.events import Event, encode_event
from domain.plates import PROVINCES, canonical

Kind = Literal["plate", "card", "person"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_MOST_SIGNS = 200
_LEAST_CARD = 4  # digits: a shorter number in a text is a door or a count
_PLATES = re.compile(
    f"[{PROVINCES}][\\s·•.-]?[A-Z][\\s·•.-]?[0-9A-Z·•.\\- ]{{4,8}}[挂学警港澳试超使领]?", re.IGNORECASE
)
_NUMBERS = re.compile(r"[0-9A-Fa-f]{4,}")
_WORDS = re.compile(r"[^\s,;，；。:：()（）\"'\[\]{}<>/|]+")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?")
_PLATE_LENGTHS = (7, 8)
_MOST_REMEMBERED = 20_000
_KEY_BYTES = 16
_NOBODY = frozenset({"device", "point", "channel", "source_event_id", "seq", "bytes", "metrics", "media", "confidence"})


class BadSubject(ValueError):
    """A plate, card or name that can be nobody's."""


class Subject(msgspec.Struct, frozen=True):
    """One plate, card or person. ``value`` as it was typed; it is never logged."""

    kind: Kind
    value: str

    @property
    def form(self) -> str:
        """What is compared, with its kind. Raises BadSubject."""
        form = _form(self.kind, self.value)
        if form is None:
            raise BadSubject(f"this is no {self.kind}")
        return form

    def __repr__(self) -> str:
        return f"Subject({self.kind}, …)"  # a traceback must not tell whom somebody asked about


def _form(kind: Kind, value: str) -> str | None:
    match kind:
        case "plate":
            text = canonical(value)
        case "card":
            text = canonical_card(value)
        case "person":
            text = " ".join(unicodedata.normalize("NFKC", value).split()).casefold()
    return f"{kind}:{text}" if text and len(text) <= _MOST_SIGNS else None


def forms_in(content: object) -> set[str]:
    """Every form that stands in a JSON value: in its texts and numbers, alone or among other words."""
    found: set[str] = set()
    for text in _texts(content):
        found.update(_forms_of_text(text[: 16 * _MOST_SIGNS]))
    return found


def forms_in_event(event: Event) -> set[str]:
    """Every form that stands in an event."""
    return forms_in_encoded(encode_event(event))


def forms_in_encoded(body: bytes) -> set[str]:
    """The same of an encoded one. Numbers by which devices count name nobody."""
    content = msgspec.json.decode(body, type=dict[str, Any])
    return forms_in({name: value for name, value in content.items() if name not in _NOBODY})


def _texts(content: object) -> Iterator[str]:
    match content:
        case str():
            yield content
        case bool() | None:
            return
        case int() | float():
            yield str(content)
        case list():
            for entry in content:  # pyright: ignore[reportUnknownVariableType]
                yield from _texts(entry)  # pyright: ignore[reportUnknownArgumentType]
        case dict():
            for entry in content.values():  # pyright: ignore[reportUnknownVariableType]
                yield from _texts(entry)  # pyright: ignore[reportUnknownArgumentType]
        case _:
            return


@functools.lru_cache(maxsize=_MOST_REMEMBERED)  # most texts are names of devices and words of the vocabulary
def _forms_of_text(text: str) -> frozenset[str]:
    if _TIME.fullmatch(text):
        return frozenset()
    words = {text, *_WORDS.findall(text)}
    found = [_form("person", word) for word in words]
    found += [_form("card", number) for number in {*words, *_NUMBERS.findall(text)} if _may_be_card(number)]
    found += [_form("plate", word) for word in words if _may_be_plate(word)]
    return frozenset({form for form in found if form is not None} | set(_plates_in(text)))


def _may_be_card(word: str) -> bool:
    return len(word) >= _LEAST_CARD and any(sign.isdigit() for sign in word)


def _may_be_plate(word: str) -> bool:
    return 4 <= len(word) <= 20 and any(sign.isdigit() for sign in word) and not word.isdigit()


def _plates_in(text: str) -> Iterator[str]:
    """Plates among other signs; a longer run of signs also holds the shorter plate at its beginning."""
    for found in _PLATES.findall(text):
        plate = canonical(found)
        for length in _PLATE_LENGTHS:
            if len(plate) >= length:
                yield f"plate:{plate[:length]}"


def key_of(salt: bytes, form: str) -> str:
    """The key of a form in a list that must not name anybody: a keyed digest, in hex."""
    return hmac.new(salt, form.encode(), hashlib.sha256).digest()[:_KEY_BYTES].hex()


class ErasureList(msgspec.Struct, frozen=True):
    """What must not come back, without saying who it is."""

    salt: str  # hex
    entries: tuple[Erasure, ...] = ()

    @property
    def newest(self) -> datetime | None:
        """No record after it is concerned."""
        return max((entry.until for entry in self.entries), default=None)

    def matches(self, forms: Collection[str], recorded_at: datetime) -> str | None:
        """The id of the erasure that a record falls under."""
        salt, open_ones = bytes.fromhex(self.salt), {e.key: e.id for e in self.entries if recorded_at <= e.until}
        if not open_ones:
            return None
        keys = (key_of(salt, form) for form in forms)
        return next((open_ones[key] for key in keys if key in open_ones), None)


class _When(msgspec.Struct):
    recorded_at: datetime


_decode_when = msgspec.json.Decoder(_When).decode


def erased_by(body: bytes, erasures: ErasureList) -> str | None:
    """The id of the erasure that an encoded event falls under; None for none."""
    newest, recorded_at = erasures.newest, _decode_when(body).recorded_at
    if newest is None or recorded_at > newest:
        return None
    return erasures.matches(forms_in_encoded(body), recorded_at)
