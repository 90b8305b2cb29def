"""What the agent found, in a file of its folder: for its next start, and for ``gatehouse-edge discover`` beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from edge.discovery.found import Found

FILE = "found.json"
KEEP = timedelta(days=7)  # not seen for so long it is no longer offered
_decode = msgspec.json.Decoder(list[Found]).decode


def write(folder: Path, found: Sequence[Found]) -> None:
    """In one step: who reads meanwhile sees the old or the new. Raises OSError."""
    aside = folder / f"{FILE}.part"
    aside.write_bytes(msgspec.json.encode(found))
    aside.rename(folder / FILE)


def read(folder: Path, now: datetime) -> list[Found]:
    """What was seen not too long ago; nothing of a file that is not there, torn, or another version's."""
    try:
        kept = _decode((folder / FILE).read_bytes())
    except (OSError, msgspec.MsgspecError):
        return []
    return [one for one in kept if one.seen_at > now - KEEP]
