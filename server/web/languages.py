"""The languages of the screens: Chinese is what the sources are written in, the others are catalogues read at start."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from babel.messages.pofile import read_po

Language = Literal["zh", "en"]
COOKIE = "lang"
_LOCALES = Path(__file__).parent / "locale"


def as_language(text: str | None) -> Language:
    """A language for what a cookie or a path says; Chinese where it says nothing we have."""
    return "en" if text == "en" else "zh"


def language_of(cookies: Mapping[str, str]) -> Language:
    return as_language(cookies.get(COOKIE))


def catalogue_path(language: Language) -> Path:
    return _LOCALES / language / "LC_MESSAGES" / "gatehouse.po"


@cache
def _catalogue(language: Language) -> dict[str, str]:
    if language == "zh":
        return {}
    with catalogue_path(language).open("rb") as file:
        entries = read_po(file, locale=language)
    return {str(entry.id): str(entry.string) for entry in entries if entry.id and entry.string}


def translate(language: Language, text: str) -> str:
    """The text in a language; the Chinese itself where a translation is missing (a test looks for those)."""
    return _catalogue(language).get(text, text)


def N_(text: str) -> str:
    """Marks a text of the sources for translation, and leaves it as it is."""
    return text
