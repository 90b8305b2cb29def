"""A bucket of tokens for each device and stream: who floods is limited, and nobody else is (decision 17)."""

from __future__ import annotations

from collections import OrderedDict

import msgspec

WINDOW_S = 60.0  # said so often while it lasts
_OVER_AFTER_S = 10.0  # without a drop for so long, it has ended
_MAX_BUCKETS = 10_000
_MAX_FLOODS = 1_000
_OTHERS = "others"
_SOURCE_LENGTH = 200


class Bucket(msgspec.Struct, gc=False):
    """What a device may still say in a stream, as of a moment on the monotonic clock."""

    tokens: float
    at_s: float


class Going(msgspec.Struct, gc=False):
    """A flood that goes on: what was dropped since it was last said."""

    said_s: float
    last_s: float
    dropped: int = 0


class Said(msgspec.Struct, frozen=True):
    """What is to be said of a flood: messages dropped within the window, and whether it has ended."""

    source: str
    dropped: int
    window_s: float
    ended: bool


class FloodLimit:
    """``rate_per_s`` events for good and ``burst`` at once, for each source and stream; a rate of 0 limits nobody.

    Buckets are bounded, the longest unused forgotten first; a forgotten one begins full again.
    """

    def __init__(self, rate_per_s: float, burst: int, max_buckets: int = _MAX_BUCKETS) -> None:
        self._rate_per_s, self._burst, self._max_buckets = rate_per_s, float(max(burst, 1)), max_buckets
        self._buckets: OrderedDict[tuple[str, str], Bucket] = OrderedDict()
        self._floods: dict[str, Going] = {}

    def allows(self, source: str, stream: str, now_s: float) -> bool:
        """Whether one more event is within the bucket; takes a token if so."""
        if self._rate_per_s <= 0:
            return True
        bucket = self._bucket((source, stream), now_s)
        bucket.tokens = min(self._burst, bucket.tokens + (now_s - bucket.at_s) * self._rate_per_s)
        bucket.at_s = now_s
        if bucket.tokens < 1.0:
            return False
        bucket.tokens -= 1.0
        return True

    def _bucket(self, key: tuple[str, str], now_s: float) -> Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= self._max_buckets:
                self._buckets.popitem(last=False)
            bucket = self._buckets[key] = Bucket(self._burst, now_s)
        self._buckets.move_to_end(key)
        return bucket

    def dropped(self, source: str, now_s: float) -> bool:
        """Note a message that was dropped; whether it is the first of its flood, and so worth a sample."""
        name = source[:_SOURCE_LENGTH]
        if name not in self._floods and len(self._floods) >= _MAX_FLOODS:
            name = _OTHERS
        first = name not in self._floods
        flood = self._floods.setdefault(name, Going(now_s, now_s))
        flood.dropped, flood.last_s = flood.dropped + 1, now_s
        return first

    def due(self, now_s: float) -> list[Said]:
        """What is to be said now: each flood once a minute, and once more when it has ended."""
        said: list[Said] = []
        for source, flood in list(self._floods.items()):
            ended = now_s - flood.last_s >= _OVER_AFTER_S
            if ended or now_s - flood.said_s >= WINDOW_S:
                said.append(Said(source, flood.dropped, now_s - flood.said_s, ended))
                flood.said_s, flood.dropped = now_s, 0
            if ended:
                del self._floods[source]
        return said


UNLIMITED = FloodLimit(0.0, 1)
