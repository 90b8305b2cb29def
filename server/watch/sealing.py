"""What an entry says lies encrypted in the database, by a key of the data folder: neither alone is worth anything."""

from __future__ import annotations

from datetime import datetime

import msgspec
from cryptography.fernet import Fernet, InvalidToken

from domain.watch.entries import Entry

_WRONG = "second-factor.key is not the key of this database: put the right one back"


class WrongKey(Exception):
    """The key in the data folder is not the one that entries were sealed with; the message says what to do."""


class _Words(msgspec.Struct, frozen=True, array_like=True):
    plate: str
    unit: str
    document: str
    purpose: str


class Seal:
    """Seals and opens entries."""

    def __init__(self, key: Fernet) -> None:
        self._key = key

    def sealed(self, entry: Entry) -> bytes:
        words = _Words(entry.plate, entry.unit, entry.document, entry.purpose)
        return self._key.encrypt(msgspec.json.encode(words))

    def sealed_words(self, words: bytes) -> bytes:
        """Other words of an order: how it is told of, or all that a refused one said."""
        return self._key.encrypt(words)

    def opened_words(self, sealed: bytes) -> bytes:
        """Raises WrongKey."""
        try:
            return self._key.decrypt(sealed)
        except InvalidToken as error:
            raise WrongKey(_WRONG) from error

    def opened(self, sealed: bytes, begins: datetime, ends: datetime) -> Entry:
        """Raises WrongKey."""
        try:
            words = msgspec.json.decode(self._key.decrypt(sealed), type=_Words)
        except InvalidToken as error:
            raise WrongKey(_WRONG) from error
        return Entry(**msgspec.structs.asdict(words), begins=begins, ends=ends)
