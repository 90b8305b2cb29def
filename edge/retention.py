"""How long the gateway keeps what the centre has: by age, never before it was acknowledged."""

from __future__ import annotations

from datetime import datetime

import msgspec

from eventlog.log import Log, Record

_AT_ONCE = 500


class _Head(msgspec.Struct):
    recorded_at: datetime


_decode = msgspec.json.Decoder(_Head).decode


async def trim_old(log: Log, stream: str, acknowledged: int, before: datetime) -> int:
    """Forget the stream's records up to ``acknowledged`` that were recorded before then; how many went."""
    gone = 0
    while through := _old(await log.read(stream, 0, _AT_ONCE), acknowledged, before):
        gone += await log.trim(stream, through)
    return gone


def _old(records: list[Record], acknowledged: int, before: datetime) -> int:
    """The last of the leading records that may go; 0 for none. A clock that was wrong for a while stops it there."""
    through = 0
    for record in records:
        if record.position > acknowledged or _decode(record.body).recorded_at >= before:
            break
        through = record.position
    return through
