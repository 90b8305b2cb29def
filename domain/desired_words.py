"""Words that several kinds of desired state share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta

Name = Annotated[str, Meta(max_length=200)]
Identity = Annotated[str, Meta(min_length=1, max_length=200)]


def once(names: Iterable[str], what: str) -> None:
    """Raises ValueError where a name stands twice."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"{what} {twice[0]!r} stands twice")
