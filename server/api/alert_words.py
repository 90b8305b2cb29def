"""The words that an address may say of alerts: short, and such as both engines take."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

_MOST_SIGNS = 200
Word = Annotated[str, Field(max_length=_MOST_SIGNS, pattern=r"^[^\x00]*$")]  # PostgreSQL takes no NUL
