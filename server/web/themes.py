"""The colours of the screens: dark for the night, light for the day, or as the device has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Theme = Literal["dark", "light", "auto"]
COOKIE = "theme"


def as_theme(text: str | None) -> Theme:
    """A theme for what a cookie or a path says; dark where it says nothing we have, because patrols work at night."""
    return text if text in ("light", "auto") else "dark"


def theme_of(cookies: Mapping[str, str]) -> Theme:
    return as_theme(cookies.get(COOKIE))
